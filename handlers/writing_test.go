package handlers_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"ugc/domain"
	"ugc/handlers"
	"ugc/handlers/handlerstest"
)

func feedback(user, movie string) handlers.Feedback {
	return handlers.Feedback{User: user, Movie: movie}
}

// Every single write: it is in the log, stamped and named, its token names its movie, and it waits for the views it changes.
func TestSingleWrites(t *testing.T) {
	ctx := context.Background()
	type write func(handlers.Writing, handlers.Await) (handlers.Written, error)
	for name, tc := range map[string]struct {
		do    write
		want  domain.Command
		views []handlers.View
	}{
		"rate": {func(w handlers.Writing, a handlers.Await) (handlers.Written, error) {
			return handlers.Rate{Writing: w}.Handle(ctx, handlers.RateMovie{Feedback: feedback("u", "m"), Score: 7}, a)
		}, &domain.SetRating{Score: 7}, []handlers.View{handlers.ViewRatings, handlers.ViewSummaries}},
		"clear rating": {func(w handlers.Writing, a handlers.Await) (handlers.Written, error) {
			return handlers.ClearRating{Writing: w}.Handle(ctx, feedback("u", "m"), a)
		}, &domain.ClearRating{}, []handlers.View{handlers.ViewRatings, handlers.ViewSummaries}},
		"like": {func(w handlers.Writing, a handlers.Await) (handlers.Written, error) {
			return handlers.Like{Writing: w}.Handle(ctx, feedback("u", "m"), a)
		}, &domain.SetLike{}, []handlers.View{handlers.ViewLikes, handlers.ViewSummaries}},
		"dislike": {func(w handlers.Writing, a handlers.Await) (handlers.Written, error) {
			return handlers.Dislike{Writing: w}.Handle(ctx, feedback("u", "m"), a)
		}, &domain.SetLike{Dislike: true}, []handlers.View{handlers.ViewLikes, handlers.ViewSummaries}},
		"clear like": {func(w handlers.Writing, a handlers.Await) (handlers.Written, error) {
			return handlers.ClearLike{Writing: w}.Handle(ctx, feedback("u", "m"), a)
		}, &domain.ClearLike{}, []handlers.View{handlers.ViewLikes, handlers.ViewSummaries}},
		"bookmark": {func(w handlers.Writing, a handlers.Await) (handlers.Written, error) {
			return handlers.Bookmark{Writing: w}.Handle(ctx, feedback("u", "m"), a)
		}, &domain.SetBookmark{}, []handlers.View{handlers.ViewBookmarks, handlers.ViewSummaries}},
		"clear bookmark": {func(w handlers.Writing, a handlers.Await) (handlers.Written, error) {
			return handlers.ClearBookmark{Writing: w}.Handle(ctx, feedback("u", "m"), a)
		}, &domain.ClearBookmark{}, []handlers.View{handlers.ViewBookmarks, handlers.ViewSummaries}},
	} {
		t.Run(name, func(t *testing.T) {
			house := &handlerstest.House{}
			got, err := tc.do(house.Writing(), handlers.Await{For: time.Second})
			require.NoError(t, err)
			require.True(t, got.Shown)
			require.Equal(t, tc.views, house.Waits())

			log := house.Log()
			require.Len(t, log, 1)
			f := log[0].Head()
			require.Equal(t, got.ID, f.ID)
			require.False(t, f.ID.IsZero())
			require.Equal(t, domain.Instant(1_700_000_000_000), f.ReceivedAt)
			require.Equal(t, domain.Token{{Topic: handlerstest.FeedbackTopic, Partition: domain.Partition("u/m", 4), Version: 0, Movie: "m"}}, got.Token)
			*tc.want.Head() = *f
			require.Equal(t, tc.want, log[0])
		})
	}
}

func TestWriteKeepsWhatTheClientSaid(t *testing.T) {
	house := &handlerstest.House{}
	id := domain.NamedID(domain.ID{1}, "x")
	got, err := handlers.Like{Writing: house.Writing()}.Handle(context.Background(), handlers.Feedback{ID: id, User: "u", Movie: "m", OccurredAt: 5, SentAt: 6}, handlers.Await{})
	require.NoError(t, err)
	require.Equal(t, id, got.ID)
	require.False(t, got.Shown, "nobody asked to wait")
	require.Empty(t, house.Waits())
	f := house.Log()[0].Head()
	require.Equal(t, [2]domain.Instant{5, 6}, [2]domain.Instant{f.OccurredAt, f.SentAt})
}

