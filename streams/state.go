package streams

import (
	"context"
	"sync"
	"time"

	"ugc/domain"
)

// state is what the world may know of a part that is supervised: whether it runs, and if not, why.
type state struct {
	name string
	set  func(running bool) // for metrics; may be nil

	mu      sync.Mutex
	running bool
	since   time.Time
	err     error         // why it ended last
	changed chan struct{} // closed and made anew at every change
}

func newState(name string, set func(bool)) *state {
	return &state{name: name, set: set, changed: make(chan struct{})}
}

func (s *state) up() { s.change(true, nil) }

// down says that it runs no more, or not yet; the reason of the last end stays.
func (s *state) down() {
	s.mu.Lock()
	err := s.err
	s.mu.Unlock()
	s.change(false, err)
}

func (s *state) ended(err error) { s.change(false, err) }

func (s *state) change(running bool, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if running && !s.running {
		s.since = time.Now()
	}
	s.running, s.err = running, err
	if s.set != nil {
		s.set(running)
	}
	close(s.changed)
	s.changed = make(chan struct{})
}

// ranFor is how long it has been running, or ran at its last end; start sets it back.
func (s *state) ranFor(now time.Time) time.Duration {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.since.IsZero() {
		return 0
	}
	return now.Sub(s.since)
}

func (s *state) starting() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.since = time.Time{}
}

// healthy is nil while it runs, otherwise an error of kind Unavailable that says why not.
func (s *state) healthy() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.healthyLocked()
}

func (s *state) healthyLocked() error {
	if s.running {
		return nil
	}
	return domain.Wrap(domain.Unavailable, s.name+" is not running", s.err)
}

// ready waits until it runs, or ctx ends, which is then an error of kind Unavailable.
func (s *state) ready(ctx context.Context) error {
	for {
		s.mu.Lock()
		err, changed := s.healthyLocked(), s.changed
		s.mu.Unlock()
		if err == nil {
			return nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return err
		}
	}
}
