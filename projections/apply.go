package projections

import (
	"context"
	"errors"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"ugc/domain"
	"ugc/schemas"
)

// apply lets the effects of a batch happen. ctx says whether to go on trying, work bounds the attempt under way.
//
//  0. what can never be applied goes to the dead letters, and its keys are blocked, before anything says that it was passed over;
//  1. write: the view has the rest;
//  2. advance: the store knows that it has it, so that a new engine goes on behind it;
//  3. commit: Kafka is told, for those who watch lag.
//
// A death after any of them repeats the batch from an earlier point, and repeating is harmless.
func (e *Engine) apply(ctx, work context.Context, batch []entry) (err error) {
	e.state.begin(batch)
	defer e.state.end()
	work, spans := e.traceBatch(work, batch)
	defer func() { spans.end(batch, err) }()
	if err := e.refreshBlocked(ctx, work, batch); err != nil {
		return err
	}
	for {
		records, places, err := e.setAside(ctx, work, batch)
		if err != nil {
			return err
		}
		rejected, err := e.write(ctx, work, records)
		if err != nil {
			return err
		}
		if len(rejected) == 0 {
			break
		}
		for i, why := range rejected { // at least one less to write in the next round
			batch[places[i]].refuse(schemas.ReasonNotApplicable, why)
		}
	}
	marks := marksOf(batch)
	if err := e.persistWithin(ctx, work, "advance", e.sink(func(ctx context.Context, s Sink) error { return s.Advance(ctx, marks) })); err != nil {
		return err
	}
	e.shown(batch, marks)
	e.client.MarkCommitOffsets(e.offsets(marks))
	return nil
}

// write returns the records that the sink can never apply, by index.
func (e *Engine) write(ctx, work context.Context, records []Record) (rejected map[int]error, err error) {
	if len(records) == 0 {
		return nil, nil
	}
	err = e.persistWithin(ctx, work, "write", e.sink(func(ctx context.Context, s Sink) error {
		err := s.Write(ctx, records)
		var bad *RecordError
		if errors.As(err, &bad) && bad.names(len(records)) {
			rejected = bad.Reasons
			return nil
		}
		return err
	}))
	return rejected, err
}

// names says whether the error blames records of the batch and no others; else nothing could be set aside for it.
func (e *RecordError) names(n int) bool {
	for i := range e.Reasons {
		if i < 0 || i >= n {
			return false
		}
	}
	return len(e.Reasons) > 0
}

// setAside sends what is refused, and what must wait behind it, to the dead letters, blocks the keys, and returns the rest with its places in
// the batch.
func (e *Engine) setAside(ctx, work context.Context, batch []entry) (records []Record, places []int, err error) {
	keys := e.state.judge(batch)
	var letters []*schemas.DeadLetter
	records, places = make([]Record, 0, len(batch)), make([]int, 0, len(batch))
	for i := range batch {
		switch en := &batch[i]; {
		case en.refused != nil:
			if !en.sent {
				letters = append(letters, e.letter(en))
			}
		case !en.tombstone():
			records, places = append(records, en.Record), append(places, i)
		}
	}
	if len(letters) == 0 {
		return records, places, nil
	}
	if err := e.persistWithin(ctx, work, "dead letters", func(ctx context.Context) error { return e.o.DeadLetters.Send(ctx, letters) }); err != nil {
		return nil, nil, err
	}
	if len(keys) > 0 {
		if err := e.persistWithin(ctx, work, "block", e.sink(func(ctx context.Context, s Sink) error { return e.block(ctx, s, keys) })); err != nil {
			return nil, nil, err
		}
	}
	for i := range batch {
		batch[i].sent = batch[i].refused != nil
	}
	for _, l := range letters {
		e.log.Warn("record set aside", "reason", l.Reason, "topic", l.Topic, "partition", l.Partition, "offset", l.Offset, "err", l.Message)
	}
	return records, places, nil
}

// askBlockedAgain is how often the store is asked at most which keys are blocked. Between two times what this engine blocks itself is added.
const askBlockedAgain = 10 * time.Second

// refreshBlocked asks the store again where the batch holds a key that was blocked when last asked: it may have been redriven or waived. All blocked
// keys are read then, which may be many, and records of blocked keys may come with every batch.
func (e *Engine) refreshBlocked(ctx, work context.Context, batch []entry) error {
	if !e.state.mayBeBlocked(batch, time.Now().Add(-askBlockedAgain)) {
		return nil
	}
	return e.persistWithin(ctx, work, "read blocked keys", e.sink(e.loadBlocked))
}

func (e *Engine) loadBlocked(ctx context.Context, s Sink) error {
	keys, err := s.Blocked(ctx)
	if err == nil {
		e.state.setBlocked(keys, time.Now())
	}
	return err
}

// block persists keys, and remembers them again: an assignment may have read the store's list meanwhile.
func (e *Engine) block(ctx context.Context, s Sink, keys []BlockedKey) error {
	if err := s.Block(ctx, keys); err != nil {
		return err
	}
	for _, k := range keys {
		e.state.block(k)
	}
	return nil
}

func (en *entry) blockedKey() BlockedKey {
	return BlockedKey{Key: en.Key, Partition: en.Partition, Offset: en.Offset}
}

// marksOf are the watermarks after the batch. What was not written moves Next, but shows nothing.
func marksOf(batch []entry) map[int32]Watermark {
	marks := map[int32]Watermark{}
	for i := range batch {
		en := &batch[i]
		m, ok := marks[en.Partition]
		if !ok {
			m.Version = domain.NoVersion
		}
		m.Next = max(m.Next, en.Offset+1)
		if en.refused == nil {
			m.Version = max(m.Version, en.Version)
		}
		marks[en.Partition] = m
	}
	return marks
}

// shown tells those who wait, as soon as the store has it.
func (e *Engine) shown(batch []entry, marks map[int32]Watermark) {
	e.state.advance(marks)
	e.o.Watermarks.advanced(e.o.View.Name, marks, func(yield func(string) bool) {
		for i := range batch {
			if batch[i].refused == nil && !yield(batch[i].Key) {
				return
			}
		}
	})
	e.metrics.applied(batch, e.o.Now())
}

func (e *Engine) offsets(marks map[int32]Watermark) map[string]map[int32]kgo.EpochOffset {
	offsets := make(map[int32]kgo.EpochOffset, len(marks))
	for p, m := range marks {
		offsets[p] = kgo.EpochOffset{Epoch: -1, Offset: m.Next}
	}
	return map[string]map[int32]kgo.EpochOffset{e.o.View.Source.Name: offsets}
}
