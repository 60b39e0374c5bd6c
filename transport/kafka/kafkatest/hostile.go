package kafkatest

import (
	"bytes"
	"context"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kgo"

	"ugc/transport/kafka"
)

// Hostile are records that no program of the house wrote, each as large as the broker takes in some part: keys that can be nobody's, then keys of ours
// whose values make no sense. Every part that reads a topic has to pass them over, or set them aside, in bounded space and time.
type Hostile struct {
	Strays []*kgo.Record // by their keys they belong to nobody
	Poison []*kgo.Record // by their keys they belong to somebody
}

// Written is how many records there are.
func (h Hostile) Written() int { return len(h.Strays) + len(h.Poison) }

// largest leaves room for what Kafka adds to a record alone in its batch.
const largest = kafka.MaxMessageBytes - 256

// WriteHostile writes them to a partition. keyed makes keys of the partition of names.
func WriteHostile(t testing.TB, addr, topic string, partition int32, keyed func(name string) string) Hostile {
	t.Helper()
	noise := make([]byte, largest)
	r := rand.NewChaCha8([32]byte{7})
	_, _ = r.Read(noise)
	h := Hostile{}
	for _, key := range []string{
		strings.Repeat("k", 600<<10), string(make([]byte, 200<<10)), strings.Repeat("k", largest), string(noise), strings.Repeat("/", 64<<10),
		strings.Repeat("u", 300<<10) + "/" + strings.Repeat("m", 300<<10), strings.Repeat("é", 3<<10), "u/m/n", "u\x00/m", "\xff/m",
	} {
		value := []byte("poison")[:min(6, largest-len(key))]
		h.Strays = append(h.Strays, &kgo.Record{Key: []byte(key), Value: value})
	}
	h.Strays = append(h.Strays,
		&kgo.Record{Value: noise}, // no key at all
		&kgo.Record{Key: noise[:largest/2], Value: noise[largest/2:]},
		&kgo.Record{Key: noise[:largest/3], Value: noise[:largest/3], Headers: []kgo.RecordHeader{{Key: "h", Value: noise[:largest/4]}}},
	)
	var many []kgo.RecordHeader
	for range largest / 8 {
		many = append(many, kgo.RecordHeader{Key: "hh", Value: []byte("v")})
	}
	for name, record := range map[string]*kgo.Record{
		"value":      {Value: noise[:largest-64]},
		"header":     {Value: []byte("poison"), Headers: []kgo.RecordHeader{{Key: "h", Value: noise[:largest-64]}}},
		"name":       {Value: []byte("poison"), Headers: []kgo.RecordHeader{{Key: string(noise[:largest-64])}}},
		"headers":    {Value: []byte("poison"), Headers: many},
		"compressed": {Value: bytes.Repeat([]byte("k"), 32<<20)}, // the broker's limit holds for what was compressed
		"null":       {},
	} {
		record.Key = []byte(keyed(name))
		h.Poison = append(h.Poison, record)
	}
	write(t, addr, topic, partition, append(append([]*kgo.Record(nil), h.Strays...), h.Poison...))
	return h
}

// write sends each record in a batch of its own, plain where it fits so.
func write(t testing.TB, addr, topic string, partition int32, records []*kgo.Record) {
	t.Helper()
	open := func(codec kgo.CompressionCodec) *kgo.Client {
		client, err := kgo.NewClient(kgo.SeedBrokers(addr), kgo.RecordPartitioner(kgo.ManualPartitioner()), kgo.ProducerBatchCompression(codec),
			kgo.ProducerBatchMaxBytes(64<<20), kgo.MaxBufferedBytes(0))
		require.NoError(t, err)
		t.Cleanup(client.Close)
		return client
	}
	plain, small := open(kgo.NoCompression()), open(kgo.ZstdCompression())
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	for _, r := range records {
		r.Topic, r.Partition = topic, partition
		client := plain
		if len(r.Value) > largest {
			client = small
		}
		require.NoError(t, client.ProduceSync(ctx, r).FirstErr(), "the broker takes a key of %d bytes and a value of %d", len(r.Key), len(r.Value))
	}
}
