package handlers

import (
	"context"

	"ugc/domain"
)

// ListOpinions lists a user's likes, bookmarks or ratings.
type ListOpinions struct {
	Seeing
	Opinions Opinions
}

// One reads one opinion. Errors are *domain.Error: Invalid for bad ids, NotFound where none is set, Unavailable while the view is away or
// (ErrNotVisible) does not show the writes asked for.
func (h ListOpinions) One(ctx context.Context, kind domain.OpinionKind, user, movie string, a AtLeast) (Opinion, error) {
	if err := checkKeys(kind.String(), "/user_id", user, "/movie_id", movie); err != nil {
		return Opinion{}, err
	}
	if err := h.see(ctx, ViewOf(kind), a); err != nil {
		return Opinion{}, err
	}
	o, ok, err := h.Opinions.Opinion(ctx, kind, user, movie)
	if err == nil && !ok {
		err = notFound("the user has set no " + kind.String() + " for this movie")
	}
	return o, err
}

// After lists at most limit opinions, 1 to MaxPage, newest first, that were added before the given version (absent: from the newest on);
// more says that others follow. An opinion that changes keeps its place; one added meanwhile appears on no later page.
func (h ListOpinions) After(ctx context.Context, kind domain.OpinionKind, user string, after domain.Optional[domain.Version], limit int, a AtLeast) (items []Opinion, more bool, err error) {
	if err := checkKeys(kind.String(), "/user_id", user); err != nil {
		return nil, false, err
	}
	if err := checkLimit(limit); err != nil {
		return nil, false, err
	}
	if err := h.see(ctx, ViewOf(kind), a); err != nil {
		return nil, false, err
	}
	items, err = h.Opinions.Opinions(ctx, OpinionQuery{User: user, Kind: kind, Order: NewestFirst, After: after, Limit: limit + 1})
	if len(items) > limit {
		items, more = items[:limit], true
	}
	return items, more, err
}

// Page lists by number: page 1 is the first, size 1 to MaxPage, in the order in which they were added; total counts all. A page past
// the last is empty. The count and the page are two reads, between which the list may change.
func (h ListOpinions) Page(ctx context.Context, kind domain.OpinionKind, user string, page int64, size int) (items []Opinion, total int64, err error) {
	if err := checkKeys(kind.String(), "/user_id", user); err != nil {
		return nil, 0, err
	}
	total, err = h.Opinions.CountOpinions(ctx, kind, user)
	if err != nil || page > (total+int64(size)-1)/int64(size) {
		return nil, total, err
	}
	items, err = h.Opinions.Opinions(ctx, OpinionQuery{User: user, Kind: kind, Order: OldestFirst, Skip: int(page-1) * size, Limit: size})
	return items, total, err
}
