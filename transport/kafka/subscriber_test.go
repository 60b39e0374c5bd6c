package kafka_test

import (
	"log/slog"
	"testing"
	"time"

	"github.com/ThreeDotsLabs/watermill/message"
	"github.com/stretchr/testify/require"

	"ugc/deploy/embedded/broker/brokertest"
	"ugc/transport/kafka"
	"ugc/transport/kafka/kafkatest"
)

var quiet = slog.New(slog.DiscardHandler)

func next(t *testing.T, ch <-chan *message.Message) *message.Message {
	t.Helper()
	select {
	case m, ok := <-ch:
		require.True(t, ok, "the subscription ended")
		return m
	case <-time.After(kafkatest.Patience):
		require.Fail(t, "no message came")
		return nil
	}
}

func TestSubscriberStartsAtTheFirstRecordAndKeepsOrder(t *testing.T) {
	s := kafka.Settings{Brokers: []string{brokertest.Start(t)}}
	topic := kafkatest.Topic(t, s, 1)
	first, second := kafkatest.Message("u/1", "first"), kafkatest.Message("u/2", "second")
	first.Metadata.Set("reason", "undecodable")
	require.NoError(t, kafkatest.NewPublisher(t, kafka.PublisherOptions{Settings: s}).Publish(topic, first, second))

	subscribe := func() (message.Subscriber, <-chan *message.Message) {
		sub, err := kafka.NewSubscriber(kafka.SubscriberOptions{Settings: s, Group: "g", RetryAfter: time.Millisecond, Logger: quiet})
		require.NoError(t, err)
		ch, err := sub.Subscribe(t.Context(), topic)
		require.NoError(t, err)
		return sub, ch
	}
	sub, ch := subscribe()
	got := next(t, ch)
	require.Equal(t, "first", string(got.Payload), "what was written before the group came")
	require.Equal(t, first.UUID, got.UUID)
	require.Equal(t, "u/1", got.Metadata[kafka.MetadataKey])
	require.Equal(t, "undecodable", got.Metadata["reason"])
	part, offset, ok := kafka.Position(got)
	require.True(t, ok)
	require.Zero(t, part)
	require.Zero(t, offset)
	got.Nack()
	got = next(t, ch)
	require.Equal(t, "first", string(got.Payload), "again after a nack, before the second")
	got.Ack()
	got = next(t, ch)
	require.Equal(t, "second", string(got.Payload))
	require.NoError(t, sub.Close()) // not acknowledged

	sub, ch = subscribe()
	got = next(t, ch)
	require.Equal(t, "second", string(got.Payload), "the group remembers the first and not the second")
	got.Ack()
	require.NoError(t, sub.Close())
}

func TestSubscriberOptions(t *testing.T) {
	_, err := kafka.NewSubscriber(kafka.SubscriberOptions{RetryAfter: -1})
	require.ErrorContains(t, err, "no brokers")
	require.ErrorContains(t, err, "needs a group")
	require.ErrorContains(t, err, "negative")
}
