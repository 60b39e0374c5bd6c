package audit

import (
	"context"
	"errors"
	"fmt"
	"hash/maphash"

	"ugc/domain"
	"ugc/schemas"
	"ugc/schemas/topics"
)

// side is one context as the audit sees it: where its records are, by what rule they are decided, which views show it.
type side[S any, C domain.Command, E domain.Event] struct {
	name, group             string
	commands, events, table topics.Topic
	decider                 domain.Decider[S, C, E]
	normal                  func(S) (S, error) // the state as it is when it was written and read again
	eventText               func(E) string     // all of an event, for people
	history                 string             // the view with a row for each event
	historyText             func(E) string
	views                   []view[S, E] // those with a row for each key
}

// view is a stored view with a row for each key, the table among them.
type view[S, E any] struct {
	check string
	scan  func(ctx context.Context, partition int32, each func(Row) error) error
	// leaves says whether a command leaves a row, text what is in it.
	leaves func(*moment[S, E]) bool
	text   func(*moment[S, E]) string
	exempt map[domain.Origin]bool // events that the view could not take; they are in the dead letters
}

// moment is what one command made of its key.
type moment[S, E any] struct {
	domain.Origin
	key     string
	state   S // after it
	event   E
	decided bool // false for a command that is in the dead letters: it changes nothing but the table's version
	foreign bool // it is not of this partition: not even that
	fault   error
}

// fold decides the commands of a partition again, below the offset to, and shows what each of them became. It keeps the state of every key.
func (s *side[S, C, E]) fold(ctx context.Context, a *audit, p int32, to int64, visit func(*moment[S, E]) error) (keys int64, err error) {
	states := map[string]S{}
	partitions := int32(len(a.snapshot[s.commands.Name]))
	err = a.o.Log.Read(ctx, s.commands.Name, p, to, func(r Record) error {
		m := moment[S, E]{Origin: domain.Origin{Partition: p, Version: domain.NewVersion(a.o.Epoch, r.Offset)}, key: string(r.Key)}
		m.foreign = len(r.Key) == 0 || domain.Partition(m.key, partitions) != p
		m.state = states[m.key]
		if !a.letters.aside[place{s.commands.Name, p, r.Offset}] {
			if c, err := s.command(a.o.Codec, &m, r.Value); err == nil {
				m.event, m.decided = s.decider.Decide(m.state, c), true
				m.state = s.decider.Evolve(m.state, m.event)
				states[m.key] = m.state
			} else if domain.KindOf(err) == domain.Unavailable {
				return err
			} else {
				m.fault = err
			}
		}
		return visit(&m)
	})
	return int64(len(states)), err
}

func (s *side[S, C, E]) command(codec *schemas.Codec, m *moment[S, E], value []byte) (c C, err error) {
	read, err := codec.DecodeCommand(value)
	if err != nil {
		return c, err
	}
	c, ok := read.(C)
	if !ok {
		return c, fmt.Errorf("a %T is no command of this topic", read)
	}
	head := c.Head()
	if head.Origin = m.Origin; m.foreign || head.Key() != m.key {
		return c, fmt.Errorf("the key %q does not belong to a command about %q in partition %d", m.key, head.Key(), m.Partition)
	}
	return c, nil
}

// place is a record of a topic.
type place struct {
	topic     string
	partition int32
	offset    int64
}

func (p place) String() string { return fmt.Sprintf("%s/%d/%d", p.topic, p.partition, p.offset) }

// letters is what the dead letters say.
type letters struct {
	aside    map[place]bool                    // commands that were set aside
	unfolded map[domain.Origin]bool            // feedback events that the movies' group set aside
	views    map[string]map[domain.Origin]bool // by view, events that it could not take
	movies   map[string]bool                   // movies whose summary waits behind a dead letter
}

// readLetters reads all dead letters there are.
func (a *audit) readLetters(ctx context.Context) error {
	l := &letters{aside: map[place]bool{}, unfolded: map[domain.Origin]bool{}, views: map[string]map[domain.Origin]bool{}, movies: map[string]bool{}}
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
			return l.take(a.o.Codec, d)
		})
		if err != nil {
			return err
		}
	}
	a.letters = l
	return nil
}

func (l *letters) take(codec *schemas.Codec, d *schemas.DeadLetter) error {
	const views = "projections/"
	switch {
	case d.Step == "streams/playback", d.Step == "streams/feedback":
		l.aside[place{d.Topic, d.Partition, d.Offset}] = true
	case d.Step == "streams/movies":
		e, err := codec.DecodeEvent(d.Value)
		if err == nil {
			l.unfolded[e.Head().Origin] = true
		}
		return unavailable(err)
	case d.Step == views+"movie_summaries":
		l.movies[string(d.Key)] = true
	case len(d.Step) > len(views) && d.Step[:len(views)] == views:
		e, err := codec.DecodeEvent(d.Value)
		if err == nil {
			name := d.Step[len(views):]
			if l.views[name] == nil {
				l.views[name] = map[domain.Origin]bool{}
			}
			l.views[name][e.Head().Origin] = true
		}
		return unavailable(err) // bytes that are no event stand for no command
	}
	return nil
}

// unavailable keeps only what may go away by itself.
func unavailable(err error) error {
	if err != nil && domain.KindOf(err) == domain.Unavailable {
		return err
	}
	return nil
}

var seed = maphash.MakeSeed()

func hashText(s string) uint64  { return maphash.String(seed, s) }
func hashBytes(b []byte) uint64 { return maphash.Bytes(seed, b) }

var errEnough = errors.New("all that was wanted is there")
