package domain

// ReportType is what a player reports.
type ReportType uint8

// The report types. Their names are on the wire and in views: never rename one.
const (
	Play ReportType = iota + 1
	Pause
	Stop
	FastForward
	Rewind
	Seek
	Heartbeat // it plays; sent every few seconds
	End       // the film's end was reached
)

var reportNames = [...]string{Play: "play", Pause: "pause", Stop: "stop", FastForward: "fast_forward", Rewind: "rewind", Seek: "seek", Heartbeat: "heartbeat", End: "end"}

// ReportTypes lists the names in order.
func ReportTypes() []string { return append([]string(nil), reportNames[Play:]...) }

// String is the name on the wire.
func (t ReportType) String() string {
	if int(t) < len(reportNames) && reportNames[t] != "" {
		return reportNames[t]
	}
	return "unknown"
}

// ParseReportType is the inverse of String.
func ParseReportType(s string) (ReportType, bool) { return parseName(reportNames[:], s, Play) }

// jumps says that the position is where a viewer went, not what playback reached.
func (t ReportType) jumps() bool { return t == FastForward || t == Rewind || t == Seek }

// PlaybackCommand is a command of the playback context.
type PlaybackCommand interface {
	Command
	playbackCommand()
}

// PlaybackEvent is an event of the playback context; it carries the viewing after it.
type PlaybackEvent interface {
	Event
	// Viewed is the viewing of this user and movie after the event.
	Viewed() *Viewing
	// DecidedBy is by which rules it was decided, and Viewed is to be read. What changes nothing, a repeated report or
	// a touch, repeats the rules of the decision before it.
	DecidedBy() PlaybackRules
}

// RecordPlayback is a player's report of what it does, and where in the film.
type RecordPlayback struct {
	Fact
	Type     ReportType
	Position Millis           // where the film stands; for a jump, where it went
	From     Optional[Millis] // for a jump, where it came from
	Duration Millis           // length of the film as the player knows it, 0 when it does not
	Rate     float64          // playback speed; 0 is taken as 1
	Watched  []Interval       // what the player says it has shown since its last report
}

// RecordViewing is a client's own count of seconds viewed. Its sum is kept apart from the watched time we measure.
type RecordViewing struct {
	Fact
	ViewedSeconds int64
}

// TouchPlayback changes nothing, but makes the owner write the key's state again: the cure for a table whose last record
// is an older one than its greatest. (DESIGN 6, rule 5.)
type TouchPlayback struct{ Fact }

// PlaybackRecorded is what a report became.
type PlaybackRecorded struct {
	RecordPlayback
	Verdict      Verdict
	NewlyWatched Millis // film time first seen through this report; over all events of a key it sums up to the watched time
	After        Viewing
	Rules        PlaybackRules
}

// ViewingRecorded is what a client's count of seconds became.
type ViewingRecorded struct {
	RecordViewing
	Verdict Verdict
	After   Viewing
	Rules   PlaybackRules
}

// PlaybackTouched says that the state was written again.
type PlaybackTouched struct {
	TouchPlayback
	After Viewing
	Rules PlaybackRules
}

// Validate implements Command.
func (c *RecordPlayback) Validate() error {
	var f checks
	f.fact(&c.Fact)
	if c.Type.String() == "unknown" {
		f.add("/type", "unknown", "must be one of the report types")
	}
	f.notNegative("/position_ms", int64(c.Position))
	if c.From.Present {
		f.notNegative("/from_position_ms", int64(c.From.Value))
	}
	f.notNegative("/duration_ms", int64(c.Duration))
	if !(c.Rate >= 0 && c.Rate <= MaxRate) { // NaN fails too
		f.add("/rate", "out_of_range", "must lie between 0 and 16")
	}
	if len(c.Watched) > MaxRanges {
		f.add("/watched", "too_many", "has %d ranges, at most %d are taken", len(c.Watched), MaxRanges)
	}
	for i, r := range c.Watched {
		if r.Start < 0 || r.End <= r.Start {
			f.add("/watched", "not_ordered", "range %d must start at 0 or later and end after it starts", i)
			break
		}
	}
	return f.err("playback report")
}

// Validate implements Command.
func (c *RecordViewing) Validate() error {
	var f checks
	f.fact(&c.Fact)
	f.notNegative("/viewed_seconds", c.ViewedSeconds)
	return f.err("viewing report")
}

// Validate implements Command.
func (c *TouchPlayback) Validate() error {
	var f checks
	f.fact(&c.Fact)
	return f.err("touch")
}

// placed says that the report is recognised by its place in a session, and not by its id.
func (c *RecordPlayback) placed() bool { return c.Session != "" && c.Sequence > 0 }

// ranges appends what the player says it has shown, within the film where the player knows its length. An interval that
// is turned around by this is ignored by Union.
func (c *RecordPlayback) ranges(to []Interval) []Interval {
	from := len(to)
	to = append(to, c.Watched...)
	if c.Duration > 0 {
		for i := range to[from:] {
			to[from+i].End = min(to[from+i].End, c.Duration)
		}
	}
	return to
}

func (c *RecordPlayback) edge() Edge {
	e := Edge{Sequence: c.Sequence, Clock: c.clock(), Entry: c.Position, Exit: c.Position, Rate: c.Rate}
	if e.Rate == 0 {
		e.Rate = 1
	}
	if c.Type.jumps() {
		e.Entry = -1
		if c.From.Present {
			e.Entry = c.From.Value
		}
	}
	e.Running = c.Type != Pause && c.Type != Stop && c.Type != End
	return e
}

func (*RecordPlayback) command() {}
func (*RecordViewing) command()  {}
func (*TouchPlayback) command()  {}

func (*RecordPlayback) playbackCommand() {}
func (*RecordViewing) playbackCommand()  {}
func (*TouchPlayback) playbackCommand()  {}

func (*PlaybackRecorded) event() {}
func (*ViewingRecorded) event()  {}
func (*PlaybackTouched) event()  {}

// Judged implements Event.
func (e *PlaybackRecorded) Judged() Verdict { return e.Verdict }

// Judged implements Event.
func (e *ViewingRecorded) Judged() Verdict { return e.Verdict }

// Judged implements Event: a touch moves nothing, and is no repetition.
func (e *PlaybackTouched) Judged() Verdict { return Stale }

// Viewed implements PlaybackEvent.
func (e *PlaybackRecorded) Viewed() *Viewing { return &e.After }

// Viewed implements PlaybackEvent.
func (e *ViewingRecorded) Viewed() *Viewing { return &e.After }

// Viewed implements PlaybackEvent.
func (e *PlaybackTouched) Viewed() *Viewing { return &e.After }

// DecidedBy implements PlaybackEvent.
func (e *PlaybackRecorded) DecidedBy() PlaybackRules { return e.Rules }

// DecidedBy implements PlaybackEvent.
func (e *ViewingRecorded) DecidedBy() PlaybackRules { return e.Rules }

// DecidedBy implements PlaybackEvent.
func (e *PlaybackTouched) DecidedBy() PlaybackRules { return e.Rules }
