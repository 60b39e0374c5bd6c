package cli

import (
	"context"
	"runtime"
	"runtime/debug"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

func TestTheLimitOfMemoryGivesWayToWhatLives(t *testing.T) {
	require.EqualValues(t, softMemory, limitFor(0))
	require.EqualValues(t, softMemory, limitFor(softMemory/2))
	require.EqualValues(t, 3<<30, limitFor(2<<30))
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
