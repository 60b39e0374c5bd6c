package e2e

import (
	"fmt"
	"net/http"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// TestStoppedServiceDoesNotShiftFacts stops the process for some seconds. A report that a player sends meanwhile is
// read only afterwards, and yet its time is that of the player's clock.
func TestStoppedServiceDoesNotShiftFacts(t *testing.T) {
	const stopped, tolerance = 4 * time.Second, 1500 * time.Millisecond
	s := start(t, t.TempDir())
	s.call(http.MethodGet, "/healthz/live", "") // a connection that is kept
	for _, occurred := range []string{`,"occurred_at":%[2]d`, ""} {
		require.NoError(t, s.cmd.Process.Signal(syscall.SIGSTOP))
		over := time.After(stopped)
		sent := time.Now().UnixMilli()
		const play = `{"type":"play","user_id":"ann","movie_id":"heat%[1]d","position_ms":1000,"sent_at":%[2]d`
		body := fmt.Sprintf(play+occurred+`}`, len(occurred), sent)
		answered := make(chan answer, 1)
		go func() {
			a, err := s.try(http.MethodPost, "/api/v2/events", body)
			if err != nil {
				a.body = []byte(err.Error())
			}
			answered <- a
		}()
		<-over
		require.Empty(t, answered, "it stands still")
		require.NoError(t, s.cmd.Process.Signal(syscall.SIGCONT))
		a := <-answered
		require.Equal(t, http.StatusAccepted, a.status, "%s", a.body)
		path := fmt.Sprintf("/api/v2/users/ann/positions/heat%d", len(occurred))
		a = s.call(http.MethodGet, path, "", "Consistency-Token", a.header.Get("Consistency-Token"), "Prefer", "wait=10")
		require.Equal(t, http.StatusOK, a.status, "%s", a.body)
		at, err := time.Parse(time.RFC3339Nano, fmt.Sprint(a.json(t)["position_at"]))
		require.NoError(t, err)
		require.InDelta(t, sent, at.UnixMilli(), float64(tolerance.Milliseconds()), "%s", body)
	}
}
