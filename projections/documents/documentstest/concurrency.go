package documentstest

import (
	"context"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"

	"ugc/domain"
	"ugc/projections"
	"ugc/projections/documents"
)

const (
	bound = 30 * time.Second
	tick  = 5 * time.Millisecond
)

func openRace(t *testing.T, open func() documents.Store) {
	stores := []documents.Store{open(), open(), open()}
	var group errgroup.Group
	for i := range 9 {
		group.Go(func() error {
			g, name, err := documents.Open(t.Context(), stores[i%3], documents.Bookmarks)
			if err != nil {
				return err
			}
			assert.Equal(t, 1, name.Number)
			return g.Upsert(t.Context(), []documents.Document{{ID: "u/" + movie(i), User: "u", Movie: movie(i), Version: 1, Added: domain.Version(i)}})
		})
	}
	require.NoError(t, group.Wait())
	require.EqualValues(t, 9, count(t, stores[0].Live(documents.Bookmarks), "u"))
}

// hotDocuments lets writers race for the same documents with versions in random order: the greatest must win everywhere.
func hotDocuments(t *testing.T, open func() documents.Store) {
	const writers, bulks, hot = 8, 12, 100
	g := ratings(t, open())
	want := make([][]domain.Version, writers)
	var group errgroup.Group
	for w := range writers {
		want[w] = make([]domain.Version, hot)
		group.Go(func() error {
			r := rand.New(rand.NewPCG(uint64(w), 1))
			for range bulks {
				var bulk []documents.Document
				for i := range hot {
					v := domain.Version(r.Int64N(1 << 40))
					want[w][i] = max(want[w][i], v)
					bulk = append(bulk, rating("u", movie(i), v, domain.Version(i), int64(v%11)))
				}
				r.Shuffle(hot, func(i, j int) { bulk[i], bulk[j] = bulk[j], bulk[i] })
				if err := g.Upsert(t.Context(), documents.Coalesce(bulk)); err != nil {
					return err
				}
				if err := g.Advance(t.Context(), marks{0: {Next: int64(bulk[0].Version), Version: bulk[0].Version}}); err != nil {
					return err
				}
			}
			return nil
		})
	}
	require.NoError(t, group.Wait())
	docs := all(t, g)
	require.Len(t, docs, hot)
	for i, d := range docs {
		var greatest domain.Version
		for w := range writers {
			greatest = max(greatest, want[w][i])
		}
		require.Equal(t, rating("u", movie(i), greatest, domain.Version(i), int64(greatest%11)), d)
	}
}

func readWhileWriting(t *testing.T, open func() documents.Store) {
	s := open()
	g := ratings(t, s)
	upsert(t, g, rating("u", "m", 1, 1, 1))
	reading := bounded(t)
	ctx, stop := context.WithCancel(reading)
	var group errgroup.Group
	group.Go(func() error {
		defer stop()
		for v := domain.Version(2); v < 200; v++ {
			if err := g.Upsert(t.Context(), []documents.Document{rating("u", "m", v, v, int64(v))}); err != nil {
				return err
			}
		}
		return nil
	})
	for range 3 {
		live := s.Live(documents.Ratings)
		group.Go(func() error {
			last := domain.Version(0)
			for ctx.Err() == nil {
				d, ok, err := live.Get(reading, "u", "m")
				if err != nil {
					return err
				}
				assert.True(t, ok)
				assert.GreaterOrEqual(t, d.Version, last, "a reader never goes back")
				assert.Equal(t, rating("u", "m", d.Version, d.Version, int64(d.Version)), d, "all fields of one version")
				last = d.Version
			}
			return nil
		})
	}
	require.NoError(t, group.Wait())
	require.Equal(t, domain.Version(199), get(t, g, "u", "m").Version, "what was written is seen by the next read")
}

func reopening(t *testing.T, open func() documents.Store) {
	first := open()
	g := ratings(t, first)
	docs := documents.Coalesce([]documents.Document{rating("a", "m", 1, 1, 1), cleared("b", "m", 2)})
	upsert(t, g, docs...)
	require.NoError(t, g.Advance(bounded(t), marks{2: {Next: 8, Version: 7}}))
	require.NoError(t, g.Block(bounded(t), []projections.BlockedKey{{Key: "c/m", Partition: 2, Offset: 5}}))
	if c, ok := first.(interface{ Close() error }); ok {
		require.NoError(t, c.Close())
	}

	again := ratings(t, open())
	require.Equal(t, docs, all(t, again))
	w, err := again.Watermarks(bounded(t))
	require.NoError(t, err)
	require.Equal(t, marks{2: {Next: 8, Version: 7}}, w)
	keys, err := again.Blocked(bounded(t))
	require.NoError(t, err)
	require.Equal(t, []projections.BlockedKey{{Key: "c/m", Partition: 2, Offset: 5}}, keys)
}

func endedContext(t *testing.T, open func() documents.Store) {
	g := ratings(t, open())
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	err := g.Upsert(ctx, []documents.Document{rating("u", "m", 1, 1, 1)})
	require.Equal(t, domain.Unavailable, domain.KindOf(err), "%v", err)
	_, _, err = g.Get(ctx, "u", "m")
	require.Equal(t, domain.Unavailable, domain.KindOf(err), "%v", err)
	require.Equal(t, domain.Unavailable, domain.KindOf(g.Advance(ctx, marks{0: {Next: 1}})))
	absent(t, g, "u", "m")
}
