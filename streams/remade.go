package streams

import (
	"context"
	"errors"
	"fmt"

	"github.com/twmb/franz-go/pkg/kgo"

	"ugc/domain"
	"ugc/schemas"
	"ugc/schemas/topics"
)

// remake writes the events again that the table knows of and their log has not. An outcome leaves only when a value that holds it stands in the table's topic,
// so that topic, which keeps every value for a day, tells what was decided, byte for byte. Events are known by their version: one that is there twice does no harm.
func (s *standing) remake(ctx context.Context) error {
	if err := s.look(ctx); err != nil {
		return err
	}
	if s.mark <= s.event {
		return nil
	}
	from, err := s.tableFrom(ctx)
	if err != nil {
		return err
	}
	m := remaking{s: s, done: max(s.event, domain.NewVersion(s.run.epoch, 0)-1), outcomes: map[domain.Version][]byte{},
		carried: map[string]map[domain.Version]bool{}}
	first := m.done
	if err := s.tail.read(ctx, s.run.group.Table.Name, s.p, span{from, s.table.next}, func(r *kgo.Record) error { return m.add(ctx, r) }); err != nil {
		return err
	}
	if err := m.settle(ctx, s.mark); err != nil {
		return err
	}
	if m.made > 0 {
		s.log.Warn("the table holds outcomes that the log of events has not: they are written again",
			"topic", s.run.group.Outputs[0].Topic.Name, "after", first.Offset(), "to", s.mark.Offset(), "events", m.made)
		s.run.metrics.mended.Add(float64(m.made))
	}
	return s.look(ctx)
}

// tableFrom is an offset of the table's topic before which it has nothing about inputs after the newest event.
func (s *standing) tableFrom(ctx context.Context) (int64, error) {
	from, before := s.table.first, false
	err := s.tail.backwards(ctx, s.run.group.Table.Name, s.p, s.table,
		func(part span) { from, before = part.first, false },
		func(r *kgo.Record) error {
			v, ok, err := s.run.watermarkOf(r)
			before = before || ok && v <= s.event
			return err
		},
		func() bool { return before })
	return from, err
}

// remaking is one remake under way.
type remaking struct {
	s        *standing
	done     domain.Version                     // up to which all is emitted
	outcomes map[domain.Version][]byte          // later ones; empty for an input that was set aside
	carried  map[string]map[domain.Version]bool // of them, those that the newest value of each key still holds
	made     int
}

// comesAgain says that the input is behind the commit, and that its outcome is taken out of the outbox when it comes: as after any kill.
func (m *remaking) comesAgain(v domain.Version) bool {
	if v.Offset() < m.s.commit {
		return false
	}
	if len(m.outcomes[v]) == 0 {
		return true
	}
	for _, versions := range m.carried {
		if versions[v] {
			return true
		}
	}
	return false
}

// remadeAtOnce bounds the inputs whose outcomes are held in memory.
const remadeAtOnce = 1 << 14

// add takes the next record of the table. A record that names an input ends the flush that holds it: all outcomes up to there are known.
func (m *remaking) add(ctx context.Context, r *kgo.Record) error {
	if outOfPlace(r) {
		return nil
	}
	outbox, err := m.s.run.outbox(r.Value)
	if err != nil {
		return err
	}
	versions := map[domain.Version]bool{}
	m.carried[string(r.Key)] = versions
	for _, o := range outbox {
		versions[o.Version] = true
		if _, known := m.outcomes[o.Version]; !known && o.Version > m.done { // of two the first in the log counts
			m.outcomes[o.Version] = o.Event
		}
	}
	v, ok, err := m.s.run.watermarkOf(r)
	if err != nil || !ok || v.Epoch() != m.s.run.epoch || v-m.done < remadeAtOnce {
		return err
	}
	return m.settle(ctx, v)
}

// settle writes the events up to a version, in order: the newest event says that all before it are there.
func (m *remaking) settle(ctx context.Context, to domain.Version) error {
	missing := map[int64]bool{} // inputs whose outcome no value holds
	for v := m.done + 1; v <= to; v++ {
		if _, known := m.outcomes[v]; !known {
			missing[v.Offset()] = true
		}
	}
	if err := m.refold(ctx, missing); err != nil {
		return err
	}
	for to > m.done && m.comesAgain(to) { // from the end, or a later one would stand before it
		to--
	}
	var records []*kgo.Record
	for v := m.done + 1; v <= to; v++ {
		if event := m.outcomes[v]; len(event) > 0 {
			r, err := m.s.run.again(event)
			if err != nil {
				return err
			}
			records = append(records, r)
			m.made++
		}
		delete(m.outcomes, v)
		if len(records) < filledAtOnce && v < to {
			continue
		}
		if err := m.s.run.out.emitAll(records); err != nil {
			return fmt.Errorf("write events again: %w", err)
		}
		records = nil
	}
	m.done = max(m.done, to)
	return nil
}

