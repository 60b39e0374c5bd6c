package schemas

import (
	"cmp"
	"slices"

	"ugc/domain"
)

// How a playback state's sessions are written, now and by version 1.

const (
	leastEnd     = 4
	leastPiece   = 4 + leastEnd
	leastSession = fingerprintSize + 1
)

func appendSession(b []byte, s *domain.Session) []byte {
	return appendArray(appendFingerprint(b, s.ID), s.Pieces, appendPiece)
}

func (c *cursor) session() domain.Session {
	return domain.Session{ID: c.fingerprint(), Pieces: readArray(c, leastPiece, (*cursor).piece)}
}

// sessionsSize is seldom exceeded, so that encoding allocates once.
func sessionsSize(s domain.Sessions) (n int) {
	for i := range s {
		n += leastSession + 4 + 32*len(s[i].Pieces)
	}
	return n
}

func appendPiece(b []byte, p *domain.Piece) []byte {
	before := p.Last.Sequence - p.First.Sequence
	b = appendLong(b, p.Last.Sequence)
	b = appendLong(b, before)
	b = appendEnd(b, &p.Last)
	given := before != 0 && p.First.Sequence != 1
	b = appendPresent(b, given)
	if given {
		b = appendEnd(b, &p.First)
	}
	return appendLong(b, p.Touched)
}

func (c *cursor) piece() (p domain.Piece) {
	sequence, before := c.long(), c.long()
	p.Last = c.endOf()
	p.Last.Sequence = sequence
	switch given := c.present(); {
	case given:
		p.First = c.endOf()
	case before == 0:
		p.First = p.Last
	}
	p.First.Sequence = sequence - before
	p.Touched = c.long()
	return p
}

func appendEnd(b []byte, e *domain.Edge) []byte {
	b = appendLong(b, e.Clock)
	b = appendPresent(b, e.Entry != e.Exit)
	if e.Entry != e.Exit {
		b = appendLong(b, e.Entry)
	}
	b = appendLong(b, e.Exit)
	b = appendBool(b, e.Running)
	b = appendPresent(b, e.Rate != 1)
	if e.Rate != 1 {
		b = appendDouble(b, e.Rate)
	}
	return b
}

// endOf reads an End; its sequence is told by the piece.
func (c *cursor) endOf() (e domain.Edge) {
	e.Clock = c.instant()
	entry, elsewhere := domain.Millis(0), c.present()
	if elsewhere {
		entry = c.millis()
	}
	e.Exit = c.millis()
	if e.Entry = e.Exit; elsewhere {
		e.Entry = entry
	}
	e.Running = c.bool()
	if e.Rate = 1; c.present() {
		e.Rate = c.double()
	}
	return e
}

// run is a piece of a session as version 1 wrote it.
type run struct {
	session string
	piece   domain.Piece
	seen    domain.Instant
}

const (
	leastEdge = 13
	leastRun  = 1 + 2*leastEdge + 1
)

func (c *cursor) run() run {
	return run{session: c.text(), piece: domain.Piece{First: c.edge(), Last: c.edge()}, seen: c.instant()}
}

func (c *cursor) edge() (e domain.Edge) {
	e.Sequence = c.long()
	e.Clock = c.instant()
	e.Entry = c.millis()
	e.Exit = c.millis()
	e.Running = c.bool()
	e.Rate = c.double()
	return e
}

// fromVersion1 gives a state that version 1 wrote the memory of today's: its runs become sessions, touched in the order
// in which they were seen; its ids, and those of the registers that were written by reports without a place, become
// fingerprints.
func fromVersion1(s *domain.PlaybackState, runs []run, remembered []domain.ID) {
	for _, r := range []*domain.Register[domain.Millis]{&s.Duration, &s.Resume, &s.Position} {
		if r.Stamp.Sequence == 0 && !r.Stamp.IsZero() && !slices.Contains(remembered, r.Stamp.ID) {
			remembered = append(remembered, r.Stamp.ID)
		}
	}
	s.Seen = fingerprints(remembered)
	slices.SortStableFunc(runs, func(a, b run) int { return cmp.Compare(a.seen, b.seen) })
	for i := range runs {
		s.Reports++
		p := &runs[i].piece
		p.Touched = s.Reports
		switch p.First.Sequence {
		case p.Last.Sequence:
			p.First = p.Last
		case 1:
			p.First = domain.Edge{Sequence: 1}
		}
		id := domain.FingerprintOfSession(runs[i].session)
		at, known := slices.BinarySearchFunc(s.Sessions, id, compareSession)
		if !known {
			s.Sessions = slices.Insert(s.Sessions, at, domain.Session{ID: id})
		}
		s.Sessions[at].Pieces = append(s.Sessions[at].Pieces, *p)
	}
	for i := range s.Sessions {
		slices.SortFunc(s.Sessions[i].Pieces, comparePieces)
	}
	s.Reports += int64(len(s.Seen))
}

func compareSession(s domain.Session, id domain.Fingerprint) int { return cmp.Compare(s.ID, id) }

func comparePieces(a, b domain.Piece) int { return cmp.Compare(a.Last.Sequence, b.Last.Sequence) }

func fingerprints(ids []domain.ID) (out domain.Seen) {
	for _, id := range ids {
		out = append(out, domain.FingerprintOfID(id))
	}
	return out
}

// saidInVersion1 are the ids that a feedback state of version 1 knew: those in its registers, the oldest first.
func saidInVersion1(o *domain.Opinions) domain.Seen {
	var stamps []domain.Stamp
	for _, s := range []domain.Stamp{o.Like.Stamp, o.Bookmark.Stamp, o.Rating.Stamp} {
		if !s.IsZero() {
			stamps = append(stamps, s)
		}
	}
	slices.SortFunc(stamps, func(a, b domain.Stamp) int {
		if a.Before(b) {
			return -1
		}
		return 1
	})
	ids := make([]domain.ID, len(stamps))
	for i, s := range stamps {
		ids[i] = s.ID
	}
	return fingerprints(ids)
}
