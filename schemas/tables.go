package schemas

import (
	"ugc/domain"
)

// Table is the value of a group table.
type Table[S any] struct {
	Applied domain.Version // newest command (or input record) that is in State
	Blocked bool           // the key waits behind a dead letter
	Outbox  []Outcome      // outcomes not yet known to be written
	State   S
}

// Outcome is what became of one input.
type Outcome struct {
	Version domain.Version
	Event   []byte // encoded, ready to be emitted again byte for byte; empty for an input that went to the dead letters
}

// appendTable writes everything but the state. Applied comes first in every version of every table, see AppliedOf.
func appendTable[S any](b []byte, t *Table[S]) []byte {
	b = appendLong(b, t.Applied)
	b = appendBool(b, t.Blocked)
	return appendArray(b, t.Outbox, func(b []byte, o *Outcome) []byte {
		return appendText(appendLong(b, o.Version), o.Event)
	})
}

func readTable[S any](c *cursor, state func(*cursor) S) *Table[S] {
	t := &Table[S]{}
	t.Applied = domain.Version(c.long())
	t.Blocked = c.bool()
	t.Outbox = readArray(c, 2, func(c *cursor) Outcome {
		o := Outcome{Version: domain.Version(c.long())}
		if event := c.bytes(); len(event) > 0 {
			o.Event = event
		}
		return o
	})
	t.State = state(c)
	return t
}

func outboxSize(outbox []Outcome) (n int) {
	for _, o := range outbox {
		n += len(o.Event) + 16
	}
	return n
}

func appendPlaybackState(b []byte, s *domain.PlaybackState) []byte {
	b = appendRegister(b, &s.Position)
	b = appendRegister(b, &s.Resume)
	b = appendRegister(b, &s.Duration)
	b = appendLong(b, s.Furthest)
	b = appendBool(b, s.Ended)
	b = appendIntervals(b, s.Watched)
	b = appendArray(b, s.Runs, appendRun)
	b = appendLong(b, s.Plays)
	b = appendLong(b, s.ViewedSeconds)
	b = appendArray(b, s.Remembered, func(b []byte, id *domain.ID) []byte { return append(b, id[:]...) })
	b = appendMoment(b, s.FirstSeen)
	return appendMoment(b, s.LastSeen)
}

func (c *cursor) playbackState() (s domain.PlaybackState) {
	s.Position = c.register()
	s.Resume = c.register()
	s.Duration = c.register()
	s.Furthest = c.millis()
	s.Ended = c.bool()
	s.Watched = c.intervals()
	s.Runs = readArray(c, leastRun, (*cursor).run)
	s.Plays = c.long()
	s.ViewedSeconds = c.long()
	s.Remembered = readArray(c, len(domain.ID{}), (*cursor).id)
	s.FirstSeen = c.moment()
	s.LastSeen = c.moment()
	return s
}

func appendRegister(b []byte, r *domain.Register[domain.Millis]) []byte {
	written := *r != domain.Register[domain.Millis]{}
	b = appendPresent(b, written)
	if written {
		b = appendStamp(appendLong(b, r.Value), &r.Stamp)
	}
	return b
}

func (c *cursor) register() (r domain.Register[domain.Millis]) {
	if c.present() {
		r.Value = c.millis()
		r.Stamp = c.stamp()
	}
	return r
}

const (
	leastEdge = 13
	leastRun  = 1 + 2*leastEdge + 1
)

func appendRun(b []byte, r *domain.Run) []byte {
	b = appendText(b, r.Session)
	b = appendEdge(b, &r.First)
	b = appendEdge(b, &r.Last)
	return appendLong(b, r.Seen)
}

func (c *cursor) run() domain.Run {
	return domain.Run{Session: c.text(), First: c.edge(), Last: c.edge(), Seen: c.instant()}
}

func appendEdge(b []byte, e *domain.Edge) []byte {
	b = appendLong(b, e.Sequence)
	b = appendLong(b, e.Clock)
	b = appendLong(b, e.Entry)
	b = appendLong(b, e.Exit)
	b = appendBool(b, e.Running)
	return appendDouble(b, e.Rate)
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

func appendMovieState(b []byte, s *domain.MovieState) []byte {
	b = appendLong(b, s.Summary.Ratings)
	b = appendArray(b, s.Summary.Histogram[:], func(b []byte, n *int64) []byte { return appendLong(b, *n) })
	b = appendLong(b, s.Summary.Likes)
	b = appendLong(b, s.Summary.Dislikes)
	b = appendLong(b, s.Summary.Bookmarks)
	b = appendMoment(b, s.Summary.UpdatedAt)
	return appendArray(b, s.Folded, appendOrigin)
}

func (c *cursor) movieState() (s domain.MovieState) {
	s.Summary.Ratings = c.long()
	scores := readArray(c, 1, (*cursor).long)
	if copy(s.Summary.Histogram[:], scores) < len(scores) {
		c.fail("a histogram of %d scores, at most %d are known", len(scores), len(s.Summary.Histogram))
	}
	s.Summary.Likes = c.long()
	s.Summary.Dislikes = c.long()
	s.Summary.Bookmarks = c.long()
	s.Summary.UpdatedAt = c.moment()
	s.Folded = readArray(c, leastOrigin, (*cursor).origin)
	return s
}
