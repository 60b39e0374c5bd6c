package audit

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"ugc/deploy/reference"
	"ugc/schemas/topics"
)

// audit is one run.
type audit struct {
	o        Options
	snapshot map[string][]int64 // ends of the command topics when the audit began
	letters  *letters
	rules    []reference.Rules // that events name
	wanted   map[int64][]wantedRow
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
	a := &audit{
		o: o.withDefaults(), snapshot: map[string][]int64{}, wanted: map[int64][]wantedRow{},
		foreign: map[place]*sheet{}, told: map[place]bool{}, result: &Result{},
	}
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
	both := func(a *audit) func(*moment, bool) {
		summary, row := m.fold(a), d.feedback(a)
		return func(m *moment, inSnapshot bool) { summary(m, inSnapshot); row(m, inSnapshot) }
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

// compare goes through a context, partition by partition. shown makes who is to see every command of a partition that was decided.
func compare(ctx context.Context, a *audit, s *side, shown func(*audit) func(*moment, bool)) error {
	for p := range a.snapshot[s.Input.Name] {
		if err := s.partition(ctx, a, int32(p), shown(a)); err != nil {
			return fmt.Errorf("partition %d: %w", p, err)
		}
	}
	return nil
}

// partition compares one partition, in this order: what is stored by key is read; then it is looked up where events and commands end, so
// that a command stands behind everything that was read; the events are read; the commands are folded, by the rules that their events name; the history is
// held against the fold.
func (s *side) partition(ctx context.Context, a *audit, p int32, show func(*moment, bool)) error {
	kept := make([]*claims, 0, len(s.views))
	for _, v := range s.views {
		c := newClaims(a, v, s.Input.Name, p)
		if err := c.collect(ctx); err != nil {
			return fmt.Errorf("read %s: %w", v.check, err)
		}
		kept = append(kept, c)
	}
	_, events, err := a.o.Log.Ends(ctx, s.events.Name)
	if err != nil {
		return err
	}
	end, err := s.whole(ctx, a, p)
	if err != nil {
		return err
	}
	o, outcome, history := newOutcomes(end), a.sheet(s.events.Name, p), a.sheet(s.history, p)
	if err := s.readEvents(ctx, a, o, outcome, events[p]); err != nil {
		return err
	}
	refusals := a.letters.exempt(s.history)
	keys, err := s.fold(ctx, a, p, end, o, func(m *moment) error {
		s.meet(a, o, outcome, m)
		inSnapshot := m.Version.Offset() < a.snapshot[s.Input.Name][p]
		if m.decided {
			if refusals[m.Origin] {
				o.flags[m.Version.Offset()] |= refused
			}
			show(m, inSnapshot)
		}
		for _, c := range kept {
			c.meet(m, inSnapshot)
		}
		if a.folded++; a.folded%1000 == 0 || a.folded == a.total {
			a.o.Progress("fold", a.folded, a.total)
		}
		return nil
	})
	if err != nil {
		return err
	}
	if err := s.showEvents(ctx, a, o, outcome, events[p]); err != nil {
		return err
	}
	if err := s.checkHistory(ctx, a, o, history); err != nil {
		return fmt.Errorf("read %s: %w", s.history, err)
	}
	if err := s.explain(ctx, a, p, end, o); err != nil {
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

// whole is where the commands of a partition end by now; they must be there from the first on. Those that came since the snapshot are folded too.
func (s *side) whole(ctx context.Context, a *audit, p int32) (int64, error) {
	first, ends, err := a.o.Log.Ends(ctx, s.Input.Name)
	if err != nil {
		return 0, err
	}
	if first[p] > 0 {
		return 0, fmt.Errorf("%s begins at offset %d: earlier commands are gone, so nothing can be folded; restore them, and set its retention.ms to -1", s.Input.Name, first[p])
	}
	a.total += ends[p] - a.snapshot[s.Input.Name][p]
	return ends[p], nil
}
