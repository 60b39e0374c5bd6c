package streams

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kgo"
	"go.opentelemetry.io/otel/attribute"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	"go.opentelemetry.io/otel/trace"

	"ugc/schemas/topics"
)

func record(t *testing.T) (*tracetest.SpanRecorder, trace.Tracer) {
	t.Helper()
	spans := tracetest.NewSpanRecorder()
	provider := sdktrace.NewTracerProvider(sdktrace.WithSpanProcessor(spans))
	t.Cleanup(func() { _ = provider.Shutdown(context.Background()) })
	return spans, provider.Tracer("test")
}

func headerOf(r *kgo.Record, name string) string {
	for _, h := range r.Headers {
		if h.Key == name {
			return string(h.Value)
		}
	}
	return ""
}

// traceparent is the header by which what follows the span goes on.
func traceparent(s sdktrace.ReadOnlySpan) string {
	return "00-" + s.SpanContext().TraceID().String() + "-" + s.SpanContext().SpanID().String() + "-01"
}

func TestATraceGoesThroughEveryGroup(t *testing.T) {
	c := startCluster(t)
	spans, tracer := record(t)
	o := c.options(t.TempDir())
	o.Tracer = tracer
	s, err := New(o)
	require.NoError(t, err)
	start(t, s.Run)

	const sent, unsampled = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", "00-0af7651916cd43dd8448eb211c80319d-b7ad6b7169203331-00"
	seen, unseen, poison := c.record(rating("u", "m", 1, 7)), c.record(rating("w", "m", 2, 7)), c.record(rating("x", "m", 3, 7))
	seen.Headers[1].Value, unseen.Headers[1].Value, poison.Headers[1].Value = []byte(sent), []byte(unsampled), []byte(sent)
	poison.Value = []byte("no record")
	c.produce(seen)
	require.Eventually(t, func() bool { return len(c.all(topics.MoviesTable.Name)) == 1 }, patience, tick) // or both might be one record of the table
	c.produce(unseen, poison)
	require.Eventually(t, func() bool { return len(spans.Ended()) == 3 && len(c.all(topics.MoviesTable.Name)) == 2 }, patience, tick)

	byName := map[string][]sdktrace.ReadOnlySpan{}
	for _, span := range spans.Ended() {
		require.Equal(t, trace.SpanKindConsumer, span.SpanKind())
		require.Equal(t, "0af7651916cd43dd8448eb211c80319c", span.SpanContext().TraceID().String())
		byName[span.Name()] = append(byName[span.Name()], span)
	}
	decided, folded := byName["decide ugc.feedback.commands.v1"], byName["fold ugc.movies.feedback.v1"]
	require.Len(t, decided, 2)
	require.Len(t, folded, 1)
	verdicts := map[string]sdktrace.ReadOnlySpan{}
	for _, span := range decided {
		require.Equal(t, "b7ad6b7169203331", span.Parent().SpanID().String())
		v, _ := attr(span, "ugc.verdict")
		verdicts[v.AsString()] = span
	}
	require.Contains(t, verdicts, "applied")
	require.Contains(t, verdicts, "refused", "a dead letter shows in its trace")
	require.Equal(t, verdicts["applied"].SpanContext().SpanID(), folded[0].Parent().SpanID())

	for _, topic := range []string{topics.FeedbackEvents.Name, topics.MoviesFeedback.Name, topics.FeedbackTable.Name} {
		carried := map[string]bool{}
		for _, r := range c.all(topic) {
			carried[headerOf(r, topics.HeaderTrace)] = true
		}
		require.True(t, carried[traceparent(verdicts["applied"])], "%s carries the trace on: %v", topic, carried)
		require.Equal(t, topic != topics.FeedbackTable.Name, carried[unsampled], "what nobody will see is passed on as it came: %s %v", topic, carried)
	}
	of := map[string]bool{}
	for _, r := range c.all(topics.MoviesTable.Name) {
		of[headerOf(r, topics.HeaderTrace)] = true
	}
	require.Equal(t, map[string]bool{traceparent(folded[0]): true, "": true}, of)
}

func attr(s sdktrace.ReadOnlySpan, name attribute.Key) (attribute.Value, bool) {
	set := attribute.NewSet(s.Attributes()...)
	return set.Value(name)
}

func TestInputsWithoutATracerCostNothing(t *testing.T) {
	var none *tracing
	in := &input{}
	require.Zero(t, testing.AllocsPerRun(100, func() {
		none.begin(nil, in)
		in.judged(0, false)
		in.finish(nil)
	}))
}
