package handlers

import (
	"context"

	"ugc/domain"
)

// RateMovie asks to give a movie a score, 0 to 10, in place of an earlier one.
type RateMovie struct {
	Feedback
	Score int32
}

// Rate sets the score that a user gives a movie.
type Rate struct{ Writing }

// Handle writes the rating. For errors and waiting see Writing.
func (h Rate) Handle(ctx context.Context, r RateMovie, wait Await) (Written, error) {
	return h.write(ctx, &domain.SetRating{Fact: r.fact(), Score: r.Score}, wait)
}

// ClearRating takes a rating back.
type ClearRating struct{ Writing }

// Handle writes that there is no rating any more; nothing else happens where there was none.
func (h ClearRating) Handle(ctx context.Context, f Feedback, wait Await) (Written, error) {
	return h.write(ctx, &domain.ClearRating{Fact: f.fact()}, wait)
}
