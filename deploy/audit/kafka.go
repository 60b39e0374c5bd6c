package audit

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"ugc/domain"
	"ugc/schemas"
	"ugc/schemas/topics"
	"ugc/streams"
	"ugc/transport/kafka"
)

// The bounds of asking Kafka: one answer, and the longest time without a record while there should be more.
const (
	answerWithin = 15 * time.Second
	stallAfter   = 30 * time.Second
)

// Kafka is the Log of a cluster. Make one with NewKafka, Close it after use.
type Kafka struct {
	settings []kgo.Opt
	admin    *kadm.Client
}

// NewKafka takes a client's settings; it connects at the first call.
func NewKafka(settings []kgo.Opt) (*Kafka, error) {
	client, err := kgo.NewClient(settings...)
	if err != nil {
		return nil, fmt.Errorf("configure Kafka clients: %w", err)
	}
	return &Kafka{settings: settings, admin: kadm.NewClient(client)}, nil
}

// Close ends the connections.
func (k *Kafka) Close() { k.admin.Close() }

// Ends implements Log.
func (k *Kafka) Ends(ctx context.Context, topic string) (first, next []int64, err error) {
	if first, err = k.list(ctx, topic, k.admin.ListStartOffsets); err != nil {
		return nil, nil, err
	}
	if next, err = k.list(ctx, topic, k.admin.ListEndOffsets); err == nil && len(next) != len(first) {
		err = fmt.Errorf("offsets of %s: it has %d partitions, and then %d", topic, len(first), len(next))
	}
	return first, next, err
}

func (k *Kafka) list(ctx context.Context, topic string, ask func(context.Context, ...string) (kadm.ListedOffsets, error)) ([]int64, error) {
	ctx, cancel := context.WithTimeout(ctx, answerWithin)
	defer cancel()
	listed, err := ask(ctx, topic)
	if err == nil {
		err = listed.Error()
	}
	if err != nil {
		return nil, domain.Wrap(domain.Unavailable, "offsets of "+topic, err)
	}
	out := make([]int64, len(listed[topic]))
	if len(out) == 0 {
		return nil, &domain.Error{Kind: domain.NotFound, Message: "there is no topic " + topic + ": is this the cluster of ugc?"}
	}
	for p, o := range listed[topic] {
		if int(p) >= len(out) {
			return nil, fmt.Errorf("offsets of %s: partition %d of %d", topic, p, len(out))
		}
		out[p] = o.Offset
	}
	return out, nil
}

// Committed implements Log.
func (k *Kafka) Committed(ctx context.Context, group, topic string) (map[int32]int64, error) {
	ctx, cancel := context.WithTimeout(ctx, answerWithin)
	defer cancel()
	offsets, err := k.admin.FetchOffsets(ctx, group)
	if err == nil {
		err = offsets.Error()
	}
	if err != nil {
		return nil, domain.Wrap(domain.Unavailable, "offsets of group "+group, err)
	}
	out := map[int32]int64{}
	for p, o := range offsets[topic] {
		out[p] = max(0, o.At)
	}
	return out, nil
}

// Read implements Log.
func (k *Kafka) Read(ctx context.Context, topic string, partition int32, to int64, each func(Record) error) error {
	if to <= 0 {
		return nil
	}
	settings := append(append([]kgo.Opt{}, k.settings...),
		kgo.ConsumePartitions(map[string]map[int32]kgo.Offset{topic: {partition: kgo.NewOffset().AtStart()}}),
		kgo.FetchMaxBytes(8<<20), kgo.FetchMaxPartitionBytes(8<<20))
	client, err := kgo.NewClient(settings...)
	if err != nil {
		return fmt.Errorf("configure Kafka clients: %w", err)
	}
	defer client.Close()
	for next := int64(0); next < to; {
		read, err := kafka.Poll(ctx, client, stallAfter)
		if err != nil {
			return fmt.Errorf("read %s at offset %d of %d: %w", place{topic, partition, next}, next, to, err)
		}
		for _, r := range read {
			if r.Offset >= to {
				return nil
			}
			if err := each(recordOf(r)); err != nil {
				return err
			}
			next = r.Offset + 1
		}
	}
	return nil
}

func recordOf(r *kgo.Record) Record {
	return Record{Offset: r.Offset, Key: r.Key, Value: r.Value, Release: releases(r), Late: late(r), Again: again(r)}
}

// again are the offsets that a command names as those where it stood before.
func again(r *kgo.Record) (offsets []int64) {
	for _, h := range r.Headers {
		if h.Key != streams.HeaderAgain {
			continue
		}
		if o, err := strconv.ParseInt(string(h.Value), 10, 64); err == nil {
			offsets = append(offsets, o)
		}
	}
	return offsets
}

func releases(r *kgo.Record) bool {
	return slices.ContainsFunc(r.Headers, func(h kgo.RecordHeader) bool { return h.Key == streams.HeaderRelease })
}

// late says of a table's record that it does not count, because another owner of the partition wrote before it.
func late(r *kgo.Record) bool {
	for _, h := range r.Headers {
		if h.Key == topics.HeaderPlace {
			return !schemas.Stands(h.Value, r.Offset)
		}
	}
	return false
}
