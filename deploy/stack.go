package deploy

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
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

// stop ends the parts from the top, each within the time that is left of the bound, and joins what they say. A part that
// does not end is named and left behind: the process is about to end, and nothing accepted depends on its last words.
func (s *stack) stop(within time.Duration) error {
	deadline := time.NewTimer(within)
	defer deadline.Stop()
	var errs []error
	late := false
	for i := len(s.parts) - 1; i >= 0; i-- {
		p := s.parts[i]
		p.stop()
		if !late {
			select {
			case <-p.done:
			case <-deadline.C:
				late = true
			}
		}
		select {
		case <-p.done:
			if p.err != nil && !errors.Is(p.err, context.Canceled) {
				errs = append(errs, fmt.Errorf("stop %s: %w", p.name, p.err))
			}
		default:
			errs = append(errs, fmt.Errorf("stop %s: did not end within %s", p.name, within))
		}
	}
	return errors.Join(errs...)
}
