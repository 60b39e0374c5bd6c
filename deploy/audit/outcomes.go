package audit

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"ugc/deploy/reference"
	"ugc/deploy/reference/translate"
	"ugc/domain"
	"ugc/schemas"
)

// What is known of the outcome of one command.
const (
	aside   uint8 = 1 << iota // it is in the dead letters
	decided                   // the fold made an event of it
	emitted                   // an event of it is there
	inView                    // its row is there
	refused                   // the history view could not take its event
)

// outcomes are those of one partition, by the offset of the command.
type outcomes struct {
	flags []uint8
	rules []uint8  // that its event names, in audit.rules
	texts []uint64 // what its event says; once that is compared, what its row in the history should say
	bytes []uint64 // of its event; nil when all events are read

	wrong    map[int64]int // findings of events that differ, in the sheet, by the command's offset
	repeated int
}

func newOutcomes(n int64) *outcomes {
	return &outcomes{flags: make([]uint8, n), rules: make([]uint8, n), texts: make([]uint64, n), bytes: make([]uint64, n), wrong: map[int64]int{}}
}

// maxRules bounds how many settings of the rules one log may name.
const maxRules = 255

// ruled is the number of the rules that an event names.
func (a *audit) ruled(r reference.Rules) (uint8, error) {
	if i := slices.Index(a.rules, r); i >= 0 {
		return uint8(i), nil
	}
	if len(a.rules) == maxRules {
		return 0, fmt.Errorf("it names other rules than the %d sets that events before it name", maxRules)
	}
	a.rules = append(a.rules, r)
	return uint8(len(a.rules) - 1), nil
}

// readEvents reads the events of a partition: one of each command, byte for byte the same where it stands twice.
func (s *side) readEvents(ctx context.Context, a *audit, o *outcomes, sh *sheet, end int64) error {
	defer func() { o.bytes = nil }()
	p := sh.Partition
	displaced := a.letters.at(s.step(), s.Input.Name, p)
	return a.o.Log.Read(ctx, s.events.Name, p, end, func(r Record) error {
		at := place{s.events.Name, p, r.Offset}
		e, err := a.o.Codec.DecodeEvent(r.Value)
		if unavailable(err) != nil {
			return fmt.Errorf("event at %s: %w", at, err)
		}
		var text string
		var rules reference.Rules
		if err == nil {
			var ours bool
			if text, rules, ours = s.split(e); !ours {
				err = fmt.Errorf("a %T is no event of this topic", e)
			}
		}
		var number uint8
		if err == nil {
			number, err = a.ruled(rules)
		}
		if err != nil {
			sh.found(Difference{Kind: Unreadable, Key: string(r.Key), Is: err.Error(), Origin: at.String()})
			return nil //nolint:nilerr // it is among the differences now
		}
		head := e.Head()
		version := head.Origin.Version
		if head.Origin.Partition != p || version < 0 || version.Epoch() != a.o.Epoch || version.Offset() >= int64(len(o.flags)) {
			sh.found(Difference{Kind: Extra, Key: string(r.Key), Is: fmt.Sprintf("an event of command %d of partition %d, which there is not", version.Offset(), head.Origin.Partition), Origin: at.String()})
			return nil
		}
		if head.Key() != string(r.Key) {
			text = "under the key " + string(r.Key) + fieldEnd + text
		}
		if l := displaced[version.Offset()]; l != nil && l.displaced.is && o.flags[version.Offset()]&emitted == 0 {
			l.decided = head.ID
		}
		o.take(s, sh, version.Offset(), &r, text, number)
		return nil
	})
}

// take keeps the first event of a command, and holds the others against it.
func (o *outcomes) take(s *side, sh *sheet, i int64, r *Record, text string, rules uint8) {
	whole := hashBytes(r.Value)
	switch {
	case o.flags[i]&emitted == 0:
		o.flags[i] |= emitted
		o.rules[i], o.texts[i], o.bytes[i] = rules, hashText(text), whole
	case o.bytes[i] == whole && o.texts[i] == hashText(text):
		o.repeated++
	default:
		sh.found(Difference{
			Kind: Contradicting, Key: string(r.Key), Is: "another event of command " + place{s.Input.Name, sh.Partition, i}.String() + ": " + shownText(text),
			Should: "byte for byte the first", Origin: place{s.events.Name, sh.Partition, r.Offset}.String(),
		})
	}
}

// rulesOf are those that the event of a command names, else those of the service.
func (a *audit) rulesOf(o *outcomes, i int64) reference.Rules {
	if i < int64(len(o.flags)) && o.flags[i]&emitted != 0 {
		return a.rules[o.rules[i]]
	}
	return translate.Rules(a.o.Rules)
}

