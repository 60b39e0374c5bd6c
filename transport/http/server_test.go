package edge_test

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/otel/trace"

	"ugc/domain"
	"ugc/handlers/handlerstest"
	edge "ugc/transport/http"
)

// dial opens a connection on which bytes are sent as they are.
func (s *service) dial() (net.Conn, *bufio.Reader) {
	s.t.Helper()
	conn, err := net.Dial("tcp", s.server.Addr())
	require.NoError(s.t, err)
	s.t.Cleanup(func() { _ = conn.Close() })
	require.NoError(s.t, conn.SetDeadline(time.Now().Add(patience)))
	return conn, bufio.NewReader(conn)
}

func readAnswer(t *testing.T, r *bufio.Reader) answer {
	t.Helper()
	resp, err := http.ReadResponse(r, nil)
	require.NoError(t, err)
	raw, err := io.ReadAll(resp.Body)
	require.NoError(t, err)
	return answer{resp.StatusCode, resp.Header, string(raw)}
}

func TestBodyLimit(t *testing.T) {
	s := start(t, &handlerstest.House{}, func(o *edge.Options) { o.BodyLimit = 1000 })
	fits := `{"type":"like","user_id":"u","movie_id":"m"}`
	fits += strings.Repeat(" ", 1000-len(fits))
	require.Equal(t, 202, s.ask("POST", events, fits).status)
	for _, target := range []string{events, "/api/v1/movies/playback-event"} {
		conn, r := s.dial()
		_, err := fmt.Fprintf(conn, "POST %s HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 1001\r\n\r\n", target)
		require.NoError(t, err)
		a := readAnswer(t, r)
		require.Equal(t, 413, a.status)
		require.Equal(t, "application/problem+json", a.header.Get("Content-Type"))
		require.Contains(t, a.decode(t).Detail, "1000 bytes")
	}
	conn, r := s.dial() // chunked: the length is not told beforehand
	_, err := fmt.Fprintf(conn, "POST %s HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n500\r\n%s\r\n", events, strings.Repeat("x", 0x500))
	require.NoError(t, err)
	require.Equal(t, 413, readAnswer(t, r).status)
}

func TestHeaderLimit(t *testing.T) {
	s := start(t, &handlerstest.House{}, func(o *edge.Options) { o.HeaderLimit = 2048 })
	conn, r := s.dial()
	_, err := fmt.Fprintf(conn, "GET /healthz/live HTTP/1.1\r\nHost: x\r\nX-Long: %s\r\n\r\n", strings.Repeat("x", 4096))
	require.NoError(t, err)
	require.Equal(t, 431, readAnswer(t, r).status)
}

func TestBrokenHTTP(t *testing.T) {
	s := start(t, &handlerstest.House{}, nil)
	conn, r := s.dial()
	_, err := conn.Write([]byte("GET / HTTP/1.1\r\nHost : x\r\nno colon\r\n\r\n"))
	require.NoError(t, err)
	a := readAnswer(t, r)
	require.Equal(t, 400, a.status)
	require.Equal(t, "/problems/malformed", a.decode(t).Type)

	conn, r = s.dial()
	_, err = conn.Write([]byte("BREW /api/v2/events HTTP/1.1\r\nHost: x\r\n\r\n"))
	require.NoError(t, err)
	a = readAnswer(t, r)
	require.Equal(t, 405, a.status)
	require.NotEmpty(t, a.header.Get("Allow"))
}

// A client that sends a byte now and then holds a connection no longer than the read time-out.
func TestSlowClientsAreCutOff(t *testing.T) {
	s := start(t, &handlerstest.House{}, func(o *edge.Options) { o.ReadTimeout = 50 * time.Millisecond })
	for _, sent := range []string{"POST /api/v2/events HTTP/1.1\r\nHo", "POST /api/v2/events HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{\"type\""} {
		conn, r := s.dial()
		_, err := conn.Write([]byte(sent))
		require.NoError(t, err)
		rest, err := io.ReadAll(r) // ends when the server closes the connection
		require.NoError(t, err)
		if len(rest) > 0 {
			require.Contains(t, string(rest), " 408 ")
		}
	}
}

