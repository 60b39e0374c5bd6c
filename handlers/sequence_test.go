package handlers_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"ugc/domain"
	"ugc/handlers"
	"ugc/handlers/handlerstest"
)

func report(user, session string, sequence, position int64) *domain.RecordPlayback {
	f := domain.Fact{User: user, Movie: "m", Session: session, Sequence: sequence, Device: fmt.Sprint(position)}
	return &domain.RecordPlayback{Fact: f, Type: domain.Heartbeat, Position: domain.Millis(position)}
}

func positions(commands []domain.Command) (out []int64) {
	for _, c := range commands {
		out = append(out, int64(c.(*domain.RecordPlayback).Position))
	}
	return out
}

func TestBatchIsWrittenInSequence(t *testing.T) {
	refused := domain.Wrap(domain.Unavailable, "append", errors.New("away"))
	house := &handlerstest.House{Refuse: func(c domain.Command) error {
		if c.Head().Device == "8" {
			return refused
		}
		return nil
	}}
	batch := []domain.Command{
		report("u", "s", 4, 1), report("u", "t", 2, 2), report("w", "s", 9, 3), report("u", "s", 3, 4), report("u", "", 0, 5),
		report("u", "s", 4, 6), report("u", "t", 1, 7), report("u", "s", 1, 8),
	}
	given := slices.Clone(batch)
	got, err := handlers.RecordEvents{Writing: house.Writing()}.Handle(context.Background(), batch, 0)
	require.NoError(t, err)
	require.Equal(t, given, batch, "the caller's batch stays as it is")
	require.Equal(t, []int64{7, 3, 4, 5, 1, 2, 6}, positions(house.Log()), "equal ones keep their order")
	for i, c := range batch {
		require.Equal(t, c.Head().ID, got.Outcomes[i].ID, "answers are in the order of the request")
		require.Equal(t, i == 7, got.Outcomes[i].Err != nil)
	}
}

func TestBatchInSequenceProperty(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		type user struct {
			name, session string
			sequence      int64
		}
		drawn := rapid.SliceOfN(rapid.Custom(func(t *rapid.T) user {
			return user{
				rapid.SampledFrom([]string{"a", "b"}).Draw(t, "user"), rapid.SampledFrom([]string{"s", "t"}).Draw(t, "session"),
				rapid.Int64Range(0, 5).Draw(t, "sequence"),
			}
		}), 1, 40).Draw(t, "batch")
		var batch []domain.Command
		for i, u := range drawn {
			batch = append(batch, report(u.name, u.session, u.sequence, int64(i)))
		}
		house := &handlerstest.House{}
		_, err := handlers.RecordEvents{Writing: house.Writing()}.Handle(context.Background(), batch, 0)
		if err != nil {
			t.Fatal(err)
		}
		newest := map[string][2]int64{}
		for i, c := range house.Log() {
			f := c.Head()
			if f.Sequence == 0 {
				if c != batch[i] {
					t.Fatalf("a report without a sequence was moved")
				}
				continue
			}
			key := f.User + "/" + f.Session
			at := [2]int64{f.Sequence, int64(c.(*domain.RecordPlayback).Position)}
			if before, ok := newest[key]; ok && slices.Compare(before[:], at[:]) > 0 {
				t.Fatalf("%v is written after %v", at, before)
			}
			newest[key] = at
		}
	})
}
