package handlers_test

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"ugc/domain"
	"ugc/handlers"
	"ugc/handlers/handlerstest"
)

func play(user, movie string, at domain.Millis) *domain.RecordPlayback {
	return &domain.RecordPlayback{Fact: domain.Fact{User: user, Movie: movie}, Type: domain.Play, Position: at}
}

func TestRecordEventsWritesTheValidOnes(t *testing.T) {
	away := domain.Wrap(domain.Unavailable, "append", errors.New("away"))
	house := &handlerstest.House{Refuse: func(c domain.Command) error {
		if c.Head().Movie == "refused" {
			return away
		}
		return nil
	}}
	h := handlers.RecordEvents{Writing: house.Writing()}
	batch := []domain.Command{
		play("u", "m", 1),
		play("u", "m", -1),
		play("u", "refused", 1),
		&domain.SetRating{Fact: domain.Fact{User: "u", Movie: "m"}, Score: 5},
		play("", "", 1),
	}
	got, err := h.Handle(context.Background(), batch, time.Second)
	require.NoError(t, err)
	require.Len(t, got.Outcomes, 5)
	kinds := map[int]domain.Kind{1: domain.Invalid, 2: domain.Unavailable, 4: domain.Invalid}
	for i, o := range got.Outcomes {
		require.Equal(t, batch[i].Head().ID, o.ID)
		if kind, bad := kinds[i]; bad {
			require.Equal(t, kind, domain.KindOf(o.Err), i)
		} else {
			require.NoError(t, o.Err, i)
		}
	}
	require.Equal(t, []domain.Command{batch[0], batch[3]}, house.Log(), "in order, and the others hold nobody up")
	require.Len(t, got.Token, 2)
	require.True(t, got.Shown)
	require.Equal(t, []handlers.View{handlers.ViewPositions, handlers.ViewRatings, handlers.ViewSummaries}, house.Waits())
}

func TestRecordEventsThatWritesNothing(t *testing.T) {
	house := &handlerstest.House{}
	h := handlers.RecordEvents{Writing: house.Writing()}
	got, err := h.Handle(context.Background(), []domain.Command{play("", "m", 1)}, time.Second)
	require.NoError(t, err)
	require.Empty(t, got.Token)
	require.False(t, got.Shown)
	require.Empty(t, house.Waits())

	_, err = h.Handle(context.Background(), make([]domain.Command, handlers.MaxBatch+1), 0)
	require.Equal(t, domain.TooLarge, domain.KindOf(err))
}

func TestTheTokenOfABatchNamesTheMoviesOfItsFeedback(t *testing.T) {
	house := &handlerstest.House{}
	h := handlers.RecordEvents{Writing: house.Writing()}
	like := func(user, movie string) domain.Command {
		return &domain.SetLike{Fact: domain.Fact{User: user, Movie: movie}}
	}
	commands := []domain.Command{like("u", "m"), like("u", "n"), play("u", "p", 5), like("w", "m")}
	got, err := h.Handle(context.Background(), commands, 0)
	require.NoError(t, err)
	for _, c := range commands {
		f := c.Head()
		_, feedback := c.(domain.FeedbackCommand)
		mark := domain.Mark{Topic: handlerstest.PlaybackTopic, Partition: f.Origin.Partition, Version: f.Origin.Version}
		if feedback {
			mark.Topic, mark.Movie = handlerstest.FeedbackTopic, f.Movie
		}
		require.True(t, slices.ContainsFunc(got.Token, func(m domain.Mark) bool {
			return m.Topic == mark.Topic && m.Partition == mark.Partition && m.Movie == mark.Movie && m.Version >= mark.Version
		}), "%v in %v", mark, got.Token)
	}
}

func TestCheckReportsFaultsWithoutWriting(t *testing.T) {
	house := &handlerstest.House{}
	h := handlers.RecordEvents{Writing: house.Writing()}
	c := play("u", "m", -5)
	require.Equal(t, domain.Invalid, domain.KindOf(h.Check(c)))
	c.Position = 5
	require.NoError(t, h.Check(c))
	require.False(t, c.ID.IsZero())
	require.Empty(t, house.Log())
}
