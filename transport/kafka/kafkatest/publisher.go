package kafkatest

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/ThreeDotsLabs/watermill/message"
	"github.com/google/uuid"
	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kgo"
	"go.opentelemetry.io/otel/trace"

	"ugc/domain"
	"ugc/transport/kafka"
)

// Publisher is the contract of kafka.Publisher, to be run against any broker.
func Publisher(t *testing.T, s kafka.Settings) {
	for name, test := range map[string]func(*testing.T, kafka.Settings){
		"a batch is written in order, by the house's partition rule, and says where": batchIsWritten,
		"headers carry trace, command and content type":                              headersAreCarried,
		"a batch names the messages that failed and writes the others":               failuresAreNamed,
		"many publish at once and nothing is lost, doubled or reordered":             concurrentPublishing,
		"an empty batch does nothing":                                                emptyBatch,
		"a cancelled caller is told that nothing was sent":                           cancelledCaller,
		"after Close nothing is accepted":                                            closedPublisher,
	} {
		t.Run(name, func(t *testing.T) { test(t, s) })
	}
}

func batchIsWritten(t *testing.T, s kafka.Settings) {
	for _, partitions := range []int32{4, 12} {
		topic := Topic(t, s, partitions)
		p := NewPublisher(t, kafka.PublisherOptions{Settings: s})
		var msgs []*message.Message
		for i := range 500 {
			msgs = append(msgs, Message(key(i%50, i%3), fmt.Sprint(i)))
		}
		msgs = append(msgs, Message("", "the empty key"), Message("no-slash", "x"), Message("/movie", "empty head"))
		require.NoError(t, p.Publish(topic, msgs...))

		got := Read(t, s, topic)
		lastOf := map[string]int{} // position in the batch of the newest record of a user
		for i, m := range msgs {
			part, offset, ok := kafka.Position(m)
			require.True(t, ok)
			k := m.Metadata[kafka.MetadataKey]
			require.Equal(t, domain.Partition(k, partitions), part, "partition of %q", k)
			rec := got[part][offset]
			require.Equal(t, string(m.Payload), string(rec.Value))
			require.Equal(t, k, string(rec.Key))
			user, _, _ := strings.Cut(k, "/")
			if prev, seen := lastOf[user]; seen {
				_, before, _ := kafka.Position(msgs[prev])
				require.Greater(t, offset, before, "records of %q are out of order", user)
			}
			lastOf[user] = i
		}
		require.Len(t, flat(got), len(msgs))
	}
}

func headersAreCarried(t *testing.T, s kafka.Settings) {
	topic := Topic(t, s, 1)
	p := NewPublisher(t, kafka.PublisherOptions{Settings: s})
	traceID, _ := trace.TraceIDFromHex("4bf92f3577b34da6a3ce929d0e0e4736")
	spanID, _ := trace.SpanIDFromHex("00f067aa0ba902b7")
	state, _ := trace.ParseTraceState("vendor=1")
	span := trace.NewSpanContext(trace.SpanContextConfig{TraceID: traceID, SpanID: spanID, TraceFlags: trace.FlagsSampled, TraceState: state})

	traced := Message("u/m", "traced")
	traced.SetContext(trace.ContextWithSpanContext(t.Context(), span))
	traced.Metadata.Set("traceparent", "of an earlier hop")
	traced.Metadata.Set(kafka.MetadataCommandID, "command-7")
	traced.Metadata.Set(kafka.MetadataContentType, "text/plain")
	traced.Metadata.Set("origin", "test")
	plain := Message("u/m", "plain")
	require.NoError(t, p.Publish(topic, traced, plain))
	require.NoError(t, p.Publish(topic, plain), "once more: its position must not become a header")

	recs := Read(t, s, topic)[0]
	require.Len(t, recs, 3)
	require.Equal(t, map[string]string{
		"_watermill_message_uuid": traced.UUID,
		"traceparent":             "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
		"tracestate":              "vendor=1",
		"ugc-command-id":          "command-7",
		"content-type":            "text/plain",
		"origin":                  "test",
	}, headersOf(t, recs[0]))
	require.Equal(t, map[string]string{
		"_watermill_message_uuid": plain.UUID,
		"ugc-command-id":          plain.UUID,
		"content-type":            "application/avro",
	}, headersOf(t, recs[1]))
	require.Equal(t, headersOf(t, recs[1]), headersOf(t, recs[2]))
}