// meet holds the event of a command against what it should be: one event or one dead letter (I6).
func (s *side) meet(a *audit, o *outcomes, sh *sheet, m *moment) {
	i := m.Version.Offset()
	origin := place{s.Input.Name, sh.Partition, i}.String()
	known := &o.flags[i]
	inSnapshot := i < a.snapshot[s.Input.Name][sh.Partition]
	if inSnapshot {
		sh.Accepted++
	}
	there := *known&emitted != 0
	switch {
	case m.letter != nil:
		if *known |= aside; there {
			sh.found(Difference{Kind: Contradicting, Key: m.key, Is: "an event, and a dead letter as " + schemas.Quote(m.letter.reason), Origin: origin})
		} else if inSnapshot && m.letter.justified {
			sh.Stored++
		}
	case m.decided:
		if *known |= decided; there && o.texts[i] == hashText(m.event) {
			if inSnapshot {
				sh.Stored++
			}
		} else if there {
			o.found(sh, i, Difference{Kind: Different, Key: m.key, Should: m.event, Origin: origin})
		} else if inSnapshot {
			sh.found(Difference{Kind: Missing, Key: m.key, Should: shownText(m.event), Origin: origin})
		}
		o.texts[i] = hashText(m.row)
	case there:
		o.found(sh, i, Difference{Kind: Different, Key: m.key, Should: "a dead letter: " + m.fault.Error(), Origin: origin})
	case inSnapshot:
		sh.found(Difference{Kind: Missing, Key: m.key, Should: "a dead letter: " + m.fault.Error(), Origin: origin})
	}
}

// found lists a finding whose event is to be looked up.
func (o *outcomes) found(sh *sheet, i int64, d Difference) {
	if sh.found(d); int64(len(sh.list)) == sh.Differences {
		o.wrong[i] = len(sh.list) - 1
	}
}

// showEvents reads once more the events that differ, to show what they say and where they stand.
func (s *side) showEvents(ctx context.Context, a *audit, o *outcomes, sh *sheet, end int64) error {
	if o.repeated > 0 {
		sh.Note = fmt.Sprintf("%d repeated, byte for byte", o.repeated)
	}
	if len(o.wrong) == 0 {
		return nil
	}
	err := a.o.Log.Read(ctx, s.events.Name, sh.Partition, end, func(r Record) error {
		e, err := a.o.Codec.DecodeEvent(r.Value)
		if err != nil {
			return unavailable(err)
		}
		i := e.Head().Origin.Version.Offset()
		n, ok := o.wrong[i]
		if !ok || e.Head().Origin.Partition != sh.Partition {
			return nil
		}
		d := &sh.list[n]
		text, _, _ := s.split(e)
		if d.Is, d.Should = apart(text, d.Should); d.Is == "" && d.Should == "" {
			d.Is = "under the key " + schemas.Quote(r.Key)
		}
		d.Origin = place{s.events.Name, sh.Partition, r.Offset}.String()
		if delete(o.wrong, i); len(o.wrong) == 0 {
			return errEnough
		}
		return nil
	})
	if errors.Is(err, errEnough) {
		err = nil
	}
	return err
}

// checkHistory holds the view that has a row for each event against the fold.
func (s *side) checkHistory(ctx context.Context, a *audit, o *outcomes, sh *sheet) error {
	p, snapshot := sh.Partition, a.snapshot[s.Input.Name][sh.Partition]
	var late []Row // of commands that came after the fold
	least, most := domain.Version(-1), domain.NoVersion
	err := a.rows(s.history).Scan(ctx, p, func(r Row) error {
		if least < 0 || r.Version < least {
			least = r.Version
		}
		most = max(most, r.Version)
		at := place{s.Input.Name, p, r.Version.Offset()}.String()
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
			if hashText(r.Text) != o.texts[i] {
				sh.found(Difference{Kind: Different, Key: r.Key, Is: r.Text, Origin: at})
				a.want(i, sh)
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
			sh.found(Difference{Kind: Missing, Origin: place{s.Input.Name, p, i}.String()})
			a.want(i, sh)
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
func (s *side) judgeLate(ctx context.Context, a *audit, sh *sheet, late []Row) error {
	if len(late) == 0 {
		return nil
	}
	_, ends, err := a.o.Log.Ends(ctx, s.Input.Name)
	if err != nil {
		return err
	}
	for _, r := range late {
		if r.Version.Offset() >= ends[sh.Partition] {
			sh.found(Difference{Kind: Extra, Key: r.Key, Is: shownText(r.Text), Origin: place{s.Input.Name, sh.Partition, r.Version.Offset()}.String()})
		}
	}
	return nil
}

// wantedRow is a finding of a row, and its place in the sheet.
type wantedRow struct {
	sheet *sheet
	n     int
}

// want remembers that the finding just listed lacks the row that should be there, by the offset of its command.
func (a *audit) want(offset int64, sh *sheet) {
	if n := len(sh.list); int64(n) == sh.Differences {
		a.wanted[offset] = append(a.wanted[offset], wantedRow{sh, n - 1})
	}
}

// explain folds the partition once more, to say what should be where a row of the history was found to be wrong.
func (s *side) explain(ctx context.Context, a *audit, p int32, to int64, o *outcomes) error {
	if len(a.wanted) == 0 {
		return nil
	}
	_, err := s.fold(ctx, a, p, to, o, func(m *moment) error {
		for _, w := range a.wanted[m.Version.Offset()] {
			d := &w.sheet.list[w.n]
			if d.Key == "" {
				d.Key = m.key
			}
			if m.decided {
				d.Is, d.Should = apart(d.Is, m.row)
			}
		}
		if delete(a.wanted, m.Version.Offset()); len(a.wanted) == 0 {
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
