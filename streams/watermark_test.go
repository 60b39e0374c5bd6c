package streams

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"ugc/domain"
)

func TestWaitersWakeWhenTheirVersionIsShown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWatermarks()
		results := map[domain.Version]chan error{}
		for _, v := range []domain.Version{7, 3, 5} {
			result := make(chan error, 1)
			results[v] = result
			go func() { result <- w.wait(t.Context(), 1, v) }()
		}
		synctest.Wait()
		w.size(4)
		w.of(0).raise(100)
		synctest.Wait()
		for _, r := range results {
			require.Empty(t, r, "another partition says nothing")
		}
		w.of(1).raise(5)
		require.NoError(t, <-results[3])
		require.NoError(t, <-results[5])
		synctest.Wait()
		require.Empty(t, results[7])
		w.of(1).raise(2)
		require.NoError(t, w.wait(t.Context(), 1, 5), "a watermark never falls")
		w.of(1).raise(9)
		require.NoError(t, <-results[7])
		require.Empty(t, w.of(1).waiting)
	})
}

func TestWaitingEndsWithItsContextAndLeavesNothingBehind(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWatermarks()
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		require.ErrorIs(t, w.wait(ctx, 0, 1), context.DeadlineExceeded, "nobody has said how many partitions there are")
		w.size(2)
		ctx, cancel = context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		require.ErrorIs(t, w.wait(ctx, 1, 1), context.DeadlineExceeded)
		require.Empty(t, w.of(1).waiting)
		for _, p := range []int32{2, -1} {
			require.Equal(t, domain.Invalid, domain.KindOf(w.wait(t.Context(), p, 1)), "a made-up partition is refused at once")
		}
	})
}
