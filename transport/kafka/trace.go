package kafka

import (
	"context"
	"strconv"

	"github.com/ThreeDotsLabs/watermill/message"
	"go.opentelemetry.io/otel/codes"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"
	"go.opentelemetry.io/otel/trace"

	"ugc/domain"
)

// startSpan begins the span of one publish, below the context of its first message.
func (p *Publisher) startSpan(topic string, msgs []*message.Message) trace.Span {
	_, span := p.opts.Tracer.Start(msgs[0].Context(), "send "+topic, trace.WithSpanKind(trace.SpanKindProducer), trace.WithAttributes(
		semconv.MessagingSystemKafka, semconv.MessagingOperationTypeSend, semconv.MessagingOperationName("send"),
		semconv.MessagingDestinationName(topic), semconv.MessagingBatchMessageCount(len(msgs))))
	return span
}

// endSpan says what became of the publish, and of a single message where it stands.
func endSpan(span trace.Span, msgs []*message.Message, err error) {
	defer span.End()
	if !span.IsRecording() {
		return
	}
	if err != nil {
		span.SetStatus(codes.Error, err.Error())
		span.SetAttributes(semconv.ErrorTypeKey.String(errorType(err)))
	}
	if len(msgs) > 1 {
		return
	}
	if partition, offset, ok := Position(msgs[0]); ok {
		span.SetAttributes(semconv.MessagingDestinationPartitionID(strconv.Itoa(int(partition))), semconv.MessagingKafkaOffset(int(offset)))
	}
}

// below is the context whose trace a message carries on: that of the publish, unless the message belongs to another trace, or nothing is traced here.
func below(publish trace.Span, msg *message.Message) context.Context {
	ctx := msg.Context()
	if publish == nil {
		return ctx
	}
	if own := trace.SpanContextFromContext(ctx); own.IsValid() && own.TraceID() != publish.SpanContext().TraceID() {
		return ctx
	}
	return trace.ContextWithSpan(ctx, publish)
}

// errorType is the kind of a failure as a span says it.
func errorType(err error) string {
	switch domain.KindOf(err) {
	case domain.Uncertain:
		return "uncertain"
	case domain.Unavailable:
		return "unavailable"
	case domain.TooLarge:
		return "too_large"
	case domain.Invalid:
		return "invalid"
	}
	return "_OTHER"
}
