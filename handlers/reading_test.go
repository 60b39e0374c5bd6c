package handlers_test

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"ugc/domain"
	"ugc/handlers"
	"ugc/handlers/handlerstest"
)

func TestPositions(t *testing.T) {
	ctx := context.Background()
	house := &handlerstest.House{}
	record := handlers.RecordEvents{Writing: house.Writing()}
	for i := range 5 {
		_, err := record.Handle(ctx, []domain.Command{play("u", fmt.Sprint("m", i), domain.Millis(100_000+i))}, 0)
		require.NoError(t, err)
	}
	one := handlers.ResumePosition{Positions: house}
	p, err := one.Handle(ctx, "u", "m3", handlers.AtLeast{})
	require.NoError(t, err)
	require.Equal(t, domain.Millis(100_003), p.Resume)
	_, err = one.Handle(ctx, "u", "never", handlers.AtLeast{})
	require.Equal(t, domain.NotFound, domain.KindOf(err))
	_, err = one.Handle(ctx, "", "a\x00", handlers.AtLeast{})
	require.Equal(t, domain.Invalid, domain.KindOf(err))

	list := handlers.ListPositions{Positions: house}
	var seen []string
	after, more := "", true
	for more {
		var items []handlers.Position
		items, more, err = list.Handle(ctx, "u", after, 2, handlers.AtLeast{})
		require.NoError(t, err)
		for _, p := range items {
			seen = append(seen, p.Movie)
		}
		after = seen[len(seen)-1]
	}
	require.Equal(t, []string{"m0", "m1", "m2", "m3", "m4"}, seen)
	for _, limit := range []int{0, -1, 101} {
		_, _, err = list.Handle(ctx, "u", "", limit, handlers.AtLeast{})
		require.Equal(t, domain.Invalid, domain.KindOf(err), limit)
	}
}

func TestOpinionLists(t *testing.T) {
	ctx := context.Background()
	house := &handlerstest.House{}
	w := house.Writing()
	for i := range 5 {
		_, err := handlers.Rate{Writing: w}.Handle(ctx, handlers.RateMovie{Feedback: feedback("u", fmt.Sprint("m", i)), Score: int32(i)}, handlers.Await{})
		require.NoError(t, err)
	}
	_, err := handlers.Rate{Writing: w}.Handle(ctx, handlers.RateMovie{Feedback: feedback("u", "m0"), Score: 10}, handlers.Await{})
	require.NoError(t, err)
	_, err = handlers.ClearRating{Writing: w}.Handle(ctx, feedback("u", "m2"), handlers.Await{})
	require.NoError(t, err)

	h := handlers.ListOpinions{Opinions: house}
	names := func(items []handlers.Opinion) (out []string) {
		for _, o := range items {
			out = append(out, fmt.Sprint(o.Movie, "=", o.Value))
		}
		return out
	}
	first, more, err := h.After(ctx, domain.RatingKind, "u", domain.Optional[domain.Version]{}, 3, handlers.AtLeast{})
	require.NoError(t, err)
	require.True(t, more)
	require.Equal(t, []string{"m4=4", "m3=3", "m1=1"}, names(first))
	rest, more, err := h.After(ctx, domain.RatingKind, "u", domain.Some(first[2].Added), 3, handlers.AtLeast{})
	require.NoError(t, err)
	require.False(t, more)
	require.Equal(t, []string{"m0=10"}, names(rest), "a new score keeps its place")

	page, total, err := h.Page(ctx, domain.RatingKind, "u", 2, 3)
	require.NoError(t, err)
	require.EqualValues(t, 4, total)
	require.Equal(t, []string{"m4=4"}, names(page))
	page, total, err = h.Page(ctx, domain.RatingKind, "u", 1<<62, 100)
	require.NoError(t, err)
	require.EqualValues(t, 4, total)
	require.Empty(t, page, "far past the last page, without overflow")

	_, err = h.One(ctx, domain.RatingKind, "u", "m2", handlers.AtLeast{})
	require.Equal(t, domain.NotFound, domain.KindOf(err), "cleared")
	o, err := h.One(ctx, domain.RatingKind, "u", "m0", handlers.AtLeast{})
	require.NoError(t, err)
	require.EqualValues(t, 10, o.Value)
}

func TestMovieSummary(t *testing.T) {
	ctx := context.Background()
	house := &handlerstest.House{}
	for user, score := range map[string]int32{"a": 10, "b": 5} {
		_, err := handlers.Rate{Writing: house.Writing()}.Handle(ctx, handlers.RateMovie{Feedback: feedback(user, "m"), Score: score}, handlers.Await{})
		require.NoError(t, err)
	}
	h := handlers.MovieSummary{Summaries: house}
	s, err := h.Handle(ctx, "m", handlers.AtLeast{})
	require.NoError(t, err)
	require.EqualValues(t, 2, s.Ratings)
	require.Equal(t, 7.5, s.Mean())
	_, err = h.Handle(ctx, "nobody", handlers.AtLeast{})
	require.Equal(t, domain.NotFound, domain.KindOf(err))
	house.Away = func() error { return domain.Wrap(domain.Unavailable, "read", errors.New("store away")) }
	_, err = h.Handle(ctx, "m", handlers.AtLeast{})
	require.Equal(t, domain.Unavailable, domain.KindOf(err))
}
