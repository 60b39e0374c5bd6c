package streams

import (
	"context"
	"fmt"
	"slices"

	"github.com/twmb/franz-go/pkg/kgo"

	"ugc/domain"
	"ugc/schemas/topics"
)

// passOn makes the topics that hold the group's events under another key have all of them: the events of this partition, which nobody but its owner writes
// there, so that their order holds. A topic that lost an end, or all of it, is filled again from the events, which are kept for ever.
func (s *standing) passOn(ctx context.Context) error {
	for _, o := range s.run.group.Outputs[1:] {
		if err := s.passOnTo(ctx, o); err != nil {
			return fmt.Errorf("compare %s with %s: %w", o.Topic.Name, s.run.group.Outputs[0].Topic.Name, err)
		}
	}
	return nil
}

func (s *standing) passOnTo(ctx context.Context, o Output) error {
	if s.event == domain.NoVersion {
		return nil
	}
	held, err := s.tail.spans(ctx, o.Topic.Name)
	if err != nil {
		return err
	}
	newest := map[int32]domain.Version{} // of the newest events, by partition of the other topic
	for _, d := range s.decisions {
		if d.id == (domain.ID{}) {
			continue
		}
		e, err := s.run.codec.DecodeEvent(d.record.Value)
		if err != nil {
			return err
		}
		q := domain.Partition(o.rekey(e.Head().Key()), int32(len(held)))
		newest[q] = max(newest[q], e.Head().Origin.Version)
	}
	lacks := false
	for q, part := range held {
		if part.len() == 0 {
			lacks = true
		}
		if want, ok := newest[q]; ok && !lacks {
			has, err := s.passedOn(ctx, o, q, part, want)
			if err != nil {
				return err
			}
			lacks = has < want
		}
	}
	if !lacks {
		return nil
	}
	return s.fill(ctx, o, held)
}

// passedOn is the newest event of this partition in a partition of the other topic; it stops looking at one that is at least as new as want.
func (s *standing) passedOn(ctx context.Context, o Output, q int32, whole span, want domain.Version) (domain.Version, error) {
	has := domain.NoVersion
	err := s.tail.backwards(ctx, o.Topic.Name, q, whole, func(span) {}, func(r *kgo.Record) error {
		e, err := s.eventOf(r)
		if e != nil {
			has = max(has, e.Head().Origin.Version)
		}
		return err
	}, func() bool { return has >= want })
	return has, err
}

// fill appends, in order, the events that the other topic lacks.
func (s *standing) fill(ctx context.Context, o Output, held map[int32]span) error {
	has := map[int32]domain.Version{}
	for q, part := range held {
		var err error
		if has[q], err = s.passedOn(ctx, o, q, part, 1<<62); err != nil {
			return err
		}
	}
	var records []*kgo.Record
	filled, newest := 0, domain.NoVersion
	flush := func() error {
		if err := s.run.out.emitAll(records); err != nil {
			return err
		}
		filled += len(records)
		records = records[:0]
		return nil
	}
	err := s.tail.read(ctx, s.run.group.Outputs[0].Topic.Name, s.p, s.events, func(r *kgo.Record) error {
		e, err := s.eventOf(r)
		if e == nil || err != nil {
			return err
		}
		head := e.Head()
		q := domain.Partition(o.rekey(head.Key()), int32(len(held)))
		if v := head.Origin.Version; v > newest {
			if newest = v; v > has[q] {
				records = append(records, outputOf(o, head, r.Value))
			}
		}
		if len(records) < filledAtOnce {
			return nil
		}
		return flush()
	})
	if err == nil {
		err = flush()
	}
	if filled > 0 {
		s.log.Warn("events were missing in a topic that has them under another key: they are written again", "topic", o.Topic.Name, "events", filled)
		s.run.metrics.mended.Add(float64(filled))
	}
	return err
}

// filledAtOnce bounds the memory of fill.
const filledAtOnce = 1000

// padOutputs pads what other groups fold into tables, before anything is written there: an event at an offset that a table knows would count as repeated.
func (run *incarnation) padOutputs(ctx context.Context, t *tail) error {
	for _, g := range Topology() {
		if !slices.ContainsFunc(run.group.Outputs, func(o Output) bool { return o.Topic.Name == g.Input.Name }) {
			continue
		}
		held, err := t.spans(ctx, g.Input.Name)
		if err != nil {
			return err
		}
		tables, err := t.spans(ctx, g.Table.Name)
		if err != nil {
			return err
		}
		other := &incarnation{group: g, epoch: run.epoch, codec: run.codec, kgo: run.kgo, metrics: run.metrics}
		for q, part := range held {
			s := &standing{run: other, tail: t, p: q, input: part, table: tables[q], log: run.log}
			if err := s.readMark(ctx); err != nil {
				return err
			}
			if err := s.pad(ctx); err != nil {
				return err
			}
		}
	}
	return nil
}

// pad makes the log longer than what the table knows of it, where it lost an end: new inputs under offsets that the table knows would be taken for repeated
// ones. What is appended are events of no feedback, which the fold passes over; the events that are lost come again behind them, see passOn.
func (s *standing) pad(ctx context.Context) error {
	if s.mark == domain.NoVersion || s.mark.Offset() < s.input.next {
		return nil
	}
	missing := s.mark.Offset() + 1 - s.input.next
	if missing > maxLostCommands {
		return s.unmendable("it ends at offset %d, and the table has inputs up to %d", s.input.next, s.mark.Offset())
	}
	touch := &domain.FeedbackTouched{Change: domain.Change{Verdict: domain.Stale}}
	touch.Fact = domain.Fact{ID: domain.NamedID(domain.ID{}, "ugc/pad"), User: "ugc", Movie: s.markKey, Origin: domain.Origin{Version: domain.NoVersion}}
	value, err := s.run.codec.EncodeEvent(touch)
	if err != nil {
		return err
	}
	pads := make([]*kgo.Record, missing)
	for i := range pads {
		pads[i] = &kgo.Record{Topic: s.run.group.Input.Name, Partition: s.p, Key: []byte(s.markKey), Value: value,
			Headers: []kgo.RecordHeader{{Key: topics.HeaderContentType, Value: []byte(topics.ContentTypeAvro)}}}
	}
	if err := s.run.write(ctx, pads...); err != nil {
		return fmt.Errorf("pad partition %d of %s: %w", s.p, s.run.group.Input.Name, err)
	}
	s.log.Warn("the log had lost inputs that its table knows: their offsets are passed over",
		"topic", s.run.group.Input.Name, "partition", s.p, "inputs", missing)
	s.input.next = pads[len(pads)-1].Offset + 1
	return nil
}
