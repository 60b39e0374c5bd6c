package clickhouse

import (
	"ugc/domain"
	"ugc/projections"
)

// playbackEvent is a row of playback_events: one event, whatever it changed.
type playbackEvent struct {
	fact          *domain.Fact
	kind          string // the report's type, "viewing" or "touch"
	position      int64
	from          int64
	duration      int64
	rate          float64
	starts, ends  []int64 // the ranges that the player reported
	viewedSeconds int64
	verdict       string
	newlyWatched  int64
}

var playbackEvents = table[playbackEvent]{
	accepts: anyOf[domain.PlaybackEvent],
	row:     playbackEventRow,
	bytes:   playbackEventBytes,
	columns: append(factColumns(func(r *playbackEvent) *domain.Fact { return r.fact }),
		enumCol("type", func(r *playbackEvent) string { return r.kind }),
		col("position_ms", func(r *playbackEvent) int64 { return r.position }),
		col("from_ms", func(r *playbackEvent) int64 { return r.from }),
		col("duration_ms", func(r *playbackEvent) int64 { return r.duration }),
		col("rate", func(r *playbackEvent) float64 { return r.rate }),
		listCol("reported.start_ms", func(r *playbackEvent) []int64 { return r.starts }),
		listCol("reported.end_ms", func(r *playbackEvent) []int64 { return r.ends }),
		col("viewed_seconds", func(r *playbackEvent) int64 { return r.viewedSeconds }),
		enumCol("verdict", func(r *playbackEvent) string { return r.verdict }),
		col("newly_watched_ms", func(r *playbackEvent) int64 { return r.newlyWatched }),
	),
}

func playbackEventBytes(rec *projections.Record) int {
	e := rec.Value.(domain.PlaybackEvent)
	n := factBytes(e.Head())
	if e, ok := e.(*domain.PlaybackRecorded); ok {
		n += 16 * len(e.Watched)
	}
	return n
}

// playbackEventRow is the row of an event. A touch stands in history too, but has nothing to count.
func playbackEventRow(rec *projections.Record) playbackEvent {
	e := rec.Value.(domain.PlaybackEvent)
	row := playbackEvent{fact: e.Head(), kind: "touch", position: notGiven, from: notGiven, viewedSeconds: notGiven, verdict: e.Judged().String()}
	switch e := e.(type) {
	case *domain.PlaybackRecorded:
		row.kind, row.position, row.duration, row.rate = e.Type.String(), int64(e.Position), int64(e.Duration), e.Rate
		if e.From.Present {
			row.from = int64(e.From.Value)
		}
		row.starts, row.ends = bounds(e.Watched)
		row.newlyWatched = int64(e.NewlyWatched)
	case *domain.ViewingRecorded:
		row.kind, row.viewedSeconds = "viewing", e.ViewedSeconds
	}
	return row
}
