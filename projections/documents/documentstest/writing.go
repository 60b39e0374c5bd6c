package documentstest

import (
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"ugc/domain"
	"ugc/projections/documents"
)

func guardedUpsert(t *testing.T, open func() documents.Store) {
	g := ratings(t, open())
	upsert(t, g, rating("u", "m", 5, 5, 7))
	require.Equal(t, rating("u", "m", 5, 5, 7), get(t, g, "u", "m"))

	upsert(t, g, rating("u", "m", 4, 4, 1), rating("u", "n", 6, 6, 2)) // one stale, one new, in one bulk
	require.Equal(t, rating("u", "m", 5, 5, 7), get(t, g, "u", "m"), "a smaller version changes nothing")
	require.Equal(t, rating("u", "n", 6, 6, 2), get(t, g, "u", "n"), "a stale document does not stop the others")

	upsert(t, g, rating("u", "m", 5, 5, 9))
	require.Equal(t, rating("u", "m", 5, 5, 7), get(t, g, "u", "m"), "the same version changes nothing")

	upsert(t, g, rating("u", "m", 8, 5, 3))
	require.Equal(t, rating("u", "m", 8, 5, 3), get(t, g, "u", "m"), "a greater version replaces everything")
	require.NoError(t, g.Upsert(bounded(t), nil))
}

func writingTwice(t *testing.T, open func() documents.Store) {
	g := ratings(t, open())
	batch := documents.Coalesce([]documents.Document{rating("a", "m", 1, 1, 1), rating("b", "m", 2, 2, 2), cleared("c", "m", 3)})
	for range 3 {
		require.NoError(t, g.Upsert(bounded(t), batch))
		require.Equal(t, batch, all(t, g))
	}
	require.NoError(t, g.Upsert(bounded(t), batch[1:]), "a part of it again")
	require.Equal(t, batch, all(t, g))
}

func anyOrder(t *testing.T, open func() documents.Store) {
	s := open()
	r := rand.New(rand.NewPCG(1, 2))
	var history []documents.Document
	for v := range domain.Version(300) {
		u, m := user(r.IntN(4)), movie(r.IntN(5))
		if r.IntN(4) == 0 {
			history = append(history, cleared(u, m, v))
		} else {
			history = append(history, rating(u, m, v, v/2, r.Int64N(11)))
		}
	}
	want := documents.Coalesce(append([]documents.Document(nil), history...))

	for number := 2; number < 8; number++ {
		require.NoError(t, s.Create(bounded(t), documents.Ratings, number))
		g, err := s.Generation(bounded(t), documents.Ratings, number)
		require.NoError(t, err)
		r.Shuffle(len(history), func(i, j int) { history[i], history[j] = history[j], history[i] })
		for at := 0; at < len(history); {
			end := min(len(history), at+1+r.IntN(80))
			upsert(t, g, append([]documents.Document(nil), history[at:end]...)...)
			at = end - min(end-at-1, r.IntN(10)) // the end of a batch comes again in the next
			if end == len(history) {
				break
			}
		}
		require.Equal(t, want, all(t, g))
	}
}

func tombstones(t *testing.T, open func() documents.Store) {
	s := open()
	g := ratings(t, s)
	upsert(t, g, rating("u", "m", 1, 1, 7), rating("u", "n", 2, 2, 8))
	upsert(t, g, cleared("u", "m", 5))
	for _, docs := range []documents.Documents{g, s.Live(documents.Ratings)} {
		absent(t, docs, "u", "m")
		require.EqualValues(t, 1, count(t, docs, "u"))
		require.Equal(t, []documents.Document{rating("u", "n", 2, 2, 8)}, list(t, docs, documents.Query{User: "u", Limit: 10}))
	}
	upsert(t, g, rating("u", "m", 3, 3, 9))
	absent(t, g, "u", "m") // what is older than the clearing does not come back
	upsert(t, g, rating("u", "m", 6, 6, 4))
	require.Equal(t, rating("u", "m", 6, 6, 4), get(t, g, "u", "m"), "what is newer does")
	require.EqualValues(t, 2, count(t, g, "u"))

	upsert(t, g, cleared("v", "m", 9))
	require.Contains(t, all(t, g), cleared("v", "m", 9), "a clearing of what never was is remembered too")
	upsert(t, g, rating("v", "m", 8, 8, 1))
	absent(t, g, "v", "m")
}

func fullBulk(t *testing.T, open func() documents.Store) {
	g := ratings(t, open())
	var many []documents.Document
	for i := range 3 * documents.MaxBulk {
		v := domain.Version(i)
		many = append(many, rating(user(i%100), movie(i%documents.MaxBulk), v, v, int64(i%11)))
	}
	bulk := documents.Coalesce(many)
	require.Len(t, bulk, documents.MaxBulk)
	require.NoError(t, g.Upsert(bounded(t), bulk))
	require.Equal(t, bulk, all(t, g))
	for _, d := range bulk {
		require.GreaterOrEqual(t, d.Version, domain.Version(2*documents.MaxBulk), "the greatest version of an id stays")
	}
}

func values(t *testing.T, open func() documents.Store) {
	g := ratings(t, open())
	docs := documents.Coalesce([]documents.Document{
		{ID: "a/m", User: "a", Movie: "m", Version: math.MaxInt64, Added: math.MaxInt64 - 1, UpdatedAt: domain.MaxInstant, Values: []any{int64(math.MinInt64)}},
		{ID: "b/m", User: "b", Movie: "m", Version: 0, Added: 0, UpdatedAt: 1, Values: []any{int64(math.MaxInt64)}},
		{ID: "c/m", User: "c", Movie: "m", Version: domain.NewVersion(3, 9), Added: domain.NewVersion(2, 9), Values: []any{int64(0)}},
	})
	upsert(t, g, docs...)
	require.Equal(t, docs, all(t, g))
}

func anyText(t *testing.T, open func() documents.Store) {
	s := open()
	g := ratings(t, s)
	names := []string{"ü", "Ü", "a b", "a'b", `a"b`, "a$b", ".a", "$a", "a%b", "a_b", "😀", "A", "a", " ", strings.Repeat("é", domain.MaxKeyPart), "1", "01", "null", "é", "e\u0301"}
	for i, name := range names {
		v := domain.Version(i)
		upsert(t, g, rating(name, name, v, v, int64(i)))
	}
	for i, name := range names {
		v := domain.Version(i)
		for _, docs := range []documents.Documents{g, s.Live(documents.Ratings)} {
			require.Equal(t, rating(name, name, v, v, int64(i)), get(t, docs, name, name), "no name is taken for another")
			require.EqualValues(t, 1, count(t, docs, name))
		}
	}
	require.Len(t, all(t, g), len(names))
}

func withoutUsers(t *testing.T, open func() documents.Store) {
	s := open()
	g, _, err := documents.Open(bounded(t), s, documents.MovieSummaries)
	require.NoError(t, err)
	doc := func(v domain.Version, mean float64) documents.Document {
		return documents.Document{ID: "m", Movie: "m", Version: v, UpdatedAt: 7,
			Values: []any{int64(3), mean, "[0,0,1,2]", int64(1), int64(0), int64(2), "[[0,281474976710656]]"}}
	}
	upsert(t, g, doc(4, 1.1))
	upsert(t, g, doc(3, 9.9))
	require.Equal(t, doc(4, 1.1), get(t, g, "", "m"))
	upsert(t, g, doc(5, 10/3.0))
	require.Equal(t, doc(5, 10/3.0), get(t, s.Live(documents.MovieSummaries), "", "m"), "a real keeps every bit")
	absent(t, g, "", "n")
}
