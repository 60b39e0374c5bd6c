package schemas

import (
	"encoding/binary"

	"ugc/domain"
)

// The parts that several records share, each in the order of its fields in the .avsc files.

func appendFact(b []byte, f *domain.Fact) []byte {
	b = append(b, f.ID[:]...)
	b = appendText(b, f.User)
	b = appendText(b, f.Movie)
	b = appendText(b, f.Session)
	b = appendText(b, f.Device)
	b = appendLong(b, f.Sequence)
	b = appendMoment(b, f.OccurredAt)
	b = appendMoment(b, f.SentAt)
	return appendLong(b, f.ReceivedAt)
}

func (c *cursor) fact() (f domain.Fact) {
	f.ID = c.id()
	c.texts(&f.User, &f.Movie, &f.Session, &f.Device)
	f.Sequence = c.long()
	f.OccurredAt = c.moment()
	f.SentAt = c.moment()
	f.ReceivedAt = c.instant()
	return f
}

const leastOrigin = 2

func appendOrigin(b []byte, o *domain.Origin) []byte {
	return appendLong(appendLong(b, o.Partition), o.Version)
}

func (c *cursor) origin() domain.Origin {
	return domain.Origin{Partition: c.int(), Version: domain.Version(c.long())}
}

func appendStamp(b []byte, s *domain.Stamp) []byte {
	b = appendLong(b, s.At)
	b = appendLong(b, s.Sequence)
	return append(b, s.ID[:]...)
}

func (c *cursor) stamp() domain.Stamp {
	return domain.Stamp{At: c.instant(), Sequence: c.long(), ID: c.id()}
}

// Enums are written as their place in the schema, which is the domain's number; place 0 is "unknown", what a reader makes of a
// symbol that its schema does not have.

func (c *cursor) verdict() domain.Verdict {
	return domain.Verdict(c.symbol("verdict", int32(domain.Stale)))
}

func (c *cursor) reportType() domain.ReportType {
	return domain.ReportType(c.symbol("report type", int32(domain.End)))
}

func (c *cursor) symbol(what string, last int32) int32 {
	n := c.int()
	if c.err == nil && (n < 1 || n > last) {
		c.fail("%s %d is not one that this version knows", what, n)
	}
	return n
}

const leastInterval = 2

func appendInterval(b []byte, i *domain.Interval) []byte {
	return appendLong(appendLong(b, i.Start), i.End)
}

func (c *cursor) interval() domain.Interval {
	return domain.Interval{Start: c.millis(), End: c.millis()}
}

func appendIntervals(b []byte, s []domain.Interval) []byte {
	return appendArray(b, s, appendInterval)
}

func (c *cursor) intervals() []domain.Interval {
	return readArray(c, leastInterval, (*cursor).interval)
}

func appendViewing(b []byte, v *domain.Viewing) []byte {
	b = appendLong(b, v.Position)
	b = appendMoment(b, v.PositionAt)
	b = appendLong(b, v.Resume)
	b = appendMoment(b, v.ResumeAt)
	b = appendLong(b, v.Duration)
	b = appendIntervals(b, v.Watched)
	b = appendLong(b, v.WatchedTime)
	b = appendLong(b, v.Plays)
	b = appendBool(b, v.Completed)
	b = appendLong(b, v.ViewedSeconds)
	b = appendMoment(b, v.FirstSeen)
	return appendMoment(b, v.LastSeen)
}

func (c *cursor) viewing() (v domain.Viewing) {
	v.Position = c.millis()
	v.PositionAt = c.moment()
	v.Resume = c.millis()
	v.ResumeAt = c.moment()
	v.Duration = c.millis()
	v.Watched = c.intervals()
	v.WatchedTime = c.millis()
	v.Plays = c.long()
	v.Completed = c.bool()
	v.ViewedSeconds = c.long()
	v.FirstSeen = c.moment()
	v.LastSeen = c.moment()
	return v
}

// appendRules writes ["null", Rules]; unsaid rules are those that null stands for.
func appendRules(b []byte, r *domain.PlaybackRules, unsaid bool) []byte {
	b = appendPresent(b, !unsaid)
	if unsaid {
		return b
	}
	b = appendLong(b, r.Version)
	b = appendDouble(b, float64(r.CompletedReached))
	b = appendDouble(b, float64(r.CompletedWatched))
	b = appendLong(b, r.ResumeAfter)
	return appendDouble(b, float64(r.ResumeAfterShare))
}

func (c *cursor) rules(unsaid domain.PlaybackRules) (r domain.PlaybackRules) {
	if !c.present() {
		return unsaid
	}
	r.Version = c.int()
	r.CompletedReached = domain.Share(c.double())
	r.CompletedWatched = domain.Share(c.double())
	r.ResumeAfter = c.millis()
	r.ResumeAfterShare = domain.Share(c.double())
	return r
}

const fingerprintSize = 8

func appendFingerprint(b []byte, f domain.Fingerprint) []byte {
	return binary.BigEndian.AppendUint64(b, uint64(f))
}

func (c *cursor) fingerprint() domain.Fingerprint {
	if b := c.take(fingerprintSize); b != nil {
		return domain.Fingerprint(binary.BigEndian.Uint64(b))
	}
	return 0
}

func appendSeen(b []byte, s domain.Seen) []byte {
	return appendArray(b, s, func(b []byte, f *domain.Fingerprint) []byte { return appendFingerprint(b, *f) })
}

func (c *cursor) seen() domain.Seen {
	return readArray(c, fingerprintSize, (*cursor).fingerprint)
}

func appendOpinions(b []byte, o *domain.Opinions) []byte {
	b = appendOpinion(b, &o.Like)
	b = appendOpinion(b, &o.Bookmark)
	return appendOpinion(b, &o.Rating)
}

func (c *cursor) opinions() domain.Opinions {
	return domain.Opinions{Like: c.opinion(), Bookmark: c.opinion(), Rating: c.opinion()}
}

func appendOpinion(b []byte, o *domain.Opinion) []byte {
	written := *o != domain.Opinion{}
	b = appendPresent(b, written)
	if written {
		b = appendBool(b, o.Set)
		b = appendLong(b, o.Value)
		b = appendStamp(b, &o.Stamp)
		b = appendLong(b, o.Since)
	}
	return b
}

func (c *cursor) opinion() (o domain.Opinion) {
	if c.present() {
		o.Set = c.bool()
		o.Value = c.int()
		o.Stamp = c.stamp()
		o.Since = domain.Version(c.long())
	}
	return o
}

func appendChange(b []byte, ch *domain.Change) []byte {
	b = appendLong(b, int32(ch.Verdict))
	b = appendOpinions(b, &ch.Before)
	return appendOpinions(b, &ch.After)
}

func (c *cursor) change() domain.Change {
	return domain.Change{Verdict: c.verdict(), Before: c.opinions(), After: c.opinions()}
}
