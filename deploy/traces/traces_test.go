package traces

import (
	"bytes"
	"context"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"github.com/stretchr/testify/require"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
)

const patience = 30 * time.Second

// open runs Traces until stop, which waits for its end.
func open(t *testing.T, o Options) (tr *Traces, metrics *prometheus.Registry, stop func()) {
	t.Helper()
	metrics = prometheus.NewRegistry()
	o.Metrics = metrics
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	tr, err := New(t.Context(), o)
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- tr.Run(ctx) }()
	stop = sync.OnceFunc(func() {
		cancel()
		require.NoError(t, <-done)
	})
	t.Cleanup(stop)
	return tr, metrics, stop
}

func spansOf(t *testing.T, metrics *prometheus.Registry, outcome string) float64 {
	t.Helper()
	families, err := metrics.Gather()
	require.NoError(t, err)
	for _, f := range families {
		for _, m := range f.GetMetric() {
			if f.GetName() == "ugc_trace_spans_total" && m.GetLabel()[0].GetValue() == outcome {
				return m.GetCounter().GetValue()
			}
		}
	}
	return 0
}

func record(tr *Traces, n int) {
	tracer := tr.Tracer("test")
	for range n {
		_, span := tracer.Start(context.Background(), "work")
		span.End()
	}
}

// kept is an in-memory exporter that keeps what it has when it is shut down.
type kept struct{ *tracetest.InMemoryExporter }

func (kept) Shutdown(context.Context) error { return nil }

func TestStoppingSendsWhatWaits(t *testing.T) {
	spans := kept{tracetest.NewInMemoryExporter()}
	tr, metrics, stop := open(t, Options{Exporter: spans, Version: "v1.2.3"})
	record(tr, 700)
	stop()
	require.Len(t, spans.GetSpans(), 700)
	require.EqualValues(t, 700, spansOf(t, metrics, "exported"))
	described := spans.GetSpans()[0].Resource.String()
	require.Contains(t, described, "service.name=ugc")
	require.Contains(t, described, "service.version=v1.2.3")
}

func TestTheStandardVariablesCount(t *testing.T) {
	t.Setenv("OTEL_SERVICE_NAME", "cinema")
	t.Setenv("OTEL_TRACES_SAMPLER", "parentbased_always_off")
	spans := kept{tracetest.NewInMemoryExporter()}
	tr, _, stop := open(t, Options{Exporter: spans})
	record(tr, 3)
	stop()
	require.Empty(t, spans.GetSpans())

	t.Setenv("OTEL_TRACES_SAMPLER", "always_on")
	tr, _, stop = open(t, Options{Exporter: spans})
	record(tr, 1)
	stop()
	require.Contains(t, spans.GetSpans()[0].Resource.String(), "service.name=cinema")
}

