package kafka_test

import (
	"fmt"
	"testing"

	"github.com/ThreeDotsLabs/watermill/message"
	"github.com/google/uuid"
	"github.com/twmb/franz-go/pkg/kgo"

	"ugc/deploy/embedded/broker/brokertest"
	"ugc/transport/kafka"
	"ugc/transport/kafka/kafkatest"
)

// BenchmarkPublish is what watermill's form costs beside bare kgo, the same records through the same broker.
func BenchmarkPublish(b *testing.B) {
	s := kafka.Settings{Brokers: []string{brokertest.Start(b)}}
	topic := kafkatest.Topic(b, s, 4)
	id, value := uuid.NewString(), make([]byte, 200)
	key := func(i int) string { return fmt.Sprintf("user-%d/movie", i%1000) }
	p := kafkatest.NewPublisher(b, kafka.PublisherOptions{Settings: s})
	publish := func(size int) error {
		msgs := make([]*message.Message, size)
		for i := range msgs {
			msgs[i] = message.NewMessage(id, value)
			msgs[i].Metadata[kafka.MetadataKey] = key(i)
		}
		return p.Publish(topic, msgs...)
	}
	cl := kafkatest.Client(b, s)
	produce := func(size int) error {
		rs := make([]*kgo.Record, size)
		for i := range rs {
			rs[i] = &kgo.Record{Topic: topic, Key: []byte(key(i)), Value: value}
		}
		return cl.ProduceSync(b.Context(), rs...).FirstErr()
	}
	for _, c := range []struct {
		name           string
		parallel, size int
		write          func(int) error
	}{
		{"single/publisher", 32, 1, publish}, {"single/kgo", 32, 1, produce},
		{"batch100/publisher", 4, 100, publish}, {"batch100/kgo", 4, 100, produce},
	} {
		b.Run(c.name, func(b *testing.B) {
			b.SetParallelism(c.parallel)
			b.ReportAllocs()
			b.RunParallel(func(pb *testing.PB) {
				for pb.Next() {
					if err := c.write(c.size); err != nil {
						b.Error(err)
						return
					}
				}
			})
			b.ReportMetric(float64(b.N*c.size)/b.Elapsed().Seconds(), "messages/s")
		})
	}
}
