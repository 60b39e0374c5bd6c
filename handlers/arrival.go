package handlers

import (
	"context"
	"sync"
	"time"

	"ugc/domain"
)

type arrivedKey struct{}

// ArrivedAt tells use cases when the request that they serve began to arrive. Without it, it is when they look at the
// clock.
func ArrivedAt(ctx context.Context, at time.Time) context.Context {
	return context.WithValue(ctx, arrivedKey{}, at)
}

// arrival is when a request came in. Where this process stood still it may have come in earlier, but not before
// earliest.
type arrival struct{ at, earliest domain.Instant }

func (w *Writing) arrival(ctx context.Context) arrival {
	at := w.Now()
	if began, ok := ctx.Value(arrivedKey{}).(time.Time); ok {
		at -= domain.Instant(time.Since(began).Milliseconds())
	}
	return arrival{at: at, earliest: w.Stall.earliest(at)}
}

// of is the arrival of a report that was sent at that time by its client's clock, 0 where nobody says. A report that
// was sent while this process stood still arrived then: otherwise the standstill would count as an error of the
// client's clock.
func (a arrival) of(sent domain.Instant) domain.Instant {
	if sent != 0 && sent >= a.earliest && sent < a.at {
		return sent
	}
	return a.at
}

// Stalls knows when this process stood still as a whole: it was stopped, or its machine was. Requests that came in
// meanwhile were read only afterwards. Run watches; without it nothing is known.
type Stalls struct {
	Now Clock

	mu       sync.Mutex
	tick     domain.Instant // when Run last looked at the clock, 0 while it does not run
	from, to domain.Instant // the newest stall
}

const (
	stallTick  = 100 * time.Millisecond
	leastStall = domain.Instant(500)  // a shorter delay of a tick is scheduling
	stallEcho  = domain.Instant(2000) // how long after a stall requests are read that came in during it
)

// Run looks at the clock until ctx ends. A tick that comes late says that nothing ran since the one before it.
func (s *Stalls) Run(ctx context.Context) error {
	ticker := time.NewTicker(stallTick)
	defer ticker.Stop()
	defer s.ticked(0)
	for {
		s.ticked(s.Now())
		select {
		case <-ticker.C:
		case <-ctx.Done():
			return nil
		}
	}
}

func (s *Stalls) ticked(now domain.Instant) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.tick != 0 && now-s.tick > leastStall {
		s.from, s.to = s.tick, now
	}
	s.tick = now
}

// earliest is when a request that was read at that time may have come in.
func (s *Stalls) earliest(at domain.Instant) domain.Instant {
	if s == nil {
		return at
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.tick != 0 && at-s.tick > leastStall: // it is over, and Run has not noticed yet
		return s.tick
	case s.to != 0 && at >= s.from && at <= s.to+stallEcho:
		return s.from
	}
	return at
}
