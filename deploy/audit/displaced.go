package audit

import (
	"bytes"
	"context"

	"ugc/domain"
)

// A log of commands that lost its end gives the same offsets, which are versions, to other commands. Processors keep what
// was decided: under such an offset the lost command counts, which its event names, and which stands once more behind the
// old end. The command that stands there is displaced: it has a letter, stands once more, too, and is decided there. Both
// copies name the old offset in a header.

// displaced is what a letter knows of a command that is passed over where it stands.
type displaced struct {
	is      bool
	key     string    // of the letter's record
	copies  []copied  // later records that name its offset
	decided domain.ID // of the event under its offset
	was     *letter   // of the record that stood there before, where that one was set aside
}

// copied is a record that stands behind the old end of its log for the second time.
type copied struct {
	key, value []byte
	id         domain.ID
}

// findCopies gives each displaced letter of a partition the later records that name its offset.
func (a *audit) findCopies(ctx context.Context, s source, of map[int64]*letter, end int64) error {
	found := false
	for _, l := range of {
		for ; l != nil; l = l.older {
			found = found || l.displaced.is
		}
	}
	if !found {
		return nil
	}
	return a.o.Log.Read(ctx, s.topic, s.partition, end, func(r Record) error {
		for _, o := range r.Again {
			l := of[o]
			if l == nil || o >= r.Offset {
				continue
			}
			id, err := a.commandID(r.Value)
			if err != nil {
				return err
			}
			for ; l != nil; l = l.older {
				l.copies = append(l.copies, copied{r.Key, r.Value, id})
			}
		}
		return nil
	})
}

// commandID is the id of the command in a value, zero where it holds none.
func (a *audit) commandID(value []byte) (domain.ID, error) {
	c, err := a.o.Codec.DecodeCommand(value)
	if err != nil {
		return domain.ID{}, unavailable(err)
	}
	return c.Head().ID, nil
}

// standsAgain says whether one of the copies is of the command, by its id; bytes that hold no command by themselves.
func (d *displaced) standsAgain(id domain.ID, value []byte) bool {
	for _, c := range d.copies {
		if c.id == id && (!id.IsZero() || bytes.Equal(c.value, value)) {
			return true
		}
	}
	return false
}

// wait keeps which keys wait behind dead letters: by what was decided at the offset, and not by what stands there.
func (d *displaced) wait(waiting map[string]bool, id domain.ID) {
	if d.was != nil {
		waiting[d.was.key] = true
		return
	}
	for _, c := range d.copies {
		if c.id != id {
			delete(waiting, string(c.key)) // the lost one was processed
		}
	}
}

// decidedThere makes a record the one that was decided at its offset: the lost command, where it stands again. What is left
// is the letter of the record, and whether it leaves nothing at all where it stands.
func decidedThere(l *letter, r *Record) (left *letter, passedOver bool) {
	if l == nil || !l.displaced.is {
		return l, false
	}
	for _, c := range l.copies {
		if !l.decided.IsZero() && c.id == l.decided {
			r.Key, r.Value = c.key, c.value
			return nil, false
		}
	}
	if l.was != nil { // it was set aside, and left a value in the table
		r.Key = []byte(l.was.key)
		return l, false
	}
	return l, true
}
