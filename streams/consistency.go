package streams

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"sync"

	"github.com/IBM/sarama"
	"github.com/twmb/franz-go/pkg/kgo"
	"golang.org/x/sync/errgroup"

	"ugc/domain"
	"ugc/schemas/topics"
)

// compare holds against each other what commits, table, events and input know, for each partition of a session that begins, before the first input
// comes. After a kill they agree. After a power cut, an unclean leader election or a restored disk they may not: each file and each partition then lost an end of its own.
// In order:
//
//  1. events that the table decided and the log has not are written again, out of the table's values (remade.go),
//  2. commands that were decided and the log has not are written again, out of the events (lost.go),
//  3. the session goes on behind what the table has, wherever the commit stands.
//
// What cannot be made good is an error that names the partition, what is missing and what to do. The processor ends with it, and readiness says so.
func (run *incarnation) compare(sess sarama.ConsumerGroupSession) error {
	claims := sess.Claims()[run.group.Input.Name]
	if len(claims) == 0 {
		return nil
	}
	ctx := sess.Context()
	t, err := openTail(run.kgo)
	if err != nil {
		return err
	}
	defer t.close()
	inputs, err := t.spans(ctx, run.group.Input.Name)
	if err != nil {
		return err
	}
	tables, err := t.spans(ctx, run.group.Table.Name)
	if err != nil {
		return err
	}
	commits, err := t.commits(ctx, run.group.Name, run.group.Input.Name)
	if err != nil {
		return err
	}
	if err := run.padOutputs(ctx, t); err != nil {
		return err
	}
	var mu sync.Mutex
	next := make(map[int32]int64, len(claims))
	all, ctx := errgroup.WithContext(ctx)
	all.SetLimit(comparedAtOnce)
	for _, p := range claims {
		commit, ok := commits[p]
		if !ok {
			commit = noOffset
		}
		s := &standing{run: run, tail: t, p: p, input: inputs[p], table: tables[p], commit: commit, log: run.log.With("partition", p)}
		all.Go(func() error {
			from, err := s.settle(ctx)
			if err != nil {
				return err
			}
			mu.Lock()
			defer mu.Unlock()
			next[p] = from
			return nil
		})
	}
	if err := all.Wait(); err != nil {
		return err
	}
	for _, p := range slices.Sorted(maps.Keys(next)) { // sarama reads where a claim begins after Setup
		sess.ResetOffset(run.group.Input.Name, p, next[p], "")
		sess.MarkOffset(run.group.Input.Name, p, next[p], "")
	}
	return nil
}

// comparedAtOnce bounds the partitions that are compared at the same time.
const comparedAtOnce = 4

// standing is what is known of one partition when its session begins.
type standing struct {
	run  *incarnation
	tail *tail
	p    int32
	log  interface{ Warn(string, ...any) }

	input, table span
	commit       int64          // of the group; noOffset: none
	mark         domain.Version // up to which the table has every input; NoVersion: none of this epoch
	markKey      string         // a key that the table has
	older        bool           // the table is of an older epoch

	events    span
	decisions map[int64]*decision // by offset of the command, those that were looked at
	event     domain.Version      // the newest that has an event
	low       int64               // the least of them
	displaced []int64             // offsets at which the log has another command than was decided
}

// settle gives the offset to go on from.
func (s *standing) settle(ctx context.Context) (int64, error) {
	if err := s.readMark(ctx); err != nil {
		return 0, err
	}
	if s.older {
		return min(max(s.commit, s.input.first), s.input.next), nil
	}
	if len(s.run.group.Outputs) > 0 {
		if err := s.remake(ctx); err != nil {
			return 0, err
		}
		if err := s.restoreCommands(ctx); err != nil {
			return 0, err
		}
		if err := s.passOn(ctx); err != nil {
			return 0, err
		}
	} else if err := s.pad(ctx); err != nil {
		return 0, err
	}
	return s.from(ctx)
}

// readMark finds the newest version that a header of the table names.
func (s *standing) readMark(ctx context.Context) error {
	var mark domain.Version
	err := s.tail.backwards(ctx, s.run.group.Table.Name, s.p, s.table,
		func(span) { mark = domain.NoVersion },
		func(r *kgo.Record) error {
			v, ok, err := s.run.watermarkOf(r)
			if ok {
				mark, s.markKey = max(mark, v), string(r.Key)
			}
			return err
		},
		func() bool { return mark != domain.NoVersion })
	if err != nil {
		return err
	}
	switch epoch := s.run.epoch; {
	case mark == domain.NoVersion:
	case mark.Epoch() > epoch:
		return fmt.Errorf("partition %d of %s is of epoch %d, and this process of epoch %d: set UGC_KAFKA_EPOCH to %d",
			s.p, s.run.group.Table.Name, mark.Epoch(), epoch, mark.Epoch())
	case mark.Epoch() < epoch:
		mark, s.older = domain.NoVersion, true
	}
	s.mark = mark
	return nil
}