func TestPanicsAreAnswered(t *testing.T) {
	var logged lockedBuffer
	house := &handlerstest.House{Refuse: func(c domain.Command) error {
		if c.Head().Movie == "boom" {
			panic("secret")
		}
		return nil
	}}
	s := start(t, house, func(o *edge.Options) { o.Log = slog.New(slog.NewTextHandler(&logged, nil)) })
	conn, r := s.dial()
	send := func(movie string) answer {
		body := `{"type":"like","user_id":"u","movie_id":"` + movie + `"}`
		_, err := fmt.Fprintf(conn, "POST %s HTTP/1.1\r\nHost: x\r\nX-Request-Id: mine-1\r\nContent-Length: %d\r\n\r\n%s", events, len(body), body)
		require.NoError(t, err)
		return readAnswer(t, r)
	}
	for range 2 { // on one connection, which is kept
		a := send("boom")
		require.Equal(t, 500, a.status)
		require.Equal(t, "/problems/internal", a.decode(t).Type)
		require.Equal(t, "mine-1", a.header.Get("X-Request-Id"))
		require.NotContains(t, a.body, "secret")
		require.Equal(t, 202, send("m").status)
	}
	require.Contains(t, logged.String(), "secret")
	require.Contains(t, logged.String(), "request_id=mine-1")
}

type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

func TestLogsSayLittleOfSuccessAndNothingOfUsers(t *testing.T) {
	var logged lockedBuffer
	s := start(t, &handlerstest.House{}, func(o *edge.Options) {
		o.Log = slog.New(slog.NewTextHandler(&logged, &slog.HandlerOptions{Level: slog.LevelInfo}))
	})
	s.ask("PUT", "/api/v2/users/alice/ratings/m", `{"score":1}`)
	s.ask("PUT", "/api/v2/users/alice/ratings/m", `{"score":11}`)
	require.Eventually(t, func() bool { return strings.Contains(logged.String(), "status=422") }, patience, time.Millisecond)
	require.NotContains(t, logged.String(), "status=202")
	require.NotContains(t, logged.String(), "alice")
	require.Contains(t, logged.String(), "route=/api/v2/users/{user_id}/ratings/{movie_id}")
}

func TestRequestIDs(t *testing.T) {
	s := start(t, &handlerstest.House{}, nil)
	seen := map[string]bool{}
	for _, sent := range []string{"", "", "bad id", "bad\tid", strings.Repeat("x", 65), "ok-1.2_3"} {
		id := s.ask("GET", "/healthz/live", "", "X-Request-Id", sent).header.Get("X-Request-Id")
		require.NotEmpty(t, id)
		require.False(t, seen[id])
		seen[id] = true
		require.Equal(t, sent == "ok-1.2_3", id == sent)
	}
}

func TestTraceReachesTheLog(t *testing.T) {
	house := &handlerstest.House{}
	s := start(t, house, nil)
	const id = "4bf92f3577b34da6a3ce929d0e0e4736"
	for _, do := range []func(){
		func() {
			s.ask("POST", events, `{"type":"like","user_id":"u","movie_id":"m"}`, "Traceparent", "00-"+id+"-00f067aa0ba902b7-01")
		},
		func() {
			s.ask("PUT", "/api/v2/users/u/bookmarks/m", "", "Traceparent", "00-"+id+"-00f067aa0ba902b7-01")
		},
		func() {
			s.ask("POST", "/api/v1/favorites/users/u/movies/m", "", "Traceparent", "00-"+id+"-00f067aa0ba902b7-01")
		},
	} {
		do()
		all := house.Contexts()
		require.Equal(t, id, trace.SpanContextFromContext(all[len(all)-1]).TraceID().String())
	}
	s.ask("POST", events, `{"type":"like","user_id":"u","movie_id":"m"}`, "Traceparent", "nonsense")
	all := house.Contexts()
	require.False(t, trace.SpanContextFromContext(all[len(all)-1]).IsValid())
}

