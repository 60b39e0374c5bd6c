package handlers

import (
	"context"

	"ugc/domain"
)

// MovieSummary tells what all users together think of a movie.
type MovieSummary struct {
	Seeing
	Summaries Summaries
}

// Handle reads one summary. Errors are *domain.Error: Invalid for a bad id, NotFound where nobody ever gave feedback on the movie,
// Unavailable while the view is away or (ErrNotVisible) does not show the writes asked for.
func (h MovieSummary) Handle(ctx context.Context, movie string, a AtLeast) (Summary, error) {
	if err := checkKeys("movie", "/movie_id", movie); err != nil {
		return Summary{}, err
	}
	a.Token = about(a.Token, movie)
	if err := h.see(ctx, ViewSummaries, a); err != nil {
		return Summary{}, err
	}
	s, ok, err := h.Summaries.Summary(ctx, movie)
	if err == nil && !ok {
		err = notFound("nobody has given feedback on this movie")
	}
	return s, err
}

// about keeps the marks that can concern the movie: those of writes about another one need not be waited for.
func about(t domain.Token, movie string) domain.Token {
	kept := make(domain.Token, 0, len(t))
	for _, m := range t {
		if m.Movie == "" || m.Movie == movie {
			kept = append(kept, m)
		}
	}
	return kept
}