func failuresAreNamed(t *testing.T, s kafka.Settings) {
	topic := Topic(t, s, 4)
	p := NewPublisher(t, kafka.PublisherOptions{Settings: s})
	keyless := message.NewMessage(uuid.NewString(), []byte("keyless"))
	huge := Message("u/huge", strings.Repeat("x", kafka.MaxMessageBytes+1))
	msgs := []*message.Message{Message("u/1", "1"), keyless, Message("u/2", "2"), huge, Message("u/3", "3")}
	err := p.Publish(topic, msgs...)

	var batch *kafka.BatchError
	require.ErrorAs(t, err, &batch)
	require.Equal(t, len(msgs), batch.Total)
	require.Len(t, batch.Failed, 2)
	require.Equal(t, 1, batch.Failed[0].Index)
	require.Same(t, keyless, batch.Failed[0].Message)
	require.Equal(t, domain.Invalid, domain.KindOf(batch.Failed[0].Err))
	require.ErrorContains(t, batch.Failed[0].Err, kafka.MetadataKey)
	require.Equal(t, 3, batch.Failed[1].Index)
	require.Equal(t, domain.TooLarge, domain.KindOf(batch.Failed[1].Err))
	require.Equal(t, domain.TooLarge, domain.KindOf(err), "the batch is what its worst message is")

	var values []string
	for _, r := range Read(t, s, topic)[domain.Partition("u/1", 4)] {
		values = append(values, string(r.Value))
	}
	require.Equal(t, []string{"1", "2", "3"}, values)
	for i, m := range msgs {
		_, _, ok := kafka.Position(m)
		require.Equal(t, i != 1 && i != 3, ok, "position of message %d", i)
	}
}

func concurrentPublishing(t *testing.T, s kafka.Settings) {
	const writers, batches, size = 16, 20, 10
	topic := Topic(t, s, 4)
	p := NewPublisher(t, kafka.PublisherOptions{Settings: s, MaxInFlight: kafka.MaxMessageBytes, Timeout: Patience})
	var wg sync.WaitGroup
	errs := make([]error, writers)
	for w := range writers {
		wg.Go(func() {
			for b := range batches {
				var msgs []*message.Message
				for i := range size {
					msgs = append(msgs, Message(key(w, i), fmt.Sprintf("%d %d", w, b*size+i)))
				}
				if err := p.Publish(topic, msgs...); err != nil {
					errs[w] = err
					return
				}
			}
		})
	}
	wg.Wait()
	for _, err := range errs {
		require.NoError(t, err)
	}
	next := make([]int, writers)
	for _, r := range flat(Read(t, s, topic)) {
		var w, n int
		_, err := fmt.Sscan(string(r.Value), &w, &n)
		require.NoError(t, err)
		require.Equal(t, next[w], n, "records of writer %d", w)
		next[w]++
	}
	for w := range writers {
		require.Equal(t, batches*size, next[w])
	}
}

func emptyBatch(t *testing.T, s kafka.Settings) {
	p := NewPublisher(t, kafka.PublisherOptions{Settings: s})
	require.NoError(t, p.Publish("no such topic"))
}

func cancelledCaller(t *testing.T, s kafka.Settings) {
	topic := Topic(t, s, 1)
	p := NewPublisher(t, kafka.PublisherOptions{Settings: s})
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	m := Message("u/m", "never")
	m.SetContext(ctx)
	err := p.Publish(topic, m)
	require.ErrorIs(t, err, context.Canceled)
	require.Equal(t, domain.Unavailable, domain.KindOf(err))
	require.Empty(t, Read(t, s, topic))
}

func closedPublisher(t *testing.T, s kafka.Settings) {
	topic := Topic(t, s, 1)
	p := NewPublisher(t, kafka.PublisherOptions{Settings: s})
	require.NoError(t, p.Publish(topic, Message("u/m", "before")))
	require.NoError(t, p.Close())
	require.NoError(t, p.Close())
	err := p.Publish(topic, Message("u/m", "after"))
	require.ErrorIs(t, err, kafka.ErrClosed)
	require.Equal(t, domain.Unavailable, domain.KindOf(err))
	require.Len(t, Read(t, s, topic)[0], 1)
}

func headersOf(t *testing.T, r *kgo.Record) map[string]string {
	got := map[string]string{}
	for _, h := range r.Headers {
		require.NotContains(t, got, h.Key, "a header twice")
		got[h.Key] = string(h.Value)
	}
	return got
}

func flat(byPartition map[int32][]*kgo.Record) (all []*kgo.Record) {
	for _, rs := range byPartition {
		all = append(all, rs...)
	}
	return all
}
