package clickhouse

import (
	"time"

	"ugc/domain"
	"ugc/projections"
)

// opinions is a row of feedback: what a user thinks of a movie after an event.
type opinions struct {
	fact  *domain.Fact
	after *domain.Opinions
}

var feedback = table[opinions]{
	accepts: func(rec *projections.Record) (bool, error) {
		ok, err := anyOf[domain.FeedbackEvent](rec)
		if !ok || err != nil {
			return false, err
		}
		o := &rec.Value.(domain.FeedbackEvent).Changed().After
		// A touch of what nobody gave an opinion of says nothing.
		return !o.Like.Stamp.IsZero() || !o.Bookmark.Stamp.IsZero() || !o.Rating.Stamp.IsZero(), nil
	},
	newest: true,
	row:    opinionsRow,
	bytes:  eventBytes,
	columns: append(append(append([]column[opinions]{
		col("user_id", func(r *opinions) string { return r.fact.User }),
		rowCol("movie_id", func(r *opinions) string { return r.fact.Movie }),
		col("partition", func(r *opinions) int32 { return r.fact.Origin.Partition }),
		col("version", func(r *opinions) uint64 { return uint64(r.fact.Origin.Version) }),
	},
		opinionColumns("like", true, func(o *domain.Opinions) *domain.Opinion { return &o.Like })...),
		opinionColumns("bookmark", false, func(o *domain.Opinions) *domain.Opinion { return &o.Bookmark })...),
		opinionColumns("rating", true, func(o *domain.Opinions) *domain.Opinion { return &o.Rating })...),
}

// opinionColumns are those of one register; a bookmark has no value but being set.
func opinionColumns(name string, value bool, of func(*domain.Opinions) *domain.Opinion) []column[opinions] {
	out := []column[opinions]{
		col(name+"_set", func(r *opinions) bool { return of(r.after).Set }),
		col(name+"_updated_at", func(r *opinions) time.Time { return when(of(r.after).Stamp.At) }),
	}
	if value {
		out = append(out, col(name+"_value", func(r *opinions) int32 { return of(r.after).Value }))
	}
	return out
}

// opinionsRow is the state after the event, all three opinions of it.
func opinionsRow(rec *projections.Record) opinions {
	e := rec.Value.(domain.FeedbackEvent)
	return opinions{fact: e.Head(), after: &e.Changed().After}
}
