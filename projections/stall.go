package projections

import (
	"context"
	"time"

	"go.opentelemetry.io/otel/codes"
)

// Back-off while something that the view needs is away.
const (
	firstBackoff = 100 * time.Millisecond
	lastBackoff  = 5 * time.Second
)

// persist does a step until it succeeds or ctx ends, which is the only error. Each attempt has a deadline of its own. While it fails, Status says so;
// one log line tells of the stall and one of its end.
func (e *Engine) persist(ctx context.Context, step string, do func(context.Context) error) error {
	return e.persistWithin(ctx, ctx, step, do)
}

// persistWithin lets an attempt under way go on until work ends, but makes no other once ctx has ended.
func (e *Engine) persistWithin(ctx, work context.Context, step string, do func(context.Context) error) error {
	work, span := e.traceStep(work, step)
	defer span.End()
	backoff := firstBackoff
	for {
		began := time.Now()
		err := e.attempt(work, do)
		e.metrics.step(step, time.Since(began), err)
		if err == nil {
			if since, stalled := e.state.resume(step); stalled {
				e.log.Info("projection goes on", "step", step, "stalled", time.Since(since).Round(time.Millisecond))
				e.metrics.stalled(e.state.stalls())
			}
			return nil
		}
		if ctx.Err() != nil {
			span.SetStatus(codes.Error, err.Error())
			return e.giveUp(ctx, step)
		}
		if e.state.stall(step, err, time.Now()) {
			e.log.Error("projection stalls", "step", step, "err", err)
			span.RecordError(err)
			e.metrics.stalled(e.state.stalls())
		}
		select {
		case <-time.After(backoff):
		case <-ctx.Done():
			span.SetStatus(codes.Error, err.Error())
			return e.giveUp(ctx, step)
		}
		backoff = min(2*backoff, lastBackoff)
	}
}

// giveUp forgets the stall of a step that nobody waits for any more, such as a partition that was taken from us meanwhile.
func (e *Engine) giveUp(ctx context.Context, step string) error {
	e.state.resume(step)
	e.metrics.stalled(e.state.stalls())
	return ctx.Err()
}

func (e *Engine) attempt(ctx context.Context, do func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(ctx, e.o.Attempt)
	defer cancel()
	return do(ctx)
}

// sink is an attempt at the store, one at a time.
func (e *Engine) sink(do func(context.Context, Sink) error) func(context.Context) error {
	return func(ctx context.Context) error {
		e.sinkMu.Lock()
		defer e.sinkMu.Unlock()
		return do(ctx, e.o.Sink)
	}
}
