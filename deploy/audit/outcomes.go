package audit

import (
	"context"
	"errors"
	"fmt"

	"ugc/domain"
)

// What is known of the outcome of one command.
const (
	aside   uint8 = 1 << iota // it is in the dead letters
	decided                   // the fold made an event of it
	emitted                   // its event is there
	inView                    // its row is there
	refused                   // the history view could not take its event
)

// outcomes are those of one partition, by the offset of the command.
type outcomes struct {
	flags  []uint8
	events []uint64 // what the event should be
	rows   []uint64 // what its row in the history should be
}

// wantedEvent is a finding that waits for the event that should be there.
type wantedEvent struct {
	sheet   *sheet
	n       int // in its list
	history bool
}

func (w wantedEvent) finding() *Difference { return &w.sheet.list[w.n] }

// checkEvents holds the events topic against the fold: one event for each command that is not in the dead letters (I6).
func (s *side[S, C, E]) checkEvents(ctx context.Context, a *audit, o *outcomes, sh *sheet, end int64) error {
	p, snapshot := sh.Partition, a.snapshot[s.commands.Name][sh.Partition]
	repeated := 0
	err := a.o.Log.Read(ctx, s.events.Name, p, end, func(r Record) error {
		at := place{s.events.Name, p, r.Offset}.String()
		read, err := a.o.Codec.DecodeEvent(r.Value)
		if unavailable(err) != nil {
			return fmt.Errorf("event at %s: %w", at, err)
		}
		e, ok := read.(E)
		if err == nil && !ok {
			err = fmt.Errorf("a %T is no event of this topic", read)
		}
		if err != nil {
			sh.found(Difference{Kind: Unreadable, Key: string(r.Key), Is: err.Error(), Origin: at})
			return nil //nolint:nilerr // it is among the differences now
		}
		head := e.Head()
		version := head.Origin.Version
		if head.Origin.Partition != p || version.Epoch() != a.o.Epoch || version < 0 || version.Offset() >= int64(len(o.flags)) {
			sh.found(Difference{Kind: Extra, Key: string(r.Key), Is: fmt.Sprintf("an event of command %d of partition %d, which there is not", version.Offset(), head.Origin.Partition), Origin: at})
			return nil
		}
		i := version.Offset()
		known := &o.flags[i]
		right := head.Key() == string(r.Key) && *known&decided != 0
		if right && hashBytes(r.Value) != o.events[i] { // perhaps only written by another version of the schema
			again, err := a.o.Codec.EncodeEvent(e)
			right = err == nil && hashBytes(again) == o.events[i]
		}
		switch {
		case right && *known&emitted == 0:
			if i < snapshot {
				sh.Stored++
			}
		case right:
			repeated++
		case *known&(emitted|aside) != 0:
			sh.found(Difference{Kind: Contradicting, Key: string(r.Key), Is: "another outcome of command " + place{s.commands.Name, p, i}.String(), Origin: at})
		default:
			sh.found(Difference{Kind: Different, Key: string(r.Key), Is: s.eventText(e), Origin: at})
			a.want(s.commands.Name, p, i, sh, false)
		}
		*known |= emitted
		return nil
	})
	if err != nil {
		return err
	}
	for i := range snapshot {
		sh.Accepted++
		switch f := o.flags[i]; {
		case f&aside != 0:
			sh.Stored++
		case f&emitted == 0:
			sh.found(Difference{Kind: Missing, Origin: place{s.commands.Name, p, i}.String()})
			a.want(s.commands.Name, p, i, sh, false)
		}
	}
	if repeated > 0 {
		sh.Note = fmt.Sprintf("%d repeated, byte for byte", repeated)
	}
	return nil
}

