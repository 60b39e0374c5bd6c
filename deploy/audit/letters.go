package audit

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	"ugc/domain"
	"ugc/schemas"
	"ugc/schemas/topics"
	"ugc/streams"
)

// A dead letter counts as the outcome of a record only where it is justified: by the record, which is read again at its origin and cannot be
// processed, or by an earlier justified letter of its key, behind which the record waits. A release, or a later record of the key that was processed, ends
// that wait. What is set aside without a cause is a difference. Displaced commands are judged by other rules: see displaced.go.

// letter is what the dead letters say of one record.
type letter struct {
	reason    string
	cut       int    // bytes of the value that the letter has
	hash      uint64 // of them
	fault     error  // why the letter's own copy of a table's value can never be processed; nil where it can
	met       bool   // the record was read again
	justified bool
	older     *letter // about the same place
	displaced         // of a command that is passed over where it stands
}

// source is one step that sets records of one partition aside.
type source struct {
	step, topic string
	partition   int32
}

// letters are the dead letters by where their records stand, and what follows from them.
type letters struct {
	of       map[source]map[int64]*letter
	unfolded map[domain.Origin]bool            // feedback events that the movies' group set aside
	views    map[string]map[domain.Origin]bool // by view, events that it could not take
	movies   map[string]bool                   // movies whose summary waits behind a dead letter
	stray    int64                             // letters about records that are not where the letter says
}

func (l *letters) at(step, topic string, p int32) map[int64]*letter {
	return l.of[source{step, topic, p}]
}

func (l *letters) exempt(view string) map[domain.Origin]bool { return l.views[view] }

// checks is what may be set aside: by step, the topic that it reads and why a record of that can never be processed.
func (a *audit) checks() map[string]check {
	out := map[string]check{}
	for _, s := range []*side{a.playback(), a.feedback()} {
		out[stepOf(s.Group)] = check{s.Input, s.events.Name, func(p, of int32, r *Record) (domain.Origin, error) {
			origin := domain.Origin{Partition: p, Version: domain.NewVersion(a.o.Epoch, r.Offset)}
			_, err := s.command(a.o.Codec, origin, r, of)
			return origin, err
		}}
	}
	movies := groupOf(topics.MoviesFeedback)
	out[stepOf(movies)] = check{movies.Input, movies.Table.Name, a.movieEvent}
	for _, v := range a.o.Service.Views {
		c := check{source: v.Source, tells: v.Name, read: a.viewEvent}
		if v.Source == topics.MoviesTable {
			c.read = a.movieValue
		}
		out["projections/"+v.Name] = c
	}
	return out
}

// check is how the audit reads again what a step has set aside.
type check struct {
	source topics.Topic
	tells  string // the check that is told what is found
	read   func(p, partitions int32, r *Record) (domain.Origin, error)
}

// again reads a record once more: which command is behind it, and why it can never be processed.
func (c check) again(p, partitions int32, r *Record) (domain.Origin, error) {
	if err := c.source.CheckKey(string(r.Key)); err != nil {
		return domain.Origin{}, err
	}
	return c.read(p, partitions, r)
}

func (a *audit) movieEvent(_, _ int32, r *Record) (domain.Origin, error) {
	e, err := a.o.Codec.DecodeEvent(r.Value)
	if err != nil {
		return domain.Origin{}, err
	}
	if _, ok := e.(domain.FeedbackEvent); !ok || e.Head().Movie != string(r.Key) {
		return domain.Origin{}, fmt.Errorf("a %T about %s under the key %s", e, schemas.Quote(e.Head().Movie), schemas.Quote(r.Key))
	}
	return e.Head().Origin, nil
}

func (a *audit) viewEvent(p, _ int32, r *Record) (domain.Origin, error) {
	e, err := a.o.Codec.DecodeEvent(r.Value)
	if err != nil {
		return domain.Origin{}, err
	}
	head := e.Head()
	if head.Origin.Version < 0 || head.Origin.Partition != p || head.Key() != string(r.Key) {
		return domain.Origin{}, fmt.Errorf("an event about %s of partition %d under the key %s", schemas.Quote(head.Key()), head.Origin.Partition, schemas.Quote(r.Key))
	}
	return head.Origin, nil
}

func (a *audit) movieValue(_, _ int32, r *Record) (domain.Origin, error) {
	_, err := a.o.Codec.DecodeMoviesTable(r.Value)
	return domain.Origin{}, err
}

// readLetters reads all dead letters there are, and then the records that they are about.
func (a *audit) readLetters(ctx context.Context) error {
	a.letters = &letters{of: map[source]map[int64]*letter{}, unfolded: map[domain.Origin]bool{}, views: map[string]map[domain.Origin]bool{}, movies: map[string]bool{}}
	checks := a.checks()
	_, ends, err := a.o.Log.Ends(ctx, topics.DeadLetters.Name)
	if err != nil {
		return err
	}
	for p, end := range ends {
		err := a.o.Log.Read(ctx, topics.DeadLetters.Name, int32(p), end, func(r Record) error {
			at := place{topics.DeadLetters.Name, int32(p), r.Offset}
			d, err := a.o.Codec.DecodeDeadLetter(r.Value)
			switch {
			case unavailable(err) != nil:
				return fmt.Errorf("dead letter at %s: %w", at, err)
			case err != nil:
				a.unreadable(at, r.Key, err)
				return nil
			}
			c, ok := checks[d.Step]
			if !ok || c.source.Name != d.Topic { // of a step that this service does not have
				a.letters.stray++
				return nil
			}
			return a.letters.take(d, c)
		})
		if err != nil {
			return err
		}
	}
	for s := range a.letters.of {
		if err := a.justify(ctx, s, checks[s.step]); err != nil {
			return fmt.Errorf("read what %s set aside of %s: %w", s.step, s.topic, err)
		}
	}
	if sh := a.sheet(topics.DeadLetters.Name, 0); a.letters.stray > 0 {
		sh.Note = fmt.Sprintf("%d of other steps, or about records that are not there any more; they stand for nothing", a.letters.stray)
		a.result.add(sh, a.o.Limit)
	}
	return nil
}

