// Package kafkatest is what every broker that the house may meet must bear out, the embedded one and real ones.
package kafkatest

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/ThreeDotsLabs/watermill/message"
	"github.com/google/uuid"
	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"ugc/transport/kafka"
)

// Patience bounds every wait of the suites; they end as soon as what they wait for is there.
const Patience = 60 * time.Second

// Client is a kgo client with the house's settings that ends with the test.
func Client(t testing.TB, s kafka.Settings, extra ...kgo.Opt) *kgo.Client {
	t.Helper()
	opts, err := s.Kgo(extra...)
	require.NoError(t, err)
	cl, err := kgo.NewClient(opts...)
	require.NoError(t, err)
	t.Cleanup(cl.Close)
	return cl
}

// Topic makes a topic of its own for a test and returns its name once it can be written to.
func Topic(t testing.TB, s kafka.Settings, partitions int32) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), Patience)
	defer cancel()
	name := "test." + uuid.NewString()
	_, err := kafka.EnsureTopics(ctx, Client(t, s), []kafka.Topic{{Name: name, Partitions: partitions}})
	require.NoError(t, err)
	return name
}

// Read returns every record of a topic that is there now, by partition, in offset order.
func Read(t testing.TB, s kafka.Settings, topic string) map[int32][]*kgo.Record {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), Patience)
	defer cancel()
	cl := Client(t, s, kgo.ConsumeTopics(topic))
	ends, err := kadm.NewClient(cl).ListEndOffsets(ctx, topic)
	require.NoError(t, err)
	var want int64
	ends.Each(func(o kadm.ListedOffset) { want += o.Offset })
	got := map[int32][]*kgo.Record{}
	for n := int64(0); n < want; {
		fs := cl.PollFetches(ctx)
		require.NoError(t, ctx.Err(), "read %d of %d records", n, want)
		fs.EachRecord(func(r *kgo.Record) {
			got[r.Partition] = append(got[r.Partition], r)
			n++
		})
	}
	return got
}

// Message is a message with a key, ready to publish.
func Message(key, payload string) *message.Message {
	m := message.NewMessage(uuid.NewString(), []byte(payload))
	m.Metadata.Set(kafka.MetadataKey, key)
	return m
}

// Header is the value of a record's header, "" where there is none.
func Header(r *kgo.Record, name string) string {
	for _, h := range r.Headers {
		if h.Key == name {
			return string(h.Value)
		}
	}
	return ""
}

// NewPublisher makes a publisher that ends with the test.
func NewPublisher(t testing.TB, o kafka.PublisherOptions) *kafka.Publisher {
	t.Helper()
	p, err := kafka.NewPublisher(o)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, p.Close()) })
	return p
}

func key(user, movie int) string { return fmt.Sprintf("user-%d/movie-%d", user, movie) }
