package projectionstest

import (
	"context"
	"errors"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"ugc/domain"
	"ugc/projections"
)

// Place is an empty generation of one view, somewhere.
type Place struct {
	// Open gives a sink that writes it; every call is another process at the same generation.
	Open func() projections.Sink
	// Rows is all that the view shows, in any form and order that is the same for the same view. What depends on when or how often
	// something was written stays out.
	Rows func() []string
}

// RunSink checks the contract of projections.Sink for one view; place is called once for each place needed.
func RunSink(t *testing.T, v projections.View, place func(t *testing.T) Place) {
	s := suite{view: v, place: place, history: History(v.Source, 7, 240)}
	reference := place(t)
	sink := reference.Open()
	for _, r := range s.history { // one by one, in order, once
		require.NoError(t, sink.Write(bounded(t), []projections.Record{r}))
	}
	s.want = rows(reference)
	require.NotEmpty(t, s.want, "the history shows in the view")

	t.Run("the whole history at once", s.atOnce)
	t.Run("twice", s.twice)
	t.Run("batches of any size, their ends repeated", s.overlapping)
	t.Run("in another order across keys", s.otherOrder)
	t.Run("a part of a batch, then a death, then all of it", s.partial)
	t.Run("old records after newer ones", s.zombie)
	t.Run("two writers at once", s.twoWriters)
	t.Run("an empty batch", s.empty)
	t.Run("records that can never be applied are named", s.foreign)
	t.Run("watermarks never go back", s.watermarks)
	t.Run("blocked keys stay", s.blocked)
}

type suite struct {
	view    projections.View
	place   func(*testing.T) Place
	history []projections.Record
	want    []string
}

func bounded(t testing.TB) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	t.Cleanup(cancel)
	return ctx
}

func rows(p Place) []string {
	r := p.Rows()
	slices.Sort(r)
	return r
}

func (s suite) atOnce(t *testing.T) {
	p := s.place(t)
	require.NoError(t, p.Open().Write(bounded(t), s.history))
	require.Equal(t, s.want, rows(p))
}

func (s suite) twice(t *testing.T) {
	p := s.place(t)
	for range 2 {
		require.NoError(t, p.Open().Write(bounded(t), s.history))
	}
	require.Equal(t, s.want, rows(p))
}

func (s suite) overlapping(t *testing.T) {
	p := s.place(t)
	sink := p.Open()
	r := rand.New(rand.NewPCG(3, 4))
	for at := 0; at < len(s.history); {
		end := min(len(s.history), at+1+r.IntN(60))
		require.NoError(t, sink.Write(bounded(t), s.history[at:end]))
		if end == len(s.history) {
			break
		}
		at = end - r.IntN(end-at)
	}
	require.Equal(t, s.want, rows(p))
}

func (s suite) otherOrder(t *testing.T) {
	p := s.place(t)
	r := rand.New(rand.NewPCG(7, 8))
	of := map[string][]projections.Record{}
	keys := make([]string, len(s.history))
	for i, record := range s.history {
		keys[i] = record.Key
		of[record.Key] = append(of[record.Key], record)
	}
	r.Shuffle(len(keys), func(i, j int) { keys[i], keys[j] = keys[j], keys[i] })
	shuffled := make([]projections.Record, len(keys))
	for i, key := range keys {
		shuffled[i], of[key] = of[key][0], of[key][1:]
	}
	for batch := range slices.Chunk(shuffled, 25) {
		require.NoError(t, p.Open().Write(bounded(t), batch))
	}
	require.Equal(t, s.want, rows(p), "to a view that has seen nothing")
	require.NoError(t, p.Open().Write(bounded(t), s.history))
	require.NoError(t, p.Open().Write(bounded(t), shuffled))
	require.Equal(t, s.want, rows(p), "to one that has seen it all")
}

func (s suite) partial(t *testing.T) {
	p := s.place(t)
	r := rand.New(rand.NewPCG(5, 6))
	some := slices.DeleteFunc(slices.Clone(s.history), func(projections.Record) bool { return r.IntN(2) == 0 })
	require.NoError(t, p.Open().Write(bounded(t), some), "any subset, as an unordered bulk leaves it")
	require.NoError(t, p.Open().Write(bounded(t), s.history))
	require.Equal(t, s.want, rows(p))
}

