package mongo

import (
	"context"

	"ugc/projections"
	"ugc/projections/documents"
)

// live reads whatever generation is live when it is asked.
type live struct {
	store *Store
	view  documents.View
}

// Live implements documents.Store.
func (s *Store) Live(v documents.View) documents.Documents { return &live{store: s, view: v} }

func (l *live) now(ctx context.Context) (*generation, error) {
	ctx, cancel := l.store.bounded(ctx)
	defer cancel()
	number, err := l.store.liveNumber(ctx, l.view.Name)
	if err != nil {
		return nil, failed("read "+l.view.Name, err)
	}
	return l.store.generation(l.view, projections.Generation{View: l.view.Name, Number: number}), nil
}

// Get implements documents.Documents.
func (l *live) Get(ctx context.Context, user, movie string) (documents.Document, bool, error) {
	g, err := l.now(ctx)
	if err != nil {
		return documents.Document{}, false, err
	}
	return g.Get(ctx, user, movie)
}

// List implements documents.Documents.
func (l *live) List(ctx context.Context, q documents.Query) ([]documents.Document, error) {
	g, err := l.now(ctx)
	if err != nil {
		return nil, err
	}
	return g.List(ctx, q)
}

// Count implements documents.Documents.
func (l *live) Count(ctx context.Context, user string) (int64, error) {
	g, err := l.now(ctx)
	if err != nil {
		return 0, err
	}
	return g.Count(ctx, user)
}

// Watermarks implements documents.Documents.
func (l *live) Watermarks(ctx context.Context) (map[int32]projections.Watermark, error) {
	g, err := l.now(ctx)
	if err != nil {
		return nil, err
	}
	return g.Watermarks(ctx)
}
