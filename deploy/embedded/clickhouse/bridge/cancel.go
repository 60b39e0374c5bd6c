package bridge

import (
	"context"
	"sync"
	"time"
)

// killEvery is how often a statement is killed until it stops: one that is not registered yet cannot be found.
const killEvery = 100 * time.Millisecond

// killWhenCancelled kills the marked statement once the client has gone away. The function that it returns ends the
// watch, after the statement, and waits for it.
func (h *Handler) killWhenCancelled(ctx context.Context, mark string) (stop func()) {
	done := make(chan struct{})
	var watch sync.WaitGroup
	watch.Go(func() {
		select {
		case <-ctx.Done():
		case <-done:
			return
		}
		again := time.NewTicker(killEvery)
		defer again.Stop()
		for {
			h.kill(mark)
			select {
			case <-again.C:
			case <-done:
				return
			}
		}
	})
	return func() { close(done); watch.Wait() }
}

// kill is best effort: its errors leave the statement to end by itself.
func (h *Handler) kill(mark string) {
	s, err := h.o.Open()
	if err != nil {
		return
	}
	defer s.Close()
	_, _ = s.Query("KILL QUERY WHERE startsWith(Settings['log_comment'], "+quote(mark)+") ASYNC", "Null", nil)
}
