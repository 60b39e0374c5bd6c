package documents

import (
	"context"
	"fmt"

	"ugc/domain"
	"ugc/handlers"
)

// Reader answers the use cases from the live generations. It is safe for concurrent use.
type Reader struct {
	opinions  map[domain.OpinionKind]Documents
	summaries Documents
}

// NewReader reads from a store.
func NewReader(s Store) *Reader {
	return &Reader{
		opinions: map[domain.OpinionKind]Documents{
			domain.LikeKind:     s.Live(Likes),
			domain.BookmarkKind: s.Live(Bookmarks),
			domain.RatingKind:   s.Live(Ratings),
		},
		summaries: s.Live(MovieSummaries),
	}
}

var (
	_ handlers.Opinions  = (*Reader)(nil)
	_ handlers.Summaries = (*Reader)(nil)
)

// Opinion implements handlers.Opinions.
func (r *Reader) Opinion(ctx context.Context, kind domain.OpinionKind, user, movie string) (handlers.Opinion, bool, error) {
	docs, err := r.of(kind)
	if err != nil {
		return handlers.Opinion{}, false, err
	}
	d, ok, err := docs.Get(ctx, user, movie)
	if err != nil || !ok {
		return handlers.Opinion{}, false, err
	}
	return opinion(kind, d), true, nil
}

// Opinions implements handlers.Opinions.
func (r *Reader) Opinions(ctx context.Context, q handlers.OpinionQuery) ([]handlers.Opinion, error) {
	docs, err := r.of(q.Kind)
	if err != nil {
		return nil, err
	}
	page, err := docs.List(ctx, Query{User: q.User, Newest: q.Order == handlers.NewestFirst, After: q.After, Skip: q.Skip, Limit: q.Limit})
	if err != nil {
		return nil, err
	}
	list := make([]handlers.Opinion, len(page))
	for i, d := range page {
		list[i] = opinion(q.Kind, d)
	}
	return list, nil
}

// CountOpinions implements handlers.Opinions.
func (r *Reader) CountOpinions(ctx context.Context, kind domain.OpinionKind, user string) (int64, error) {
	docs, err := r.of(kind)
	if err != nil {
		return 0, err
	}
	return docs.Count(ctx, user)
}

// Summary implements handlers.Summaries.
func (r *Reader) Summary(ctx context.Context, movie string) (handlers.Summary, bool, error) {
	d, ok, err := r.summaries.Get(ctx, "", movie)
	if err != nil || !ok {
		return handlers.Summary{}, false, err
	}
	summary, folded, err := summaryOf(d)
	if err != nil {
		return handlers.Summary{}, false, domain.Wrap(domain.Internal, "read movie summary", err)
	}
	return handlers.Summary{Movie: movie, Version: d.Version, Folded: folded, MovieSummary: summary}, true, nil
}

func (r *Reader) of(kind domain.OpinionKind) (Documents, error) {
	docs, ok := r.opinions[kind]
	if !ok {
		return nil, domain.Wrap(domain.Internal, "read opinions", fmt.Errorf("no view holds opinions of kind %d", kind))
	}
	return docs, nil
}

func opinion(kind domain.OpinionKind, d Document) handlers.Opinion {
	o := handlers.Opinion{User: d.User, Movie: d.Movie, Value: 1, UpdatedAt: d.UpdatedAt, Added: d.Added}
	if kind != domain.BookmarkKind {
		o.Value = int32(d.integer(0))
	}
	return o
}
