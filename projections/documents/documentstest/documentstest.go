// Package documentstest is the contract of documents.Store as tests. Every store passes it.
package documentstest

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"ugc/domain"
	"ugc/projections"
	"ugc/projections/documents"
)

// Place makes an empty place for a store, such as a folder or a database, and gives the function that opens it. Every call of that function
// is another process's view of the same place; the stores are closed when the test ends.
type Place func(t *testing.T) (open func() documents.Store)

// Run checks every sentence of the contract.
func Run(t *testing.T, place Place) {
	for _, c := range []struct {
		name string
		test func(*testing.T, func() documents.Store)
	}{
		{"guarded upsert", guardedUpsert},
		{"writing twice is writing once", writingTwice},
		{"any order gives the same documents", anyOrder},
		{"tombstones stay and are not shown", tombstones},
		{"a bulk of 1,000 with repeated ids", fullBulk},
		{"values come back as they went in", values},
		{"ids and values of any text", anyText},
		{"a view without users", withoutUsers},
		{"lists by keyset", keyset},
		{"numbered pages", numbered},
		{"pages that no store gives", badPages},
		{"watermarks never go back", watermarks},
		{"blocked keys", blocked},
		{"scan sees everything in order", scan},
		{"generations", generations},
		{"the stable name follows the live generation", swap},
		{"opening a view at once from everywhere", openRace},
		{"8 writers on 100 hot documents", hotDocuments},
		{"readers see whole documents while writers write", readWhileWriting},
		{"another process sees it all after reopening", reopening},
		{"a context that has ended", endedContext},
	} {
		t.Run(c.name, func(t *testing.T) { c.test(t, place(t)) })
	}
}

func bounded(t testing.TB) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	t.Cleanup(cancel)
	return ctx
}

// ratings is a live generation of a view by user.
func ratings(t *testing.T, s documents.Store) documents.Generation {
	return live(t, s, documents.Ratings)
}

// live opens a view, making it where it is not there.
func live(t *testing.T, s documents.Store, v documents.View) documents.Generation {
	g, name, err := documents.Open(bounded(t), s, v)
	require.NoError(t, err)
	require.Equal(t, projections.Generation{View: v.Name, Number: 1}, name)
	return g
}

// rating is a document of the ratings view; added is the version at which it was first set.
func rating(user, movie string, version, added domain.Version, score int64) documents.Document {
	return documents.Document{
		ID: domain.Key(user, movie), User: user, Movie: movie, Version: version, Added: added,
		UpdatedAt: domain.Instant(1_700_000_000_000 + int64(version)), Values: []any{score},
	}
}

// cleared is the tombstone that a later version leaves.
func cleared(user, movie string, version domain.Version) documents.Document {
	d := rating(user, movie, version, 0, 0)
	d.Deleted = true
	return d
}

func upsert(t testing.TB, g documents.Generation, docs ...documents.Document) {
	t.Helper()
	require.NoError(t, g.Upsert(bounded(t), documents.Coalesce(docs)))
}

func get(t testing.TB, docs documents.Documents, user, movie string) documents.Document {
	t.Helper()
	d, ok, err := docs.Get(bounded(t), user, movie)
	require.NoError(t, err)
	require.True(t, ok, "%s/%s must be there", user, movie)
	return d
}

func absent(t testing.TB, docs documents.Documents, user, movie string) {
	t.Helper()
	_, ok, err := docs.Get(bounded(t), user, movie)
	require.NoError(t, err)
	require.False(t, ok, "%s/%s must not be there", user, movie)
}

func all(t testing.TB, g documents.Generation) []documents.Document {
	t.Helper()
	list := []documents.Document{}
	after := ""
	for {
		page, err := g.Scan(bounded(t), after, 500)
		require.NoError(t, err)
		if len(page) == 0 {
			return list
		}
		list = append(list, page...)
		after = page[len(page)-1].ID
	}
}

func list(t testing.TB, docs documents.Documents, q documents.Query) []documents.Document {
	t.Helper()
	page, err := docs.List(bounded(t), q)
	require.NoError(t, err)
	return page
}

func count(t testing.TB, docs documents.Documents, user string) int64 {
	t.Helper()
	n, err := docs.Count(bounded(t), user)
	require.NoError(t, err)
	return n
}

func user(i int) string  { return fmt.Sprintf("user-%03d", i) }
func movie(i int) string { return fmt.Sprintf("movie-%04d", i) }
