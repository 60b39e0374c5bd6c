package clickhouse

import (
	"ugc/domain"
	"ugc/projections"
)

// feedbackEvent is a row of feedback_events: one event, whatever it changed.
type feedbackEvent struct {
	fact    *domain.Fact
	kind    string // of the opinion, "none" for a touch
	what    string // "set", "cleared" or "touch"
	value   int32  // 0 unless set
	verdict string
}

var feedbackEvents = table[feedbackEvent]{
	accepts: anyOf[domain.FeedbackEvent],
	row:     feedbackEventRow,
	bytes:   eventBytes,
	columns: append(factColumns(func(r *feedbackEvent) *domain.Fact { return r.fact }),
		enumCol("type", func(r *feedbackEvent) string { return r.what }),
		enumCol("kind", func(r *feedbackEvent) string { return r.kind }),
		col("value", func(r *feedbackEvent) int32 { return r.value }),
		enumCol("verdict", func(r *feedbackEvent) string { return r.verdict }),
	),
}

// feedbackEventRow is the row of an event. A touch stands in history too, about no opinion.
func feedbackEventRow(rec *projections.Record) feedbackEvent {
	e := rec.Value.(domain.FeedbackEvent)
	kind, value, set := e.Opinion()
	row := feedbackEvent{fact: e.Head(), kind: kind.String(), what: "cleared", verdict: e.Judged().String()}
	switch {
	case kind == 0:
		row.what = "touch"
	case set:
		row.what, row.value = "set", value
	}
	return row
}