func TestHealth(t *testing.T) {
	var mu sync.Mutex
	var fault error
	hang := make(chan struct{})
	defer close(hang)
	s := start(t, &handlerstest.House{}, func(o *edge.Options) {
		o.CheckTimeout = 20 * time.Millisecond
		o.Checks = map[string]func(context.Context) error{
			"broker": func(context.Context) error { mu.Lock(); defer mu.Unlock(); return fault },
			"store":  func(context.Context) error { return nil },
		}
	})
	require.JSONEq(t, `{"status":"live"}`, s.ask("GET", "/healthz/live", "").body)
	require.Eventually(t, func() bool { return s.ask("GET", "/healthz/ready", "").status == 200 }, patience, time.Millisecond)
	mu.Lock()
	fault = errors.New("no broker at 127.0.0.1:9092")
	mu.Unlock()
	var a answer
	require.Eventually(t, func() bool {
		a = s.ask("GET", "/healthz/ready", "")
		return a.status == 503 && strings.Contains(a.body, `"store":"ok"`)
	}, patience, time.Millisecond)
	require.JSONEq(t, `{"status":"not ready","checks":{"broker":"no broker at 127.0.0.1:9092","store":"ok"}}`, a.body)
	require.Equal(t, 200, s.ask("GET", "/healthz/live", "").status, "not ready is not dead")
}

// A check that hangs neither holds readiness up nor piles up.
func TestChecksThatHang(t *testing.T) {
	hang, asked := make(chan struct{}), make(chan struct{}, 100)
	defer close(hang)
	s := start(t, &handlerstest.House{}, func(o *edge.Options) {
		o.CheckTimeout = 10 * time.Millisecond
		o.Checks = map[string]func(context.Context) error{"stuck": func(context.Context) error { asked <- struct{}{}; <-hang; return nil }}
	})
	require.Contains(t, s.ask("GET", "/healthz/ready", "").body, "no answer in time")
	for range 3 {
		require.Contains(t, s.ask("GET", "/healthz/ready", "").body, "has not returned yet")
	}
	require.Len(t, asked, 1)
}

func TestMetricsAreByRoute(t *testing.T) {
	s := start(t, &handlerstest.House{}, nil)
	for _, user := range []string{"alice", "bob"} {
		s.ask("GET", "/api/v2/users/"+user+"/ratings", "")
		s.ask("GET", "/api/v1/likes/users/"+user, "")
		s.ask("GET", "/nope/"+user, "")
	}
	want := []string{
		`ugc_http_requests_total{method="GET",route="/api/v2/users/{user_id}/ratings",status="200"} 2`,
		`ugc_http_requests_total{method="GET",route="/api/v1/likes/users/{user_id}",status="200"} 2`,
		`ugc_http_requests_total{method="GET",route="unmatched",status="404"} 2`,
		`ugc_http_request_seconds_count{method="GET",route="unmatched"} 2`,
		`ugc_http_requests_in_flight 1`,
	}
	require.Eventually(t, func() bool { // a request is counted after its answer was sent
		body := s.ask("GET", "/metrics", "").body
		for _, w := range want {
			if !strings.Contains(body, w) {
				return false
			}
		}
		return !strings.Contains(body, "alice")
	}, patience, time.Millisecond)
}

func TestCORS(t *testing.T) {
	closed := start(t, &handlerstest.House{}, nil)
	require.Empty(t, closed.ask("GET", "/api/v2/movies/m", "", "Origin", "https://a.example").header.Get("Access-Control-Allow-Origin"))
	open := start(t, &handlerstest.House{}, func(o *edge.Options) { o.CORSOrigins = []string{"https://a.example"} })
	require.Equal(t, "https://a.example", open.ask("GET", "/api/v2/movies/m", "", "Origin", "https://a.example").header.Get("Access-Control-Allow-Origin"))
	require.Empty(t, open.ask("GET", "/api/v2/movies/m", "", "Origin", "https://b.example").header.Get("Access-Control-Allow-Origin"))
}

func TestPortInUse(t *testing.T) {
	s := start(t, &handlerstest.House{}, nil)
	house := &handlerstest.House{}
	other, err := edge.New(edge.Options{Addr: s.server.Addr(), Writing: house.Writing(), Positions: house, Opinions: house, Summaries: house})
	require.NoError(t, err)
	require.ErrorContains(t, other.Listen(), "another program")
	require.Empty(t, other.Addr())
}

