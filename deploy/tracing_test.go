package deploy

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/otel/attribute"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	"go.opentelemetry.io/otel/trace"

	"ugc/deploy/config"
	"ugc/deploy/embedded/clickhouse"
)

const patience = 90 * time.Second

// inhabited is a whole house with everything embedded, running in the test.
type inhabited struct {
	t    *testing.T
	url  string
	stop func()
}

func inhabit(t *testing.T, spans sdktrace.SpanExporter, environ ...string) *inhabited {
	t.Helper()
	library := engineLibrary(t)
	c, _, err := config.Load(append([]string{"UGC_DATA_DIR=" + t.TempDir(), "UGC_HTTP_ADDR=127.0.0.1:0", "UGC_KAFKA=embedded://127.0.0.1:0",
		"UGC_CLICKHOUSE_FLUSH_INTERVAL=50ms", "UGC_CHDB_LIB=" + library}, environ...), "no .env")
	require.NoError(t, err)
	h := New(c, "test", quiet())
	h.spans = spans
	ctx, cancel := context.WithCancel(context.Background())
	ready, ended := make(chan Where, 1), make(chan error, 1)
	go func() { ended <- h.Run(ctx, func(w Where) { ready <- w }) }()
	stop := sync.OnceFunc(func() {
		cancel()
		require.NoError(t, <-ended)
	})
	select {
	case w := <-ready:
		t.Cleanup(stop)
		return &inhabited{t: t, url: "http://" + w.HTTP, stop: stop}
	case err := <-ended:
		cancel()
		t.Fatalf("the house did not start: %v", err)
	case <-time.After(patience):
		cancel()
		t.Fatal("the house did not start in time")
	}
	return nil
}

func engineLibrary(t *testing.T) string {
	t.Helper()
	path, err := clickhouse.FindLibrary("", "")
	if err != nil {
		if os.Getenv("UGC_REQUIRE_ENGINE") != "" {
			t.Fatal("the ClickHouse engine is not installed: run make setup")
		}
		t.Skip("the ClickHouse engine is not installed: run make setup")
	}
	return path
}

func (h *inhabited) post(path, body string, headers ...string) *http.Response {
	h.t.Helper()
	req, err := http.NewRequest(http.MethodPost, h.url+path, strings.NewReader(body))
	require.NoError(h.t, err)
	req.Header.Set("Content-Type", "application/json")
	for i := 0; i+1 < len(headers); i += 2 {
		req.Header.Set(headers[i], headers[i+1])
	}
	resp, err := (&http.Client{Timeout: 30 * time.Second}).Do(req)
	require.NoError(h.t, err)
	require.NoError(h.t, resp.Body.Close())
	return resp
}

// One request is one trace: edge, publish, decide, and every view that shows it.
func TestARequestIsOneTrace(t *testing.T) {
	t.Setenv("OTEL_BSP_SCHEDULE_DELAY", "20")
	spans := kept{tracetest.NewInMemoryExporter()}
	h := inhabit(t, spans)
	const sent = "4bf92f3577b34da6a3ce929d0e0e4736"
	rating := func(flags string) string { return "00-" + sent + "-00f067aa0ba902b7-" + flags }

	require.Equal(t, 200, h.post("/api/v2/events", `{"type":"rating","user_id":"u","movie_id":"m","score":9}`, "Traceparent", rating("01"), "Prefer", "wait=20").StatusCode)
	require.Equal(t, 200, h.post("/api/v2/events", `[{"type":"play","user_id":"v","movie_id":"m","position_ms":5,"duration_ms":100000}]`, "Prefer", "wait=20").StatusCode)
	require.Equal(t, 200, h.post("/api/v2/events", `{"type":"rating","user_id":"w","movie_id":"m","score":3}`,
		"Traceparent", "00-aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa-00f067aa0ba902b7-00", "Prefer", "wait=20").StatusCode)

	feedback := []string{"POST /api/v2/events", "decide ugc.feedback.commands.v1", "fold ugc.movies.feedback.v1", "project bookmarks", "project feedback", "project feedback_events",
		"project likes", "project movie_summaries", "project ratings", "send ugc.feedback.commands.v1"}
	playback := []string{"POST /api/v2/events", "decide ugc.playback.commands.v1", "project playback_events", "project positions", "project viewing", "send ugc.playback.commands.v1"}
	var all map[string][]string
	require.Eventually(t, func() bool {
		all = byTrace(spans.GetSpans())
		return len(all[sent]) >= len(feedback) && len(all) >= 2
	}, patience, 20*time.Millisecond)
	h.stop()
	everything := spans.GetSpans()
	all = byTrace(everything)
	require.Equal(t, feedback, all[sent])
	delete(all, sent)
	require.Len(t, all, 1, "nobody asked for more, and an unsampled request stays untraced: %v", all)
	for _, names := range all {
		require.Equal(t, playback, names)
	}
	connected(t, everything)
	for _, s := range everything {
		if s.Name == "project ratings" {
			a := attribute.NewSet(s.Attributes...)
			marks, _ := a.Value("ugc.watermarks")
			require.NotEmpty(t, marks.AsStringSlice(), "the watermark is there")
		}
	}
}

