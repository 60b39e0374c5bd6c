package reference

import "bytes"

// ID is an event_id.
type ID [16]byte

// Fact is what playback and feedback have in common.
type Fact struct {
	ID                             ID
	User, Movie                    string
	Session                        string
	Sequence                       int64
	OccurredAt, SentAt, ReceivedAt int64
}

// At is the time of the fact.
func (f *Fact) At() int64 {
	if f.OccurredAt == 0 {
		return f.ReceivedAt
	}
	at := f.OccurredAt
	if f.SentAt != 0 {
		at += f.ReceivedAt - f.SentAt
	}
	return max(1, min(at, f.ReceivedAt))
}

// Verdict is what became of a report or an opinion.
type Verdict string

// The verdicts.
const (
	Applied   Verdict = "applied"
	Duplicate Verdict = "duplicate"
	Stale     Verdict = "stale"
)

// Stamp is by what a register compares who writes it.
type Stamp struct {
	At, Sequence int64
	ID           ID
}

// After says which of two stamps is the later one: the greater time, then the greater sequence, then the greater id.
func (s Stamp) After(than Stamp) bool {
	if s.At != than.At {
		return s.At > than.At
	}
	if s.Sequence != than.Sequence {
		return s.Sequence > than.Sequence
	}
	return bytes.Compare(s.ID[:], than.ID[:]) > 0
}

// Register is a value for which the last writer wins.
type Register struct {
	Value   int64
	Written bool
	Stamp   Stamp
}

// write says whether the fact is the register's last writer by now.
func (r *Register) write(f *Fact, value int64) bool {
	stamp := Stamp{f.At(), f.Sequence, f.ID}
	if r.Written && !stamp.After(r.Stamp) {
		ordered := r.Stamp.At == f.ReceivedAt && r.Stamp.Sequence > 0 && f.Sequence > 0
		if f.OccurredAt != 0 || ordered {
			return false
		}
		stamp = Stamp{r.Stamp.At, r.Stamp.Sequence + 1, f.ID}
	}
	*r = Register{Value: value, Written: true, Stamp: stamp}
	return true
}

// RememberedIDs is how many ids without a place are remembered, of each user and movie.
const RememberedIDs = 1000

// ids are the newest ids, the oldest first.
type ids []ID

// knows says whether the id was seen, and remembers it if it was not.
func (l *ids) knows(id ID) bool {
	for _, seen := range *l {
		if seen == id {
			return true
		}
	}
	if *l = append(*l, id); len(*l) > RememberedIDs {
		*l = (*l)[1:]
	}
	return false
}