// Draining: readiness first, then open requests end as they would have, then Run returns.
func TestDrain(t *testing.T) {
	entered, release := make(chan struct{}), make(chan struct{})
	house := &handlerstest.House{Refuse: func(domain.Command) error { close(entered); <-release; return nil }}
	s := start(t, house, func(o *edge.Options) { o.DrainDelay = time.Millisecond })
	kept, r := s.dial()
	_, err := kept.Write([]byte("GET /healthz/ready HTTP/1.1\r\nHost: x\r\n\r\n"))
	require.NoError(t, err)
	require.Equal(t, 200, readAnswer(t, r).status)

	got := make(chan answer, 1)
	go func() { got <- s.ask("POST", events, `{"type":"like","user_id":"u","movie_id":"m"}`) }()
	<-entered
	s.stop()
	require.Eventually(t, func() bool {
		conn, err := net.Dial("tcp", s.server.Addr())
		if err == nil {
			_ = conn.Close()
		}
		return err != nil
	}, patience, time.Millisecond, "no new connections")
	close(release)
	require.Equal(t, 202, (<-got).status, "the open request is answered")
	select {
	case err := <-s.ended:
		require.NoError(t, err)
		s.ended <- nil
	case <-time.After(patience):
		t.Fatal("Run does not return")
	}
	_, err = r.ReadByte()
	require.ErrorIs(t, err, io.EOF, "idle connections are closed")
}

func TestDrainIsBounded(t *testing.T) {
	entered, release := make(chan struct{}), make(chan struct{})
	house := &handlerstest.House{Refuse: func(domain.Command) error { close(entered); <-release; return nil }}
	s := start(t, house, func(o *edge.Options) { o.DrainTimeout = 20 * time.Millisecond })
	conn, _ := s.dial()
	body := `{"type":"like","user_id":"u","movie_id":"m"}`
	_, err := fmt.Fprintf(conn, "POST %s HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n%s", events, len(body), body)
	require.NoError(t, err)
	<-entered
	s.stop()
	select {
	case err := <-s.ended:
		require.ErrorContains(t, err, "cut off")
		s.ended <- nil
	case <-time.After(patience):
		t.Fatal("Run does not return")
	}
	close(release)
}

func TestStopBeforeServing(t *testing.T) {
	house := &handlerstest.House{}
	server, err := edge.New(edge.Options{Addr: "127.0.0.1:0", Writing: house.Writing(), Positions: house, Opinions: house, Summaries: house})
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	require.NoError(t, server.Run(ctx))
}

// Fiber uses its buffers again once a handler has returned: what was written must not change under later requests, on many connections at once.
func TestCommandsKeepNothingOfTheRequest(t *testing.T) {
	house := &handlerstest.House{}
	s := start(t, house, nil)
	const clients, requests = 8, 40
	var all sync.WaitGroup
	for client := range clients {
		conn, r := s.dial()
		all.Go(func() {
			for i := range requests {
				id := strings.Repeat(string(rune('a'+(client*requests+i)%26)), 30)
				var raw string
				switch i % 4 {
				case 0:
					body := fmt.Sprintf(`{"type":"play","user_id":"%s","movie_id":"%s","session_id":"%s","device_id":"%s","position_ms":1}`, id, id, id, id)
					raw = fmt.Sprintf("POST %s HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n%s", events, len(body), body)
				case 1:
					raw = fmt.Sprintf("PUT /api/v2/users/%s/bookmarks/%s HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n", id, id)
				case 2:
					raw = fmt.Sprintf("POST /api/v1/favorites/users/%s/movies/%s HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n", id, id)
				case 3:
					body := fmt.Sprintf(`{"user_id":"%s","movie_id":"%s","viewed_seconds":1}`, id, id)
					raw = fmt.Sprintf("POST /api/v1/movies/movie-viewing HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n%s", len(body), body)
				}
				if _, err := io.WriteString(conn, raw); err != nil {
					t.Error(err)
					return
				}
				resp, err := http.ReadResponse(r, nil)
				if err != nil {
					t.Error(err)
					return
				}
				_, _ = io.Copy(io.Discard, resp.Body)
				if resp.StatusCode/100 != 2 {
					t.Error(resp.Status, raw)
				}
			}
		})
	}
	all.Wait()
	log := house.Log()
	require.Len(t, log, clients*requests)
	for _, c := range log {
		f := c.Head()
		same := f.User
		require.Equal(t, strings.Repeat(same[:1], 30), same)
		require.Equal(t, same, f.Movie)
		if f.Session != "" {
			require.Equal(t, same, f.Session)
			require.Equal(t, same, f.Device)
		}
	}
}