func (s suite) zombie(t *testing.T) {
	p := s.place(t)
	sink, late := p.Open(), p.Open()
	require.NoError(t, sink.Write(bounded(t), s.history))
	for _, n := range []int{len(s.history) / 2, 10, 1} {
		require.NoError(t, late.Write(bounded(t), s.history[:n]))
		require.Equal(t, s.want, rows(p), "the first %d again", n)
	}
}

func (s suite) twoWriters(t *testing.T) {
	p := s.place(t)
	one, two := p.Open(), p.Open()
	done := make(chan error)
	write := func(sink projections.Sink, size int) {
		for batch := range slices.Chunk(s.history, size) {
			if err := sink.Write(t.Context(), batch); err != nil {
				done <- err
				return
			}
		}
		done <- nil
	}
	go write(one, 30)
	go write(two, 47)
	require.NoError(t, errors.Join(<-done, <-done))
	require.Equal(t, s.want, rows(p))
}

func (s suite) empty(t *testing.T) {
	p := s.place(t)
	require.NoError(t, p.Open().Write(bounded(t), nil))
	require.NoError(t, p.Open().Advance(bounded(t), nil))
	require.NoError(t, p.Open().Block(bounded(t), nil))
	require.Empty(t, rows(p))
}

func (s suite) foreign(t *testing.T) {
	p := s.place(t)
	sink := p.Open()
	type nobodys struct{}
	batch := slices.Clone(s.history[:6])
	batch[2].Value, batch[4].Value = nobodys{}, nobodys{}
	err := sink.Write(bounded(t), batch)
	var bad *projections.RecordError
	require.ErrorAs(t, err, &bad)
	require.Equal(t, domain.Invalid, domain.KindOf(err))
	require.Len(t, bad.Reasons, 2)
	require.Contains(t, bad.Reasons, 2)
	require.Contains(t, bad.Reasons, 4)
	require.NoError(t, sink.Write(bounded(t), s.history), "and the sink goes on")
	require.Equal(t, s.want, rows(p))
}

func (s suite) watermarks(t *testing.T) {
	p := s.place(t)
	sink := p.Open()
	is := func(want map[int32]projections.Watermark) {
		t.Helper()
		for _, sink := range []projections.Sink{sink, p.Open()} {
			got, err := sink.Watermarks(bounded(t))
			require.NoError(t, err)
			require.Equal(t, want, got)
		}
	}
	advance := func(m map[int32]projections.Watermark) { require.NoError(t, sink.Advance(bounded(t), m)) }
	got, err := sink.Watermarks(bounded(t))
	require.NoError(t, err)
	require.Empty(t, got)
	advance(map[int32]projections.Watermark{0: {Next: 10, Version: 9}, 2: {Next: 3, Version: domain.NoVersion}})
	advance(map[int32]projections.Watermark{0: {Next: 4, Version: 3}})
	is(map[int32]projections.Watermark{0: {Next: 10, Version: 9}, 2: {Next: 3, Version: domain.NoVersion}})
	advance(map[int32]projections.Watermark{0: {Next: 12, Version: 5}, 2: {Next: 1, Version: domain.NewVersion(2, 8)}})
	is(map[int32]projections.Watermark{0: {Next: 12, Version: 9}, 2: {Next: 3, Version: domain.NewVersion(2, 8)}})
	require.Empty(t, rows(p), "a watermark is no row")
}

func (s suite) blocked(t *testing.T) {
	p := s.place(t)
	sink := p.Open()
	got, err := sink.Blocked(bounded(t))
	require.NoError(t, err)
	require.Empty(t, got)
	a, b := projections.BlockedKey{Key: "ü/m'\"\\", Partition: 1, Offset: 7}, projections.BlockedKey{Partition: 2, Offset: 0}
	require.NoError(t, sink.Block(bounded(t), []projections.BlockedKey{a, b}))
	require.NoError(t, sink.Block(bounded(t), []projections.BlockedKey{{Key: a.Key, Partition: 1, Offset: 9}}), "later again")
	got, err = p.Open().Blocked(bounded(t))
	require.NoError(t, err)
	require.ElementsMatch(t, []projections.BlockedKey{a, b}, got)
}