// refold decides inputs again whose outcome is gone, by folding their keys from the beginning of the log. Only those keys are held in memory.
func (m *remaking) refold(ctx context.Context, missing map[int64]bool) error {
	if len(missing) == 0 {
		return nil
	}
	first, last := int64(1<<62), int64(0)
	for o := range missing {
		first, last = min(first, o), max(last, o)
	}
	s, keys := m.s, map[string]bool{}
	last = min(last+1, s.input.next)
	err := s.tail.read(ctx, s.run.group.Input.Name, s.p, span{first, last}, func(r *kgo.Record) error {
		if missing[r.Offset] && s.run.leavesState(r) { // others have no event
			keys[string(r.Key)] = true
		}
		return nil
	})
	if err != nil || len(keys) == 0 {
		return err
	}
	if s.mark.Offset() >= s.input.next { // it is not even known to be the same log
		return s.unmendable("it ends at offset %d, the table has the inputs up to %d, and events from offset %d on are gone", s.input.next, s.mark.Offset(), first)
	}
	if s.input.first > 0 {
		return s.unmendable("events of its inputs from offset %d on are gone, and so are the inputs before offset %d", first, s.input.first)
	}
	fold := s.run.folding()
	return s.tail.read(ctx, s.run.group.Input.Name, s.p, span{0, last}, func(r *kgo.Record) error {
		if !keys[string(r.Key)] {
			return nil
		}
		in := &input{origin: domain.Origin{Partition: s.p, Version: domain.NewVersion(s.run.epoch, r.Offset)}, key: string(r.Key), value: r.Value}
		for _, h := range r.Headers {
			in.release = in.release || h.Key == HeaderRelease
		}
		event, err := fold(in)
		if err == nil && missing[r.Offset] {
			m.outcomes[in.origin.Version] = event
		}
		return err
	})
}

// foldingOf begins a fold of inputs by a rule, from nothing; it gives each one's event, none for one that is set aside.
func foldingOf[S, M any](r *rule[S, M]) func() func(*input) ([]byte, error) {
	return func() func(*input) ([]byte, error) {
		tables := map[string]*schemas.Table[S]{}
		return func(in *input) ([]byte, error) {
			t := tables[in.key]
			if t == nil {
				t = newTable[S]()
			}
			s, err := r.step(t, in, in.origin.Version-1)
			if err != nil {
				return nil, err
			}
			tables[in.key] = s.table
			return s.event, nil
		}
	}
}

// again is the record of an event that is written again. Under other keys it is written after that, in order with what is lost there; see passOn.
func (run *incarnation) again(event []byte) (*kgo.Record, error) {
	e, err := run.codec.DecodeEvent(event)
	if err != nil {
		return nil, fmt.Errorf("an outcome in table %s: %w", run.group.Table.Name, err)
	}
	return outputOf(run.group.Outputs[0], e.Head(), event), nil
}

func outputOf(o Output, head *domain.Fact, event []byte) *kgo.Record {
	key := head.Key()
	if o.rekey != nil {
		key = o.rekey(key)
	}
	return &kgo.Record{Topic: o.Topic.Name, Key: []byte(key), Value: event, Headers: []kgo.RecordHeader{
		{Key: topics.HeaderContentType, Value: []byte(topics.ContentTypeAvro)},
		{Key: topics.HeaderVersion, Value: versionText(head.Origin.Version)},
		{Key: topics.HeaderCommandID, Value: []byte(head.ID.String())},
	}}
}

// outboxOf reads the outcomes in a value of the rule's table, none where the bytes are no such value.
func outboxOf[S any](decode func([]byte) (*schemas.Table[S], error)) func([]byte) ([]schemas.Outcome, error) {
	return func(value []byte) ([]schemas.Outcome, error) {
		t, err := decode(value)
		if err == nil {
			return t.Outbox, nil
		}
		if refusal := (*refusal)(nil); errors.As(refusalOf(err), &refusal) {
			return nil, nil // a foreign record
		}
		return nil, err
	}
}
