package reference

import (
	"math"
	"slices"
)

// Kind of a report.
type Kind string

// The kinds. Viewing carries a client's own count of seconds; Touch is a record of older versions of ugc, which changes nothing.
const (
	Play        Kind = "play"
	Pause       Kind = "pause"
	Stop        Kind = "stop"
	FastForward Kind = "fast_forward"
	Rewind      Kind = "rewind"
	Seek        Kind = "seek"
	Heartbeat   Kind = "heartbeat"
	End         Kind = "end"
	Viewed      Kind = "viewing"
	Touch       Kind = "touch"
)

func (k Kind) jumps() bool { return k == FastForward || k == Rewind || k == Seek }
func (k Kind) stops() bool { return k == Pause || k == Stop || k == End }

// Report is a report of a player, or a client's count of seconds.
type Report struct {
	Fact
	Kind          Kind
	Position      int64
	From          *int64 // where a jump came up, nil where it does not say
	Duration      int64
	Rate          float64
	Watched       []Range
	ViewedSeconds int64
}

// placed says whether the report's identity is its place in a session.
func (r *Report) placed() bool { return r.Kind != Viewed && r.Session != "" && r.Sequence > 0 }

// Rules are those of playback that are settings.
type Rules struct {
	CompletedReached, CompletedWatched float64
	ResumeAfter                        int64
	ResumeAfterShare                   float64
}

// Published are the rules of a service without settings.
var Published = Rules{CompletedReached: 0.9, CompletedWatched: 0.8, ResumeAfter: 60_000, ResumeAfterShare: 0.05}

// Playback is what is known of one user and one movie. Its zero value knows nothing.
type Playback struct {
	Position, Resume, Length Register
	Rules                    Rules // of the newest report that was no duplicate
	film                     ranges
	ended                    bool
	furthest                 int64
	plays, viewedSeconds     int64
	firstSeen, lastSeen      int64
	ids                      ids
	sessions                 sessions
}

// Viewing is what positions and views show of one user and one movie.
type Viewing struct {
	Position, PositionAt, Resume, ResumeAt, Duration int64
	Watched                                          []Range
	WatchedTime, Plays                               int64
	Completed                                        bool
	ViewedSeconds, FirstSeen, LastSeen               int64
}

// Decision is what one report became.
type Decision struct {
	Verdict      Verdict
	NewlyWatched int64
	Rules        Rules // by which After is to be read
	After        Viewing
}

// Take decides the next report in the order of the log, by the rules that hold then.
func (p *Playback) Take(r *Report, rules Rules) Decision {
	newest := p.Rules
	if newest == (Rules{}) {
		newest = rules // nothing was decided yet
	}
	switch {
	case r.Kind == Touch:
		return Decision{Verdict: Stale, Rules: newest, After: p.Viewing()}
	case p.known(r):
		return Decision{Verdict: Duplicate, Rules: newest, After: p.Viewing()}
	}
	before := p.Viewing()
	p.Rules = rules
	position, resume := p.Position.Stamp, p.Resume.Stamp
	p.take(r)
	after := p.Viewing()
	d := Decision{Verdict: Stale, NewlyWatched: after.WatchedTime - before.WatchedTime, Rules: rules, After: after}
	if position != p.Position.Stamp || resume != p.Resume.Stamp || before.changed(&after) {
		d.Verdict = Applied
	}
	return d
}

// take takes a report in whose identity is new.
func (p *Playback) take(r *Report) {
	at := r.At()
	if p.firstSeen == 0 || at < p.firstSeen {
		p.firstSeen = at
	}
	p.lastSeen = max(p.lastSeen, at)
	p.sessions.reports++
	if r.Kind == Viewed {
		p.viewedSeconds = sum(p.viewedSeconds, r.ViewedSeconds)
	} else {
		p.registers(r)
		p.watch(r)
	}
	p.sessions.forget()
}

// changed says whether two viewings differ in what a verdict is about, besides position and resume point.
func (v *Viewing) changed(after *Viewing) bool {
	return v.Duration != after.Duration || v.Completed != after.Completed || v.Plays != after.Plays || v.ViewedSeconds != after.ViewedSeconds ||
		!slices.Equal(v.Watched, after.Watched)
}

// known says whether the report's identity was seen before, and remembers it.
func (p *Playback) known(r *Report) bool {
	if r.placed() {
		return p.sessions.know(r)
	}
	return p.ids.knows(r.ID)
}

func (p *Playback) registers(r *Report) {
	p.Position.write(&r.Fact, r.Position)
	past := r.Position >= p.Rules.ResumeAfter || r.Duration > 0 && float64(r.Position) >= p.Rules.ResumeAfterShare*float64(r.Duration)
	if past || r.Kind == Rewind || r.Kind == Seek {
		p.Resume.write(&r.Fact, r.Position)
	}
	if r.Duration > 0 {
		p.Length.write(&r.Fact, r.Duration)
	}
}

func (p *Playback) watch(r *Report) {
	switch r.Kind {
	case Play:
		p.plays++
	case End:
		p.ended = true
	}
	if !r.Kind.jumps() {
		p.furthest = max(p.furthest, r.Position)
	}
	for _, w := range r.Watched {
		if r.Duration > 0 {
			w.End = min(w.End, r.Duration)
		}
		p.film = p.film.with(w)
	}
	if r.placed() {
		for _, w := range p.sessions.take(r) {
			p.film = p.film.with(w)
		}
	}
	p.film = p.film.longest()
}

// Viewing is what is shown, by the rules of the newest report.
func (p *Playback) Viewing() Viewing {
	v := Viewing{
		Position: p.Position.Value, PositionAt: p.Position.Stamp.At, Resume: p.Resume.Value, ResumeAt: p.Resume.Stamp.At, Duration: p.Length.Value,
		Watched: p.film, WatchedTime: p.film.length(), Plays: p.plays, ViewedSeconds: p.viewedSeconds, FirstSeen: p.firstSeen, LastSeen: p.lastSeen,
	}
	reaches := func(part int64, share float64) bool {
		return v.Duration > 0 && float64(part) >= share*float64(v.Duration)
	}
	v.Completed = p.ended || reaches(p.furthest, p.Rules.CompletedReached) || reaches(v.WatchedTime, p.Rules.CompletedWatched)
	return v
}

// sum of two numbers that are not negative, at most the greatest number there is.
func sum(a, b int64) int64 {
	if a > math.MaxInt64-b {
		return math.MaxInt64
	}
	return a + b
}
