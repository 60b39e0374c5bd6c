package load

import (
	"context"
	"time"
)

// pace lets rate events through a second, evenly; what falls behind is made up for, but never more than a second's worth at once. Rate 0 lets
// everything through.
type pace struct {
	rate float64
	due  time.Time // when the next event may go
}

// wait blocks until n more events may go, or ctx ends.
func (p *pace) wait(ctx context.Context, n int) error {
	if p.rate <= 0 {
		return ctx.Err()
	}
	now := time.Now()
	if p.due.IsZero() {
		p.due = now
	}
	if earliest := now.Add(-time.Second); p.due.Before(earliest) {
		p.due = earliest
	}
	if left := p.due.Sub(now); left > 0 {
		t := time.NewTimer(left)
		defer t.Stop()
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-t.C:
		}
	}
	p.due = p.due.Add(time.Duration(float64(n) / p.rate * float64(time.Second)))
	return ctx.Err()
}
