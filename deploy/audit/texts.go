package audit

import (
	"encoding/json"
	"math"
	"strconv"
	"strings"

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
const latest domain.Instant = 9_223_372_036_854

func (t *text) at(name string, v domain.Instant) { t.num(name, int64(min(v, latest))) }

func (t *text) since(name string, v domain.Instant) { t.opt(name, int64(min(v, latest)), v != 0) }

func (t *text) intervals(name string, s []domain.Interval) {
	t.field(name)
	t.b = append(t.b, '[')
	for i, v := range s {
		if i > 0 {
			t.b = append(t.b, ',')
		}
		t.b = strconv.AppendInt(append(t.b, '('), int64(v.Start), 10)
		t.b = strconv.AppendInt(append(t.b, ','), int64(v.End), 10)
		t.b = append(t.b, ')')
	}
	t.b = append(t.b, ']')
}

// head is what both history views begin with; its fields are those of factColumns.
func (t *text) head(f *domain.Fact) {
	t.str("user_id", f.User)
	t.str("movie_id", f.Movie)
	t.str("event_id", f.ID.String())
	t.str("session_id", f.Session)
	t.str("device_id", f.Device)
	t.opt("sequence", f.Sequence, f.Sequence != 0)
	t.at("at", f.At())
	t.since("occurred_at", f.OccurredAt)
	t.since("sent_at", f.SentAt)
	t.at("received_at", f.ReceivedAt)
}

func playbackEventText(e domain.PlaybackEvent) string {
	var t text
	t.head(e.Head())
	switch e := e.(type) {
	case *domain.PlaybackRecorded:
		t.str("type", e.Type.String())
		t.opt("position_ms", int64(e.Position), true)
		t.opt("from_ms", int64(e.From.Value), e.From.Present)
		t.opt("duration_ms", int64(e.Duration), e.Duration != 0)
		t.rate(e.Rate)
		t.intervals("reported", e.Watched)
		t.opt("viewed_seconds", 0, false)
		t.num("newly_watched_ms", int64(e.NewlyWatched))
	default:
		viewing, ok := e.(*domain.ViewingRecorded)
		t.str("type", map[bool]string{true: "viewing", false: "touch"}[ok])
		t.opt("position_ms", 0, false)
		t.opt("from_ms", 0, false)
		t.opt("duration_ms", 0, false)
		t.rate(0)
		t.intervals("reported", nil)
		if ok {
			t.num("viewed_seconds", viewing.ViewedSeconds)
		} else {
			t.opt("viewed_seconds", 0, false)
		}
		t.num("newly_watched_ms", 0)
	}
	t.str("verdict", e.Judged().String())
	return string(t.b)
}

// rate is compared by its bits: two programs seldom agree on the text of a real number.
func (t *text) rate(v float64) { t.opt("rate_bits", int64(math.Float64bits(v)), v != 0) }

func viewingText(v *domain.Viewing) string {
	var t text
	t.opt("position_ms", int64(v.Position), v.PositionAt != 0)
	t.since("position_at", v.PositionAt)
	t.opt("resume_ms", int64(v.Resume), v.ResumeAt != 0)
	t.since("resume_at", v.ResumeAt)
	t.opt("duration_ms", int64(v.Duration), v.Duration != 0)
	t.intervals("watched", v.Watched)
	t.num("watched_ms", int64(v.WatchedTime))
	t.num("plays", v.Plays)
	t.flag("completed", v.Completed)
	t.num("viewed_seconds", v.ViewedSeconds)
	t.at("first_seen", v.FirstSeen)
	t.at("last_seen", v.LastSeen)
	return string(t.b)
}

func feedbackEventText(e domain.FeedbackEvent) string {
	var t text
	t.head(e.Head())
	kind, value, set := e.Opinion()
	switch {
	case kind == 0:
		t.str("type", "touch")
	case set:
		t.str("type", "set")
	default:
		t.str("type", "cleared")
	}
	t.str("kind", kind.String())
	t.opt("value", int64(value), set)
	t.str("verdict", e.Judged().String())
	return string(t.b)
}

func opinionsText(o *domain.Opinions) string {
	var t text
	t.opt("like", int64(o.Like.Value), o.Like.Set)
	t.since("like_updated_at", o.Like.Stamp.At)
	t.flag("bookmark", o.Bookmark.Set)
	t.since("bookmark_updated_at", o.Bookmark.Stamp.At)
	t.opt("rating", int64(o.Rating.Value), o.Rating.Set)
	t.since("rating_updated_at", o.Rating.Stamp.At)
	return string(t.b)
}

// opinionText is a document of likes, bookmarks or ratings; bookmarks have no value but being set.
func opinionText(user, movie string, deleted bool, added domain.Version, at domain.Instant, value int64, valued bool) string {
	var t text
	t.str("user_id", user)
	t.str("movie_id", movie)
	t.flag("deleted", deleted)
	t.num("added", int64(added))
	t.num("updated_at", int64(at))
	t.opt("value", value, valued)
	return string(t.b)
}

// summaryText is a movie's summary. The mean is given, not computed: it is stored beside the histogram, and can be wrong by itself.
func summaryText(s *domain.MovieSummary, mean float64) string {
	var t text
	t.num("ratings", s.Ratings)
	t.real("mean", mean)
	t.str("histogram", jsonText(s.Histogram))
	t.num("likes", s.Likes)
	t.num("dislikes", s.Dislikes)
	t.num("bookmarks", s.Bookmarks)
	t.num("updated_at", int64(s.UpdatedAt))
	return string(t.b)
}

// stateText is a table's state, whole.
func stateText[S any](s S) string { return strings.TrimSpace(jsonText(s)) }

func jsonText(v any) string {
	b, err := json.Marshal(v)
	if err != nil {
		return "unreadable: " + err.Error() // a rate that is no number; it still compares
	}
	return string(b)
}