// watermarkOf is the newest input that a table's record names; ok is false for one that names none, and for one that is not ours.
func (run *incarnation) watermarkOf(r *kgo.Record) (v domain.Version, ok bool, err error) {
	if outOfPlace(r) {
		return v, false, nil
	}
	for _, h := range r.Headers {
		if h.Key != topics.HeaderVersion {
			continue
		}
		if v, ok = parseVersion(h.Value); !ok {
			return v, false, nil
		}
		_, err := run.codec.AppliedIn(run.group.Table, r.Value)
		if domain.KindOf(err) == domain.Invalid {
			return v, false, nil // a foreign record knows nothing
		}
		if err != nil {
			return v, false, err
		}
	}
	return v, ok && v >= 0, nil
}

// outOfPlace says that a record of a table stands where its owner did not mean it to: it counts for nothing (see keep.go).
func outOfPlace(r *kgo.Record) bool {
	for _, h := range r.Headers {
		if h.Key == topics.HeaderPlace {
			return string(h.Value) != strconv.FormatInt(r.Offset, 10)
		}
	}
	return false
}

// from is where the session goes on: behind the newest input that the table has. An input at or below what a key has changes nothing, so going back is
// always safe; going on from a commit that is ahead of the table would leave inputs out.
func (s *standing) from(ctx context.Context) (int64, error) {
	known := s.input.first
	if s.mark != domain.NoVersion {
		known = s.mark.Offset() + 1
	}
	if s.mark == domain.NoVersion && s.input.first > 0 || known < s.input.first {
		return 0, s.gap(known)
	}
	switch {
	case s.commit == noOffset:
		return s.input.first, nil
	case s.commit < s.input.first: // what lies between was folded in, the table says
		return s.input.first, nil
	case s.commit <= known:
		return s.commit, nil
	}
	passed, err := s.leaveNothing(ctx, span{known, min(s.commit, s.input.next)})
	if err != nil {
		return 0, err
	}
	if passed {
		return min(s.commit, s.input.next), nil
	}
	s.log.Warn("the commit is ahead of the table: inputs are folded again", "table", s.run.group.Table.Name, "from", known, "commit", s.commit)
	s.run.metrics.rewound.Add(float64(s.commit - known))
	return known, nil
}

// gap says that inputs are gone that the table has not.
func (s *standing) gap(known int64) error {
	if s.mark == domain.NoVersion {
		known = 0
	}
	what := fmt.Errorf("partition %d of %s begins at offset %d, and table %s has its inputs up to %d only: those between are gone",
		s.p, s.run.group.Input.Name, s.input.first, s.run.group.Table.Name, known)
	return fmt.Errorf("%w; %s", what, s.run.group.remedy())
}

// remedy is what a person can do where the log and what was made of it do not fit.
func (g Group) remedy() string {
	if g.Input.Remade {
		return fmt.Sprintf("stop all streams, delete the topics %s and %s, run `ugc init` and start again: both are made again from what is kept for ever",
			g.Input.Name, g.Table.Name)
	}
	return "copy what the log holds by `ugc log save` and restore it into new topics by `ugc log restore`, or, where the topic was made anew, " +
		"raise the epoch (UGC_KAFKA_EPOCH); see docs/OPERATIONS.md, Backup and restore"
}

// leaveNothing says whether none of the inputs leaves a record in the table: a commit may be ahead by such.
func (s *standing) leaveNothing(ctx context.Context, part span) (bool, error) {
	if part.len() > lookedThrough {
		return false, nil
	}
	state := false
	err := s.tail.read(ctx, s.run.group.Input.Name, s.p, part, func(r *kgo.Record) error {
		state = state || s.run.leavesState(r)
		return nil
	})
	return !state, err
}

// lookedThrough is how many inputs are looked at to find out whether they need be processed again; more of them are.
const lookedThrough = 10_000

// leavesState says whether an input is about a key of its partition; others are set aside, and leave no state.
func (run *incarnation) leavesState(r *kgo.Record) bool {
	return run.stray(&input{origin: domain.Origin{Partition: r.Partition}, key: string(r.Key)}) == nil
}

// unmendable says that the partition cannot go on, and what to do.
func (s *standing) unmendable(format string, args ...any) error {
	return fmt.Errorf("partition %d of %s: %w; %s", s.p, s.run.group.Input.Name, fmt.Errorf(format, args...), s.run.group.remedy())
}
