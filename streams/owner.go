package streams

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"ugc/domain"
	"ugc/schemas"
	"ugc/schemas/topics"
)

// How an owner of a table partition learns what others write into it, and makes good what it finds.

var (
	errOtherOwner = errors.New("another owner of the partition has written to its table: this one starts again from what stands there")
	errShorter    = errors.New("the table's topic has lost its end: the copy is thrown away and restored")
	errLost       = errors.New("its records may have been compacted away, and it is not rebuilt yet")
	errStalled    = fmt.Errorf("no record came within %s", readWithin)
)

const (
	lookEvery  = 2 * time.Second  // how often the ends of the table's partitions are asked for, all at once
	lookWithin = 10 * time.Second // for one such question
	readWithin = 10 * time.Second // for the next records of a topic
	maxLook    = 1 << 16          // records of others that are read beside the work; beyond it the owner restores
	maxLost    = 1 << 14          // keys that are rebuilt in one pass over the input
)

// tableLog is what an owner asks of the broker beside what goka reads.
type tableLog interface {
	// ends gives the end of each partition of the topic.
	ends(ctx context.Context, topic string) (map[int32]int64, error)
	// start gives the first offset of the partition.
	start(ctx context.Context, topic string, partition int32) (int64, error)
	// read gives the records from one offset to before another, in order. It waits for them, in bounded time.
	read(ctx context.Context, topic string, partition int32, from, to int64, each func(*kgo.Record) error) error
}

// lookAround reads what stands in the topic before end and is not known. What counts is another owner's and ends this
// one: the session that holds the partition now, this process's or another's, restores it. What does not count is
// noted, so that the next flush writes its keys again. It is the writer's.
func (t *table[S]) lookAround(end int64) error {
	if end <= t.end {
		return nil
	}
	topic := t.run.group.Table.Name
	if end-t.end > maxLook {
		return fmt.Errorf("table %s, partition %d: %d records: %w", topic, t.part.id, end-t.end, errOtherOwner)
	}
	// Of a key without a value everything is known up to here: it has none.
	absent, err := t.encode(newTable[S]())
	if err != nil {
		return err
	}
	err = t.run.tables.read(t.part.ctx, topic, t.part.id, t.end, end, func(r *kgo.Record) error {
		if r.Offset != t.end { // compacted away: it may have counted
			return fmt.Errorf("offset %d is gone: %w", t.end, errOtherOwner)
		}
		found := tableRecord{partition: t.part.id, offset: r.Offset, key: string(r.Key), value: r.Value}
		for _, h := range r.Headers {
			if h.Key == topics.HeaderPlace {
				found.placed = string(h.Value)
			}
		}
		switch j, err := t.keeper.keep(t.copy, found, absent); {
		case err != nil:
			return err
		case j == counts:
			return fmt.Errorf("offset %d: %w", r.Offset, errOtherOwner)
		}
		t.end++
		return t.copy.SetOffset(r.Offset)
	})
	if err == nil && t.end < end {
		err = fmt.Errorf("offset %d is gone: %w", t.end, errOtherOwner)
	}
	if err != nil {
		return fmt.Errorf("look at what others wrote to %s, partition %d: %w", topic, t.part.id, err)
	}
	return nil
}

// watch tells the owners of all partitions where these end, every now and then, until ctx ends. An answer that does not
// come costs nothing: the next flush meets what stands there.
func (run *incarnation) watch(ctx context.Context, every time.Duration) {
	ticker := time.NewTicker(every)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		owners := run.owners()
		if len(owners) == 0 {
			continue
		}
		asked, cancel := context.WithTimeout(ctx, lookWithin)
		ends, err := run.tables.ends(asked, run.group.Table.Name)
		cancel()
		if err != nil {
			run.log.Debug("the ends of the table's partitions are not known; they are asked for again", "in", every, "err", err)
			continue
		}
		for id, hear := range owners {
			if end, ok := ends[id]; ok {
				hear(end)
			}
		}
	}
}

func (run *incarnation) owners() map[int32]func(int64) {
	run.mu.RLock()
	defer run.mu.RUnlock()
	owners := make(map[int32]func(int64), len(run.parts))
	for id, p := range run.parts {
		if hear := p.heard.Load(); hear != nil {
			owners[id] = *hear
		}
	}
	return owners
}

// rebuildLost makes the values of keys of which a restore found nothing but records that do not count: a right one may
// have stood there and been compacted away. All inputs of the key before the commit are folded again, by the rule as it
// is today; their outcomes are written. Where the input does not reach back to its beginning, the key waits as behind a
// dead letter, and somebody has to decide.
func rebuildLost[S, M any](run *incarnation, p *partition, copy *store, r *rule[S, M]) error {
	for {
		keys, err := copy.marked(markLost, maxLost)
		if err != nil || len(keys) == 0 {
			return err
		}
		values, err := refold(run, p, keys, r)
		if err != nil {
			return fmt.Errorf("rebuild %d keys of partition %d, such as %s: %w", len(keys), p.id, schemas.Quote(keys[0]), err)
		}
		for key, value := range values {
			value.Outbox = nil
			b, err := r.encode(value)
			if err != nil {
				return err
			}
			if err := errors.Join(copy.Set(key, b), copy.mark(key, markRepair)); err != nil {
				return err
			}
		}
	}
}

