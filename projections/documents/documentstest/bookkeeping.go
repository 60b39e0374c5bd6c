package documentstest

import (
	"testing"

	"github.com/stretchr/testify/require"

	"ugc/domain"
	"ugc/projections"
	"ugc/projections/documents"
)

type marks = map[int32]projections.Watermark

func watermarks(t *testing.T, open func() documents.Store) {
	s := open()
	g := ratings(t, s)
	advance := func(m marks) { require.NoError(t, g.Advance(bounded(t), m)) }
	is := func(want marks) {
		t.Helper()
		for _, docs := range []documents.Documents{g, s.Live(documents.Ratings)} {
			got, err := docs.Watermarks(bounded(t))
			require.NoError(t, err)
			require.Equal(t, want, got)
		}
	}
	is(marks{})
	advance(nil)
	advance(marks{0: {Next: 10, Version: 9}, 3: {Next: 1, Version: domain.NoVersion}})
	is(marks{0: {Next: 10, Version: 9}, 3: {Next: 1, Version: domain.NoVersion}})
	advance(marks{0: {Next: 4, Version: 3}})
	is(marks{0: {Next: 10, Version: 9}, 3: {Next: 1, Version: domain.NoVersion}})
	advance(marks{0: {Next: 20, Version: 5}, 3: {Next: 0, Version: 7}}) // each of the two on its own
	is(marks{0: {Next: 20, Version: 9}, 3: {Next: 1, Version: 7}})

	other := projections.Generation{View: documents.Ratings.Name, Number: 2}
	require.NoError(t, s.Create(bounded(t), documents.Ratings, other.Number))
	g2, err := s.Generation(bounded(t), documents.Ratings, other.Number)
	require.NoError(t, err)
	got, err := g2.Watermarks(bounded(t))
	require.NoError(t, err)
	require.Empty(t, got, "each generation has its own")
}

func blocked(t *testing.T, open func() documents.Store) {
	s := open()
	g := ratings(t, s)
	got, err := g.Blocked(bounded(t))
	require.NoError(t, err)
	require.Empty(t, got)

	a, b := projections.BlockedKey{Key: "u/a", Partition: 1, Offset: 7}, projections.BlockedKey{Key: "", Partition: 2, Offset: 9}
	require.NoError(t, g.Block(bounded(t), []projections.BlockedKey{a, b}))
	require.NoError(t, g.Block(bounded(t), []projections.BlockedKey{a, {Key: "u/a", Partition: 1, Offset: 12}}), "twice, and later again")
	for _, g := range []documents.Generation{g, ratings(t, open())} {
		got, err = g.Blocked(bounded(t))
		require.NoError(t, err)
		require.ElementsMatch(t, []projections.BlockedKey{a, b}, got, "the first offset stays")
	}
	got, err = live(t, s, documents.Likes).Blocked(bounded(t))
	require.NoError(t, err)
	require.Empty(t, got, "each view has its own")
}

func generations(t *testing.T, open func() documents.Store) {
	s := open()
	ctx := bounded(t)
	v := documents.Ratings
	builds, err := s.Builds(ctx, v.Name)
	require.NoError(t, err)
	require.Empty(t, builds)
	_, err = s.Generation(ctx, v, 1)
	require.Equal(t, domain.NotFound, domain.KindOf(err), "%v", err)
	require.Equal(t, domain.NotFound, domain.KindOf(s.SetLive(ctx, projections.Generation{View: v.Name, Number: 1})))
	_, _, err = s.Live(v).Get(ctx, "u", "m")
	require.Equal(t, domain.NotFound, domain.KindOf(err), "%v", err)
	_, err = s.Live(v).Watermarks(ctx)
	require.Equal(t, domain.NotFound, domain.KindOf(err), "%v", err)

	g := ratings(t, s)
	upsert(t, g, rating("u", "m", 1, 1, 1))
	require.NoError(t, s.Create(ctx, v, 1), "creating what is there")
	require.Equal(t, rating("u", "m", 1, 1, 1), get(t, g, "u", "m"), "changes nothing")
	require.NoError(t, s.Create(ctx, v, 2))
	builds, err = s.Builds(ctx, v.Name)
	require.NoError(t, err)
	require.Equal(t, []documents.Build{{Generation: projections.Generation{View: v.Name, Number: 1}, Live: true}, {Generation: projections.Generation{View: v.Name, Number: 2}}}, builds)

	other := v
	other.Columns = []documents.Column{{Name: "stars", Type: documents.Real}}
	require.Equal(t, domain.Conflict, domain.KindOf(s.Create(ctx, other, 1)), "another shape needs another generation")
	_, err = s.Generation(ctx, other, 1)
	require.Equal(t, domain.Conflict, domain.KindOf(err), "%v", err)
	require.NoError(t, s.Create(ctx, other, 3))

	require.NoError(t, s.Create(ctx, documents.Likes, 1), "and then the process dies")
	live(t, s, documents.Likes)
	absent(t, s.Live(documents.Likes), "u", "m") // the next one makes it live
}

func swap(t *testing.T, open func() documents.Store) {
	s, elsewhere := open(), open()
	ctx, v := bounded(t), documents.Ratings
	here, there := s.Live(v), elsewhere.Live(v)
	first := ratings(t, s)
	require.NoError(t, s.Create(ctx, v, 2))
	second, err := s.Generation(ctx, v, 2)
	require.NoError(t, err)

	upsert(t, first, rating("u", "m", 5, 5, 1))
	upsert(t, second, rating("u", "m", 4, 4, 2), rating("u", "n", 5, 5, 2))
	require.NoError(t, first.Advance(ctx, marks{0: {Next: 6, Version: 5}, 1: {Next: 3, Version: 2}}))
	require.NoError(t, second.Advance(ctx, marks{0: {Next: 7, Version: 6}}))
	require.Equal(t, rating("u", "m", 5, 5, 1), get(t, here, "u", "m"))
	require.EqualValues(t, 1, count(t, there, "u"))

	for range 2 { // twice is once
		require.NoError(t, s.SetLive(ctx, projections.Generation{View: v.Name, Number: 2}))
	}
	require.Equal(t, rating("u", "m", 4, 4, 2), get(t, here, "u", "m"))
	require.Len(t, list(t, here, documents.Query{User: "u", Limit: 10}), 2)
	w, err := here.Watermarks(ctx)
	require.NoError(t, err)
	require.Equal(t, marks{0: {Next: 7, Version: 6}}, w)
	require.Eventually(t, func() bool {
		n, err := there.Count(ctx, "u")
		return err == nil && n == 2
	}, bound, tick, "another process follows")

	require.NoError(t, elsewhere.SetLive(ctx, projections.Generation{View: v.Name, Number: 1}))
	require.Eventually(t, func() bool {
		d, ok, err := here.Get(ctx, "u", "m")
		return err == nil && ok && d.Version == 5
	}, bound, tick, "and back")
	_, name, err := documents.Open(ctx, elsewhere, v)
	require.NoError(t, err)
	require.Equal(t, 1, name.Number, "the live one is opened, not the newest")
}
