package clickhouse

import (
	"fmt"
	"os"
	"path/filepath"
)

// maxSocketPath is what sun_path holds on Linux, less the closing zero byte.
const maxSocketPath = 107

const socketName = "engine.sock"

// socketPath puts the socket beside the data, or where that path is too long for the kernel, into a short directory
// of its own that only this user can enter. remove deletes what was made.
func socketPath(dir string) (path string, remove func(), err error) {
	path = filepath.Join(dir, socketName)
	if len(path) <= maxSocketPath {
		return path, func() { _ = os.Remove(path) }, nil
	}
	for _, parent := range []string{os.TempDir(), "/tmp"} {
		short, err := os.MkdirTemp(parent, "ugc-")
		if err != nil {
			continue
		}
		if path = filepath.Join(short, socketName); len(path) <= maxSocketPath {
			return path, func() { _ = os.RemoveAll(short) }, nil
		}
		_ = os.Remove(short)
	}
	return "", nil, fmt.Errorf("embedded ClickHouse: no place for a unix socket, %s and the temporary directory are too deep: set TMPDIR to a short path", dir)
}
