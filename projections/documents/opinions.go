package documents

import (
	"fmt"

	"ugc/domain"
	"ugc/projections"
	"ugc/schemas/topics"
)

// opinionView is what likes, bookmarks and ratings share: the newest of one register, by user and movie.
func opinionView(name string, kind domain.OpinionKind, columns ...Column) View {
	return View{
		View:    projections.View{Name: name, Source: topics.FeedbackEvents, Batch: projections.Batching{MaxRecords: MaxBulk}},
		ByUser:  true,
		Columns: columns,
		Apply:   func(r projections.Record) (Document, bool, error) { return applyOpinion(kind, len(columns), r) },
	}
}

// applyOpinion takes the register as it stands after the event, changed or not, so that every event heals what is there. Events about
// other registers carry this one unchanged and are passed over; a touch is about all of them.
func applyOpinion(kind domain.OpinionKind, columns int, r projections.Record) (Document, bool, error) {
	e, ok := r.Value.(domain.FeedbackEvent)
	if !ok {
		return Document{}, false, fmt.Errorf("a %T is no feedback event", r.Value)
	}
	if about, _, _ := e.Opinion(); about != kind && about != 0 {
		return Document{}, false, nil
	}
	o := e.Changed().After.Of(kind)
	if o.Stamp.IsZero() {
		return Document{}, false, nil // never written
	}
	fact := e.Head()
	d := Document{ID: r.Key, User: fact.User, Movie: fact.Movie, Version: r.Version, Deleted: !o.Set, UpdatedAt: o.Stamp.At}
	if o.Set {
		d.Added = o.Since
	}
	if columns == 1 {
		d.Values = []any{int64(o.Value)}
	}
	return d, true, nil
}
