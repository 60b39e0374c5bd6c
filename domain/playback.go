package domain

import (
	"math"
	"slices"
)

// Playback decides what a player's report means for one user and one movie, by the published rules.
var Playback = PublishedRules.Decider()

// Share is a part of a whole, 0 to 1.
type Share float64

// PlaybackRules are the constants of playback. A film counts as completed when its end was reported, when CompletedReached
// of it has been reached, or CompletedWatched of it watched. A report moves the resume point when it lies past the first
// ResumeAfter or ResumeAfterShare of the film, or when the viewer went there on purpose (rewind, seek). (DESIGN 7.)
type PlaybackRules struct {
	CompletedReached Share
	CompletedWatched Share
	ResumeAfter      Millis
	ResumeAfterShare Share
}

// PublishedRules are the rules unless a deployment sets others. Views that were built by one set of rules keep its verdicts until
// they are rebuilt.
var PublishedRules = PlaybackRules{CompletedReached: 0.90, CompletedWatched: 0.80, ResumeAfter: 60_000, ResumeAfterShare: 0.05}

// Decider is playback as a value: its whole behaviour on one page.
func (r PlaybackRules) Decider() Decider[PlaybackState, PlaybackCommand, PlaybackEvent] {
	return Decider[PlaybackState, PlaybackCommand, PlaybackEvent]{
		Decide: r.decide, // which event does this report become, given what is known?
		Evolve: r.evolve, // what is known after that event?
	}
}

// MaxRemembered is how many ids a state remembers: of reports that add to a sum, so that a repeated one is not added again, and of those that
// do not say when they occurred, so that a repeated one does not pass for a newer one.
const MaxRemembered = 64

// Register holds the value of the greatest stamp ever written to it.
type Register[T any] struct {
	Value T
	Stamp Stamp // zero: never written
}

// write is the register after a fact; the older fact loses, in whatever order they come.
func (r Register[T]) write(v T, s Stamp) Register[T] {
	if r.Stamp.Before(s) {
		return Register[T]{Value: v, Stamp: s}
	}
	return r
}

// PlaybackState is all that is remembered of one user and one movie. Every part of it merges: registers keep the last
// writer, sets unite, extremes keep the greater; sums add once per id. So any order and any repetition of the same reports
// gives the same state (within MaxRuns, MaxIntervals and MaxRemembered).
type PlaybackState struct {
	Position      Register[Millis] // where the film stands
	Resume        Register[Millis] // where to go on
	Duration      Register[Millis] // length of the film as players tell it
	Furthest      Millis           // the greatest position that playback reached, jumps not counted
	Ended         bool             // a player reported the end
	Watched       Intervals        // film time seen at least once
	Runs          Runs
	Plays         int64 // starts
	ViewedSeconds int64 // the sum that clients report, kept apart from what we measure
	Remembered    []ID  // newest last, of plays, viewings and reports that do not say when they occurred
	FirstSeen     Instant
	LastSeen      Instant
}

// Viewing is what the rest of the house needs to know of a state; every event carries the one after it, whole, so that views hold
// absolute values and count nothing themselves.
type Viewing struct {
	Position      Millis
	PositionAt    Instant // 0: no position was ever reported
	Resume        Millis  // 0 also where nothing qualifies: start at the beginning
	ResumeAt      Instant // 0: nothing qualifies
	Duration      Millis  // 0: not known
	Watched       Intervals
	WatchedTime   Millis // Watched.Total()
	Plays         int64
	Completed     bool
	ViewedSeconds int64
	FirstSeen     Instant
	LastSeen      Instant
}

// Viewing sums a state up by these rules.
func (r PlaybackRules) Viewing(s PlaybackState) Viewing {
	return Viewing{
		Position: s.Position.Value, PositionAt: s.Position.Stamp.At,
		Resume: s.Resume.Value, ResumeAt: s.Resume.Stamp.At,
		Duration: s.Duration.Value, Watched: s.Watched, WatchedTime: s.Watched.Total(),
		Plays: s.Plays, Completed: r.completed(s), ViewedSeconds: s.ViewedSeconds,
		FirstSeen: s.FirstSeen, LastSeen: s.LastSeen,
	}
}

// Viewing sums the state up by the published rules.
func (s PlaybackState) Viewing() Viewing { return PublishedRules.Viewing(s) }

func (r PlaybackRules) completed(s PlaybackState) bool {
	d := float64(s.Duration.Value)
	return s.Ended || d > 0 && (float64(s.Furthest) >= float64(r.CompletedReached)*d || float64(s.Watched.Total()) >= float64(r.CompletedWatched)*d)
}

