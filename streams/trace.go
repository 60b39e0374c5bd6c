package streams

import (
	"context"
	"strconv"

	"github.com/lovoo/goka"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/propagation"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"
	"go.opentelemetry.io/otel/trace"

	"ugc/domain"
	"ugc/schemas/topics"
)

// tracing makes the spans of one group: one for each input, below the span that the input was sent in. It ends when what the input
// became is written, so a span that failed is an input that comes again. A nil tracing does nothing.
type tracing struct {
	tracer trace.Tracer
	name   string
	attrs  []attribute.KeyValue // what all spans of the group have in common
}

func newTracing(t trace.Tracer, g Group) *tracing {
	if t == nil {
		return nil
	}
	verb := "decide"
	if len(g.Outputs) == 0 {
		verb = "fold"
	}
	return &tracing{tracer: t, name: verb + " " + g.Input.Name, attrs: []attribute.KeyValue{
		semconv.MessagingSystemKafka, semconv.MessagingOperationTypeProcess, semconv.MessagingOperationName(verb),
		semconv.MessagingDestinationName(g.Input.Name), semconv.MessagingConsumerGroupName(g.Name), attribute.String("ugc.decider", g.Decider),
	}}
}

func (t *tracing) begin(ctx goka.Context, in *input) {
	if t == nil {
		return
	}
	_, in.span = t.tracer.Start(parent(ctx.Headers()), t.name, trace.WithSpanKind(trace.SpanKindConsumer), trace.WithAttributes(t.attrs...))
	if in.span.IsRecording() {
		in.span.SetAttributes(semconv.MessagingDestinationPartitionID(strconv.Itoa(int(in.origin.Partition))), semconv.MessagingKafkaOffset(int(ctx.Offset())))
	}
}

// parent is the context of the span that a record was sent in.
func parent(h goka.Headers) context.Context {
	return propagation.TraceContext{}.Extract(context.Background(), headerCarrier(h))
}

func (in *input) recording() bool { return in.span != nil && in.span.IsRecording() }

// judged says what the rule made of the input.
func (in *input) judged(v domain.Verdict, repeated bool) {
	if !in.recording() {
		return
	}
	verdict := "refused"
	if v != 0 {
		verdict = v.String()
	}
	in.span.SetAttributes(attribute.String("ugc.verdict", verdict), attribute.Bool("ugc.repeated", repeated), attribute.Int64("ugc.version", int64(in.origin.Version)))
}

// finish ends the span: what the input became is written, or, with an error, is not.
func (in *input) finish(err error) {
	if in.span == nil {
		return
	}
	if err != nil {
		in.span.SetStatus(codes.Error, err.Error())
	}
	in.span.End()
}

// finishing is keep, after the span has ended.
func (in *input) finishing(keep func(error)) func(error) {
	if in.span == nil {
		return keep
	}
	return func(err error) {
		in.finish(err)
		keep(err)
	}
}

// context is ctx with the span, for log lines.
func (in *input) context(ctx context.Context) context.Context {
	if in.span == nil {
		return ctx
	}
	return trace.ContextWithSpan(ctx, in.span)
}

// carriedTrace is the header by which whoever reads the outcome goes on: our span, or, where nobody will ever see that, the one that came in.
func (in *input) carriedTrace(came goka.Headers) []byte {
	if !in.recording() {
		if v := came[topics.HeaderTrace]; len(v) <= maxCarried {
			return v
		}
		return nil
	}
	h := headerCarrier{}
	propagation.TraceContext{}.Inject(in.context(context.Background()), h)
	return h[topics.HeaderTrace]
}

// tableTrace goes with the value, where it is sampled.
func (in *input) tableTrace() []byte {
	if !in.recording() {
		return nil
	}
	return in.carriedTrace(nil)
}

// traceShown says that the positions view shows a record from now on.
func traceShown(t trace.Tracer, ctx goka.UpdateContext) {
	if ctx.Headers()[topics.HeaderTrace] == nil { // not sampled
		return
	}
	_, span := t.Start(parent(ctx.Headers()), "project positions", trace.WithSpanKind(trace.SpanKindConsumer), trace.WithAttributes(
		semconv.MessagingSystemKafka, semconv.MessagingOperationTypeProcess, semconv.MessagingOperationName("project"),
		semconv.MessagingDestinationName(topics.PlaybackTable.Name), semconv.MessagingDestinationPartitionID(strconv.Itoa(int(ctx.Partition()))),
		semconv.MessagingKafkaOffset(int(ctx.Offset())), attribute.String("ugc.view", "positions")))
	if version, ok := headerVersion(ctx, topics.HeaderVersion); ok {
		span.SetAttributes(attribute.Int64("ugc.version", int64(version)))
	}
	span.End()
}

// headerCarrier lets OpenTelemetry read and write goka's headers.
type headerCarrier goka.Headers

// Get implements propagation.TextMapCarrier.
func (h headerCarrier) Get(name string) string { return string(h[name]) }

// Set implements propagation.TextMapCarrier.
func (h headerCarrier) Set(name, value string) { h[name] = []byte(value) }

// Keys implements propagation.TextMapCarrier.
func (h headerCarrier) Keys() []string {
	names := make([]string, 0, len(h))
	for name := range h {
		names = append(names, name)
	}
	return names
}
