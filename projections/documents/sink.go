package documents

import (
	"context"

	"ugc/domain"
	"ugc/projections"
)

// Sink lets the engine write a generation.
func Sink(v View, g Generation) projections.Sink { return sink{Generation: g, view: v} }

type sink struct {
	Generation
	view View
}

// Write implements projections.Sink. Nothing is written unless every record can be applied.
func (s sink) Write(ctx context.Context, batch []projections.Record) error {
	docs := make([]Document, 0, len(batch))
	var bad map[int]error
	for i, r := range batch {
		d, ok, err := s.view.Apply(r)
		switch {
		case err != nil:
			if bad == nil {
				bad = map[int]error{}
			}
			bad[i] = err
		case ok:
			docs = append(docs, d)
		}
	}
	if bad != nil {
		return domain.Wrap(domain.Invalid, "apply to "+s.view.Name, &projections.RecordError{Reasons: bad})
	}
	docs = Coalesce(docs)
	for len(docs) > 0 {
		n := min(len(docs), MaxBulk)
		if err := s.Upsert(ctx, docs[:n]); err != nil {
			return err
		}
		docs = docs[n:]
	}
	return nil
}
