package clickhouse

import (
	"slices"

	"ugc/projections"
	"ugc/schemas/topics"
)

// storedView is a view that a sink writes.
type storedView struct {
	name   string
	source topics.Topic
	sink   func(*Store, projections.Generation) projections.Sink
}

// stored are the views that are written. What a row of each is stands in ddl/<name>.sql, how an event becomes one in <name>.go.
var stored = []storedView{
	{"playback_events", topics.PlaybackEvents, sinkOf(playbackEvents)},
	{"viewing", topics.PlaybackEvents, sinkOf(viewing)},
	{"feedback_events", topics.FeedbackEvents, sinkOf(feedbackEvents)},
	{"feedback", topics.FeedbackEvents, sinkOf(feedback)},
}

// derivedView is SQL over stored views.
type derivedView struct {
	name string
	from []string
}

var derived = []derivedView{
	{"movie_audience", []string{"viewing", "feedback"}},
	{"watch_by_hour", []string{"playback_events"}},
	{"retention", []string{"viewing"}},
}

// Derived names the views that are computed when they are read.
func Derived() []string {
	out := make([]string, 0, len(derived))
	for _, d := range derived {
		out = append(out, d.name)
	}
	return out
}

// DerivedFrom names, by derived view, the stored views that it shows.
func DerivedFrom() map[string][]string {
	out := make(map[string][]string, len(derived))
	for _, d := range derived {
		out[d.name] = slices.Clone(d.from)
	}
	return out
}

// Stored lists the views that a sink writes, without batching; a Store's Views have that too.
func Stored() []projections.View {
	out := make([]projections.View, 0, len(stored))
	for _, v := range stored {
		out = append(out, projections.View{Name: v.name, Source: v.source})
	}
	return out
}
