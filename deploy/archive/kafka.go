package archive

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"

	"ugc/domain"
	"ugc/transport/kafka"
)

// The bounds of asking: one answer, and the longest time without any progress.
const (
	answerWithin = 15 * time.Second
	stallAfter   = time.Minute
)

// span is what a partition holds: from the first offset to before the next one.
type span struct{ first, next int64 }

// spans are what the partitions of a topic hold now, in their order.
func spans(ctx context.Context, adm *kadm.Client, topic string) ([]span, error) {
	ctx, cancel := context.WithTimeout(ctx, answerWithin)
	defer cancel()
	first, next := kadm.ListedOffsets{}, kadm.ListedOffsets{}
	committed := kadm.ListedOffsets{}
	for _, ask := range []struct {
		of  func(context.Context, ...string) (kadm.ListedOffsets, error)
		out *kadm.ListedOffsets
	}{{adm.ListStartOffsets, &first}, {adm.ListEndOffsets, &next}, {adm.ListCommittedOffsets, &committed}} {
		listed, err := ask.of(ctx, topic)
		if err == nil {
			err = listed.Error()
		}
		if err != nil {
			return nil, domain.Wrap(domain.Unavailable, "offsets of "+topic, err)
		}
		*ask.out = listed
	}
	out := make([]span, len(next[topic]))
	if len(out) == 0 {
		return nil, &domain.Error{Kind: domain.NotFound, Message: "there is no topic " + topic + ": is this the cluster of ugc? `ugc init` makes its topics"}
	}
	for p := range out {
		f, one := first.Lookup(topic, int32(p))
		n, two := next.Lookup(topic, int32(p))
		c, three := committed.Lookup(topic, int32(p))
		if !one || !two || !three {
			return nil, fmt.Errorf("offsets of %s: partition %d of %d is missing", topic, p, len(out))
		}
		if c.Offset < n.Offset {
			return nil, &domain.Error{Kind: domain.Conflict, Message: fmt.Sprintf("partition %d of %s: a transaction of another program is open since offset %d; end it", p, topic, c.Offset)}
		}
		out[p] = span{f.Offset, n.Offset}
	}
	return out, nil
}

// read gives the committed records of a part of a partition, in order, and after each poll how far it has come. Records are each's only until it returns.
func read(ctx context.Context, settings []kgo.Opt, topic string, partition int32, part span, each func(*kgo.Record) error, reached func(next int64)) error {
	if part.first >= part.next {
		return nil
	}
	client, err := kgo.NewClient(append(append([]kgo.Opt{}, settings...),
		kgo.ConsumePartitions(map[string]map[int32]kgo.Offset{topic: {partition: kgo.NewOffset().At(part.first)}}),
		kgo.ConsumeResetOffset(kgo.NoResetOffset()), // a record that went away meanwhile is an error, and not passed over
		kgo.FetchIsolationLevel(kgo.ReadCommitted()),
		kgo.KeepControlRecords(), // or the last offset would never come where it is the end of a transaction
		kgo.FetchMaxBytes(8<<20), kgo.FetchMaxPartitionBytes(8<<20))...)
	if err != nil {
		return fmt.Errorf("configure Kafka clients: %w", err)
	}
	defer client.Close()
	for next := part.first; next < part.next; reached(min(next, part.next)) {
		records, err := kafka.Poll(ctx, client, stallAfter)
		if err != nil {
			return fmt.Errorf("read %s, partition %d, at offset %d of %d: %w", topic, partition, next, part.next, err)
		}
		for _, r := range records {
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

// inUse says why nobody may write the log anew: a topic that holds something, or a group that works or has got somewhere. nil where all is new.
func inUse(ctx context.Context, adm *kadm.Client, topics, groups []string) error {
	var errs []error
	for _, t := range topics {
		parts, err := spans(ctx, adm, t)
		if err != nil {
			return err
		}
		held := int64(0)
		for _, p := range parts {
			held += p.next
		}
		if held > 0 {
			errs = append(errs, fmt.Errorf("topic %s is not new: %d records were written to it", t, held))
		}
	}
	for _, g := range groups {
		if err := idle(ctx, adm, g, topics); err != nil {
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}

// idle says what a group does or has done in topics; nil where that is nothing.
func idle(ctx context.Context, adm *kadm.Client, group string, topics []string) error {
	ctx, cancel := context.WithTimeout(ctx, answerWithin)
	defer cancel()
	described, err := adm.DescribeGroups(ctx, group)
	if err != nil {
		return domain.Wrap(domain.Unavailable, "look at group "+group, err)
	}
	if n := len(described[group].Members); n > 0 {
		return fmt.Errorf("group %s has %d members at work: stop every process of ugc", group, n)
	}
	offsets, err := adm.FetchOffsets(ctx, group)
	if errors.Is(err, kerr.GroupIDNotFound) {
		return nil
	}
	if err == nil {
		err = offsets.Error()
	}
	if err != nil {
		return domain.Wrap(domain.Unavailable, "offsets of group "+group, err)
	}
	for _, t := range topics {
		for p, o := range offsets[t] {
			if o.At > 0 { // it would go on there, and never see what is written before
				return fmt.Errorf("group %s stands at offset %d of partition %d of %s: delete the group", group, o.At, p, t)
			}
		}
	}
	return nil
}
