package projections

import (
	"context"
	"fmt"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"ugc/domain"
	"ugc/schemas/topics"
)

// resume says where to go on in a partition whose watermark is stored, and why that is not where the view stopped; fault says that a person is needed.
type resume struct {
	at    kgo.Offset
	from  int64 // the same as a number, noOffset for the beginning
	why   string
	fault error
	until domain.Version // the fault is over when the view has read up to here
}

const noOffset = -1

// compare holds the stored watermarks against the log. The log may have lost its end and have grown again: then the record before the watermark is another, or none,
// and events would be left out by going on from there. Going back is always safe, because views are idempotent by version.
func (e *Engine) compare(ctx context.Context, stored map[int32]Watermark, partitions []int32) (map[int32]resume, error) {
	out := map[int32]resume{}
	client, err := kgo.NewClient(e.o.Kafka...)
	if err != nil {
		return nil, fmt.Errorf("kafka client: %w", err)
	}
	defer client.Close()
	c := comparison{e: e, adm: kadm.NewClient(client)}
	if c.first, c.next, err = c.bounds(ctx, e.o.View.Source.Name); err != nil {
		return nil, err
	}
	for _, p := range partitions {
		w, ok := stored[p]
		if !ok {
			out[p] = resume{at: kgo.NewOffset().AtStart(), from: noOffset}
			continue
		}
		if out[p], err = c.resume(ctx, p, w); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// comparison is one compare under way.
type comparison struct {
	e           *Engine
	adm         *kadm.Client
	first, next map[int32]int64
}

func at(o int64) resume { return resume{at: kgo.NewOffset().At(o), from: o} }

func (c *comparison) resume(ctx context.Context, p int32, w Watermark) (resume, error) {
	compacted := c.e.o.View.Source.Keep == topics.Compacted
	if w.Next <= c.next[p] && (compacted || w.Next <= c.first[p]) {
		return at(w.Next), nil
	}
	if compacted {
		return resume{at: kgo.NewOffset().AtStart(), from: noOffset, why: "the table's topic lost its end"}, nil
	}
	why := "the log of events lost its end"
	if w.Next <= c.next[p] {
		newest := domain.NoVersion
		if err := c.read(ctx, p, w.Next-1, w.Next, func(en *entry) { newest = max(newest, en.Version) }); err != nil {
			return resume{}, err
		}
		if newest <= w.Version {
			return at(w.Next), nil
		}
		why = "the log of events holds other records than those that the view has seen"
	}
	return c.back(ctx, p, w, why)
}

// The parts in which a log is looked through backwards, and how far behind the newest event that a view has it begins again: further than events that are
// repeated after a crash may reach.
const (
	firstLook = 256
	lookMore  = 8
	margin    = 4096
)

// back finds a place before every event that the view has not.
func (c *comparison) back(ctx context.Context, p int32, w Watermark, why string) (resume, error) {
	end := c.next[p]
	newest, known := domain.NoVersion, int64(noOffset)
	for n := int64(firstLook); ; n *= lookMore {
		from := max(c.first[p], end-n)
		err := c.read(ctx, p, from, end, func(en *entry) {
			newest = max(newest, en.Version)
			if en.refused == nil && en.Version <= w.Version {
				known = en.Offset
			}
		})
		if err != nil {
			return resume{}, err
		}
		if known != noOffset || from == c.first[p] {
			break
		}
	}
	r := at(max(c.first[p], min(known, w.Next)-margin))
	r.why = why
	if newest >= w.Version {
		return r, nil
	}
	lost := fmt.Errorf("the log of %s lost records that this view shows: it has events up to %d, the view up to %d", c.e.o.View.Source.Name, newest.Offset(), w.Version.Offset())
	commands := topics.CommandsOf(c.e.o.View.Source)
	_, next, err := c.bounds(ctx, commands.Name)
	if err != nil {
		return resume{}, err
	}
	if newest.Epoch() == w.Version.Epoch() && next[p] > w.Version.Offset() {
		r.fault, r.until = fmt.Errorf("%w; they are made again from what is in %s", lost, commands.Name), w.Version
		return r, nil
	}
	r = at(max(w.Next, end+1)) // it reads nothing: new commands would be given versions that the view takes for old ones
	r.fault, r.until = fmt.Errorf("%w, and %s ends before them; where that cannot be undone, rebuild the view: empty its store and start again",
		lost, commands.Name), never
	return r, nil
}

func (c *comparison) bounds(ctx context.Context, topic string) (first, next map[int32]int64, err error) {
	first, next = map[int32]int64{}, map[int32]int64{}
	starts, err := c.adm.ListStartOffsets(ctx, topic)
	if err == nil {
		err = starts.Error()
	}
	if err != nil {
		return nil, nil, fmt.Errorf("look where %s begins: %w", topic, err)
	}
	ends, err := c.adm.ListEndOffsets(ctx, topic)
	if err == nil {
		err = ends.Error()
	}
	if err != nil {
		return nil, nil, fmt.Errorf("look where %s ends: %w", topic, err)
	}
	starts.Each(func(o kadm.ListedOffset) { first[o.Partition] = o.Offset })
	ends.Each(func(o kadm.ListedOffset) { next[o.Partition] = o.Offset })
	return first, next, nil
}

// readWithin is the longest time without a record where records are known to be.
const readWithin = 15 * time.Second

// read gives the records of a part of a partition, in order.
func (c *comparison) read(ctx context.Context, p int32, from, to int64, each func(*entry)) error {
	from = max(from, c.first[p])
	if from >= to {
		return nil
	}
	topic := c.e.o.View.Source.Name
	client, err := kgo.NewClient(append(append([]kgo.Opt(nil), c.e.o.Kafka...),
		kgo.ConsumePartitions(map[string]map[int32]kgo.Offset{topic: {p: kgo.NewOffset().At(from)}}),
		kgo.ConsumeResetOffset(kgo.NoResetOffset()), kgo.KeepControlRecords(), kgo.FetchMaxPartitionBytes(2<<20))...)
	if err != nil {
		return fmt.Errorf("kafka client: %w", err)
	}
	defer client.Close()
	for next := from; next < to; {
		bounded, cancel := context.WithTimeout(ctx, readWithin)
		fetches := client.PollRecords(bounded, maxChunkRecords)
		cancel()
		if err := fetches.Err(); err != nil {
			return fmt.Errorf("read partition %d of %s at offset %d: %w", p, topic, next, err)
		}
		for _, r := range fetches.Records() {
			if next = r.Offset + 1; r.Offset >= to || r.Attrs.IsControl() {
				continue
			}
			en, err := c.e.decode(r)
			if err != nil {
				return err
			}
			each(&en)
		}
	}
	return nil
}
