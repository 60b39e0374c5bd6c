package documentstest

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"ugc/domain"
	"ugc/projections/documents"
)

// shelf is a generation where "u" has n ratings, every fifth cleared again, and neighbours have some too; and u's that are shown, oldest first.
func shelf(t *testing.T, s documents.Store, n int) (documents.Generation, []documents.Document) {
	g := ratings(t, s)
	var written, shown []documents.Document
	for i := range n {
		v := domain.Version(1000 - i) // against the order of ids
		d := rating("u", movie(i), v, v, int64(i%11))
		if i%5 == 0 {
			d = cleared("u", movie(i), v)
		} else {
			shown = append(shown, d)
		}
		written = append(written, d, rating("t", movie(i), v, v, 1), rating("u2", movie(i), v, v, 2))
	}
	slices.Reverse(shown)
	upsert(t, g, written...)
	return g, shown
}

func keyset(t *testing.T, open func() documents.Store) {
	s := open()
	g, oldest := shelf(t, s, 60)
	newest := slices.Clone(oldest)
	slices.Reverse(newest)
	for _, docs := range []documents.Documents{g, s.Live(documents.Ratings)} {
		for _, limit := range []int{1, 7, 48, documents.MaxPage} {
			require.Equal(t, oldest, walk(t, docs, limit, false))
			require.Equal(t, newest, walk(t, docs, limit, true))
		}
		after := domain.Some(oldest[10].Added)
		require.Equal(t, oldest[11:14], list(t, docs, documents.Query{User: "u", After: after, Limit: 3}))
		require.Equal(t, newest[len(newest)-10:], list(t, docs, documents.Query{User: "u", After: after, Newest: true, Limit: 100}))
		require.Empty(t, list(t, docs, documents.Query{User: "nobody", Limit: 3}))
	}
}

func walk(t *testing.T, docs documents.Documents, limit int, newest bool) (seen []documents.Document) {
	q := documents.Query{User: "u", Newest: newest, Limit: limit}
	for {
		page := list(t, docs, q)
		require.LessOrEqual(t, len(page), limit)
		if len(page) == 0 {
			return seen
		}
		seen = append(seen, page...)
		require.LessOrEqual(t, len(seen), 1000, "the walk goes round and round")
		q.After = domain.Some(page[len(page)-1].Added)
	}
}

func numbered(t *testing.T, open func() documents.Store) {
	g, oldest := shelf(t, open(), 60)
	require.EqualValues(t, len(oldest), count(t, g, "u"))
	require.EqualValues(t, 0, count(t, g, "nobody"))
	require.Equal(t, oldest[:10], list(t, g, documents.Query{User: "u", Limit: 10}))
	require.Equal(t, oldest[10:20], list(t, g, documents.Query{User: "u", Skip: 10, Limit: 10}))
	require.Equal(t, oldest[40:], list(t, g, documents.Query{User: "u", Skip: 40, Limit: 10}), "the last page")
	require.Empty(t, list(t, g, documents.Query{User: "u", Skip: 1000, Limit: 10}), "beyond the last")
}

func badPages(t *testing.T, open func() documents.Store) {
	g := ratings(t, open())
	for _, q := range []documents.Query{{User: "u"}, {User: "u", Limit: -1}, {User: "u", Limit: documents.MaxPage + 1}, {User: "u", Limit: 1, Skip: -1}} {
		_, err := g.List(bounded(t), q)
		require.Equal(t, domain.Invalid, domain.KindOf(err), "%v", err)
	}
}

func scan(t *testing.T, open func() documents.Store) {
	g := ratings(t, open())
	docs := documents.Coalesce([]documents.Document{
		rating("B", "m", 1, 1, 1), rating("a", "m", 2, 2, 2), rating("é", "m", 3, 3, 3), rating("z", "m", 4, 4, 4), cleared("b", "m", 5),
	})
	upsert(t, g, docs...)
	page, err := g.Scan(bounded(t), "", 2)
	require.NoError(t, err)
	require.Equal(t, docs[:2], page, "bytewise, as Go compares strings")
	page, err = g.Scan(bounded(t), page[1].ID, 100)
	require.NoError(t, err)
	require.Equal(t, docs[2:], page)
}
