package kafka_test

import (
	"testing"

	"ugc/deploy/embedded/broker/brokertest"
	"ugc/deploy/real/realtest"
	"ugc/transport/kafka"
	"ugc/transport/kafka/kafkatest"
)

func TestPublisherOverTheEmbeddedBroker(t *testing.T) {
	kafkatest.Publisher(t, kafka.Settings{Brokers: []string{brokertest.Start(t)}})
}

func TestPublisherOverARealBroker(t *testing.T) {
	kafkatest.Publisher(t, kafka.Settings{Brokers: []string{realtest.Broker(t)}})
}
