package handlers

import (
	"context"
	"time"

	"ugc/domain"
)

// Writing is what every use case that writes needs. All of it must be set but Stall, and Views, which may be nil where
// nobody waits.
type Writing struct {
	Log   CommandLog
	Views Visibility
	Now   Clock
	Stall *Stalls          // when this process stood still; nil: it never does
	NewID func() domain.ID // a fresh UUID for a report that came without one; ids made later must sort later (version 7)
}

// Await says how long a write may wait until views show it. The zero value does not wait.
type Await struct {
	For   time.Duration
	Views []View // nil: every view that the command changes; see ViewsOf
}

// Written is a command that is in the log for ever.
type Written struct {
	ID    domain.ID    // of the report: the client's own, or the one made for it. Sending it again changes nothing
	Token domain.Token // hand it to a read to see at least this write
	Shown bool         // the views of Await show it; false too where nobody asked to wait
}

// stamp says when a command arrived, and names it where the client did not.
func (w *Writing) stamp(c domain.Command, a arrival) {
	f := c.Head()
	f.ReceivedAt = a.of(f.SentAt)
	if f.ID.IsZero() {
		f.ID = w.NewID()
	}
}

// write is the way of a single command. Errors are *domain.Error: Invalid with every bad field, Unavailable (not written), Uncertain
// (perhaps written), TooLarge. That a view does not show the write in time is no error: Shown is false then.
func (w *Writing) write(ctx context.Context, c domain.Command, wait Await) (Written, error) {
	w.stamp(c, w.arrival(ctx))
	out := Written{ID: c.Head().ID}
	if err := c.Validate(); err != nil {
		return out, err
	}
	r := w.Log.Append(ctx, []domain.Command{c})[0]
	if r.Err != nil {
		return out, r.Err
	}
	out.Token = domain.Token{r.about(c)}
	if wait.Views == nil {
		wait.Views = ViewsOf(c)
	}
	out.Shown = w.await(ctx, out.Token, wait)
	return out, nil
}

// about is the mark of the command, with the movie whose summary it is folded into.
func (r Receipt) about(c domain.Command) domain.Mark {
	if f, ok := c.(domain.FeedbackCommand); ok {
		r.Mark.Movie = f.Head().Movie
	}
	return r.Mark
}

// await waits for all the views, one deadline for all of them.
func (w *Writing) await(ctx context.Context, token domain.Token, wait Await) bool {
	if wait.For <= 0 || w.Views == nil {
		return false
	}
	ctx, cancel := context.WithTimeout(ctx, wait.For)
	defer cancel()
	for _, view := range wait.Views {
		if w.Views.Wait(ctx, view, token) != nil {
			return false
		}
	}
	return true
}

var (
	playbackViews = []View{ViewPositions}
	opinionViews  = map[domain.OpinionKind][]View{
		domain.LikeKind:     {ViewLikes, ViewSummaries},
		domain.BookmarkKind: {ViewBookmarks, ViewSummaries},
		domain.RatingKind:   {ViewRatings, ViewSummaries},
	}
)

// ViewsOf lists the views that a command changes.
func ViewsOf(c domain.Command) []View {
	if f, ok := c.(domain.FeedbackCommand); ok {
		kind, _, _ := f.Opinion()
		return opinionViews[kind]
	}
	return playbackViews
}

// ViewOf is the view that lists opinions of a kind.
func ViewOf(kind domain.OpinionKind) View {
	if views := opinionViews[kind]; len(views) > 0 {
		return views[0]
	}
	return ""
}

// Feedback is what every explicit opinion says first. Only User and Movie must be given.
type Feedback struct {
	ID          domain.ID
	User, Movie string
	OccurredAt  domain.Instant
	SentAt      domain.Instant
}

func (f Feedback) fact() domain.Fact {
	return domain.Fact{ID: f.ID, User: f.User, Movie: f.Movie, OccurredAt: f.OccurredAt, SentAt: f.SentAt}
}
