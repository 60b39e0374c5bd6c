package cli

import (
	"context"
	"io/fs"
	"math"
	"runtime"
	"runtime/debug"
	"testing"
	"testing/fstest"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

func TestTheLimitOfMemoryGivesWayToWhatLives(t *testing.T) {
	const unbound = math.MaxInt64
	require.EqualValues(t, softMemory, limitFor(0, unbound))
	require.EqualValues(t, softMemory, limitFor(softMemory/2, unbound))
	require.EqualValues(t, 3<<30, limitFor(2<<30, unbound))
}

func TestMemoryLimitFollowsTheContainer(t *testing.T) {
	file := func(name, text string) fs.FS { return fstest.MapFS{name: {Data: []byte(text)}} }
	for name, c := range map[string]struct {
		root fs.FS
		want int64
	}{
		"v2":                 {file("sys/fs/cgroup/memory.max", "1073741824\n"), 858993459},
		"v2 without a limit": {file("sys/fs/cgroup/memory.max", "max\n"), math.MaxInt64},
		"v1":                 {file("sys/fs/cgroup/memory/memory.limit_in_bytes", "268435456\n"), 214748364},
		"v1 without a limit": {file("sys/fs/cgroup/memory/memory.limit_in_bytes", "9223372036854771712\n"), math.MaxInt64},
		"not in a cgroup":    {fstest.MapFS{}, math.MaxInt64},
		"no number at all":   {file("sys/fs/cgroup/memory.max", "?"), math.MaxInt64},
		"a limit of nothing": {file("sys/fs/cgroup/memory.max", "0"), math.MaxInt64},
		"both: v2 is used":   {fstest.MapFS{"sys/fs/cgroup/memory.max": {Data: []byte("1000")}, "sys/fs/cgroup/memory/memory.limit_in_bytes": {Data: []byte("2000")}}, 800},
	} {
		require.Equal(t, c.want, containerBound(c.root), name)
	}
	require.EqualValues(t, 200<<20, limitFor(0, 200<<20), "a small container lowers the limit")
	require.EqualValues(t, 800<<20, limitFor(2<<30, 800<<20), "what lives never raises it above the container's")
}

func TestMemoryIsHeldUnlessSomebodyKnowsBetter(t *testing.T) {
	limit := func() int64 { return debug.SetMemoryLimit(-1) }
	before := limit()
	t.Cleanup(func() { debug.SetMemoryLimit(before) })
	t.Run("by us", func(t *testing.T) {
		t.Setenv("GOMEMLIMIT", "")
		live := make([]byte, softMemory) // never touched, so it takes no memory of the machine
		runtime.GC()
		synctest.Test(t, func(t *testing.T) {
			ctx, stop := context.WithCancel(t.Context())
			holdMemory(ctx)
			require.EqualValues(t, softMemory, limit())
			<-time.After(limitEvery) // virtual
			synctest.Wait()
			require.GreaterOrEqual(t, limit(), int64(softMemory*3/2), "it gives way to what lives")
			runtime.KeepAlive(live)
			live = nil
			runtime.GC()
			<-time.After(limitEvery)
			synctest.Wait()
			require.EqualValues(t, softMemory, limit(), "and comes back")
			stop()
			synctest.Wait()
		})
	})
	t.Run("by GOMEMLIMIT", func(t *testing.T) {
		t.Setenv("GOMEMLIMIT", "1GiB") // the runtime has read it when the process began
		debug.SetMemoryLimit(1 << 30)
		holdMemory(t.Context())
		require.EqualValues(t, 1<<30, limit())
	})
}
