package handlers

import (
	"context"

	"ugc/domain"
)

// Bookmark keeps a movie for later. Set twice it stands once.
type Bookmark struct{ Writing }

// Handle writes the bookmark. For errors and waiting see Writing.
func (h Bookmark) Handle(ctx context.Context, f Feedback, wait Await) (Written, error) {
	return h.write(ctx, &domain.SetBookmark{Fact: f.fact()}, wait)
}

// ClearBookmark takes a bookmark away.
type ClearBookmark struct{ Writing }

// Handle writes that there is no bookmark any more; nothing else happens where there was none.
func (h ClearBookmark) Handle(ctx context.Context, f Feedback, wait Await) (Written, error) {
	return h.write(ctx, &domain.ClearBookmark{Fact: f.fact()}, wait)
}
