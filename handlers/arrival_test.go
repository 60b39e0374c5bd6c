package handlers_test

import (
	"context"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"ugc/domain"
	"ugc/handlers"
	"ugc/handlers/handlerstest"
)

func now() domain.Instant { return domain.Instant(time.Now().UnixMilli()) }

// received is how a report that was sent then is stamped.
func received(ctx context.Context, t *testing.T, w handlers.Writing, sent domain.Instant) domain.Instant {
	t.Helper()
	house := w.Log.(*handlerstest.House)
	f := handlers.Feedback{User: "u", Movie: "m", SentAt: sent}
	_, err := handlers.Like{Writing: w}.Handle(ctx, f, handlers.Await{})
	require.NoError(t, err)
	log := house.Log()
	return log[len(log)-1].Head().ReceivedAt
}

func TestArrivalIsWhenTheRequestBegan(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := (&handlerstest.House{}).Writing()
		w.Now = now
		began := time.Now()
		<-time.After(7 * time.Second)
		require.Equal(t, now(), received(t.Context(), t, w, 0), "nobody says when")
		require.EqualValues(t, began.UnixMilli(), received(handlers.ArrivedAt(t.Context(), began), t, w, 0))
	})
}

// wallClock is set by a test while a watch reads it.
type wallClock struct{ at atomic.Int64 }

func (c *wallClock) now() domain.Instant { return domain.Instant(c.at.Load()) }

// stalled is a watch whose clock was stopped for a minute.
func stalled(t *testing.T) (s *handlers.Stalls, from, to domain.Instant, clock *wallClock) {
	t.Helper()
	clock = new(wallClock)
	clock.at.Store(int64(now()))
	s = &handlers.Stalls{Now: clock.now}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- s.Run(ctx) }()
	t.Cleanup(func() { cancel(); require.NoError(t, <-ended) })
	synctest.Wait()
	from = clock.now()
	clock.at.Add(60_000)
	return s, from, clock.now(), clock
}

func TestReportSentDuringAStallArrivedThen(t *testing.T) {
	for name, noticed := range map[string]bool{"the watch has seen it": true, "the watch has not seen it yet": false} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s, from, to, clock := stalled(t)
				w := (&handlerstest.House{}).Writing()
				w.Now, w.Stall = clock.now, s
				if noticed {
					<-time.After(150 * time.Millisecond)
				}
				require.Equal(t, from+20_000, received(t.Context(), t, w, from+20_000))
				require.Equal(t, from, received(t.Context(), t, w, from))
				require.Equal(t, to, received(t.Context(), t, w, from-1), "sent before it")
				require.Equal(t, to, received(t.Context(), t, w, to+1), "by a clock that is ahead")
				require.Equal(t, to, received(t.Context(), t, w, 0), "nobody says when")
			})
		})
	}
}

func TestStallIsForgotten(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, from, _, clock := stalled(t)
		w := (&handlerstest.House{}).Writing()
		w.Now, w.Stall = clock.now, s
		for range 50 {
			<-time.After(100 * time.Millisecond)
			clock.at.Add(100)
		}
		require.Equal(t, clock.now(), received(t.Context(), t, w, from+20_000), "what is read long after a stall came in after it")
	})
}
