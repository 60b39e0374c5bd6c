package cli

import (
	"io/fs"
	"math"
	"strconv"
	"strings"
)

// The files in which Linux says how much memory a container may use: cgroup v2 and v1 (kernel documentation, admin-guide/cgroup-v2
// "memory.max", admin-guide/cgroup-v1/memory "memory.limit_in_bytes"), as they are mounted inside the container.
var cgroupFiles = []string{"sys/fs/cgroup/memory.max", "sys/fs/cgroup/memory/memory.limit_in_bytes"}

// heapShare of a container's memory is for the collector to use; the rest is for stacks, LevelDB's and SQLite's pages and what the
// kernel counts as ours.
const heapShare = 0.8

// containerBound is the heap that the container's limit leaves, math.MaxInt64 where there is no limit. root is the root of the file system.
func containerBound(root fs.FS) int64 {
	for _, name := range cgroupFiles {
		text, err := fs.ReadFile(root, name)
		if err != nil {
			continue
		}
		limit, err := strconv.ParseInt(strings.TrimSpace(string(text)), 10, 64)
		if err != nil || limit <= 0 || limit >= 1<<60 { // "max", or v1's number for no limit
			continue
		}
		return int64(float64(limit) * heapShare)
	}
	return math.MaxInt64
}
