package load

import (
	"cmp"
	"slices"

	"ugc/deploy/reference"
	"ugc/deploy/reference/translate"
	"ugc/domain"
)

// fold is what writes make of one user and one movie, by the reference.
type fold struct {
	playback reference.Playback
	feedback reference.User
}

// judge decides writes by the rules that the service is configured with.
type judge struct{ rules reference.Rules }

func newJudge(r domain.PlaybackRules) judge { return judge{translate.Rules(r)} }

// apply folds one command whose fact has the given time in.
func (j judge) apply(f *fold, c domain.Command, at domain.Instant) {
	switch c := timed(c, at).(type) {
	case domain.PlaybackCommand:
		f.playback.Take(translate.Report(c), j.rules)
	case domain.FeedbackCommand:
		f.feedback.Take(translate.Feedback(c))
	}
}

// arrival is a moment after every simulated one, so that no fact is cut at its arrival.
const arrival = domain.Instant(4_000_000_000_000)

// timed is a copy of a command that arrived so that its fact has the given time. The client's own clock, by which distances within a session are
// measured, stays what it is; where the client says no time, the fact is as old as its arrival.
func timed(c domain.Command, at domain.Instant) domain.Command {
	c = clone(c)
	f := c.Head()
	switch f.ReceivedAt = arrival; {
	case f.OccurredAt == 0:
		f.ReceivedAt = at
	case at != f.OccurredAt:
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

// over folds those writes that keep says, each at the time that at says, in the order of these times.
func (j judge) over(writes []write, keep func(write) bool, at func(write) domain.Instant) fold {
	var f fold
	for _, w := range slices.SortedStableFunc(slices.Values(writes), func(a, b write) int { return cmp.Compare(at(a), at(b)) }) {
		if keep(w) {
			j.apply(&f, w.command, at(w))
		}
	}
	return f
}

func certainly(w write) bool          { return w.certain }
func perhaps(write) bool              { return true }
func earliest(w write) domain.Instant { return w.lo }
func latest(w write) domain.Instant   { return w.hi }
func (w write) blurred() bool         { return !w.certain || w.lo != w.hi }

// mayWin says whether the write may have won against a stamp that is certainly there. What has no time of its own wins by its place in the log.
func (w write) mayWin(least reference.Stamp) bool {
	f := w.command.Head()
	if f.OccurredAt == 0 {
		return int64(w.hi) >= least.At
	}
	return !least.After(reference.Stamp{At: int64(w.hi), Sequence: f.Sequence, ID: reference.ID(f.ID)})
}
