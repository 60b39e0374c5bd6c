package projections

import (
	"context"
	"sync"
	"time"
)

// shared lets many ask the same question at the cost of one. The zero value is ready.
type shared[T any] struct {
	every time.Duration // least time between the beginnings of two questions; 0: one at a time

	mu     sync.Mutex
	asking chan struct{} // closed when the question under way is answered; nil: none is
	asked  time.Time     // when the newest question began
	answer T
	err    error
}

// get gives an answer to a question that began after since, and asks where there is none. The question is put in the
// goroutine of one of those who want the answer, with that one's context; where that ends, another one asks. The error
// is the answer's, or ctx's.
func (s *shared[T]) get(ctx context.Context, since time.Time, ask func(context.Context) (T, error)) (T, error) {
	for {
		s.mu.Lock()
		if s.asking == nil && s.asked.After(since) {
			defer s.mu.Unlock()
			return s.answer, s.err
		}
		wait := s.asking
		var pause time.Duration
		if wait == nil {
			if pause = s.every - time.Since(s.asked); pause <= 0 {
				done := make(chan struct{})
				s.asking = done
				s.mu.Unlock()
				return s.put(ctx, done, ask)
			}
		}
		s.mu.Unlock()
		if err := await(ctx, wait, pause); err != nil {
			var none T
			return none, err
		}
	}
}

func (s *shared[T]) put(ctx context.Context, done chan struct{}, ask func(context.Context) (T, error)) (T, error) {
	began := time.Now()
	answer, err := ask(ctx)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.asking = nil
	if ctx.Err() == nil {
		s.asked, s.answer, s.err = began, answer, err
	}
	close(done)
	return answer, err
}

// await ends when done is closed, or where it is nil after a pause; or with ctx, which is then the error.
func await(ctx context.Context, done <-chan struct{}, pause time.Duration) error {
	var due <-chan time.Time
	if done == nil {
		timer := time.NewTimer(pause)
		defer timer.Stop()
		due = timer.C
	}
	select {
	case <-done:
		return nil
	case <-due:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