func TestInvalidWriteSaysEveryFaultAndWritesNothing(t *testing.T) {
	house := &handlerstest.House{}
	_, err := handlers.Rate{Writing: house.Writing()}.Handle(context.Background(),
		handlers.RateMovie{Feedback: feedback("", strings.Repeat("m", 129)), Score: 11}, handlers.Await{})
	var e *domain.Error
	require.ErrorAs(t, err, &e)
	require.Equal(t, domain.Invalid, e.Kind)
	var pointers []string
	for _, f := range e.Fields {
		pointers = append(pointers, f.Pointer)
	}
	require.Equal(t, []string{"/user_id", "/movie_id", "/score"}, pointers)
	require.Empty(t, house.Log())
}

func TestWriteThatIsRefusedIsAnError(t *testing.T) {
	away := domain.Wrap(domain.Unavailable, "append", errors.New("broker away"))
	house := &handlerstest.House{Refuse: func(domain.Command) error { return away }}
	_, err := handlers.Bookmark{Writing: house.Writing()}.Handle(context.Background(), feedback("u", "m"), handlers.Await{For: time.Second})
	require.ErrorIs(t, err, away)
	require.Empty(t, house.Waits())
}

// A view that lags is no error: the write is safe. One deadline holds for all views together.
func TestWaitIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		house := &handlerstest.House{Hide: func(handlers.View) bool { return true }}
		start := time.Now()
		got, err := handlers.Bookmark{Writing: house.Writing()}.Handle(t.Context(), feedback("u", "m"), handlers.Await{For: 2 * time.Second})
		require.NoError(t, err)
		require.False(t, got.Shown)
		require.Equal(t, 2*time.Second, time.Since(start))
	})
}

func TestReadsWaitForTheTokenAndSaySoWhenItIsNotVisible(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		hidden := false
		house := &handlerstest.House{Hide: func(handlers.View) bool { return hidden }}
		w, err := handlers.Rate{Writing: house.Writing()}.Handle(t.Context(), handlers.RateMovie{Feedback: feedback("u", "m"), Score: 3}, handlers.Await{})
		require.NoError(t, err)
		seeing := handlers.Seeing{Views: house}
		reads := map[handlers.View]func(handlers.AtLeast) error{
			handlers.ViewRatings: func(a handlers.AtLeast) error {
				_, err := handlers.ListOpinions{Seeing: seeing, Opinions: house}.One(t.Context(), domain.RatingKind, "u", "m", a)
				return err
			},
			handlers.ViewSummaries: func(a handlers.AtLeast) error {
				_, err := handlers.MovieSummary{Seeing: seeing, Summaries: house}.Handle(t.Context(), "m", a)
				return err
			},
			handlers.ViewPositions: func(a handlers.AtLeast) error {
				_, _, err := handlers.ListPositions{Seeing: seeing, Positions: house}.Handle(t.Context(), "u", "", 10, a)
				return err
			},
		}
		for view, read := range reads {
			hidden = false
			require.NoError(t, read(handlers.AtLeast{Token: w.Token, For: time.Second}), view)
			hidden = true
			require.NoError(t, read(handlers.AtLeast{}), "without a token nobody waits")
			start := time.Now()
			err := read(handlers.AtLeast{Token: w.Token, For: time.Second})
			require.ErrorIs(t, err, handlers.ErrNotVisible, view)
			require.Equal(t, domain.Unavailable, domain.KindOf(err))
			require.Equal(t, time.Second, time.Since(start))
		}
	})
}

func TestSummaryWaitsOnlyForWritesAboutItsMovie(t *testing.T) {
	house := &handlerstest.House{Hide: func(handlers.View) bool { return true }}
	for _, movie := range []string{"m", "other"} {
		_, err := handlers.Like{Writing: house.Writing()}.Handle(context.Background(), feedback("u", movie), handlers.Await{})
		require.NoError(t, err)
	}
	token := domain.Token{{Topic: "t", Partition: 0, Version: 9, Movie: "other"}}
	_, err := handlers.MovieSummary{Seeing: handlers.Seeing{Views: house}, Summaries: house}.
		Handle(context.Background(), "m", handlers.AtLeast{Token: token, For: time.Millisecond})
	require.NoError(t, err)
}
