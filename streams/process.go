package streams

import (
	"fmt"
	"strconv"

	"github.com/lovoo/goka"
	"github.com/twmb/franz-go/pkg/kgo"

	"ugc/domain"
	"ugc/schemas"
	"ugc/schemas/topics"
)

// HeaderRelease on a command lets its key go on after a dead letter: this command and those after it are processed again. Its value does
// not matter. Redriving a key means: send its dead letters to their topic again in order, the first of them with this header.
const HeaderRelease = "ugc-release"

// processWith is the group's rule over goka. The effects of one input, in order:
//
//  1. wait while the key's outbox is full,
//  2. set the value, which holds the outcome: in the store, and on its way to the table's topic,
//  3. emit the outcome, as an event or a dead letter,
//  4. commit, once all of it is acknowledged: goka does that when the promises of 2 and 3 are kept.
//
// A crash between any two of them is made good by 2 being repeated with the same value, and 3 being repeated out of it. Outcomes do not go through
// goka's Emit, which says of no single record whether it is written: the outbox could never be emptied.
func processWith[S, M any](run *incarnation, r rule[S, M]) processFunc {
	return func(ctx goka.Context, p *partition, in *input) error {
		if domain.Partition(in.key, run.inputs) != in.origin.Partition || in.key == "" {
			return run.setAside(ctx, in, foreign(in))
		}
		headers := ctx.Headers()
		_, in.release = headers[HeaderRelease]
		t, err := current(ctx, run, p, &r)
		if err != nil {
			return err
		}
		if err := run.checkLog(p, in, t.Applied); err != nil {
			return err
		}
		acked := domain.NoVersion
		if in.origin.Version > t.Applied { // a repeated input's own outcome may be the oldest: nobody else would make room
			if acked, err = run.makeRoom(p, in, t.Outbox); err != nil {
				return err
			}
		}
		s, err := r.step(t, in, acked)
		if err != nil {
			return fmt.Errorf("%s at offset %d of partition %d: %w", run.group.Input.Name, ctx.Offset(), ctx.Partition(), err)
		}
		value, err := r.encode(s.table)
		if err != nil {
			return fmt.Errorf("encode value of key %q: %w", in.key, err)
		}
		ctx.SetValue(value, goka.WithCtxEmitHeaders(in.tableHeaders()))
		if err := run.failed(); err != nil { // while stopping, SetValue returns although the store refused
			return err
		}
		remember(p, in.key, s.table)
		run.healer.settled(in.key)
		run.metrics.count(s.verdict, s.repeated, len(s.table.Outbox))
		in.judged(s.verdict, s.repeated)
		switch {
		case s.refused != nil:
			return run.setAside(ctx, in, s.refused)
		case len(s.event) > 0:
			run.emitEvent(ctx, in, headers, s.event)
		default:
			in.finish(nil)
		}
		return nil
	}
}

// current is the key's value as it stands in the store.
func current[S, M any](ctx goka.Context, run *incarnation, p *partition, r *rule[S, M]) (*schemas.Table[S], error) {
	if memo, ok := p.memo.(map[string]*schemas.Table[S]); ok {
		if t, ok := memo[ctx.Key()]; ok {
			return t, nil
		}
	}
	value, _ := ctx.Value().([]byte)
	if value == nil {
		return newTable[S](), nil
	}
	t, err := r.decode(value)
	if err != nil {
		return nil, fmt.Errorf("value of key %q in table %s, partition %d: %w. It is not overwritten: run the version of ugc that wrote it, "+
			"or write a right value for the key to the table's topic", ctx.Key(), run.group.Table.Name, ctx.Partition(), err)
	}
	return t, nil
}

func remember[S any](p *partition, key string, t *schemas.Table[S]) {
	memo, ok := p.memo.(map[string]*schemas.Table[S])
	if !ok {
		memo = make(map[string]*schemas.Table[S])
		p.memo = memo
	}
	if len(memo) >= maxMemo {
		for any := range memo {
			delete(memo, any)
			break
		}
	}
	memo[key] = t
}