func (r PlaybackRules) decide(s PlaybackState, c PlaybackCommand) PlaybackEvent {
	switch c := c.(type) {
	case *RecordPlayback:
		e := &PlaybackRecorded{RecordPlayback: *c}
		next, known := r.record(s, e)
		e.After = r.Viewing(next)
		e.NewlyWatched = e.After.WatchedTime - s.Watched.Total()
		e.Verdict = judgePlayback(known || s.Position.Stamp == c.Stamp(), s.Position.Stamp != next.Position.Stamp, r.Viewing(s), &e.After)
		return e
	case *RecordViewing:
		e := &ViewingRecorded{RecordViewing: *c, Verdict: Applied}
		if s.remembers(c.ID) {
			e.Verdict = Duplicate
		}
		e.After = r.Viewing(r.evolve(s, e))
		return e
	case *TouchPlayback:
		return &PlaybackTouched{TouchPlayback: *c, After: r.Viewing(s)}
	}
	panic("domain: unknown playback command") // the interface is closed by its unexported method
}

// judgePlayback says why a report changed what it changed. When a film was first and last seen does not count: an old fact that comes
// late is stale, although it may turn out the first of all.
func judgePlayback(known, moved bool, before Viewing, after *Viewing) Verdict {
	switch {
	case moved,
		before.Resume != after.Resume, before.ResumeAt != after.ResumeAt,
		before.Duration != after.Duration, before.Completed != after.Completed,
		before.Plays != after.Plays, before.WatchedTime != after.WatchedTime: // a union only grows: equal lengths, equal sets
		return Applied
	case known:
		return Duplicate
	}
	return Stale
}

func (r PlaybackRules) evolve(s PlaybackState, e PlaybackEvent) PlaybackState {
	switch e := e.(type) {
	case *PlaybackRecorded:
		next, _ := r.record(s, e)
		return next
	case *ViewingRecorded:
		if s.remembers(e.ID) {
			return s
		}
		s.ViewedSeconds = addSaturating(s.ViewedSeconds, e.ViewedSeconds)
		s.Remembered = s.remember(e.ID)
		return s.see(e.At())
	}
	return s // a touch changes nothing
}

// record merges one report into the state; known says that its id or its place in the session was seen before. It is
// merged all the same: that changes nothing for a repeated report, and loses nothing of a player that counts its sequence wrongly.
func (r PlaybackRules) record(s PlaybackState, e *PlaybackRecorded) (next PlaybackState, known bool) {
	c, stamp := &e.RecordPlayback, e.Stamp()
	if c.Type == Play || c.OccurredAt == 0 {
		switch {
		case !s.remembers(c.ID):
			s.Remembered = s.remember(c.ID)
			if c.Type == Play {
				s.Plays++
			}
		case c.OccurredAt == 0:
			// Its time is that of its arrival, so a repetition would look newer than all that came between.
			return s, true
		default:
			known = true
		}
	}
	watched := slices.Clip(c.ranges()) // they may be the caller's own array
	if c.Session != "" && c.Sequence > 0 {
		var between []Interval
		var seen bool
		s.Runs, between, seen = s.Runs.join(c.Session, c.edge(), stamp.At)
		known = known || seen
		watched = append(watched, between...)
	}
	s.Position = s.Position.write(c.Position, stamp)
	if r.qualifies(c) {
		s.Resume = s.Resume.write(c.Position, stamp)
	}
	if c.Duration > 0 {
		s.Duration = s.Duration.write(c.Duration, stamp)
	}
	if !c.Type.jumps() {
		s.Furthest = max(s.Furthest, c.Position)
	}
	s.Ended = s.Ended || c.Type == End
	s.Watched = s.Watched.Union(watched...)
	return s.see(stamp.At), known
}

func (s PlaybackState) see(at Instant) PlaybackState {
	if s.FirstSeen == 0 || at < s.FirstSeen {
		s.FirstSeen = at
	}
	s.LastSeen = max(s.LastSeen, at)
	return s
}

func (s PlaybackState) remembers(id ID) bool {
	for i := len(s.Remembered) - 1; i >= 0; i-- {
		if s.Remembered[i] == id {
			return true
		}
	}
	return false
}

// remember appends without touching the old slice, whose array an older state may share.
func (s PlaybackState) remember(id ID) []ID {
	old := s.Remembered
	if len(old) >= MaxRemembered {
		old = old[len(old)-MaxRemembered+1:]
	}
	return append(append(make([]ID, 0, len(old)+1), old...), id)
}

// addSaturating adds two sums that are not negative; at the top it stays there, in whatever order they are added.
func addSaturating(a, b int64) int64 {
	if a > math.MaxInt64-b {
		return math.MaxInt64
	}
	return a + b
}
