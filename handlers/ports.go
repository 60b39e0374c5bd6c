// Package handlers holds the use cases, one a file. They know no HTTP and no Kafka: what they need of the world stands
// here as small interfaces, each with what it promises.
package handlers

import (
	"context"

	"ugc/domain"
)

// CommandLog writes commands for ever.
type CommandLog interface {
	// Append writes all commands in one round trip and returns a receipt for each, in the same order. A receipt without
	// an error means that every replica that counts has the command. Commands of one user keep their order. It blocks until all
	// outcomes are known, within a bound of its own and ctx; nothing is sent again after it returned. Errors are *domain.Error of kind Unavailable
	// (not written), Uncertain (may be written: sending the same id again is safe), TooLarge or Invalid.
	// Appending twice writes twice; deciders recognise the repeated id.
	Append(ctx context.Context, commands []domain.Command) []Receipt
}

// Receipt is what became of one command.
type Receipt struct {
	Mark domain.Mark // where it stands; valid only without an error
	Err  error
}

// Position is the viewing of one user and movie as of a version.
type Position struct {
	User, Movie string
	Version     domain.Version
	domain.Viewing
}

// Positions reads the table of playback states.
type Positions interface {
	// Position is the newest known one; ok is false where the user never reported on this movie.
	// An error of kind Unavailable says that the table is still being restored or its broker is away.
	Position(ctx context.Context, user, movie string) (p Position, ok bool, err error)
	// Positions lists a user's, ordered by movie id, those after the given movie id, at most limit.
	Positions(ctx context.Context, user, after string, limit int) ([]Position, error)
}

// Opinion is one like, bookmark or rating of a user.
type Opinion struct {
	User, Movie string
	Value       int32          // the score of a rating; domain.LikeValue or DislikeValue; 1 for a bookmark
	UpdatedAt   domain.Instant // time of the fact
	Added       domain.Version // when it went from not set to set; the order of lists, unique within a user
}

// Order of a list of opinions.
type Order uint8

// The orders, by Opinion.Added.
const (
	OldestFirst Order = iota
	NewestFirst
)

// OpinionQuery asks for a page of one user's opinions of one kind.
type OpinionQuery struct {
	User  string
	Kind  domain.OpinionKind
	Order Order
	After domain.Optional[domain.Version] // keyset: only those after this Added, in the order asked for
	Skip  int                             // or by number, for pages of /api/v1
	Limit int                             // 1 to 1,000
}

// Opinions reads the document views of feedback.
type Opinions interface {
	// Opinion is the newest shown; ok is false where none is set.
	Opinion(ctx context.Context, kind domain.OpinionKind, user, movie string) (o Opinion, ok bool, err error)
	// Opinions lists those that are set.
	Opinions(ctx context.Context, q OpinionQuery) ([]Opinion, error)
	// CountOpinions is how many are set.
	CountOpinions(ctx context.Context, kind domain.OpinionKind, user string) (int64, error)
}

// Summary is a movie's summary as the view shows it.
type Summary struct {
	Movie   string
	Version domain.Version
	Folded  []domain.Origin // per partition of the feedback log, the newest command folded in
	domain.MovieSummary
}

// Summaries reads the movie summaries.
type Summaries interface {
	// Summary is the newest shown; ok is false where nobody ever gave feedback on the movie.
	Summary(ctx context.Context, movie string) (s Summary, ok bool, err error)
}

// View names what a reader can wait for.
type View string

// The views that reads of the API depend on. ClickHouse views have names of their own.
const (
	ViewPositions View = "positions"
	ViewLikes     View = "likes"
	ViewBookmarks View = "bookmarks"
	ViewRatings   View = "ratings"
	ViewSummaries View = "movie_summaries"
)

// Waiting blocks until writes are visible.
type Waiting interface {
	// Wait blocks until the view shows everything up to the token, or ctx ends, which is then the error. Marks of
	// topics that the view is not made of are passed over. Waiting for the zero token returns at once. An error of kind
	// Invalid, with domain.ErrToken in its chain, says that no log has or will have what the token names.
	Wait(ctx context.Context, view View, token domain.Token) error
}

// Visibility says when a write has become visible.
type Visibility interface {
	Waiting
	// Concerns is false where no mark of the token is of a topic that the view is made of: waiting for it shows
	// nothing.
	Concerns(view View, token domain.Token) bool
}

// Clock gives the time of arrival.
type Clock func() domain.Instant
