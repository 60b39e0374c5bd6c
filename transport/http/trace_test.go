package edge_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	"go.opentelemetry.io/otel/trace"

	"ugc/domain"
	"ugc/handlers/handlerstest"
	edge "ugc/transport/http"
)

func record(t *testing.T) (*tracetest.SpanRecorder, trace.Tracer) {
	t.Helper()
	spans := tracetest.NewSpanRecorder()
	provider := sdktrace.NewTracerProvider(sdktrace.WithSpanProcessor(spans))
	t.Cleanup(func() { _ = provider.Shutdown(context.Background()) })
	return spans, provider.Tracer("test")
}

const (
	callersTrace = "4bf92f3577b34da6a3ce929d0e0e4736"
	callersSpan  = "00f067aa0ba902b7"
)

func TestARequestHasASpan(t *testing.T) {
	spans, tracer := record(t)
	house := &handlerstest.House{}
	s := start(t, house, func(o *edge.Options) { o.Tracer = tracer })
	for name, tc := range map[string]struct {
		method, target, body string
		spanName, route      string
		status               int64
	}{
		"v2":        {"POST", events, `{"type":"like","user_id":"u","movie_id":"m"}`, "POST " + events, events, 202},
		"by route":  {"PUT", "/api/v2/users/secret/bookmarks/m", "", "PUT /api/v2/users/{user_id}/bookmarks/{movie_id}", "/api/v2/users/{user_id}/bookmarks/{movie_id}", 202},
		"v1":        {"POST", "/api/v1/favorites/users/secret/movies/m", "", "POST /api/v1/favorites/users/{user_id}/movies/{movie_id}", "/api/v1/favorites/users/{user_id}/movies/{movie_id}", 201},
		"malformed": {"POST", events, `{`, "POST " + events, events, 400},
		"no route":  {"GET", "/api/v2/secret", "", "GET", "", 404},
	} {
		t.Run(name, func(t *testing.T) {
			before := len(spans.Ended())
			s.ask(tc.method, tc.target, tc.body, "Traceparent", "00-"+callersTrace+"-"+callersSpan+"-01", "X-Request-Id", "the-request")
			require.Eventually(t, func() bool { return len(spans.Ended()) > before }, patience, time.Millisecond, "the span ends after the answer is written")
			span := spans.Ended()[before]
			require.Equal(t, tc.spanName, span.Name())
			require.Equal(t, trace.SpanKindServer, span.SpanKind())
			require.Equal(t, callersTrace, span.SpanContext().TraceID().String())
			require.Equal(t, callersSpan, span.Parent().SpanID().String())
			a := attribute.NewSet(span.Attributes()...)
			route, _ := a.Value("http.route")
			require.Equal(t, tc.route, route.AsString())
			status, _ := a.Value("http.response.status_code")
			require.Equal(t, tc.status, status.AsInt64())
			id, _ := a.Value("ugc.request_id")
			require.Equal(t, "the-request", id.AsString())
			require.NotContains(t, a.Encoded(attribute.DefaultEncoder()), "secret", "a span does not say whose request it was")
			if tc.status < 300 {
				all := house.Contexts()
				require.Equal(t, span.SpanContext().SpanID(), trace.SpanContextFromContext(all[len(all)-1]).SpanID(), "the use case works below it")
			}
		})
	}
	s.ask("GET", "/healthz/live", "")
	s.ask("GET", "/metrics", "")
	require.Len(t, spans.Started(), 5, "health and metrics have none")
}

func TestAnUnsampledRequestStaysSo(t *testing.T) {
	spans, tracer := record(t)
	house := &handlerstest.House{}
	s := start(t, house, func(o *edge.Options) { o.Tracer = tracer })
	s.ask("POST", events, `{"type":"like","user_id":"u","movie_id":"m"}`, "Traceparent", "00-"+callersTrace+"-"+callersSpan+"-00")
	require.Empty(t, spans.Started())
	all := house.Contexts()
	sc := trace.SpanContextFromContext(all[len(all)-1])
	require.Equal(t, callersTrace, sc.TraceID().String())
	require.False(t, sc.IsSampled())
}

func TestAFailureShowsInTheSpan(t *testing.T) {
	spans, tracer := record(t)
	house := &handlerstest.House{Refuse: func(domain.Command) error { return domain.Wrap(domain.Unavailable, "append", errors.New("no broker")) }}
	s := start(t, house, func(o *edge.Options) { o.Tracer = tracer })
	s.ask("POST", events, `{"type":"like","user_id":"u","movie_id":"m"}`)
	require.Eventually(t, func() bool { return len(spans.Ended()) == 1 }, patience, time.Millisecond)
	require.Equal(t, codes.Error, spans.Ended()[0].Status().Code)
	require.Contains(t, spans.Ended()[0].Attributes(), attribute.String("error.type", "503"))
}

// shared is a log that two goroutines use.
type shared struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *shared) Write(p []byte) (int, error) { l.mu.Lock(); defer l.mu.Unlock(); return l.b.Write(p) }
func (l *shared) String() string              { l.mu.Lock(); defer l.mu.Unlock(); return l.b.String() }

// naming puts the trace of a line's context into the line, as the program's own handler does.
type naming struct{ slog.Handler }

func (n naming) Handle(ctx context.Context, r slog.Record) error {
	r.AddAttrs(slog.String("trace_id", trace.SpanContextFromContext(ctx).TraceID().String()))
	return n.Handler.Handle(ctx, r)
}

func TestLogAndMetricsLeadToTheTrace(t *testing.T) {
	_, tracer := record(t)
	for name, of := range map[string]trace.Tracer{"traced here": tracer, "traced elsewhere": nil} {
		t.Run(name, func(t *testing.T) {
			var logged shared
			s := start(t, &handlerstest.House{}, func(o *edge.Options) { o.Tracer, o.Log = of, slog.New(naming{slog.NewTextHandler(&logged, nil)}) })
			s.ask("POST", events, `{`, "Traceparent", "00-"+callersTrace+"-"+callersSpan+"-01")
			require.Contains(t, logged.String(), "trace_id="+callersTrace)
			exposed := s.ask("GET", "/metrics", "", "Accept", "application/openmetrics-text;version=1.0.0").body
			require.Equal(t, of != nil, bytes.Contains([]byte(exposed), []byte(`# {trace_id="`+callersTrace+`"}`)), "%s", exposed)
		})
	}
}