// refold folds all inputs of the keys before the session's first.
func refold[S, M any](run *incarnation, p *partition, keys []string, r *rule[S, M]) (map[string]*schemas.Table[S], error) {
	values := make(map[string]*schemas.Table[S], len(keys))
	for _, key := range keys {
		values[key] = newTable[S]()
	}
	claim := p.claim.Load()
	if claim == nil || (*claim).InitialOffset() <= 0 { // nothing is committed, so all inputs come again
		return values, nil
	}
	commit, topic := (*claim).InitialOffset(), run.group.Input.Name
	start, err := run.tables.start(p.ctx, topic, p.id)
	if err != nil {
		return nil, err
	}
	if start > 0 {
		run.log.Error("the values of some keys are lost, and the input does not reach back to make them again: these keys wait as behind a dead letter; "+
			"release them with the header "+HeaderRelease+" to go on from nothing", "table", run.group.Table.Name, "partition", p.id,
			"keys", len(keys), "first", schemas.Quote(keys[0]), "log_start", start)
		for _, value := range values {
			value.Applied, value.Blocked = domain.NewVersion(run.epoch, commit-1), true
		}
		return values, nil
	}
	run.log.Warn("the table holds nothing but foreign or late records of some keys: their values are made again from the input",
		"table", run.group.Table.Name, "partition", p.id, "keys", len(keys), "first", schemas.Quote(keys[0]), "inputs", commit)
	err = run.tables.read(p.ctx, topic, p.id, start, commit, func(record *kgo.Record) error {
		value := values[string(record.Key)]
		if value == nil {
			return nil
		}
		in := &input{
			origin: domain.Origin{Partition: p.id, Version: domain.NewVersion(run.epoch, record.Offset)},
			key:    string(record.Key), value: record.Value,
		}
		for _, h := range record.Headers {
			in.release = in.release || h.Key == HeaderRelease
		}
		s, err := r.step(value, in, in.origin.Version)
		if err != nil {
			return fmt.Errorf("%s at offset %d: %w", topic, record.Offset, err)
		}
		values[in.key] = s.table
		return nil
	})
	return values, err
}

// brokerLog is tableLog over a client that asks, and one of its own for each reading.
type brokerLog struct {
	client *kgo.Client
	opts   []kgo.Opt
}

func (b *brokerLog) ends(ctx context.Context, topic string) (map[int32]int64, error) {
	listed, err := kadm.NewClient(b.client).ListEndOffsets(ctx, topic)
	if err == nil {
		err = listed.Error()
	}
	if err != nil {
		return nil, domain.Wrap(domain.Unavailable, "ask where "+topic+" ends", err)
	}
	ends := make(map[int32]int64)
	listed.Each(func(o kadm.ListedOffset) { ends[o.Partition] = o.Offset })
	return ends, nil
}

func (b *brokerLog) start(ctx context.Context, topic string, partition int32) (int64, error) {
	ctx, cancel := context.WithTimeout(ctx, lookWithin)
	defer cancel()
	listed, err := kadm.NewClient(b.client).ListStartOffsets(ctx, topic)
	if err == nil {
		err = listed.Error()
	}
	if err != nil {
		return 0, domain.Wrap(domain.Unavailable, "ask where "+topic+" begins", err)
	}
	o, ok := listed.Lookup(topic, partition)
	if !ok {
		return 0, domain.Wrap(domain.Unavailable, "ask where "+topic+" begins", errors.New("nothing is said of partition "+strconv.Itoa(int(partition))))
	}
	return o.Offset, nil
}

func (b *brokerLog) read(ctx context.Context, topic string, partition int32, from, to int64, each func(*kgo.Record) error) error {
	client, err := kgo.NewClient(append(append([]kgo.Opt(nil), b.opts...),
		kgo.ConsumePartitions(map[string]map[int32]kgo.Offset{topic: {partition: kgo.NewOffset().At(from)}}),
		kgo.ConsumeResetOffset(kgo.NoResetOffset()))...)
	if err != nil {
		return fmt.Errorf("open consumer: %w", err)
	}
	defer client.Close()
	for next := from; next < to; {
		polled, cancel := context.WithTimeoutCause(ctx, readWithin, errStalled)
		fetched := client.PollFetches(polled)
		cancel()
		if err := fetched.Err(); err != nil {
			if ctx.Err() == nil && errors.Is(err, context.DeadlineExceeded) {
				err = errStalled
			}
			return domain.Wrap(domain.Unavailable, fmt.Sprintf("read %s, partition %d, offset %d", topic, partition, next), err)
		}
		for it := fetched.RecordIter(); !it.Done(); {
			r := it.Next()
			if r.Offset >= to {
				return nil
			}
			if err := each(r); err != nil {
				return err
			}
			next = r.Offset + 1
		}
	}
	return nil
}
