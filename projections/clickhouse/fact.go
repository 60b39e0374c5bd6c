package clickhouse

import (
	"time"

	"github.com/google/uuid"

	"ugc/domain"
	"ugc/projections"
)

// notGiven stands for an integer that nobody gave; 0 would be a value.
const notGiven = -1

// maxInstant is the last one that the driver can send (2262-04-11): it counts in nanoseconds on the way.
const maxInstant domain.Instant = 9_223_372_036_854

// when is an instant as a column value; 0 stands for not given. What lies beyond what a column can hold is moved to its end.
func when(t domain.Instant) time.Time { return time.UnixMilli(int64(max(0, min(t, maxInstant)))) }

// factColumns are those that history views begin with.
func factColumns[R any](fact func(*R) *domain.Fact) []column[R] {
	return []column[R]{
		col("partition", func(r *R) int32 { return fact(r).Origin.Partition }),
		col("version", func(r *R) uint64 { return uint64(fact(r).Origin.Version) }),
		col("event_id", func(r *R) uuid.UUID { return uuid.UUID(fact(r).ID) }),
		col("user_id", func(r *R) string { return fact(r).User }),
		rowCol("movie_id", func(r *R) string { return fact(r).Movie }),
		col("session_id", func(r *R) string { return fact(r).Session }),
		col("device_id", func(r *R) string { return fact(r).Device }),
		col("sequence", func(r *R) int64 { return fact(r).Sequence }),
		col("at", func(r *R) time.Time { return when(fact(r).At()) }),
		col("occurred_at", func(r *R) time.Time { return when(fact(r).OccurredAt) }),
		col("sent_at", func(r *R) time.Time { return when(fact(r).SentAt) }),
		col("received_at", func(r *R) time.Time { return when(fact(r).ReceivedAt) }),
	}
}

// factBytes is about what a fact takes in memory on its way.
func factBytes(f *domain.Fact) int {
	return len(f.User) + len(f.Movie) + len(f.Session) + len(f.Device) + 128
}

// eventBytes is that of a record without lists.
func eventBytes(rec *projections.Record) int { return factBytes(rec.Value.(domain.Event).Head()) }

// bounds splits intervals into two columns of equal length, as they are stored.
func bounds(intervals []domain.Interval) (starts, ends []int64) {
	starts, ends = make([]int64, len(intervals)), make([]int64, len(intervals))
	for i, v := range intervals {
		starts[i], ends[i] = int64(v.Start), int64(v.End)
	}
	return starts, ends
}
