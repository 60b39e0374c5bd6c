package deploy

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"time"
)

// stack runs parts that stand on one another: started from the bottom, each only when the one below is ready, and stopped
// from the top, so that nobody loses what it stands on while it still works. It owns every goroutine of the program's parts.
type stack struct {
	log    *slog.Logger
	parts  []*part
	failed chan error // the first part that ended unasked
}

type part struct {
	name string
	stop context.CancelFunc
	done chan struct{}
	err  error // valid after done
	told bool  // its error went to failed; valid after done
}

func newStack(log *slog.Logger) *stack { return &stack{log: log, failed: make(chan error, 1)} }

// start runs a part and waits until it is ready; ready may be nil. run must return when its context ends. When the part ends before
// it is ready, or ctx ends, that is the error; what was started stays for stop to end.
func (s *stack) start(ctx context.Context, name string, run func(context.Context) error, ready func(context.Context) error) error {
	// The part outlives ctx, which may be the interrupt that begins the orderly stop; its values are kept.
	own, cancel := context.WithCancel(context.WithoutCancel(ctx))
	p := &part{name: name, stop: cancel, done: make(chan struct{})}
	s.parts = append(s.parts, p)
	go func() {
		defer close(p.done)
		p.err = run(own)
		if own.Err() == nil { // it was not asked to end
			err := p.err
			if err == nil {
				err = errors.New("ended without being asked to")
			}
			select {
			case s.failed <- fmt.Errorf("%s: %w", name, err):
				p.told = true
			default:
			}
		}
	}()
	if ready == nil {
		return nil
	}
	waiting, gone := context.WithCancel(ctx)
	defer gone()
	go func() {
		select {
		case <-p.done:
			gone()
		case <-waiting.Done():
		}
	}()
	if err := ready(waiting); err != nil {
		select {
		case <-p.done:
			return fmt.Errorf("%s: %w", name, p.err)
		default:
			return fmt.Errorf("%s: %w", name, err)
		}
	}
	s.log.Debug("part is ready", "part", name)
	return nil
}

// wait blocks until ctx ends, which is no error, or until a part ends unasked, which is.
func (s *stack) wait(ctx context.Context) error {
	select {
	case <-ctx.Done():
		return nil
	case err := <-s.failed:
		return err
	}
}

// waits says how long stop waits: for a part, for all together, and for each that is left when that time is over.
type waits struct{ each, all, last time.Duration }

// lastMoment is enough for a part that has nothing to wait for.
const lastMoment = 200 * time.Millisecond

// patient gives every part what is left of one bound.
func patient(within time.Duration) waits { return waits{each: within, all: within, last: lastMoment} }

// stop ends the parts from the top and joins what they say. Those that do not end are named, in one error, and left behind: the
// process is about to end, and nothing accepted depends on their last words. What a part said when it failed is not said again.
func (s *stack) stop(p waits) error {
	end := time.Now().Add(p.all)
	var errs []error
	var left []string
	for i := len(s.parts) - 1; i >= 0; i-- {
		part := s.parts[i]
		part.stop()
		if !part.ended(max(p.last, min(p.each, time.Until(end)))) {
			left = append(left, part.name)
			continue
		}
		if part.err != nil && !part.told && !errors.Is(part.err, context.Canceled) {
			errs = append(errs, fmt.Errorf("stop %s: %w", part.name, part.err))
		}
	}
	if len(left) > 0 {
		errs = append(errs, fmt.Errorf("stop: not waited for any longer: %s", strings.Join(left, ", ")))
	}
	return errors.Join(errs...)
}

// ended waits for the part's end.
func (p *part) ended(within time.Duration) bool {
	timer := time.NewTimer(within)
	defer timer.Stop()
	select {
	case <-p.done:
		return true
	case <-timer.C:
		return false
	}
}