func (l *letters) take(d *schemas.DeadLetter, c check) error {
	of := source{d.Step, d.Topic, d.Partition}
	if l.of[of] == nil {
		l.of[of] = map[int64]*letter{}
	}
	var fault error
	if d.Topic == topics.MoviesTable.Name {
		_, fault = c.again(d.Partition, 0, &Record{Offset: d.Offset, Key: d.Key, Value: d.Value})
	}
	l.of[of][d.Offset] = &letter{reason: d.Reason, cut: len(d.Value), hash: hashBytes(d.Value), fault: fault, older: l.of[of][d.Offset],
		displaced: displaced{is: d.Reason == schemas.ReasonDisplaced, key: string(d.Key)}}
	return unavailable(fault)
}

// justify reads the records of a partition once more, those that were set aside and those between them.
func (a *audit) justify(ctx context.Context, s source, c check) error {
	of := a.letters.of[s]
	_, ends, err := a.o.Log.Ends(ctx, s.topic)
	if err != nil {
		return err
	}
	if int(s.partition) >= len(ends) || s.partition < 0 {
		a.letters.stray += int64(len(of))
		delete(a.letters.of, s)
		return nil
	}
	if err := a.findCopies(ctx, s, of, ends[s.partition]); err != nil {
		return err
	}
	sh := a.sheet(c.tells, s.partition)
	waiting := map[string]bool{} // keys with a justified letter
	err = a.o.Log.Read(ctx, s.topic, s.partition, ends[s.partition], func(r Record) error {
		key, l := string(r.Key), of[r.Offset]
		if l != nil {
			if l = l.pick(&r); l == nil {
				a.letters.stray++
				delete(of, r.Offset)
			} else {
				of[r.Offset] = l
			}
		}
		if l != nil && l.displaced.is {
			l.met = true
			id, err := a.commandID(r.Value)
			if err != nil {
				return err
			}
			if l.justified = l.standsAgain(id, r.Value); !l.justified {
				a.unjustified(sh, s, &r, l)
			}
			l.wait(waiting, id)
			return nil
		}
		if r.Release {
			delete(waiting, key)
		}
		if l == nil {
			delete(waiting, key) // it was processed
			return nil
		}
		l.met = true
		origin, err := c.again(s.partition, int32(len(ends)), &r)
		if unavailable(err) != nil {
			return err
		}
		l.justified = err != nil || waiting[key]
		if waiting[key] = waiting[key] || l.justified; !l.justified {
			a.unjustified(sh, s, &r, l)
		}
		if err == nil {
			a.letters.keep(s, origin, key)
		}
		return nil
	})
	for offset, l := range of {
		if l.met {
			continue
		}
		// Compacted away, which happens to values of tables alone: what is left of the record is its copy in the letter.
		if l.justified = l.fault != nil; c.source != topics.MoviesTable {
			a.letters.stray++
			delete(of, offset)
		}
	}
	if sh.Differences > 0 {
		sh.Note = "set aside without a cause"
		a.result.add(sh, a.o.Limit)
	}
	return err
}

// about says whether the letter is of this very record.
func (l *letter) about(r *Record) bool {
	return l.cut <= len(r.Value) && hashBytes(r.Value[:l.cut]) == l.hash
}

// pick gives the letter that is of this very record, of all that name its place.
func (l *letter) pick(r *Record) (found *letter) {
	var was *letter // of the record that stood there before the log lost its end
	for x := l; x != nil; x = x.older {
		switch {
		case x.about(r) && (found == nil || x.displaced.is && !found.displaced.is):
			if was == nil {
				was = found
			}
			found = x
		case was == nil && !x.displaced.is:
			was = x
		}
	}
	if found != nil && found.displaced.is {
		found.displaced.was = was
	}
	return found
}

// keep remembers what a step does without.
func (l *letters) keep(s source, origin domain.Origin, key string) {
	view, is := strings.CutPrefix(s.step, "projections/")
	switch {
	case !is && s.topic == topics.MoviesFeedback.Name:
		l.unfolded[origin] = true
	case is && s.topic == topics.MoviesTable.Name:
		l.movies[key] = true
	case is:
		if l.views[view] == nil {
			l.views[view] = map[domain.Origin]bool{}
		}
		l.views[view][origin] = true
	}
}

// unjustified reports a record that was set aside for nothing, by its place and, where it has one, its event_id.
func (a *audit) unjustified(sh *sheet, s source, r *Record, l *letter) {
	is := "set aside as " + schemas.Quote(l.reason)
	if c, err := a.o.Codec.DecodeCommand(r.Value); err == nil {
		is = "event_id " + c.Head().ID.String() + " " + is
	} else if e, err := a.o.Codec.DecodeEvent(r.Value); err == nil {
		is = "event_id " + e.Head().ID.String() + " " + is
	}
	should := "processed by " + s.step +
		": the record is a good one, and nothing of its key waits before it; send it again with the header " + streams.HeaderRelease
	if l.displaced.is {
		should = "there once more, behind this place, with the header " + streams.HeaderAgain + ": " + strconv.FormatInt(r.Offset, 10) +
			"; append its key, value and headers again, with that header"
	}
	sh.found(Difference{
		Kind: Unjustified, Key: string(r.Key), Is: is, Origin: place{s.topic, s.partition, r.Offset}.String(), Should: should,
	})
}
