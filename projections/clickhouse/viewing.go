package clickhouse

import (
	"time"

	"ugc/domain"
	"ugc/projections"
)

// viewed is a row of viewing: what is known of a user and a movie after an event.
type viewed struct {
	fact         *domain.Fact
	after        *domain.Viewing
	starts, ends []int64
}

var viewing = table[viewed]{
	accepts: func(rec *projections.Record) (bool, error) {
		ok, err := anyOf[domain.PlaybackEvent](rec)
		if !ok || err != nil {
			return false, err
		}
		return rec.Value.(domain.PlaybackEvent).Viewed().FirstSeen != 0, nil // a touch of what was never seen says nothing
	},
	newest: true,
	row:    viewedRow,
	bytes:  viewedBytes,
	columns: []column[viewed]{
		col("user_id", func(r *viewed) string { return r.fact.User }),
		rowCol("movie_id", func(r *viewed) string { return r.fact.Movie }),
		col("partition", func(r *viewed) int32 { return r.fact.Origin.Partition }),
		col("version", func(r *viewed) uint64 { return uint64(r.fact.Origin.Version) }),
		col("position_ms", func(r *viewed) int64 { return int64(r.after.Position) }),
		col("position_at", func(r *viewed) time.Time { return when(r.after.PositionAt) }),
		col("resume_ms", func(r *viewed) int64 { return int64(r.after.Resume) }),
		col("resume_at", func(r *viewed) time.Time { return when(r.after.ResumeAt) }),
		col("duration_ms", func(r *viewed) int64 { return int64(r.after.Duration) }),
		listCol("watched.start_ms", func(r *viewed) []int64 { return r.starts }),
		listCol("watched.end_ms", func(r *viewed) []int64 { return r.ends }),
		col("watched_ms", func(r *viewed) int64 { return int64(r.after.WatchedTime) }),
		col("plays", func(r *viewed) int64 { return r.after.Plays }),
		col("completed", func(r *viewed) bool { return r.after.Completed }),
		col("viewed_seconds", func(r *viewed) int64 { return r.after.ViewedSeconds }),
		col("first_seen", func(r *viewed) time.Time { return when(r.after.FirstSeen) }),
		col("last_seen", func(r *viewed) time.Time { return when(r.after.LastSeen) }),
	},
}

func viewedBytes(rec *projections.Record) int {
	e := rec.Value.(domain.PlaybackEvent)
	return factBytes(e.Head()) + 16*len(e.Viewed().Watched)
}

// viewedRow is the state that the event carries, whole: nothing is added to what was there.
func viewedRow(rec *projections.Record) viewed {
	e := rec.Value.(domain.PlaybackEvent)
	row := viewed{fact: e.Head(), after: e.Viewed()}
	row.starts, row.ends = bounds(row.after.Watched)
	return row
}
