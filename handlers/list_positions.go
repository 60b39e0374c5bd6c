package handlers

import (
	"context"

	"ugc/domain"
)

// MaxPage is the most that one page of a list holds.
const MaxPage = 100

// ListPositions lists where a user stands in every movie.
type ListPositions struct {
	Seeing
	Positions Positions
}

// Handle lists at most limit positions, 1 to MaxPage, ordered by movie id, after the given one ("" starts at the first); more says that
// others follow. Errors are *domain.Error, as in ResumePosition; a user who never reported has an empty list.
func (h ListPositions) Handle(ctx context.Context, user, after string, limit int, a AtLeast) (items []Position, more bool, err error) {
	if err := checkKeys("positions", "/user_id", user); err != nil {
		return nil, false, err
	}
	if err := checkLimit(limit); err != nil {
		return nil, false, err
	}
	if err := h.see(ctx, ViewPositions, a); err != nil {
		return nil, false, err
	}
	items, err = h.Positions.Positions(ctx, user, after, limit+1)
	if len(items) > limit {
		items, more = items[:limit], true
	}
	return items, more, err
}

func checkLimit(limit int) error {
	if limit >= 1 && limit <= MaxPage {
		return nil
	}
	return &domain.Error{Kind: domain.Invalid, Message: "page", Fields: []domain.FieldError{
		{Pointer: "/limit", Code: "out_of_range", Message: "must lie between 1 and 100"}}}
}
