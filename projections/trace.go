package projections

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/propagation"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"
	"go.opentelemetry.io/otel/trace"
	"go.opentelemetry.io/otel/trace/noop"

	"ugc/schemas/topics"
)

const (
	// maxTraced bounds the spans and links of one batch: of 1,000 records from 1,000 sampled traces only so many show when the view had them.
	maxTraced = 64
	// traceAge bounds how old a record may be for its trace to go on: whoever builds a view anew shall not write into the traces of last year.
	traceAge = time.Hour
)

// batchSpans show one batch in every trace that it holds records of: the first of them has the batch's own span with the store's steps below it,
// each other one a span of the same times that links to that. nil does nothing.
type batchSpans struct {
	engine *Engine
	all    []trace.Span
}

// traceBatch begins the spans; work with the batch's own is returned.
func (e *Engine) traceBatch(work context.Context, batch []entry) (context.Context, *batchSpans) {
	if e.o.Tracer == nil {
		return work, nil
	}
	sent := e.sampled(batch)
	if len(sent) == 0 {
		return work, nil
	}
	links := make([]trace.Link, 0, len(sent)-1)
	for _, sc := range sent[1:] {
		links = append(links, trace.Link{SpanContext: sc})
	}
	work, own := e.startBatch(work, sent[0], batch, links...)
	spans := &batchSpans{engine: e, all: []trace.Span{own}}
	seen := []trace.TraceID{sent[0].TraceID()}
	for _, sc := range sent[1:] {
		if slices.Contains(seen, sc.TraceID()) {
			continue
		}
		seen = append(seen, sc.TraceID())
		_, other := e.startBatch(work, sc, batch, trace.Link{SpanContext: own.SpanContext()})
		spans.all = append(spans.all, other)
	}
	return work, spans
}

func (e *Engine) startBatch(work context.Context, parent trace.SpanContext, batch []entry, links ...trace.Link) (context.Context, trace.Span) {
	return e.o.Tracer.Start(trace.ContextWithRemoteSpanContext(work, parent), "project "+e.o.View.Name,
		trace.WithSpanKind(trace.SpanKindConsumer), trace.WithLinks(links...), trace.WithAttributes(
			semconv.MessagingSystemKafka, semconv.MessagingOperationTypeProcess, semconv.MessagingOperationName("project"),
			semconv.MessagingDestinationName(e.o.View.Source.Name), semconv.MessagingConsumerGroupName(e.o.Generation.Group()),
			semconv.MessagingBatchMessageCount(len(batch)), attribute.String("ugc.view", e.o.View.Name), attribute.Int("ugc.generation", e.o.Generation.Number)))
}

// sampled are the spans that records of the batch were sent in, each once, at most maxTraced.
func (e *Engine) sampled(batch []entry) (sent []trace.SpanContext) {
	oldest := time.UnixMilli(int64(e.o.Now())).Add(-traceAge)
	for i := range batch {
		raw := batch[i].raw
		if raw.Timestamp.Before(oldest) || !sampledHeader(raw.Headers) {
			continue
		}
		sc := trace.SpanContextFromContext(propagation.TraceContext{}.Extract(context.Background(), recordHeaders(raw.Headers)))
		if !sc.IsSampled() || slices.ContainsFunc(sent, sc.Equal) {
			continue
		}
		if sent = append(sent, sc); len(sent) == maxTraced {
			break
		}
	}
	return sent
}

// sampledHeader looks at the flags alone: most records belong to no sampled trace.
func sampledHeader(headers []kgo.RecordHeader) bool {
	const flags = len("00-") + 32 + len("-") + 16 + len("-")
	for i := range headers {
		if headers[i].Key == topics.HeaderTrace {
			v := headers[i].Value
			return len(v) >= flags+2 && (v[flags+1]&1 == 1) != (v[flags+1] > '9') // of 0 to 9 the odd characters are odd numbers, of a to f the even ones
		}
	}
	return false
}

// end says how far the view is, or why it is not.
func (s *batchSpans) end(batch []entry, err error) {
	if s == nil {
		return
	}
	marks := make([]string, 0, 4)
	for p, m := range marksOf(batch) {
		marks = append(marks, fmt.Sprintf("%d:%d", p, m.Version))
	}
	slices.Sort(marks)
	refused := 0
	for i := range batch {
		if batch[i].refused != nil {
			refused++
		}
	}
	for _, span := range s.all {
		if err != nil {
			span.SetStatus(codes.Error, err.Error())
		} else {
			span.SetAttributes(attribute.StringSlice("ugc.watermarks", marks), attribute.Int("ugc.dead_letters", refused))
		}
		span.End()
	}
}

// traceStep begins the span of one step of the batch at hand, all its attempts together; it is not recorded where the batch's is not.
func (e *Engine) traceStep(work context.Context, step string) (context.Context, trace.Span) {
	if e.o.Tracer == nil || !trace.SpanFromContext(work).IsRecording() {
		return work, noop.Span{}
	}
	attrs := []attribute.KeyValue{semconv.DBOperationName(step), semconv.DBCollectionName(e.o.Generation.String())}
	if e.o.System != "" {
		attrs = append(attrs, semconv.DBSystemNameKey.String(e.o.System))
	}
	return e.o.Tracer.Start(work, step+" "+e.o.Generation.String(), trace.WithSpanKind(trace.SpanKindClient), trace.WithAttributes(attrs...))
}

// recordHeaders lets OpenTelemetry read a record's headers.
type recordHeaders []kgo.RecordHeader

// Get implements propagation.TextMapCarrier.
func (h recordHeaders) Get(name string) string {
	for i := range h {
		if h[i].Key == name {
			return string(h[i].Value)
		}
	}
	return ""
}

// Set implements propagation.TextMapCarrier; nothing is written.
func (recordHeaders) Set(string, string) {}

// Keys implements propagation.TextMapCarrier.
func (h recordHeaders) Keys() []string {
	names := make([]string, len(h))
	for i := range h {
		names[i] = h[i].Key
	}
	return names
}