func tell(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

// stuck is a collector that answers nothing.
type stuck struct{ calls, ended chan struct{} }

func (s stuck) ExportSpans(ctx context.Context, _ []sdktrace.ReadOnlySpan) error {
	tell(s.calls)
	<-ctx.Done()
	tell(s.ended)
	return ctx.Err()
}

func (stuck) Shutdown(context.Context) error { return nil }

func TestACollectorThatHangsHoldsNobodyUp(t *testing.T) {
	t.Setenv("OTEL_BSP_SCHEDULE_DELAY", "1")
	s := stuck{calls: make(chan struct{}, 1), ended: make(chan struct{}, 1)}
	tr, metrics, stop := open(t, Options{Exporter: s, Queue: 100, Flush: 50 * time.Millisecond})
	record(tr, 1)
	<-s.calls // and there it stays
	began := time.Now()
	record(tr, 20_000)
	require.Less(t, time.Since(began), 5*time.Second, "nobody waits")
	require.EqualValues(t, 20_001-100, spansOf(t, metrics, "dropped"), "all but those that the queue has room for")
	began = time.Now()
	stop()
	<-s.ended
	require.Less(t, time.Since(began), exportWithin/2, "stopping waits no longer than Flush, and leaves no export behind")
}

func TestACollectorThatIsAwayIsToldOfOnce(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	addr := l.Addr().String()
	require.NoError(t, l.Close())
	t.Setenv("OTEL_BSP_SCHEDULE_DELAY", "1")
	var said safe
	tr, metrics, stop := open(t, Options{Endpoint: "http://" + addr, Flush: time.Second, Log: slog.New(slog.NewTextHandler(&said, nil))})
	for n := 1; n <= 3; n++ {
		record(tr, 1)
		require.Eventually(t, func() bool { return spansOf(t, metrics, "failed") >= float64(n) }, patience, time.Millisecond)
	}
	stop()
	require.Equal(t, 1, strings.Count(said.String(), "the collector takes no spans"), said.String())
}

func TestSpansReachACollector(t *testing.T) {
	t.Setenv("OTEL_BSP_SCHEDULE_DELAY", "1")
	paths := make(chan string, 10)
	away := make(chan struct{}, 1)
	away <- struct{}{}
	collector := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		select {
		case <-away:
			w.WriteHeader(http.StatusBadRequest)
		default:
			paths <- r.URL.Path
		}
	}))
	defer collector.Close()
	var said safe
	tr, metrics, _ := open(t, Options{Endpoint: collector.URL, Log: slog.New(slog.NewTextHandler(&said, nil))})
	record(tr, 1)
	require.Eventually(t, func() bool { return spansOf(t, metrics, "failed") == 1 }, patience, time.Millisecond)
	record(tr, 1)
	require.Equal(t, "/v1/traces", <-paths)
	require.Eventually(t, func() bool { return spansOf(t, metrics, "exported") == 1 }, patience, time.Millisecond)
	require.Eventually(t, func() bool { return strings.Contains(said.String(), "takes spans again") }, patience, time.Millisecond)

	tr, _, _ = open(t, Options{Endpoint: collector.URL + "/elsewhere"})
	record(tr, 1)
	require.Equal(t, "/elsewhere", <-paths)
}

func TestWanted(t *testing.T) {
	for name, tc := range map[string]struct {
		endpoint string
		env      map[string]string
		want     bool
	}{
		"nobody asked":         {"", nil, false},
		"by our setting":       {"http://127.0.0.1:4318", nil, true},
		"by the standard one":  {"", map[string]string{"OTEL_EXPORTER_OTLP_ENDPOINT": "http://x"}, true},
		"for traces alone":     {"", map[string]string{"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "http://x"}, true},
		"switched off":         {"http://127.0.0.1:4318", map[string]string{"OTEL_SDK_DISABLED": "TRUE"}, false},
		"no exporter":          {"http://127.0.0.1:4318", map[string]string{"OTEL_TRACES_EXPORTER": "none"}, false},
		"another one's matter": {"", map[string]string{"OTEL_EXPORTER_OTLP_METRICS_ENDPOINT": "http://x"}, false},
	} {
		require.Equal(t, tc.want, Wanted(tc.endpoint, func(k string) string { return tc.env[k] }), name)
	}
}

func TestMetricsHaveGoodNames(t *testing.T) {
	_, metrics, _ := open(t, Options{Exporter: kept{tracetest.NewInMemoryExporter()}})
	problems, err := testutil.GatherAndLint(metrics)
	require.NoError(t, err)
	require.Empty(t, problems)
}

func TestNoTracesIsNoTracer(t *testing.T) {
	require.Nil(t, (*Traces)(nil).Tracer("x"))
}

// safe is a buffer for several goroutines.
type safe struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (s *safe) Write(p []byte) (int, error) { s.mu.Lock(); defer s.mu.Unlock(); return s.b.Write(p) }
func (s *safe) String() string              { s.mu.Lock(); defer s.mu.Unlock(); return s.b.String() }
