package e2e

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"ugc/deploy/load"
	"ugc/schemas/topics"
)

// keptAddress is one that is free now. A service that is started again and again on it stays where its clients know it.
func keptAddress(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer func() { require.NoError(t, l.Close()) }()
	return l.Addr().String()
}

// viewers are simulated ones, who post and in the end compare everything that the service shows with their own fold of what was accepted.
type viewers struct {
	t      *testing.T
	sent   atomic.Int64 // deliveries answered for good
	ended  chan struct{}
	result *load.Result
	err    error
}

// play lets viewers begin; they go on while the service is away.
func (s *service) play(seed uint64, events int) *viewers { return s.playAt(0, seed, events) }

// playAt lets them send no more than so many events a second.
func (s *service) playAt(rate float64, seed uint64, events int) *viewers {
	s.t.Helper()
	v := &viewers{t: s.t, ended: make(chan struct{})}
	ctx, cancel := context.WithCancel(context.Background())
	go func() {
		defer close(v.ended)
		v.result, v.err = load.Run(ctx, load.Options{
			URL: "http://" + s.addr, Rate: rate, Seed: seed, Events: events, Patience: 3 * time.Minute, Visible: patience, Every: 5 * time.Millisecond,
			Progress: func(p load.Progress) {
				if p.Stage == load.Sending {
					v.sent.Store(p.Done)
				}
			},
		})
	}()
	s.t.Cleanup(func() { cancel(); <-v.ended })
	return v
}

// reach waits until so many deliveries are answered.
func (v *viewers) reach(n int) {
	v.t.Helper()
	require.True(v.t, v.reached(n), "the viewers ended before %d deliveries were answered", n)
}

// reached waits until so many deliveries are answered, and says whether the viewers are still at it then.
func (v *viewers) reached(n int) bool {
	v.t.Helper()
	going := true
	require.Eventually(v.t, func() bool {
		select {
		case <-v.ended:
			going = false
		default:
		}
		return !going || v.sent.Load() >= int64(n)
	}, 2*patience, time.Millisecond, "wait until %d deliveries are answered", n)
	if !going {
		require.NoError(v.t, v.err)
	}
	return going
}

// agree waits for the viewers' end, and for their comparison without a difference (I1, I5).
func (v *viewers) agree() {
	v.t.Helper()
	select {
	case <-v.ended:
	case <-time.After(5 * time.Minute):
		v.t.Fatal("the viewers do not come to an end")
	}
	var found strings.Builder
	if v.result != nil {
		_, err := v.result.WriteTo(&found)
		require.NoError(v.t, err)
	}
	require.NoError(v.t, v.err, "%s", &found)
	require.Zero(v.t, v.result.Found, "%s", &found)
	v.t.Log(found.String())
}

// witness posts reports of its own and sends none of them twice, so that the log shows what each answer was worth. Each report adds one viewed second:
// a sum has nothing that would hide a report which is missing or counted twice.
type witness struct {
	t        *testing.T
	name     string
	mu       sync.Mutex
	accepted map[string]bool // by event id: whether it was answered with 2xx
	stop     context.CancelFunc
	stopped  sync.WaitGroup
}

const witnessMovies = 5

// witness begins to post, one after the other, until it is stopped.
func (s *service) witness(name string) *witness {
	s.t.Helper()
	ctx, stop := context.WithCancel(context.Background())
	w := &witness{t: s.t, name: name, accepted: map[string]bool{}, stop: stop}
	client, url := http.Client{Timeout: 15 * time.Second}, "http://"+s.addr+"/api/v2/events"
	w.stopped.Go(func() {
		for n := 1; ctx.Err() == nil; n++ {
			body := fmt.Sprintf(`{"type":"viewing","event_id":%q,"user_id":%q,"movie_id":"m%d","viewed_seconds":1}`, id(n), name, n%witnessMovies)
			status, err := 0, error(nil)
			if resp, failed := client.Post(url, "application/json", strings.NewReader(body)); failed == nil {
				status, err = resp.StatusCode, resp.Body.Close()
			}
			w.mu.Lock()
			w.accepted[id(n)] = err == nil && status/100 == 2
			w.mu.Unlock()
			if status/100 != 2 { // a service that is away is asked again a little later
				select {
				case <-ctx.Done():
				case <-time.After(20 * time.Millisecond):
				}
			}
		}
	})
	s.t.Cleanup(w.end)
	return w
}

func (w *witness) end() {
	w.stop()
	w.stopped.Wait()
}

// testify compares the answers with the log, and what is shown with the log: what was accepted is there once (I1), anything else at most once (I5).
func (w *witness) testify(s *service) {
	t := s.t
	t.Helper()
	w.end()
	times, sums := map[string]int{}, map[string]int{}
	for _, r := range s.records(topics.PlaybackCommands) {
		if user, movie, _ := strings.Cut(string(r.Key), "/"); user == w.name {
			times[headerOf(r, topics.HeaderCommandID)]++
			sums[movie]++
		}
	}
	yes, no, perhaps := 0, 0, 0
	for id, accepted := range w.accepted {
		switch n := times[id]; {
		case accepted:
			require.Equal(t, 1, n, "%s was accepted", id)
			yes++
		default:
			require.LessOrEqual(t, n, 1, "%s was not accepted", id)
			no, perhaps = no+1, perhaps+n
		}
		delete(times, id)
	}
	require.Empty(t, times, "nobody sent these")
	require.NotZero(t, yes)
	t.Logf("%d accepted reports are there once; of %d others %d are there, once", yes, no, perhaps)

	for movie, sum := range sums {
		s.await("the position shows what is in the log", func() bool {
			a, err := s.try(http.MethodGet, "/api/v2/users/"+w.name+"/positions/"+movie, "")
			return err == nil && a.status == http.StatusOK && fmt.Sprint(a.json(t)["viewed_seconds"]) == fmt.Sprint(sum)
		})
	}
	total := 0
	for _, sum := range sums {
		total += sum
	}
	s.await("ClickHouse has a row for each", func() bool {
		out, code := s.command("sql", "--format", "csv", fmt.Sprintf("SELECT count(), uniqExact(event_id), sum(viewed_seconds) FROM playback_events WHERE user_id = '%s'", w.name))
		return code == 0 && strings.Contains(out, fmt.Sprintf("%d,%d,%d", total, total, total))
	})
}
