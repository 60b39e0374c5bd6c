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
	b = append(b, 0) // runs
	b = appendLong(b, s.Plays)
	b = appendLong(b, s.ViewedSeconds)
	b = append(b, 0) // remembered
	b = appendMoment(b, s.FirstSeen)
	b = appendMoment(b, s.LastSeen)
	b = appendLong(b, s.Reports)
	b = appendArray(b, s.Sessions, appendSession)
	b = appendSeen(b, s.Seen)
	return appendRules(b, &s.Rules, s.Rules == unsaidRules(s.Reports))
}

func (c *cursor) playbackState() (s domain.PlaybackState) {
	s.Position = c.register()
	s.Resume = c.register()
	s.Duration = c.register()
	s.Furthest = c.millis()
	s.Ended = c.bool()
	s.Watched = c.intervals()
	runs := readArray(c, leastRun, (*cursor).run)
	s.Plays = c.long()
	s.ViewedSeconds = c.long()
	remembered := readArray(c, len(domain.ID{}), (*cursor).id)
	s.FirstSeen = c.moment()
	s.LastSeen = c.moment()
	s.Reports = c.long()
	s.Sessions = readArray(c, leastSession, (*cursor).session)
	s.Seen = c.seen()
	s.Rules = c.rules(unsaidRules(s.Reports))
	if s.Reports == 0 && c.err == nil {
		fromVersion1(&s, runs, remembered)
	}
	return s
}

// unsaidRules are what a state means that names no rules: those of version 1, or none where no report was merged since
// rules are remembered.
func unsaidRules(reports int64) domain.PlaybackRules {
	if reports == 0 {
		return domain.PlaybackRules{}
	}
	return domain.PublishedRules
}

func (c *cursor) feedbackState() (s domain.FeedbackState) {
	s.Opinions = c.opinions()
	if s.Seen = c.seen(); len(s.Seen) == 0 {
		s.Seen = saidInVersion1(&s.Opinions)
	}
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
