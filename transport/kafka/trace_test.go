package kafka_test

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	"go.opentelemetry.io/otel/trace"

	"ugc/deploy/embedded/broker/brokertest"
	"ugc/transport/kafka"
	"ugc/transport/kafka/kafkatest"
)

func record(t *testing.T) (*tracetest.SpanRecorder, trace.Tracer) {
	t.Helper()
	spans := tracetest.NewSpanRecorder()
	provider := sdktrace.NewTracerProvider(sdktrace.WithSpanProcessor(spans))
	t.Cleanup(func() { _ = provider.Shutdown(context.Background()) })
	return spans, provider.Tracer("test")
}

// of is a context within a trace that began elsewhere.
func of(t *testing.T, traceID byte, sampled bool) context.Context {
	t.Helper()
	sc := trace.SpanContextConfig{TraceID: trace.TraceID{15: traceID}, SpanID: trace.SpanID{7: 1}, Remote: true}
	if sampled {
		sc.TraceFlags = trace.FlagsSampled
	}
	return trace.ContextWithRemoteSpanContext(t.Context(), trace.NewSpanContext(sc))
}

func TestAPublishHasASpan(t *testing.T) {
	s := kafka.Settings{Brokers: []string{brokertest.Start(t)}}
	topic := kafkatest.Topic(t, s, 1)
	spans, tracer := record(t)
	p := kafkatest.NewPublisher(t, kafka.PublisherOptions{Settings: s, Tracer: tracer})

	single := kafkatest.Message("u/m", "1")
	single.SetContext(of(t, 1, true))
	require.NoError(t, p.Publish(topic, single))
	first, plain, other := kafkatest.Message("u/m", "2"), kafkatest.Message("u/m", "3"), kafkatest.Message("u/m", "4")
	first.SetContext(of(t, 2, true))
	other.SetContext(of(t, 3, true))
	require.NoError(t, p.Publish(topic, first, plain, other))
	unsampled := kafkatest.Message("u/m", "5")
	unsampled.SetContext(of(t, 4, false))
	require.NoError(t, p.Publish(topic, unsampled))

	ended := spans.Ended()
	require.Len(t, ended, 2, "an unsampled trace has no spans")
	for i, want := range []byte{1, 2} {
		require.Equal(t, "send "+topic, ended[i].Name())
		require.Equal(t, trace.SpanKindProducer, ended[i].SpanKind())
		require.Equal(t, trace.TraceID{15: want}, ended[i].SpanContext().TraceID())
	}
	require.Contains(t, ended[0].Attributes(), attribute.Int("messaging.kafka.offset", 0))
	require.Contains(t, ended[1].Attributes(), attribute.Int("messaging.batch.message_count", 3))
	recs := kafkatest.Read(t, s, topic)[0]
	header := func(span sdktrace.ReadOnlySpan) string {
		return "00-" + span.SpanContext().TraceID().String() + "-" + span.SpanContext().SpanID().String() + "-01"
	}
	require.Equal(t, header(ended[0]), kafkatest.Header(recs[0], "traceparent"), "whoever reads the record goes on below the span")
	require.Equal(t, header(ended[1]), kafkatest.Header(recs[1], "traceparent"))
	require.Equal(t, header(ended[1]), kafkatest.Header(recs[2], "traceparent"))
	require.Equal(t, "00-00000000000000000000000000000003-0000000000000001-01", kafkatest.Header(recs[3], "traceparent"), "a message of another trace stays there")
	require.Regexp(t, "^00-00000000000000000000000000000004-.*-00$", kafkatest.Header(recs[4], "traceparent"))
}

func TestAFailedPublishShowsInItsSpan(t *testing.T) {
	spans, tracer := record(t)
	p := kafkatest.NewPublisher(t, kafka.PublisherOptions{Settings: kafka.Settings{Brokers: []string{"127.0.0.1:1"}}, Tracer: tracer})
	keyless := kafkatest.Message("", "x")
	delete(keyless.Metadata, kafka.MetadataKey)
	require.Error(t, p.Publish("t", keyless))
	require.Equal(t, codes.Error, spans.Ended()[0].Status().Code)
	require.Contains(t, spans.Ended()[0].Attributes(), attribute.String("error.type", "invalid"))
}

func TestPublishingWithoutATracerCostsNothing(t *testing.T) {
	msg := kafkatest.Message("u/m", "x")
	msg.SetContext(of(t, 1, true))
	require.Zero(t, testing.AllocsPerRun(100, func() { kafka.Below(nil, msg) }))
}
