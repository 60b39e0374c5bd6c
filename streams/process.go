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
//  1. wait while too much is under way, or the key's outbox is full,
//  2. set the value, which holds the outcome; table writes it, and whatever else was set by then, to the table's topic,
//     right behind what it knows of that, and then to the copy,
//  3. emit the outcome, as an event or a dead letter,
//  4. commit, once all of it is acknowledged: goka does that when the lane keeps its promise.
//
// After a crash before 2 the input comes again and is decided as if for the first time: nobody has seen what was decided
// before, and the rules may have changed. After one between 2 and 4 it comes again and finds its outcome in the value:
// the same bytes are emitted, whatever the rules are now. Where two owners decide the same input, one of the two values
// stands where its owner meant it to, and the other does not count; who wrote that one emits nothing (see table).
//
// Nothing goes through goka's SetValue and Emit: they tell of no single record whether it is written, so that the
// outbox could never be emptied, and write each state of a key.
func processWith[S, M any](run *incarnation, r rule[S, M]) processFunc {
	run.own = func(p *partition) error {
		_, err := openTable(run, p, &r)
		return err
	}
	run.outbox, run.folding = outboxOf(r.decode), foldingOf(&r)
	return func(ctx goka.Context, p *partition, in *input) error {
		if err := p.lane.room(); err != nil {
			return err
		}
		if why := run.stray(in); why != nil {
			return run.setAside(ctx, p, in, why, false)
		}
		headers := ctx.Headers()
		_, in.release = headers[HeaderRelease]
		keys, err := openTable(run, p, &r)
		if err != nil {
			return err
		}
		t, err := keys.get(in.key)
		if err != nil {
			return err
		}
		if err := run.checkLog(p, in, t.Applied); err != nil {
			return err
		}
		acked := domain.NoVersion
		if in.origin.Version > t.Applied { // a repeated input's own outcome may be the oldest: nobody else would make room
			if acked, err = p.lane.makeRoom(in.key, t.Outbox); err != nil {
				return err
			}
		}
		s, err := r.step(t, in, acked)
		if err != nil {
			return fmt.Errorf("%s at offset %d of partition %d: %w", run.group.Input.Name, ctx.Offset(), ctx.Partition(), err)
		}
		keys.set(in, s.table)
		run.metrics.count(s.verdict, s.repeated, len(s.table.Outbox))
		in.judged(s.verdict, s.repeated)
		switch {
		case s.refused != nil:
			return run.setAside(ctx, p, in, s.refused, true)
		case len(s.event) > 0:
			p.lane.add(in.origin.Version, run.events(in, headers, s.event), true, in.finishing(ctx.DeferCommit()))
		default:
			p.lane.add(in.origin.Version, nil, true, in.finishing(ctx.DeferCommit()))
		}
		return nil
	}
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

// makeRoom waits until the key's outbox takes one more outcome, and says what is acknowledged by then. It ends with the lane, which gives up on what
// Kafka does not take in time.
func (l *lane) makeRoom(key string, outbox []schemas.Outcome) (domain.Version, error) {
	for {
		acked := l.ackedUpTo()
		oldest, full := crowded(outbox, acked)
		if !full {
			return acked, nil
		}
		if err := l.waitAcked(oldest); err != nil {
			return acked, fmt.Errorf("wait for earlier outcomes of key %q: %w", key, err)
		}
	}
}

// events are the outcome for each output of the group.
func (run *incarnation) events(in *input, headers goka.Headers, event []byte) []*kgo.Record {
	passed := eventHeaders(in, headers)
	records := make([]*kgo.Record, len(run.group.Outputs))
	for i, o := range run.group.Outputs {
		key := in.key
		if o.rekey != nil {
			key = o.rekey(key)
		}
		records[i] = &kgo.Record{Topic: o.Topic.Name, Key: []byte(key), Value: event, Headers: passed}
	}
	return records
}

// maxCarried bounds a header that goes on from a command to its event, which must fit into a record of its own whoever wrote the command.
const maxCarried = 256

func eventHeaders(in *input, headers goka.Headers) []kgo.RecordHeader {
	out := make([]kgo.RecordHeader, 0, 4)
	out = append(out, kgo.RecordHeader{Key: topics.HeaderContentType, Value: []byte(topics.ContentTypeAvro)},
		kgo.RecordHeader{Key: topics.HeaderVersion, Value: versionText(in.origin.Version)})
	if v, ok := headers[topics.HeaderCommandID]; ok && len(v) <= maxCarried {
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
