package streams

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"

	"ugc/domain"
)

// tail reads topics beside goka: where partitions begin and end, and parts of them.
type tail struct {
	opts []kgo.Opt
	adm  *kadm.Client
}

// The bounds of reading: one answer, and the longest time without a record where records are known to be.
const (
	askWithin  = 15 * time.Second
	tailWithin = 15 * time.Second
)

func openTail(opts []kgo.Opt) (*tail, error) {
	client, err := kgo.NewClient(opts...)
	if err != nil {
		return nil, fmt.Errorf("look at the log: %w", err)
	}
	return &tail{opts: opts, adm: kadm.NewClient(client)}, nil
}

func (t *tail) close() { t.adm.Close() }

// span is what a partition holds: from its first offset to before the next one.
type span struct{ first, next int64 }

func (s span) len() int64 { return s.next - s.first }

// back is the last n offsets of the span, or all.
func (s span) back(n int64) span { return span{max(s.first, s.next-n), s.next} }

// spans are what the partitions of a topic hold now.
func (t *tail) spans(ctx context.Context, topic string) (map[int32]span, error) {
	ctx, cancel := context.WithTimeout(ctx, askWithin)
	defer cancel()
	all := map[int32]span{}
	for _, ask := range []struct {
		list func(context.Context, ...string) (kadm.ListedOffsets, error)
		note func(*span, int64)
	}{
		{t.adm.ListStartOffsets, func(s *span, o int64) { s.first = o }},
		{t.adm.ListEndOffsets, func(s *span, o int64) { s.next = o }},
	} {
		listed, err := ask.list(ctx, topic)
		if err == nil {
			err = listed.Error()
		}
		if err != nil {
			return nil, domain.Wrap(domain.Unavailable, "look where "+topic+" begins and ends", err)
		}
		listed.Each(func(o kadm.ListedOffset) {
			s := all[o.Partition]
			ask.note(&s, o.Offset)
			all[o.Partition] = s
		})
	}
	return all, nil
}

// commits are the offsets that the group goes on from in a topic; a partition that is not there has none.
func (t *tail) commits(ctx context.Context, group, topic string) (map[int32]int64, error) {
	ctx, cancel := context.WithTimeout(ctx, askWithin)
	defer cancel()
	fetched, err := t.adm.FetchOffsets(ctx, group)
	if errors.Is(err, kerr.GroupIDNotFound) {
		return nil, nil
	}
	if err == nil {
		err = fetched.Error()
	}
	if err != nil {
		return nil, domain.Wrap(domain.Unavailable, "commits of group "+group, err)
	}
	all := map[int32]int64{}
	for p, o := range fetched[topic] {
		if o.At >= 0 {
			all[p] = o.At
		}
	}
	return all, nil
}

// read gives the records of a part of a partition, in order. Offsets without a record are passed over. A record is
// each's for good.
func (t *tail) read(ctx context.Context, topic string, p int32, part span, each func(*kgo.Record) error) error {
	if part.len() <= 0 {
		return nil
	}
	client, err := kgo.NewClient(append(append([]kgo.Opt(nil), t.opts...),
		kgo.ConsumePartitions(map[string]map[int32]kgo.Offset{topic: {p: kgo.NewOffset().At(part.first)}}),
		kgo.ConsumeResetOffset(kgo.NoResetOffset()), // what is gone is an error, and not passed over
		kgo.KeepControlRecords(), // or the end would never come where one stands there
		kgo.FetchMaxPartitionBytes(2<<20), kgo.FetchMaxBytes(4<<20))...)
	if err != nil {
		return fmt.Errorf("read %s: %w", topic, err)
	}
	defer client.Close()
	for next := part.first; next < part.next; {
		bounded, cancel := context.WithTimeout(ctx, tailWithin)
		fetches := client.PollRecords(bounded, 10_000)
		cancel()
		if err := fetches.Err(); err != nil {
			return domain.Wrap(domain.Unavailable, fmt.Sprintf("read partition %d of %s at offset %d of %d", p, topic, next, part.next), err)
		}
		for _, r := range fetches.Records() {
			next = r.Offset + 1
			if r.Offset >= part.next || r.Attrs.IsControl() {
				continue
			}
			if err := each(r); err != nil {
				return err
			}
		}
	}
	return nil
}

// firstLook is how many records from the end are read first, and lookMore by how much more it is each time that they do not say what is asked.
const (
	firstLook = 256
	lookMore  = 8
)

// backwards reads a partition in growing parts that end where it ends, until enough says so or all of it was read.
func (t *tail) backwards(ctx context.Context, topic string, p int32, whole span, begin func(part span), each func(*kgo.Record) error, enough func() bool) error {
	for n := int64(firstLook); ; n *= lookMore {
		part := whole.back(n)
		begin(part)
		if err := t.read(ctx, topic, p, part, each); err != nil {
			return err
		}
		if part.first == whole.first || enough() {
			return nil
		}
	}
}
