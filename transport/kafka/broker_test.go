package kafka_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"ugc/deploy/embedded/broker"
	"ugc/deploy/embedded/broker/brokertest"
	"ugc/deploy/real/realtest"
	"ugc/transport/kafka"
	"ugc/transport/kafka/kafkatest"
)

// What tests use in place of a broker, what runs in the program, and what others wrote: all three pass the same.

func TestTheTestBroker(t *testing.T) {
	kafkatest.Broker(t, kafka.Settings{Brokers: []string{brokertest.Start(t)}})
}

func TestTheEmbeddedBroker(t *testing.T) {
	b, err := broker.Open(broker.Options{DataDir: t.TempDir(), Addr: "127.0.0.1:0", Logger: quiet})
	require.NoError(t, err)
	defer b.Close()
	kafkatest.Broker(t, kafka.Settings{Brokers: []string{b.Addr()}})
}

func TestARealBroker(t *testing.T) {
	kafkatest.Broker(t, kafka.Settings{Brokers: []string{realtest.Broker(t)}})
}

// The embedded broker compacts when it starts.
func TestCompactionOfTheEmbeddedBroker(t *testing.T) {
	o := broker.Options{DataDir: t.TempDir(), Addr: "127.0.0.1:0", Logger: quiet, CompactionLag: -1}
	b, err := broker.Open(o)
	require.NoError(t, err)
	defer func() { b.Close() }()
	kafkatest.Compaction(t, kafka.Settings{Brokers: []string{b.Addr()}}, func(func(string) bool, string) kafka.Settings {
		require.NoError(t, b.Close())
		b, err = broker.Open(o)
		require.NoError(t, err)
		return kafka.Settings{Brokers: []string{b.Addr()}}
	})
}

// A real one compacts whenever it has time.
func TestCompactionOfARealBroker(t *testing.T) {
	s := kafka.Settings{Brokers: []string{realtest.Broker(t)}}
	kafkatest.Compaction(t, s, func(compacted func(string) bool, topic string) kafka.Settings {
		require.Eventually(t, func() bool { return compacted(topic) }, kafkatest.Patience, 200*time.Millisecond)
		return s
	})
}
