package domain

// RulesVersion is the version of the rules as an algorithm: what README says of them. Their constants are settings.
const RulesVersion int32 = 1

// Share is a part of a whole, 0 to 1.
type Share float64

// PlaybackRules are the constants of playback, and the version of the rules that they belong to. A film counts as
// completed when its end was reported, when CompletedReached of it has been reached, or CompletedWatched of it watched.
// A report moves the resume point when it lies past the first ResumeAfter or ResumeAfterShare of the film, or when the
// viewer went there on purpose (rewind, seek).
//
// Each event names the rules that decided it, and a state remembers those of its newest decision. So a position, an
// event and a view always agree, and a change of rules holds for what is decided after it. (README, "The rules";
// OPERATIONS, "Upgrades".)
type PlaybackRules struct {
	Version          int32 // RulesVersion; a decider sets it
	CompletedReached Share
	CompletedWatched Share
	ResumeAfter      Millis
	ResumeAfterShare Share
}

// PublishedRules are the rules unless a deployment sets others.
var PublishedRules = PlaybackRules{
	Version: RulesVersion, CompletedReached: 0.90, CompletedWatched: 0.80, ResumeAfter: 60_000, ResumeAfterShare: 0.05,
}

// Decider is playback as a value: its whole behaviour on one page.
func (r PlaybackRules) Decider() Decider[PlaybackState, PlaybackCommand, PlaybackEvent] {
	r.Version = RulesVersion
	return Decider[PlaybackState, PlaybackCommand, PlaybackEvent]{
		Decide: r.decide, // which event does this report become, given what is known?
		Evolve: r.evolve, // what is known after that event?
	}
}

// of is by which rules a state is shown: those it remembers, and these where it was written before rules were
// remembered.
func (r PlaybackRules) of(s *PlaybackState) PlaybackRules {
	if s.Rules != (PlaybackRules{}) {
		return s.Rules
	}
	return r
}

// Viewing sums a state up by the rules of its newest decision; by these where it remembers none.
func (r PlaybackRules) Viewing(s PlaybackState) Viewing { return r.of(&s).sum(&s) }

func (r PlaybackRules) sum(s *PlaybackState) Viewing {
	watched := s.Watched.Total()
	return Viewing{
		Position: s.Position.Value, PositionAt: s.Position.Stamp.At,
		Resume: s.Resume.Value, ResumeAt: s.Resume.Stamp.At,
		Duration: s.Duration.Value, Watched: s.Watched, WatchedTime: watched,
		Plays: s.Plays, Completed: r.completed(s, watched), ViewedSeconds: s.ViewedSeconds,
		FirstSeen: s.FirstSeen, LastSeen: s.LastSeen,
	}
}

func (r PlaybackRules) completed(s *PlaybackState, watched Millis) bool {
	d := float64(s.Duration.Value)
	return s.Ended || d > 0 &&
		(float64(s.Furthest) >= float64(r.CompletedReached)*d || float64(watched) >= float64(r.CompletedWatched)*d)
}

// qualifies says whether the report may move the resume point. It looks at the report alone, so that the order in which
// reports arrive plays no part.
func (r PlaybackRules) qualifies(c *RecordPlayback) bool {
	if c.Type == Rewind || c.Type == Seek || c.Position >= r.ResumeAfter {
		return true
	}
	return c.Duration > 0 && float64(c.Position) >= float64(r.ResumeAfterShare)*float64(c.Duration)
}
