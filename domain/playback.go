package domain

import "math"

// Playback decides what a player's report means for one user and one movie, by the published rules.
var Playback = PublishedRules.Decider()

// Register holds the value of the fact that won.
type Register[T any] struct {
	Value T
	Stamp Stamp // zero: never written
}

// write is the register after a fact; see Fact.over for which fact wins.
func (r Register[T]) write(v T, f *Fact) Register[T] {
	if stamp, wins := f.over(r.Stamp); wins {
		return Register[T]{Value: v, Stamp: stamp}
	}
	return r
}

// PlaybackState is all that is remembered of one user and one movie. Every part of it merges: registers keep the last
// writer, sets unite, extremes keep the greater; sums add once per report. So any order of the same reports gives the
// same state as long as they say when they occurred, and a repeated report changes nothing (within the bounds of
// Sessions, Seen and MaxIntervals).
type PlaybackState struct {
	Position      Register[Millis] // where the film stands
	Resume        Register[Millis] // where to go on
	Duration      Register[Millis] // length of the film as players tell it
	Furthest      Millis           // the greatest position that playback reached, jumps not counted
	Ended         bool             // a player reported the end
	Watched       Intervals        // film time seen at least once
	Sessions      Sessions         // the reports that have a place, session and sequence
	Seen          Seen             // the ids of those that have none
	Reports       int64            // how many different reports were merged
	Plays         int64            // starts
	ViewedSeconds int64            // the sum that clients report, kept apart from what we measure
	FirstSeen     Instant
	LastSeen      Instant
	Rules         PlaybackRules // of the newest decision; zero: no report yet, or none since rules are remembered
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

// Viewing sums the state up by the rules of its newest decision; by the published ones where it remembers none.
func (s PlaybackState) Viewing() Viewing { return PublishedRules.Viewing(s) }

func (r PlaybackRules) decide(s PlaybackState, c PlaybackCommand) PlaybackEvent {
	shown := r.of(&s)
	before, position, resume := shown.sum(&s), s.Position.Stamp, s.Resume.Stamp
	switch c := c.(type) {
	case *RecordPlayback:
		e := &PlaybackRecorded{RecordPlayback: *c, Verdict: Duplicate, After: before, Rules: shown}
		if at, known := s.meet(&c.Fact, c.placed()); !known {
			r.merge(&s, c, at)
			e.After, e.Rules = r.sum(&s), r
			e.NewlyWatched = e.After.WatchedTime - before.WatchedTime
			e.Verdict = judgePlayback(&before, &e.After, position != s.Position.Stamp || resume != s.Resume.Stamp)
		}
		return e
	case *RecordViewing:
		e := &ViewingRecorded{RecordViewing: *c, Verdict: Duplicate, After: before, Rules: shown}
		if _, known := s.meet(&c.Fact, false); !known {
			r.add(&s, c)
			e.After, e.Rules = r.sum(&s), r
			e.Verdict = judgePlayback(&before, &e.After, false)
		}
		return e
	case *TouchPlayback:
		return &PlaybackTouched{TouchPlayback: *c, After: before, Rules: shown}
	}
	panic("domain: unknown playback command") // the interface is closed by its unexported method
}

// judgePlayback says why a new report changed what it changed; moved, that it wrote the position or the resume point.
// When a film was first and last seen does not count: an old fact that comes late is stale, although it may turn out
// the first of all.
func judgePlayback(before, after *Viewing, moved bool) Verdict {
	if moved || before.Duration != after.Duration || before.Completed != after.Completed ||
		before.Plays != after.Plays || before.ViewedSeconds != after.ViewedSeconds ||
		before.WatchedTime != after.WatchedTime || !before.Watched.equalLong(after.Watched) {
		return Applied
	}
	return Stale
}

func (r PlaybackRules) evolve(s PlaybackState, e PlaybackEvent) PlaybackState {
	var at identity
	var known bool
	switch e := e.(type) {
	case *PlaybackRecorded:
		if at, known = s.meet(&e.Fact, e.placed()); known {
			return s
		}
		r.merge(&s, &e.RecordPlayback, at)
		if at.placed {
			s.Sessions = s.Sessions.with(at.place, e.edge(), s.Reports)
		}
	case *ViewingRecorded:
		if at, known = s.meet(&e.Fact, false); known {
			return s
		}
		r.add(&s, &e.RecordViewing)
	default:
		return s // a touch changes nothing
	}
	if !at.placed {
		s.Seen = s.Seen.with(at.id)
	}
	s.Sessions = s.Sessions.forget(s.Reports)
	return s
}

// identity is what a report is recognised by: its place where it has one, else its id.
type identity struct {
	placed bool
	place  place
	id     Fingerprint // where it has no place
}

// meet finds out what a report is recognised by, and whether it is known.
func (s *PlaybackState) meet(f *Fact, placed bool) (at identity, known bool) {
	if placed {
		at.placed = true
		at.place, known = s.Sessions.place(FingerprintOfSession(f.Session), f.Sequence)
		return at, known
	}
	at.id = FingerprintOfID(f.ID)
	return at, s.Seen.has(at.id)
}

// merge merges a new report into s, all but the memory of its identity.
func (r PlaybackRules) merge(s *PlaybackState, c *RecordPlayback, at identity) {
	var room [4]Interval
	watched := c.ranges(room[:0])
	if at.placed {
		e := c.edge()
		watched = s.Sessions.between(watched, at.place, &e)
	}
	s.Watched = s.Watched.Union(watched...)
	s.Position = s.Position.write(c.Position, &c.Fact)
	if r.qualifies(c) {
		s.Resume = s.Resume.write(c.Position, &c.Fact)
	}
	if c.Duration > 0 {
		s.Duration = s.Duration.write(c.Duration, &c.Fact)
	}
	if !c.Type.jumps() {
		s.Furthest = max(s.Furthest, c.Position)
	}
	s.Ended = s.Ended || c.Type == End
	if c.Type == Play {
		s.Plays++
	}
	s.see(c.At())
	s.Reports, s.Rules = s.Reports+1, r
}

// add adds a new count of viewed seconds.
func (r PlaybackRules) add(s *PlaybackState, c *RecordViewing) {
	s.ViewedSeconds = addSaturating(s.ViewedSeconds, c.ViewedSeconds)
	s.see(c.At())
	s.Reports, s.Rules = s.Reports+1, r
}

func (s *PlaybackState) see(at Instant) {
	if s.FirstSeen == 0 || at < s.FirstSeen {
		s.FirstSeen = at
	}
	s.LastSeen = max(s.LastSeen, at)
}

// addSaturating adds two sums that are not negative; at the top it stays there, in whatever order they are added.
func addSaturating(a, b int64) int64 {
	if a > math.MaxInt64-b {
		return math.MaxInt64
	}
	return a + b
}
