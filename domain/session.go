package domain

import "slices"

// What a player really showed follows from two reports of one session with nothing between them, if the film advanced
// no faster than the clock allows. "Nothing between them" is what sequence numbers say, whatever order the reports
// arrive in: only reports n and n+1 of a session are compared, so the watched set is the same for any order.
// Reports without a session and a sequence say where the viewer is, but add no watched time of their own.

// The tolerance of that comparison.
const (
	clockSlack   Millis  = 2_000 // reports are taken and stamped at slightly different moments
	clockStretch float64 = 1.1   // players drift, and speed up to catch up with a live edge
)

// The bounds of what one state remembers of sessions. (README, "The rules".)
const (
	MaxSessions    = 200   // the newest are always remembered
	SessionReports = 4_096 // others as long as they were reported on within so many reports
	// of all sessions together; beyond it the one that was not extended for the longest is forgotten
	MaxPieces = 4_096
)

// Edge is what must be known of a report to compare it with its neighbours.
type Edge struct {
	Sequence int64
	Clock    Instant // by the session's own clock
	Entry    Millis  // where the film stood when the report came up, before a jump; -1 when a jump does not say from where
	Exit     Millis  // where it went on from
	Running  bool    // whether the film plays on after it
	Rate     float64 // playback speed after it
}

// Piece is an unbroken row of reports of one session. What lies between its ends has been compared and is in the
// watched set, so that only the ends are kept. Nothing comes before sequence 1: of a first edge there only the sequence
// is kept, unless it is the last too.
type Piece struct {
	First, Last Edge
	Touched     int64 // which report of the state extended it last, counted in the order of the log
}

// Session is the memory of one session: its pieces, in the order of their sequence numbers.
type Session struct {
	ID     Fingerprint
	Pieces []Piece
}

// Sessions are the remembered sessions, in the order of their fingerprints.
type Sessions []Session

// watchedBetween is the film shown between two consecutive reports.
func watchedBetween(a, b *Edge) Interval {
	advance, clock := b.Entry-a.Exit, Millis(b.Clock-a.Clock)
	if !a.Running || b.Entry < 0 || advance <= 0 || clock < 0 {
		return Interval{}
	}
	if float64(advance) > float64(clock)*a.Rate*clockStretch+float64(clockSlack) {
		return Interval{} // faster than it can have been watched: a jump that was not reported as one
	}
	return Interval{Start: a.Exit, End: b.Entry}
}

// place is where a report stands among the remembered ones.
type place struct {
	id             Fingerprint // of its session
	session        int         // where the session is, or would be
	open           bool        // the session is remembered
	piece          int         // the first piece that lies after the report
	follows, leads bool        // the report comes right after the piece before it, right before that piece
	sequence       int64
}

// place finds a report; known says that it is remembered.
func (s Sessions) place(id Fingerprint, sequence int64) (p place, known bool) {
	p = place{id: id, sequence: sequence}
	for to := len(s); p.session < to; {
		if at := (p.session + to) / 2; s[at].ID < id {
			p.session = at + 1
		} else {
			to = at
		}
	}
	if p.session == len(s) || s[p.session].ID != id {
		return p, false
	}
	p.open = true
	pieces := s[p.session].Pieces
	for to := len(pieces); p.piece < to; {
		if at := (p.piece + to) / 2; pieces[at].Last.Sequence < sequence {
			p.piece = at + 1
		} else {
			to = at
		}
	}
	p.follows = p.piece > 0 && pieces[p.piece-1].Last.Sequence == sequence-1
	if p.piece < len(pieces) {
		first := pieces[p.piece].First.Sequence
		p.leads = first-1 == sequence
		known = first <= sequence
	}
	return p, known
}

// between appends the film that a new report proves to have been watched.
func (s Sessions) between(watched []Interval, p place, e *Edge) []Interval {
	if p.follows {
		watched = append(watched, watchedBetween(&s[p.session].Pieces[p.piece-1].Last, e))
	}
	if p.leads {
		watched = append(watched, watchedBetween(e, &s[p.session].Pieces[p.piece].First))
	}
	return watched
}

// with remembers a new report, the touched-th of the state. The receiver is not changed.
func (s Sessions) with(p place, e Edge, touched int64) Sessions {
	joined := Piece{First: e, Last: e, Touched: touched}
	if !p.open {
		return insert(s, p.session, p.session, Session{ID: p.id, Pieces: []Piece{joined}})
	}
	old := s[p.session].Pieces
	from, to := p.piece, p.piece // the pieces that the report joins into one
	if p.follows {
		from--
		joined.First = old[from].First
	}
	if p.leads {
		joined.Last = old[to].Last
		to++
	}
	if joined.First.Sequence == 1 && joined.Last.Sequence > 1 {
		joined.First = Edge{Sequence: 1}
	}
	return insert(s, p.session, p.session+1, Session{ID: p.id, Pieces: insert(old, from, to, joined)})
}

// insert is a copy of s with one element in place of those from and up to to.
func insert[S ~[]T, T any](s S, from, to int, one T) S {
	next := make(S, 0, len(s)-(to-from)+1)
	next = append(next, s[:from]...)
	next = append(next, one)
	return append(next, s[to:]...)
}

// forget drops what is beyond the bounds after so many reports. The receiver is not changed.
func (s Sessions) forget(reports int64) Sessions {
	for len(s) > MaxSessions {
		oldest, touched := 0, s[0].touched()
		for i := 1; i < len(s); i++ {
			if t := s[i].touched(); t < touched {
				oldest, touched = i, t
			}
		}
		if touched > reports-SessionReports {
			break
		}
		s = slices.Delete(slices.Clone(s), oldest, oldest+1)
	}
	for s.pieces() > MaxPieces {
		s = s.withoutOldestPiece()
	}
	return s
}

func (s Sessions) pieces() (n int) {
	for i := range s {
		n += len(s[i].Pieces)
	}
	return n
}

// touched is the newest report of the session.
func (s *Session) touched() (t int64) {
	for i := range s.Pieces {
		t = max(t, s.Pieces[i].Touched)
	}
	return t
}

func (s Sessions) withoutOldestPiece() Sessions {
	in, at := -1, 0
	for i := range s {
		for j := range s[i].Pieces {
			if in < 0 || s[i].Pieces[j].Touched < s[in].Pieces[at].Touched {
				in, at = i, j
			}
		}
	}
	next := slices.Clone(s)
	if len(s[in].Pieces) == 1 {
		return slices.Delete(next, in, in+1)
	}
	next[in].Pieces = slices.Delete(slices.Clone(s[in].Pieces), at, at+1)
	return next
}
