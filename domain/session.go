package domain

import (
	"cmp"
	"slices"
)

// What a player really showed follows from two reports of one session with nothing between them, if the film advanced
// no faster than the clock allows. "Nothing between them" is what sequence numbers say, whatever order the reports
// arrive in: only reports n and n+1 of a session are compared, so the watched set is the same for any order.
// Reports without a session and a sequence say where the viewer is, but add no watched time of their own.

// The tolerance of that comparison.
const (
	clockSlack   Millis  = 2_000 // reports are taken and stamped at slightly different moments
	clockStretch float64 = 1.1   // players drift, and speed up to catch up with a live edge
)

// MaxRuns bounds the sessions (and pieces of sessions) that one state remembers; beyond it the one not heard of for the longest is forgotten.
const MaxRuns = 32

// Edge is what must be known of a report to compare it with its neighbours.
type Edge struct {
	Sequence int64
	Clock    Instant // by the session's own clock
	Entry    Millis  // where the film stood when the report came up, before a jump; -1 when a jump does not say from where
	Exit     Millis  // where it went on from
	Running  bool    // whether the film plays on after it
	Rate     float64 // playback speed after it
}

// Run is an unbroken row of reports of one session. What lies between its ends has been compared and is in the watched
// set, so that only the ends are kept.
type Run struct {
	Session     string
	First, Last Edge
	Seen        Instant // newest time of a fact in it: what to forget first
}

// watchedBetween is the film shown between two consecutive reports.
func watchedBetween(a, b Edge) Interval {
	advance, clock := b.Entry-a.Exit, Millis(b.Clock-a.Clock)
	if !a.Running || b.Entry < 0 || advance <= 0 || clock < 0 {
		return Interval{}
	}
	if float64(advance) > float64(clock)*a.Rate*clockStretch+float64(clockSlack) {
		return Interval{} // faster than it can have been watched: a jump that was not reported as one
	}
	return Interval{Start: a.Exit, End: b.Entry}
}

// Runs are the remembered pieces of sessions, ordered by session and sequence.
type Runs []Run

// join adds a report and returns the film that it proves to have been watched. known is true where the sequence was there already.
// The receiver is not changed.
func (r Runs) join(session string, e Edge, seen Instant) (next Runs, watched []Interval, known bool) {
	before, after := -1, -1 // runs that end just before e, and start just after it
	for i, run := range r {
		if run.Session != session {
			continue
		}
		switch {
		case run.First.Sequence <= e.Sequence && e.Sequence <= run.Last.Sequence:
			return r, nil, true
		case run.Last.Sequence == e.Sequence-1:
			before = i
		case run.First.Sequence == e.Sequence+1:
			after = i
		}
	}
	joined := Run{Session: session, First: e, Last: e, Seen: seen}
	next = make(Runs, 0, len(r)+1)
	for i, run := range r {
		switch i {
		case before:
			watched = append(watched, watchedBetween(run.Last, e))
			joined.First, joined.Seen = run.First, max(joined.Seen, run.Seen)
		case after:
			watched = append(watched, watchedBetween(e, run.First))
			joined.Last, joined.Seen = run.Last, max(joined.Seen, run.Seen)
		default:
			next = append(next, run)
		}
	}
	next = append(next, joined)
	slices.SortFunc(next, func(a, b Run) int {
		return cmp.Or(cmp.Compare(a.Session, b.Session), cmp.Compare(a.First.Sequence, b.First.Sequence))
	})
	if len(next) > MaxRuns {
		oldest := 0
		for i := range next {
			if next[i].Seen < next[oldest].Seen {
				oldest = i
			}
		}
		next = slices.Delete(next, oldest, oldest+1)
	}
	return next, watched, false
}
