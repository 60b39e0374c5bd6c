package handlers

import "context"

// ResumePosition tells where a user stands in a movie, and where to go on.
type ResumePosition struct {
	Seeing
	Positions Positions
}

// Handle reads one position. Errors are *domain.Error: Invalid for bad ids, NotFound where the user never reported on the movie,
// Unavailable while the table is away or (ErrNotVisible) does not show the writes asked for.
func (h ResumePosition) Handle(ctx context.Context, user, movie string, a AtLeast) (Position, error) {
	if err := checkKeys("position", "/user_id", user, "/movie_id", movie); err != nil {
		return Position{}, err
	}
	if err := h.see(ctx, ViewPositions, a); err != nil {
		return Position{}, err
	}
	p, ok, err := h.Positions.Position(ctx, user, movie)
	if err == nil && !ok {
		err = notFound("the user has reported nothing about this movie")
	}
	return p, err
}
