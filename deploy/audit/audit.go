package audit

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"ugc/domain"
	"ugc/schemas/topics"
)

// audit is one run.
type audit struct {
	o        Options
	snapshot map[string][]int64 // ends of the command topics when the audit began
	letters  *letters
	wanted   map[place][]wantedEvent
	foreign  map[place]*sheet // what nobody can read, by topic and partition
	told     map[place]bool   // which records that is
	result   *Result
	folded   int64
	total    int64
}

// Run compares everything and says what it found. An error means that it could not compare; differences are no error.
func Run(ctx context.Context, o Options) (*Result, error) {
	if err := o.Validate(); err != nil {
		return nil, fmt.Errorf("audit: %w", err)
	}
	a := &audit{o: o.withDefaults(), snapshot: map[string][]int64{}, wanted: map[place][]wantedEvent{}, foreign: map[place]*sheet{}, told: map[place]bool{}, result: &Result{}}
	began := a.o.Now()
	if err := a.settle(ctx); err != nil {
		return nil, fmt.Errorf("audit: %w", err)
	}
	if err := a.readLetters(ctx); err != nil {
		return nil, fmt.Errorf("audit: %w", err)
	}
	d, err := a.readDerived(ctx)
	if err != nil {
		return nil, fmt.Errorf("audit: %w", err)
	}
	if err := compare(ctx, a, a.playback(), d.playback); err != nil {
		return nil, fmt.Errorf("audit playback: %w", err)
	}
	feedback := a.snapshot[topics.FeedbackCommands.Name]
	m := newMovies(a, len(feedback))
	if err := m.collect(ctx, a); err != nil {
		return nil, fmt.Errorf("audit movies: %w", err)
	}
	both := func(a *audit) func(domain.FeedbackEvent, bool) {
		summary, row := m.fold(a), d.feedback(a)
		return func(e domain.FeedbackEvent, inSnapshot bool) { summary(e, inSnapshot); row(e, inSnapshot) }
	}
	if err := compare(ctx, a, a.feedback(), both); err != nil {
		return nil, fmt.Errorf("audit feedback: %w", err)
	}
	m.settle(int32(len(feedback)))
	for _, c := range m.claims {
		for _, sh := range c.sheets {
			a.result.add(sh, a.o.Limit)
		}
	}
	d.settle()
	for _, view := range slices.Sorted(maps.Keys(d.sheets)) {
		a.result.add(d.sheets[view], a.o.Limit)
	}
	for _, sh := range a.foreign {
		a.result.add(sh, a.o.Limit)
	}
	a.result.sort()
	a.result.Commands, a.result.Took = a.folded, a.o.Now().Sub(began)
	return a.result, nil
}

func (a *audit) sheet(check string, p int32) *sheet {
	return &sheet{Count: Count{Check: check, Partition: p}, limit: a.o.Limit}
}

// unreadable reports a record that nobody can read, once, and keeps nobody from comparing the rest.
func (a *audit) unreadable(at place, key []byte, err error) {
	if a.told[at] { // a partition may be read more than once
		return
	}
	a.told[at] = true
	of := place{topic: at.topic, partition: at.partition}
	if a.foreign[of] == nil {
		a.foreign[of] = a.sheet(at.topic, at.partition)
		a.foreign[of].Note = "records that nobody can read"
	}
	a.foreign[of].found(Difference{Kind: Unreadable, Key: string(key), Is: err.Error(), Origin: at.String()})
}

// compare goes through a context, partition by partition. shown makes who is to see every event of a partition.
func compare[S any, C domain.Command, E domain.Event](ctx context.Context, a *audit, s *side[S, C, E], shown func(*audit) func(E, bool)) error {
	for p := range a.snapshot[s.commands.Name] {
		if err := s.partition(ctx, a, int32(p), shown(a)); err != nil {
			return fmt.Errorf("partition %d: %w", p, err)
		}
	}
	return nil
}

// partition compares one partition, in this order: what is stored by key is read; then it is looked up where events and commands end, so
// that a command stands behind everything that was read; the commands are folded; events and history are held against the fold.
func (s *side[S, C, E]) partition(ctx context.Context, a *audit, p int32, show func(E, bool)) error {
	kept := make([]*claims[S, E], 0, len(s.views))
	for _, v := range s.views {
		c := &claims[S, E]{view: v, sheet: a.sheet(v.check, p), rows: map[string]*claim{}, last: map[string]domain.Version{}, wanted: map[string]int{}, topic: s.commands.Name}
		if err := c.collect(ctx); err != nil {
			return fmt.Errorf("read %s: %w", v.check, err)
		}
		kept = append(kept, c)
	}
	_, events, err := a.o.Log.Ends(ctx, s.events.Name)
	if err != nil {
		return err
	}
	first, ends, err := a.o.Log.Ends(ctx, s.commands.Name)
	if err != nil {
		return err
	}
	if first[p] > 0 {
		return fmt.Errorf("%s begins at offset %d: earlier commands are gone, so nothing can be folded; restore them, and set its retention.ms to -1", s.commands.Name, first[p])
	}
	o := &outcomes{flags: make([]uint8, ends[p]), events: make([]uint64, ends[p]), rows: make([]uint64, ends[p])}
	refusals, snapshot := a.letters.views[s.history], a.snapshot[s.commands.Name][p]
	keys, err := s.fold(ctx, a, p, ends[p], func(m *moment[S, E]) error {
		i := m.Version.Offset()
		if m.decided {
			b, err := a.o.Codec.EncodeEvent(m.event)
			if err != nil {
				return fmt.Errorf("encode the event of command %s: %w", place{s.commands.Name, p, i}, err)
			}
			o.flags[i], o.events[i], o.rows[i] = decided, hashBytes(b), hashText(s.historyText(m.event))
			if refusals[m.Origin] {
				o.flags[i] |= refused
			}
			show(m.event, i < snapshot)
		} else if m.fault == nil {
			o.flags[i] = aside
		}
		for _, c := range kept {
			c.meet(m, i < snapshot)
		}
		if a.folded++; a.folded%1000 == 0 {
			a.o.Progress("fold", a.folded, a.total)
		}
		return nil
	})
	if err != nil {
		return err
	}
	outcome, history := a.sheet(s.events.Name, p), a.sheet(s.history, p)
	if err := s.checkEvents(ctx, a, o, outcome, events[p]); err != nil {
		return err
	}
	if err := s.checkHistory(ctx, a, o, history); err != nil {
		return fmt.Errorf("read %s: %w", s.history, err)
	}
	if err := s.explain(ctx, a, p, ends[p]); err != nil {
		return err
	}
	a.result.add(outcome, a.o.Limit)
	a.result.add(history, a.o.Limit)
	states := keys
	for _, c := range kept {
		c.settle()
		states += int64(len(c.rows))
		if err := c.explain(ctx); err != nil {
			return fmt.Errorf("read %s: %w", c.check, err)
		}
		a.result.add(c.sheet, a.o.Limit)
	}
	a.result.Keys = max(a.result.Keys, states)
	return nil
}
