package cli

import (
	"context"
	"os"
	"runtime/debug"
	"runtime/metrics"
	"time"
)

// At softMemory the garbage collector begins to work harder: all roles in one process live in some 220 MB, and would let garbage
// grow to three times that.
const (
	softMemory = 448 << 20
	limitEvery = 10 * time.Second
)

// holdMemory keeps the process near softMemory until the context ends, unless GOMEMLIMIT is set.
// What lives may outgrow it: the limit then gives way, or the collector would take half of the processor for what it cannot free. It never
// exceeds what a container's own limit leaves: beyond that the kernel ends the process.
func holdMemory(ctx context.Context) {
	if os.Getenv("GOMEMLIMIT") != "" {
		return
	}
	bound := containerBound(os.DirFS("/"))
	debug.SetMemoryLimit(limitFor(0, bound))
	go func() {
		tick := time.NewTicker(limitEvery)
		defer tick.Stop()
		live := []metrics.Sample{{Name: "/gc/heap/live:bytes"}}
		for {
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
				metrics.Read(live)
				debug.SetMemoryLimit(limitFor(int64(live[0].Value.Uint64()), bound))
			}
		}
	}()
}

// limitFor is the limit for so many live bytes within a container's bound: what is not of the heap and half of it as garbage have room
// beside it.
func limitFor(live, bound int64) int64 { return min(bound, max(softMemory, live+live/2)) }
