package load

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

// wire answers requests without a network, so that time can be virtual.
type wire func(*http.Request) (*http.Response, error)

func (w wire) RoundTrip(r *http.Request) (*http.Response, error) { return w(r) }

// accepting answers every POST as a service that takes everything, and tells when each event came.
func accepting(came func(n int, body []byte)) wire {
	return func(r *http.Request) (*http.Response, error) {
		text, err := io.ReadAll(r.Body)
		if err != nil {
			return nil, err
		}
		var events []struct {
			ID string `json:"event_id"`
		}
		if text[0] != '[' {
			text = []byte("[" + string(text) + "]")
		}
		if err := json.Unmarshal(text, &events); err != nil {
			return nil, err
		}
		came(len(events), text)
		var items []string
		for _, e := range events {
			items = append(items, `{"event_id":"`+e.ID+`","status":"accepted"}`)
		}
		answer := `{"items":[` + strings.Join(items, ",") + `]}`
		return &http.Response{StatusCode: http.StatusAccepted, Header: http.Header{}, Body: io.NopCloser(strings.NewReader(answer)), Request: r}, nil
	}
}

func virtual(o Options, w wire) *run {
	o.Client = &http.Client{Transport: w}
	o.Users, o.Movies = 50, 50
	return newRun(o.withDefaults())
}

func TestEventsComeAtTheRateThatWasAskedFor(t *testing.T) {
	for _, rate := range []float64{10, 500} {
		synctest.Test(t, func(t *testing.T) {
			var mu sync.Mutex
			var at []time.Duration
			began := time.Now()
			r := virtual(Options{Events: 600, Rate: rate, Connections: 4, Singles: 1}, accepting(func(n int, _ []byte) {
				mu.Lock()
				defer mu.Unlock()
				for range n {
					at = append(at, time.Since(began))
				}
			}))
			require.NoError(t, r.play(t.Context()))
			require.Len(t, at, 600)
			require.EqualValues(t, 600, r.ledger.accepted.Load())
			took := time.Duration(600 / rate * float64(time.Second))
			require.InDelta(t, took.Seconds(), at[599].Seconds(), 0.25*took.Seconds(), "an upload at the end may come at once")
			for i := range at {
				even := time.Duration(float64(i) / rate * float64(time.Second))
				require.InDelta(t, even.Seconds(), at[i].Seconds(), 200/rate, "event %d comes evenly, but for uploads", i)
			}
		})
	}
}

// A service that was slow for a while is not flooded with all that was missed.
func TestWhatFellBehindIsMadeUpForWithinBounds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := pace{rate: 100}
		require.NoError(t, p.wait(t.Context(), 1))
		held := time.NewTimer(time.Hour)
		<-held.C
		began, n := time.Now(), 0
		for time.Since(began) < 10*time.Second {
			require.NoError(t, p.wait(t.Context(), 1))
			n++
		}
		require.InDelta(t, 1100, n, 2, "ten seconds' worth and one second made up for")
	})
}

func TestDurationEndsTheRun(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		r := virtual(Options{Duration: 30 * time.Second, Rate: 20, Connections: 2, Batch: 10}, accepting(func(int, []byte) {}))
		require.NoError(t, r.play(t.Context()))
		require.InDelta(t, 30, time.Since(began).Seconds(), 1)
		require.InDelta(t, 600, r.ledger.accepted.Load(), 100)
	})
}

// A batch that does not become full is sent all the same.
func TestABatchDoesNotWaitForEver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		largest, requests := 0, 0
		r := virtual(Options{Events: 60, Rate: 50, Connections: 1, Batch: 1000}, accepting(func(n int, _ []byte) { largest, requests = max(largest, n), requests+1 }))
		require.NoError(t, r.play(t.Context()))
		require.Greater(t, requests, 3)
		require.Greater(t, largest, 5)
	})
}

func TestPatienceIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		began, tries := time.Now(), 0
		r := virtual(Options{Events: 1, Connections: 1, Singles: 1, Patience: 20 * time.Second}, func(*http.Request) (*http.Response, error) {
			tries++
			return nil, errors.New("reset")
		})
		require.NoError(t, r.play(t.Context()))
		require.Equal(t, 20*time.Second, time.Since(began))
		require.Greater(t, tries, 10)
		require.Less(t, tries, 20)
		require.EqualValues(t, 1, r.ledger.unknown.Load())
	})
}

func TestAServiceThatStaysAwayIsGivenUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		r := virtual(Options{Events: 100_000, Connections: 4, Patience: time.Minute}, func(*http.Request) (*http.Response, error) {
			return nil, &net.OpError{Op: "dial", Err: errors.New("refused")}
		})
		require.ErrorContains(t, r.play(t.Context()), "nothing was accepted for 3m0s")
		require.InDelta(t, 180, time.Since(began).Seconds(), 5)
		require.Zero(t, r.ledger.unknown.Load(), "without a connection nothing can be written")
	})
}

// A long pause between two events is no sign of a service that is away.
func TestIdlenessIsNotFailure(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		failed := false
		accept := accepting(func(int, []byte) {})
		r := virtual(Options{Events: 20, Rate: 0.001, Connections: 1, Singles: 1, Patience: time.Second}, func(q *http.Request) (*http.Response, error) {
			if failed = !failed; failed {
				return nil, errors.New("reset")
			}
			return accept(q)
		})
		require.NoError(t, r.play(t.Context()))
		require.EqualValues(t, 20, r.ledger.accepted.Load())
	})
}

func TestSlowAnswersTimeOut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := virtual(Options{Events: 1, Connections: 1, Singles: 1, Patience: 25 * time.Second}, func(q *http.Request) (*http.Response, error) {
			<-q.Context().Done()
			return nil, q.Context().Err()
		})
		require.NoError(t, r.play(context.Background()))
		require.Positive(t, r.reasons["no answer in time"])
		require.EqualValues(t, 1, r.ledger.unknown.Load())
	})
}
