package handlers

import (
	"context"

	"ugc/domain"
)

// Like says that a user likes a movie; an earlier dislike is gone with it.
type Like struct{ Writing }

// Handle writes the like. For errors and waiting see Writing.
func (h Like) Handle(ctx context.Context, f Feedback, wait Await) (Written, error) {
	return h.write(ctx, &domain.SetLike{Fact: f.fact()}, wait)
}

// Dislike says that a user dislikes a movie; an earlier like is gone with it.
type Dislike struct{ Writing }

// Handle writes the dislike.
func (h Dislike) Handle(ctx context.Context, f Feedback, wait Await) (Written, error) {
	return h.write(ctx, &domain.SetLike{Fact: f.fact(), Dislike: true}, wait)
}

// ClearLike takes a like or dislike back.
type ClearLike struct{ Writing }

// Handle writes that there is neither any more; nothing else happens where there was none.
func (h ClearLike) Handle(ctx context.Context, f Feedback, wait Await) (Written, error) {
	return h.write(ctx, &domain.ClearLike{Fact: f.fact()}, wait)
}
