package kafka

import (
	"context"
	"testing"

	"github.com/IBM/sarama"
	wkafka "github.com/ThreeDotsLabs/watermill-kafka/v3/pkg/kafka"
	"github.com/ThreeDotsLabs/watermill/message"
	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kgo"
	"pgregory.net/rapid"
)

// TestRecordsHaveWatermillsForm holds the marshaler against the one of watermill-kafka: the same key, value and headers, and of ours only those that it lacks.
func TestRecordsHaveWatermillsForm(t *testing.T) {
	oracle := wkafka.NewWithPartitioningMarshaler(func(_ string, msg *message.Message) (string, error) { return msg.Metadata[MetadataKey], nil })
	names := rapid.SampledFrom([]string{"a", "b", MetadataCommandID, MetadataContentType, MetadataPartition, MetadataOffset})
	rapid.Check(t, func(t *rapid.T) {
		msg := message.NewMessage(rapid.String().Draw(t, "uuid"), rapid.SliceOf(rapid.Byte()).Draw(t, "payload"))
		for name, value := range rapid.MapOf(names, rapid.String()).Draw(t, "metadata") {
			msg.Metadata[name] = value
		}
		msg.Metadata[MetadataKey] = rapid.String().Draw(t, "key")
		var rec kgo.Record
		require.NoError(t, newMarshaler("text/plain").into(context.Background(), &rec, "topic", msg))

		theirs, err := oracle.Marshal("topic", msg)
		require.NoError(t, err)
		require.Equal(t, "topic", rec.Topic)
		require.Equal(t, encoded(t, theirs.Key), string(rec.Key))
		require.Equal(t, encoded(t, theirs.Value), string(rec.Value))
		want := map[string]string{MetadataCommandID: msg.UUID, MetadataContentType: "text/plain"}
		for _, h := range theirs.Headers {
			want[string(h.Key)] = string(h.Value)
		}
		delete(want, MetadataKey)
		delete(want, MetadataPartition)
		delete(want, MetadataOffset)
		got := map[string]string{}
		for _, h := range rec.Headers {
			require.NotContains(t, got, h.Key, "no header is there twice")
			got[h.Key] = string(h.Value)
		}
		require.Equal(t, want, got)
		require.Equal(t, wkafka.UUIDHeaderKey, rec.Headers[0].Key)
	})
}

func encoded(t *rapid.T, e sarama.Encoder) string {
	b, err := e.Encode()
	require.NoError(t, err)
	return string(b)
}

func TestMessagesThatHaveNoRecord(t *testing.T) {
	keyless := message.NewMessage("id", nil)
	require.ErrorIs(t, newMarshaler("").into(context.Background(), new(kgo.Record), "t", keyless), errNoKey)
	taken := message.NewMessage("id", nil)
	taken.Metadata[MetadataKey], taken.Metadata[wkafka.UUIDHeaderKey] = "k", "other"
	require.ErrorContains(t, newMarshaler("").into(context.Background(), new(kgo.Record), "t", taken), wkafka.UUIDHeaderKey)
}