// checkLog tells a repeated input from one of another log. A value that knows more inputs than the topic holds was made from a topic that is no more;
// all of the new one's would seem to be repeated, and be swallowed.
func (run *incarnation) checkLog(p *partition, in *input, applied domain.Version) error {
	claim := p.claim.Load()
	if in.origin.Version > applied || claim == nil {
		return nil
	}
	if end := domain.NewVersion(run.epoch, (*claim).HighWaterMarkOffset()); applied >= end {
		return fmt.Errorf("key %q in table %s has input %d of epoch %d, but partition %d of %s ends before input %d of epoch %d: if the topic was made anew, raise the epoch",
			in.key, run.group.Table.Name, applied.Offset(), applied.Epoch(), in.origin.Partition, run.group.Input.Name, end.Offset(), end.Epoch())
	}
	return nil
}

// makeRoom waits until the key's outbox takes one more outcome, and says what is acknowledged by then. It ends with the processor's
// producer, which gives up on what Kafka does not take in time.
func (run *incarnation) makeRoom(p *partition, in *input, outbox []schemas.Outcome) (domain.Version, error) {
	for {
		acked := max(run.out.ackedUpTo(in.origin.Partition), p.floor)
		oldest, full := crowded(outbox, acked)
		if !full {
			return acked, nil
		}
		if err := run.out.waitAcked(domain.Origin{Partition: in.origin.Partition, Version: oldest}); err != nil {
			return acked, fmt.Errorf("wait for earlier outcomes of key %q: %w", in.key, err)
		}
	}
}

// emitEvent sends the outcome to every output of the group; the input is committed after the last of them is written.
func (run *incarnation) emitEvent(ctx goka.Context, in *input, headers goka.Headers, event []byte) {
	passed := eventHeaders(in, headers)
	for i, o := range run.group.Outputs {
		key := in.key
		if o.rekey != nil {
			key = o.rekey(key)
		}
		record := &kgo.Record{Topic: o.Topic.Name, Key: []byte(key), Value: event, Headers: passed}
		if i < len(run.group.Outputs)-1 {
			// Promises are kept in order: when the last one of the input is, so are these.
			run.out.emit(record, mark{}, func(*kgo.Record, error) {})
			continue
		}
		written := ctx.DeferCommit()
		run.out.emit(record, mark{set: true, Origin: in.origin}, func(_ *kgo.Record, err error) {
			in.finish(err)
			written(err)
		})
	}
}

func eventHeaders(in *input, headers goka.Headers) []kgo.RecordHeader {
	out := make([]kgo.RecordHeader, 0, 4)
	out = append(out, kgo.RecordHeader{Key: topics.HeaderContentType, Value: []byte(topics.ContentTypeAvro)},
		kgo.RecordHeader{Key: topics.HeaderVersion, Value: versionText(in.origin.Version)})
	if v, ok := headers[topics.HeaderCommandID]; ok {
		out = append(out, kgo.RecordHeader{Key: topics.HeaderCommandID, Value: v})
	}
	if v := in.carriedTrace(headers); v != nil {
		out = append(out, kgo.RecordHeader{Key: topics.HeaderTrace, Value: v})
	}
	return out
}

func versionText(v domain.Version) []byte { return strconv.AppendInt(nil, int64(v), 10) }

func parseVersion(text []byte) (domain.Version, bool) {
	v, err := strconv.ParseInt(string(text), 10, 64)
	return domain.Version(v), err == nil
}

func foreign(in *input) *refusal {
	err := fmt.Errorf("the key %q does not belong to partition %d", in.key, in.origin.Partition)
	if in.key == "" {
		err = fmt.Errorf("the record has no key")
	}
	return &refusal{reason: reasonNotApplicable, err: err}
}
