package streams

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"ugc/domain"
	"ugc/schemas"
	"ugc/schemas/topics"
)

// table is one partition of a group's table as its owner has it: the values of the keys seen last, and below them the
// copy on disk. Values are set at once and written behind: while one flush is on its way, what is set gathers for the
// next, and of a key only the newest value is written. That is as exact as writing each: the newer value includes the
// older one's input, and carries its outcome for as long as that is not known to be written.
//
// Owners of a partition meet in the table's topic: see keeper for what counts there, and flush for how one writes.
//
// get and set belong to the goroutine that goka processes the partition with.
type table[S any] struct {
	run    *incarnation
	part   *partition
	copy   *store
	keeper *keeper
	decode func([]byte) (*schemas.Table[S], error)
	encode func(*schemas.Table[S]) ([]byte, error)
	wake   chan struct{} // there is something to flush
	heard  atomic.Int64  // the end of the topic's partition, as the broker said last
	end    int64         // of the writer: everything before it is known; here the next record is to stand

	mu     sync.Mutex
	lane   *lane // nil before the first input
	slots  map[string]*slot[S]
	clock  []*slot[S] // in the order in which the hand asks them to make room
	hand   int
	dirty  []*slot[S]     // to be flushed
	newest domain.Version // the last input that set a value, domain.NoVersion before it
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

// openTable is the partition's table, which begins to work with its session, or with the first input where nobody has
// begun it.
func openTable[S, M any](run *incarnation, p *partition, r *rule[S, M]) (*table[S], error) {
	if t, ok := p.keys.(*table[S]); ok {
		return t, nil
	}
	copy := p.store.Load()
	if copy == nil {
		return nil, fmt.Errorf("table %s: the copy of the partition is not open", run.group.Table.Name)
	}
	if err := rebuildLost(run, p, copy, r); err != nil {
		return nil, fmt.Errorf("table %s: %w", run.group.Table.Name, err)
	}
	t := newOwned(run, p, copy, r)
	p.keys = t
	p.heard.Store(new(t.hear))
	p.wg.Go(func() { t.write(p.ctx) })
	if copy.marks.Load() > 0 {
		t.awake()
	}
	return t, nil
}

func newOwned[S, M any](run *incarnation, p *partition, copy *store, r *rule[S, M]) *table[S] {
	return &table[S]{
		run: run, part: p, copy: copy, keeper: run.keeper, decode: r.decode, encode: r.encode,
		wake: make(chan struct{}, 1), slots: make(map[string]*slot[S]), newest: domain.NoVersion,
		lane: p.lane, end: copy.offset.Load() + 1,
	}
}

// awake has the writer look for something to do.
func (t *table[S]) awake() {
	select {
	case t.wake <- struct{}{}:
	default:
	}
}

// hear takes what the broker says is the end of the topic's partition.
func (t *table[S]) hear(end int64) {
	if t.heard.Swap(end) != end {
		t.awake()
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
	if isLost(value) {
		return nil, fmt.Errorf("value of key %s in table %s: %w", schemas.Quote(key), t.run.group.Table.Name, errLost)
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
		t.seat(s)
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
	t.newest, t.lane = in.origin.Version, t.part.lane
	t.mu.Unlock()
	t.awake()
}

// seat finds room for a new slot: a second chance for what was used lately, and no going for what is not in the copy.
func (t *table[S]) seat(s *slot[S]) {
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
			if ctx.Err() != nil && errors.Is(err, context.Canceled) {
				return // the session ended while it looked around; what was set is written
			}
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
	t.mu.Lock()
	l := t.lane
	t.mu.Unlock()
	if l == nil || t.part.lag() <= gatherBehind {
		return
	}
	timer := time.NewTimer(gatherFor)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-l.hurry: // the next input waits for what this flush brings
	case <-ctx.Done():
	}
}

// flush writes what was set since the last one, and again what has to be repaired. Its effects, in order:
//
//  1. a look at what others wrote since: a value that counts is another owner's, and ends the processor here,
//  2. the records, each key's newest value, each with the offset at which it is to stand; the last of them names the
//     newest input, so that a reader who has it has all of them (see watermarks),
//  3. where some stand elsewhere, 1 and 2 again with those: until all stand where they were meant to,
//  4. the copy, which is never ahead of the topic,
//  5. the outcomes of the inputs, and then their promises.
//
// A crash before the last record of 2 stands leaves some values written, whose outcomes the next owner finds in them, and
// others not, whose inputs come again. After it, all inputs of the flush come again and find theirs. The copy is a cache
// of the topic.
func (t *table[S]) flush() error {
	if err := t.lookAround(t.heard.Load()); err != nil {
		return err
	}
	b, err := t.take()
	if err != nil || b == nil {
		return err
	}
	for {
		if err := t.run.out.emitAll(b.records); err != nil {
			return err
		}
		missed, err := t.written(b)
		if err != nil || missed == nil {
			return err
		}
		b = missed
	}
}

// batch is what one flush writes.
type batch[S any] struct {
	slots   []*slot[S]
	records []*kgo.Record
	newest  domain.Version
	lane    *lane
}

// maxRepairs bounds the keys that one flush repairs.
const maxRepairs = 256

// take begins a flush; nil where there is nothing to write.
func (t *table[S]) take() (*batch[S], error) {
	t.mu.Lock()
	b := &batch[S]{slots: t.dirty, newest: t.newest, lane: t.lane}
	t.dirty = make([]*slot[S], 0, len(b.slots))
	values := make([]*schemas.Table[S], len(b.slots))
	traces := make([][]byte, len(b.slots))
	for i, s := range b.slots {
		values[i], traces[i] = s.value, s.trace
		s.trace, s.dirty, s.away = nil, false, true
	}
	t.mu.Unlock()
	again, err := t.again(b.slots)
	if err != nil || len(b.slots)+len(again) == 0 {
		return nil, err
	}
	acked := domain.NoVersion
	if b.lane != nil {
		acked = b.lane.ackedUpTo()
	}
	all := make([]kgo.Record, len(b.slots), len(b.slots)+len(again))
	for i, s := range b.slots {
		value, err := t.encode(withoutAcked(values[i], acked))
		if err != nil {
			return nil, fmt.Errorf("encode value of key %q: %w", s.key, err)
		}
		all[i] = kgo.Record{Topic: t.run.group.Table.Name, Key: []byte(s.key), Value: value}
	}
	all = append(all, again...)
	b.records = make([]*kgo.Record, len(all))
	headers := make([]kgo.RecordHeader, 3*len(all))
	for i := range all {
		h := headers[3*i : 3*i+1 : 3*i+3] // the first says where it is to stand
		if i < len(traces) && traces[i] != nil {
			h = append(h, kgo.RecordHeader{Key: topics.HeaderTrace, Value: traces[i]})
		}
		if i == len(all)-1 && b.newest != domain.NoVersion {
			h = append(h, kgo.RecordHeader{Key: topics.HeaderVersion, Value: versionText(b.newest)})
		}
		all[i].Headers = h
		b.records[i] = &all[i]
	}
	t.place(b.records)
	return b, nil
}

// again is what has to be written again and is in no slot that is written anyway: the values as the copy has them.
func (t *table[S]) again(slots []*slot[S]) (records []kgo.Record, err error) {
	keys, err := t.copy.marked(markRepair, maxRepairs)
	if err != nil || len(keys) == 0 {
		return nil, err
	}
	written := make(map[string]bool, len(slots))
	for _, s := range slots {
		written[s.key] = true
	}
	for _, key := range keys {
		if written[key] {
			continue
		}
		value, err := t.copy.Get(key)
		if err != nil {
			return nil, err
		}
		records = append(records, kgo.Record{Topic: t.run.group.Table.Name, Key: []byte(key), Value: value})
	}
	t.run.metrics.repaired(len(records))
	return records, nil
}

// place writes onto each record where it is to stand.
func (t *table[S]) place(records []*kgo.Record) {
	texts := make([]byte, 0, 20*len(records)) // as many digits as an offset has at most
	for i, r := range records {
		from := len(texts)
		texts = strconv.AppendInt(texts, t.end+int64(i), 10)
		r.Headers[0] = kgo.RecordHeader{Key: topics.HeaderPlace, Value: texts[from:len(texts):len(texts)]}
	}
}

// written takes what the broker answered to a flush: where its records stand. missed is what does not stand where it was
// meant to, to be written again; nil where the flush is done.
func (t *table[S]) written(b *batch[S]) (missed *batch[S], err error) {
	stand := 0
	for stand < len(b.records) && b.records[stand].Offset == t.end+int64(stand) {
		stand++
	}
	if stand > 0 {
		if err := t.copy.wrote(b.records[:stand]); err != nil {
			return nil, err
		}
		t.end += int64(stand)
	}
	if stand < len(b.records) {
		if b.records[stand].Offset < t.end {
			t.copy.useless.Store(true)
			return nil, fmt.Errorf("%w: table %s, partition %d, was known up to offset %d, and a record was written at %d", errShorter,
				t.run.group.Table.Name, b.records[stand].Partition, t.end-1, b.records[stand].Offset)
		}
		// Its own records that do not count are among what is read: their keys are marked, and written below.
		if err := t.lookAround(b.records[len(b.records)-1].Offset + 1); err != nil {
			return nil, err
		}
		missed = &batch[S]{slots: b.slots, records: b.records[stand:], newest: b.newest, lane: b.lane}
		t.place(missed.records)
		return missed, nil
	}
	t.mu.Lock()
	for _, s := range b.slots {
		s.away = false
	}
	t.mu.Unlock()
	if t.copy.marks.Load() > 0 {
		t.awake()
	}
	if b.lane != nil {
		b.lane.wrote(b.newest)
	}
	return nil, nil //nolint:nilnil // it is done
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
