package load

import (
	"ugc/domain"
)

// fold is the pure fold of writes by the domain's own deciders.
type fold struct {
	playback domain.PlaybackState
	opinions domain.FeedbackState
	version  domain.Version
}

// deciders are what the service runs, by the rules that it is configured with.
type deciders struct {
	playback domain.Decider[domain.PlaybackState, domain.PlaybackCommand, domain.PlaybackEvent]
	rules    domain.PlaybackRules
}

func newDeciders(r domain.PlaybackRules) deciders {
	return deciders{playback: r.Decider(), rules: r}
}

// apply folds one command whose fact has the given time in.
func (d deciders) apply(f *fold, c domain.Command, at domain.Instant) {
	f.version++
	switch c := timed(c, at, f.version).(type) {
	case domain.PlaybackCommand:
		f.playback = d.playback.Evolve(f.playback, d.playback.Decide(f.playback, c))
	case domain.FeedbackCommand:
		f.opinions = domain.Feedback.Evolve(f.opinions, domain.Feedback.Decide(f.opinions, c))
	}
}

// arrival is a moment after every simulated one, so that no fact is cut at its arrival.
const arrival = domain.Instant(4_000_000_000_000)

// timed is a copy of a command that arrived so that its fact has the given time. The client's own clock, by which distances within a session are
// measured, stays what it is.
func timed(c domain.Command, at domain.Instant, version domain.Version) domain.Command {
	c = clone(c)
	f := c.Head()
	f.ReceivedAt, f.Origin.Version = arrival, version
	if at != f.OccurredAt {
		f.SentAt = arrival - (at - f.OccurredAt)
	}
	return c
}

func clone(c domain.Command) domain.Command {
	switch c := c.(type) {
	case *domain.RecordPlayback:
		v := *c
		return &v
	case *domain.RecordViewing:
		v := *c
		return &v
	case *domain.SetLike:
		v := *c
		return &v
	case *domain.ClearLike:
		v := *c
		return &v
	case *domain.SetBookmark:
		v := *c
		return &v
	case *domain.ClearBookmark:
		v := *c
		return &v
	case *domain.SetRating:
		v := *c
		return &v
	case *domain.ClearRating:
		v := *c
		return &v
	}
	panic("load: the stream makes no such command")
}

// over folds those writes that keep says, each at the time that at says.
func (d deciders) over(writes []write, keep func(write) bool, at func(write) domain.Instant) fold {
	var f fold
	for _, w := range writes {
		if keep(w) {
			d.apply(&f, w.command, at(w))
		}
	}
	return f
}

func certainly(w write) bool          { return w.certain }
func perhaps(write) bool              { return true }
func earliest(w write) domain.Instant { return w.lo }
func latest(w write) domain.Instant   { return w.hi }
func (w write) blurred() bool         { return !w.certain || w.lo != w.hi }
func (w write) stamp(at domain.Instant) domain.Stamp {
	f := w.command.Head()
	return domain.Stamp{At: at, Sequence: f.Sequence, ID: f.ID}
}
