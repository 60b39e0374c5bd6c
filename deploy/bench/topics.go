package main

import (
	"context"
	"fmt"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"ugc/schemas/topics"
	"ugc/transport/kafka"
)

// partitions of every topic, as where everything is embedded.
const partitions = 4

// settings are those of every Kafka client of the house.
func (b Backbone) settings() kafka.Settings { return kafka.Settings{Brokers: []string{b.Kafka}} }

// client is a franz-go client with the house's settings, followed by extra.
func (b Backbone) client(extra ...kgo.Opt) (*kgo.Client, error) {
	opts, err := b.settings().Kgo(extra...)
	if err != nil {
		return nil, err
	}
	return kgo.NewClient(opts...)
}

// MakeTopics makes topics that keep for ever.
func (b Backbone) MakeTopics(ctx context.Context, all ...topics.Topic) error {
	client, err := b.client()
	if err != nil {
		return err
	}
	defer client.Close()
	wanted := make([]kafka.Topic, 0, len(all))
	for _, t := range all {
		policy := "delete"
		if t.Keep == topics.Compacted {
			policy = "compact"
		}
		wanted = append(wanted, kafka.Topic{Name: t.Name, Partitions: partitions, Replication: 1, Configs: map[string]string{"cleanup.policy": policy, "retention.ms": "-1"}})
	}
	_, err = kafka.EnsureTopics(ctx, client, wanted)
	return err
}

// Records is how many records the topics hold.
func (b Backbone) Records(ctx context.Context, all ...topics.Topic) (n int64, err error) {
	client, err := b.client()
	if err != nil {
		return 0, err
	}
	defer client.Close()
	return recordsOf(ctx, client, all...)
}

func recordsOf(ctx context.Context, client *kgo.Client, all ...topics.Topic) (n int64, err error) {
	names := make([]string, 0, len(all))
	for _, t := range all {
		names = append(names, t.Name)
	}
	ends, err := kadm.NewClient(client).ListEndOffsets(ctx, names...)
	if err == nil {
		err = ends.Error()
	}
	if err != nil {
		return 0, fmt.Errorf("count records: %w", err)
	}
	ends.Each(func(o kadm.ListedOffset) { n += o.Offset })
	return n, nil
}
