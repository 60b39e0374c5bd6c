package streams

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"ugc/domain"
	"ugc/schemas"
	"ugc/schemas/topics"
)

// table is one partition of a group's table as its owner has it: the values of the keys seen last, and below them the copy on disk. Values are
// set at once and written behind: while one flush is on its way, what is set gathers for the next, and of a key only the newest value is
// written. That is as exact as writing each: the newer value includes the older one's input, and carries its outcome for as long as that is
// not known to be written (DESIGN 6, rule 4).
//
// get and set belong to the goroutine that goka processes the partition with.
type table[S any] struct {
	run    *incarnation
	part   *partition
	copy   *store
	decode func([]byte) (*schemas.Table[S], error)
	encode func(*schemas.Table[S]) ([]byte, error)
	wake   chan struct{} // there is something to flush

	mu     sync.Mutex
	slots  map[string]*slot[S]
	clock  []*slot[S] // in the order in which the hand asks them to make room
	hand   int
	dirty  []*slot[S]     // to be flushed
	newest domain.Version // the last input that set a value
}

// slot holds one key in memory. What is not in the copy yet must stay.
type slot[S any] struct {
	key   string
	value *schemas.Table[S]
	trace []byte // of the newest input that is traced and not yet in a flush, nil: none
	used  bool   // since the hand last passed
	dirty bool   // set since the last flush began
	away  bool   // part of the flush under way
}

// maxSlots bounds the keys that a partition keeps in memory. It is more than can be under way.
const maxSlots = 2 * maxInputs

// openTable is the partition's table, which begins to work with its first input.
func openTable[S, M any](run *incarnation, p *partition, r *rule[S, M]) (*table[S], error) {
	if t, ok := p.keys.(*table[S]); ok {
		return t, nil
	}
	copy := p.store.Load()
	if copy == nil {
		return nil, fmt.Errorf("table %s: the copy of the partition is not open", run.group.Table.Name)
	}
	t := newOwned(run, p, copy, r)
	p.keys = t
	p.wg.Go(func() { t.write(p.ctx) })
	return t, nil
}

func newOwned[S, M any](run *incarnation, p *partition, copy *store, r *rule[S, M]) *table[S] {
	return &table[S]{
		run: run, part: p, copy: copy, decode: r.decode, encode: r.encode, wake: make(chan struct{}, 1), slots: make(map[string]*slot[S]),
	}
}

// get is the key's value as it was set last.
func (t *table[S]) get(key string) (*schemas.Table[S], error) {
	if s := t.slots[key]; s != nil { // only this goroutine adds and removes slots, and sets values
		s.used = true
		return s.value, nil
	}
	value, err := t.copy.Get(key)
	if err != nil {
		return nil, err
	}
	if value == nil {
		return newTable[S](), nil
	}
	table, err := t.decode(value)
	if err != nil {
		return nil, fmt.Errorf("value of key %q in table %s: %w. It is not overwritten: run the version of ugc that wrote it, "+
			"or write a right value for the key to the table's topic", key, t.run.group.Table.Name, err)
	}
	return table, nil
}

// set makes the value of a key what this input, the newest of the partition, has made of it. The same value may be set again: it is then written again.
func (t *table[S]) set(in *input, value *schemas.Table[S]) {
	trace := in.tableTrace()
	t.mu.Lock()
	s := t.slots[in.key]
	if s == nil {
		s = &slot[S]{key: in.key}
		t.place(s)
		t.slots[in.key] = s
	}
	s.value, s.used = value, true
	if trace != nil {
		s.trace = trace
	}
	if !s.dirty {
		s.dirty = true
		t.dirty = append(t.dirty, s)
	}
	t.newest = in.origin.Version
	t.mu.Unlock()
	select {
	case t.wake <- struct{}{}:
	default:
	}
}

