package deploy

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

// journal notes what happens, in order.
type journal struct {
	mu    sync.Mutex
	lines []string
}

func (j *journal) note(s string) { j.mu.Lock(); defer j.mu.Unlock(); j.lines = append(j.lines, s) }

func (j *journal) part(name string) func(context.Context) error {
	return func(ctx context.Context) error {
		j.note("start " + name)
		<-ctx.Done()
		j.note("stop " + name)
		return ctx.Err()
	}
}

func quiet() *slog.Logger { return slog.New(slog.DiscardHandler) }

func TestPartsStopFromTheTop(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var j journal
		s := newStack(quiet())
		for _, name := range []string{"broker", "streams", "edge"} {
			require.NoError(t, s.start(t.Context(), name, j.part(name), func(context.Context) error { synctest.Wait(); return nil }))
		}
		require.NoError(t, s.stop(patient(time.Second)))
		require.Equal(t, []string{"start broker", "start streams", "start edge", "stop edge", "stop streams", "stop broker"}, j.lines)
	})
}

func TestAPartOutlivesTheInterrupt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var j journal
		ctx, interrupt := context.WithCancel(t.Context())
		s := newStack(quiet())
		require.NoError(t, s.start(ctx, "edge", j.part("edge"), nil))
		interrupt()
		require.NoError(t, s.wait(ctx))
		synctest.Wait()
		require.False(t, slices.Contains(j.lines, "stop edge"), "it runs until the stack stops it")
		require.NoError(t, s.stop(patient(time.Second)))
	})
}

func TestAPartThatEndsUnaskedIsReported(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for name, end := range map[string]error{"with an error": errors.New("disk full"), "silently": nil} {
			s := newStack(quiet())
			require.NoError(t, s.start(t.Context(), "broker", func(context.Context) error { return end }, nil), name)
			err := s.wait(t.Context())
			require.ErrorContains(t, err, "broker: ", name)
			_ = s.stop(patient(time.Second))
		}
	})
}

func TestAPartThatDiesBeforeItIsReadySaysWhy(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStack(quiet())
		err := s.start(t.Context(), "broker", func(context.Context) error { return errors.New("port in use") },
			func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() })
		require.ErrorContains(t, err, "broker: port in use")
		_ = s.stop(patient(time.Second))
	})
}

func TestAPartThatHangsIsNamedAndLeft(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{})
		var j journal
		s := newStack(quiet())
		require.NoError(t, s.start(t.Context(), "broker", j.part("broker"), nil))
		require.NoError(t, s.start(t.Context(), "stuck", func(context.Context) error { <-release; return nil }, nil))
		began := time.Now()
		require.ErrorContains(t, s.stop(patient(5*time.Second)), "not waited for any longer: stuck")
		require.Equal(t, 5*time.Second, time.Since(began))
		synctest.Wait()
		require.True(t, slices.Contains(j.lines, "stop broker"), "the others are asked to end all the same")
		close(release)
	})
}
