package audit

import (
	"fmt"
	"math"
	"strconv"

	"ugc/deploy/reference"
	"ugc/deploy/reference/translate"
	"ugc/domain"
)

// text builds the comparable form of a row, field by field.
type text struct{ b []byte }

func (t *text) field(name string) {
	if len(t.b) > 0 {
		t.b = append(t.b, fieldEnd...)
	}
	t.b = append(append(t.b, name...), '=')
}

func (t *text) str(name, v string)       { t.field(name); t.b = append(t.b, v...) }
func (t *text) num(name string, v int64) { t.field(name); t.b = strconv.AppendInt(t.b, v, 10) }
func (t *text) flag(name string, v bool) { t.field(name); t.b = strconv.AppendBool(t.b, v) }
func (t *text) real(name string, v float64) {
	t.field(name)
	t.b = strconv.AppendFloat(t.b, v, 'g', -1, 64)
}

// opt is a number that may be absent, which reads as nothing.
func (t *text) opt(name string, v int64, there bool) {
	t.field(name)
	if there {
		t.b = strconv.AppendInt(t.b, v, 10)
	}
}

// latest is the last moment that a ClickHouse column is sent (2262-04-11).
const latest int64 = 9_223_372_036_854

func (t *text) at(name string, v int64) { t.num(name, min(v, latest)) }

func (t *text) since(name string, v int64) { t.opt(name, min(v, latest), v != 0) }

func (t *text) ranges(name string, s []reference.Range) {
	t.field(name)
	t.b = append(t.b, '[')
	for i, v := range s {
		if i > 0 {
			t.b = append(t.b, ',')
		}
		t.b = strconv.AppendInt(append(t.b, '('), v.Start, 10)
		t.b = strconv.AppendInt(append(t.b, ','), v.End, 10)
		t.b = append(t.b, ')')
	}
	t.b = append(t.b, ']')
}

// head is what both history views begin with; its fields are those of factColumns.
func (t *text) head(f *domain.Fact, at int64) {
	t.str("user_id", f.User)
	t.str("movie_id", f.Movie)
	t.str("event_id", f.ID.String())
	t.str("session_id", f.Session)
	t.str("device_id", f.Device)
	t.opt("sequence", f.Sequence, f.Sequence != 0)
	t.at("at", at)
	t.since("occurred_at", int64(f.OccurredAt))
	t.since("sent_at", int64(f.SentAt))
	t.at("received_at", int64(f.ReceivedAt))
}

// playbackText is a row of the history of playback: a report, and what it became.
func playbackText(c domain.PlaybackCommand, newly int64, verdict string) string {
	var t text
	r := translate.Report(c)
	t.head(c.Head(), r.At())
	t.str("type", string(r.Kind))
	report := r.Kind != reference.Viewed && r.Kind != reference.Touch
	t.opt("position_ms", r.Position, report)
	from := int64(0)
	if r.From != nil {
		from = *r.From
	}
	t.opt("from_ms", from, r.From != nil)
	t.opt("duration_ms", r.Duration, r.Duration != 0)
	t.opt("rate_bits", int64(math.Float64bits(r.Rate)), r.Rate != 0) // two programs seldom agree on the text of a real number
	t.ranges("reported", r.Watched)
	t.opt("viewed_seconds", r.ViewedSeconds, r.Kind == reference.Viewed)
	t.num("newly_watched_ms", newly)
	t.str("verdict", verdict)
	return string(t.b)
}

func viewingText(v *reference.Viewing) string {
	var t text
	t.opt("position_ms", v.Position, v.PositionAt != 0)
	t.since("position_at", v.PositionAt)
	t.opt("resume_ms", v.Resume, v.ResumeAt != 0)
	t.since("resume_at", v.ResumeAt)
	t.opt("duration_ms", v.Duration, v.Duration != 0)
	t.ranges("watched", v.Watched)
	t.num("watched_ms", v.WatchedTime)
	t.num("plays", v.Plays)
	t.flag("completed", v.Completed)
	t.num("viewed_seconds", v.ViewedSeconds)
	t.at("first_seen", v.FirstSeen)
	t.at("last_seen", v.LastSeen)
	return string(t.b)
}

func rulesText(r reference.Rules) string {
	var t text
	t.real("completed_reached", r.CompletedReached)
	t.real("completed_watched", r.CompletedWatched)
	t.num("resume_after", r.ResumeAfter)
	t.real("resume_after_share", r.ResumeAfterShare)
	return string(t.b)
}

// feedbackText is a row of the history of feedback.
func feedbackText(c domain.FeedbackCommand, verdict string) string {
	var t text
	f := translate.Feedback(c)
	t.head(c.Head(), f.At())
	switch {
	case f.About == reference.Nothing:
		t.str("type", "touch")
	case f.Cleared:
		t.str("type", "cleared")
	default:
		t.str("type", "set")
	}
	kind, _, _ := c.Opinion()
	t.str("kind", kind.String())
	t.opt("value", f.Value, !f.Cleared)
	t.str("verdict", verdict)
	return string(t.b)
}

func opinionsText(o *reference.Opinions) string {
	var t text
	t.opt("like", o.Like.Value, o.Like.There())
	t.since("like_updated_at", o.Like.Stamp.At)
	t.flag("bookmark", o.Bookmark.There())
	t.since("bookmark_updated_at", o.Bookmark.Stamp.At)
	t.opt("rating", o.Rating.Value, o.Rating.There())
	t.since("rating_updated_at", o.Rating.Stamp.At)
	return string(t.b)
}

// registersText is all of a user's registers, with the stamps by which they are compared.
func registersText(o *reference.Opinions) string {
	var t text
	for _, r := range [...]struct {
		name string
		reference.Opinion
	}{{"like", o.Like}, {"bookmark", o.Bookmark}, {"rating", o.Rating}} {
		t.opt(r.name, r.Value, r.There())
		t.num(r.name+"_since", int64(r.Since))
		t.stamp(r.name, r.Stamp)
	}
	return string(t.b)
}

func (t *text) stamp(name string, s reference.Stamp) {
	t.num(name+"_at", s.At)
	t.num(name+"_sequence", s.Sequence)
	t.str(name+"_id", domain.ID(s.ID).String())
}

// opinionText is a document of likes, bookmarks or ratings; bookmarks have no value but being set.
func opinionText(user, movie string, deleted bool, added uint64, at, value int64, valued bool) string {
	var t text
	t.str("user_id", user)
	t.str("movie_id", movie)
	t.flag("deleted", deleted)
	t.num("added", int64(added))
	t.num("updated_at", at)
	t.opt("value", value, valued)
	return string(t.b)
}

// summaryText is a movie's summary. The mean is given, not computed: it is stored beside the histogram, and can be wrong by itself.
func summaryText(s *reference.Summary, mean float64) string {
	var t text
	t.num("ratings", s.Ratings)
	t.real("mean", mean)
	t.str("histogram", fmt.Sprint(s.Histogram))
	t.num("likes", s.Likes)
	t.num("dislikes", s.Dislikes)
	t.num("bookmarks", s.Bookmarks)
	t.num("updated_at", s.UpdatedAt)
	return string(t.b)
}