// place finds room for a new slot: a second chance for what was used lately, and no going for what is not in the copy.
func (t *table[S]) place(s *slot[S]) {
	if len(t.clock) < maxSlots {
		t.clock = append(t.clock, s)
		return
	}
	for {
		t.hand = (t.hand + 1) % len(t.clock)
		switch old := t.clock[t.hand]; {
		case old.dirty || old.away:
		case old.used:
			old.used = false
		default:
			delete(t.slots, old.key)
			t.clock[t.hand] = s
			return
		}
	}
}

// write flushes until the session ends or something fails, which ends the processor.
func (t *table[S]) write(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-t.wake:
		}
		t.gather(ctx)
		if err := t.flush(); err != nil {
			t.run.fail(err)
			t.run.out.fail(err)
			return
		}
	}
}

// How long a flush waits for more, and how many inputs are more than enough, where so many inputs wait to be processed that nobody waits for one of them.
const (
	gatherFor    = 5 * time.Millisecond
	gatherBehind = 256
)

func (t *table[S]) gather(ctx context.Context) {
	if t.part.lag() > gatherBehind {
		pause(ctx, gatherFor)
	}
}

// flush writes what was set since the last one. Its effects, in order:
//
//  1. the records, each key's newest value; the last of them names the newest input, so that a reader who has it has all of them (see watermarks),
//  2. the copy, which is never ahead of the topic,
//  3. the promises of the inputs.
//
// A crash between any two of them is one after the first: the copy is a cache of the topic, and what was not promised comes again.
func (t *table[S]) flush() error {
	b, err := t.take()
	if err != nil || b == nil {
		return err
	}
	if err := t.run.out.emitAll(b.records); err != nil {
		return err
	}
	return t.written(b)
}

// batch is what one flush writes.
type batch[S any] struct {
	slots   []*slot[S]
	records []*kgo.Record
	newest  domain.Version
}

// take begins a flush; nil where there is nothing to write.
func (t *table[S]) take() (*batch[S], error) {
	t.mu.Lock()
	b := &batch[S]{slots: t.dirty, newest: t.newest}
	t.dirty = make([]*slot[S], 0, len(b.slots))
	values := make([]*schemas.Table[S], len(b.slots))
	traces := make([][]byte, len(b.slots))
	for i, s := range b.slots {
		values[i], traces[i] = s.value, s.trace
		s.trace, s.dirty, s.away = nil, false, true
	}
	t.mu.Unlock()
	if len(b.slots) == 0 {
		return nil, nil
	}
	acked := t.part.lane.ackedUpTo()
	all := make([]kgo.Record, len(b.slots))
	b.records = make([]*kgo.Record, len(b.slots))
	for i, s := range b.slots {
		value, err := t.encode(withoutAcked(values[i], acked))
		if err != nil {
			return nil, fmt.Errorf("encode value of key %q: %w", s.key, err)
		}
		all[i] = kgo.Record{Topic: t.run.group.Table.Name, Key: []byte(s.key), Value: value}
		if traces[i] != nil {
			all[i].Headers = []kgo.RecordHeader{{Key: topics.HeaderTrace, Value: traces[i]}}
		}
		b.records[i] = &all[i]
	}
	last := b.records[len(b.records)-1]
	last.Headers = append(last.Headers, kgo.RecordHeader{Key: topics.HeaderVersion, Value: versionText(b.newest)})
	return b, nil
}

// written ends a flush whose records stand in the topic.
func (t *table[S]) written(b *batch[S]) error {
	if err := t.copy.wrote(b.records); err != nil {
		return err
	}
	t.mu.Lock()
	for _, s := range b.slots {
		s.away = false
	}
	t.mu.Unlock()
	t.part.lane.wrote(b.newest)
	return nil
}

// withoutAcked is the value without the outcomes that are known to be written by now.
func withoutAcked[S any](value *schemas.Table[S], acked domain.Version) *schemas.Table[S] {
	n := 0 // outcomes are in the order of their inputs
	for n < len(value.Outbox) && value.Outbox[n].Version <= acked {
		n++
	}
	if n == 0 {
		return value
	}
	less := *value
	less.Outbox = value.Outbox[n:]
	return &less
}