// A collector that answers nothing slows nothing down and costs nothing but spans: what is posted is accepted, shown, and the house stops in time.
func TestACollectorThatHangsCostsNothingButSpans(t *testing.T) {
	t.Setenv("OTEL_BSP_SCHEDULE_DELAY", "1")
	hanging, err := net.Listen("tcp", "127.0.0.1:0") // it takes connections, and never reads
	require.NoError(t, err)
	defer func() { _ = hanging.Close() }()
	h := inhabit(t, nil, "UGC_OTLP_ENDPOINT=http://"+hanging.Addr().String(), "UGC_SHUTDOWN_TIMEOUT=8s")
	for i := range 20 {
		body := fmt.Sprintf(`[{"type":"rating","user_id":"u%d","movie_id":"m","score":9},{"type":"play","user_id":"u%d","movie_id":"m","position_ms":5}]`, i, i)
		require.Equal(t, 200, h.post("/api/v2/events", body, "Prefer", "wait=20").StatusCode, "accepted, and shown in time")
	}
	h.stop() // without an error
}

func TestLogLinesNameTheirTrace(t *testing.T) {
	var b strings.Builder
	log := NewLogger(&config.Config{LogLevel: "info", LogFormat: "json"}, &b).With("part", "edge")
	log.Info("untraced")
	require.NotContains(t, b.String(), "trace_id")
	ctx := trace.ContextWithSpanContext(t.Context(), trace.NewSpanContext(trace.SpanContextConfig{TraceID: trace.TraceID{1}, SpanID: trace.SpanID{2}}))
	log.InfoContext(ctx, "traced")
	require.Contains(t, b.String(), `"msg":"traced","part":"edge","trace_id":"01000000000000000000000000000000","span_id":"0200000000000000"`)
}

// kept is an in-memory exporter that keeps what it has when it is shut down.
type kept struct{ *tracetest.InMemoryExporter }

func (kept) Shutdown(context.Context) error { return nil }

// byTrace are the names of the spans, without the steps of stores, sorted.
func byTrace(spans tracetest.SpanStubs) map[string][]string {
	m := map[string][]string{}
	for _, s := range spans {
		if s.SpanKind != trace.SpanKindClient {
			id := s.SpanContext.TraceID().String()
			m[id] = append(m[id], s.Name)
		}
	}
	for _, names := range m {
		slices.Sort(names)
	}
	return m
}

// connected checks that every span's parent is there, up to the request's.
func connected(t *testing.T, spans tracetest.SpanStubs) {
	t.Helper()
	known := map[trace.SpanID]bool{}
	for _, s := range spans {
		known[s.SpanContext.SpanID()] = true
	}
	for _, s := range spans {
		if s.SpanKind == trace.SpanKindServer {
			continue
		}
		require.True(t, known[s.Parent.SpanID()], "the parent of %s", s.Name)
	}
}