// checkHistory holds the view that has a row for each event against the fold.
func (s *side[S, C, E]) checkHistory(ctx context.Context, a *audit, o *outcomes, sh *sheet) error {
	p, snapshot := sh.Partition, a.snapshot[s.commands.Name][sh.Partition]
	var late []Row // of commands that came after the fold
	least, most := domain.Version(-1), domain.NoVersion
	err := a.o.Views[s.history].Scan(ctx, p, func(r Row) error {
		if least < 0 || r.Version < least {
			least = r.Version
		}
		most = max(most, r.Version)
		at := place{s.commands.Name, p, r.Version.Offset()}.String()
		i := r.Version.Offset()
		switch {
		case r.Version < 0 || r.Version.Epoch() != a.o.Epoch:
			sh.found(Difference{Kind: Extra, Key: r.Key, Is: shownText(r.Text), Origin: at})
		case i >= int64(len(o.flags)):
			if len(late) < maxLate {
				late = append(late, r)
			}
		case o.flags[i]&inView != 0:
			sh.found(Difference{Kind: Doubled, Key: r.Key, Is: shownText(r.Text), Origin: at})
		case o.flags[i]&decided == 0:
			sh.found(Difference{Kind: Extra, Key: r.Key, Is: shownText(r.Text), Origin: at})
		default:
			o.flags[i] |= inView
			if i < snapshot {
				sh.Stored++
			}
			if hashText(r.Text) != o.rows[i] {
				sh.found(Difference{Kind: Different, Key: r.Key, Is: r.Text, Origin: at})
				a.want(s.commands.Name, p, i, sh, true)
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	if err := s.judgeLate(ctx, a, sh, late); err != nil {
		return err
	}
	for i := range snapshot {
		f := o.flags[i]
		if f&decided == 0 || f&refused != 0 && f&inView == 0 {
			continue
		}
		sh.Accepted++
		if f&inView == 0 {
			sh.found(Difference{Kind: Missing, Origin: place{s.commands.Name, p, i}.String()})
			a.want(s.commands.Name, p, i, sh, true)
		}
	}
	if least >= 0 {
		sh.Note = fmt.Sprintf("versions %d to %d", least, most)
	}
	return nil
}

// maxLate bounds the rows of commands that came while the audit ran which are looked at.
const maxLate = 10_000

// judgeLate finds rows of commands that nobody has given yet.
func (s *side[S, C, E]) judgeLate(ctx context.Context, a *audit, sh *sheet, late []Row) error {
	if len(late) == 0 {
		return nil
	}
	_, ends, err := a.o.Log.Ends(ctx, s.commands.Name)
	if err != nil {
		return err
	}
	for _, r := range late {
		if r.Version.Offset() >= ends[sh.Partition] {
			sh.found(Difference{Kind: Extra, Key: r.Key, Is: shownText(r.Text), Origin: place{s.commands.Name, sh.Partition, r.Version.Offset()}.String()})
		}
	}
	return nil
}

// want remembers that the finding just listed lacks what should be there.
func (a *audit) want(topic string, p int32, offset int64, sh *sheet, history bool) {
	if n := len(sh.list); int64(n) == sh.Differences {
		at := place{topic, p, offset}
		a.wanted[at] = append(a.wanted[at], wantedEvent{sh, n - 1, history})
	}
}

// explain folds the partition once more, to say what should be where something was found.
func (s *side[S, C, E]) explain(ctx context.Context, a *audit, p int32, to int64) error {
	if len(a.wanted) == 0 {
		return nil
	}
	_, err := s.fold(ctx, a, p, to, func(m *moment[S, E]) error {
		at := place{s.commands.Name, p, m.Version.Offset()}
		for _, w := range a.wanted[at] {
			d := w.finding()
			if d.Key == "" {
				d.Key = m.key
			}
			switch {
			case m.fault != nil:
				d.Should = "a dead letter: " + m.fault.Error()
			case m.decided && w.history:
				d.Is, d.Should = apart(d.Is, s.historyText(m.event))
			case m.decided:
				d.Is, d.Should = apart(d.Is, s.eventText(m.event))
			}
			if d.Is == "" && d.Should == "" {
				d.Is = "other bytes"
			}
		}
		if delete(a.wanted, at); len(a.wanted) == 0 {
			return errEnough
		}
		return nil
	})
	clear(a.wanted)
	if errors.Is(err, errEnough) {
		err = nil
	}
	return err
}

func shownText(text string) string { is, _ := apart(text, ""); return is }
