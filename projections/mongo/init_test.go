package mongo

import (
	"testing"

	"github.com/stretchr/testify/require"
	"go.mongodb.org/mongo-driver/bson"

	"ugc/domain"
	"ugc/projections"
	"ugc/projections/documents"
)

func purposes(t *testing.T, s *Store) (list []string) {
	t.Helper()
	plan, err := s.Plan(t.Context())
	require.NoError(t, err)
	for _, step := range plan {
		list = append(list, step.Purpose)
	}
	return list
}

func TestInitMakesWhatPlanSaysAndIsSafeToRepeat(t *testing.T) {
	for _, sharded := range []bool{false, true} {
		f := startFake(t, sharded)
		s := openAt(t, Options{URI: f.uri("ugc")})
		before := purposes(t, s)
		require.Contains(t, before, "collection ugc.ratings__g1")
		require.Contains(t, before, "index by_user of ugc.ratings__g1")
		require.Contains(t, before, "view movie_summaries as movie_summaries__g1")
		require.NotContains(t, before, "index by_user of ugc.movie_summaries__g1")
		if sharded {
			require.Contains(t, before, `shards of ugc.ratings__g1 by {user_id: "hashed"}`)
			require.Contains(t, before, `shards of ugc.movie_summaries__g1 by {_id: "hashed"}`)
		} else {
			require.NotContains(t, before, `shards of ugc.ratings__g1 by {user_id: "hashed"}`)
		}
		require.Empty(t, f.commands("create"), "a plan changes nothing")
		require.Empty(t, f.commands("update"))

		for range 2 {
			require.NoError(t, s.Init(t.Context()))
			require.Empty(t, purposes(t, s))
		}
		for _, v := range documents.All() {
			name := "ugc." + v.Name + "__g1"
			require.Equal(t, map[bool]string{true: shardKey(v)}[sharded], f.shards[name], name)
			require.Equal(t, v.ByUser, f.indexes[name][byUser] != nil, name)
			if sharded {
				require.Equal(t, bson.M{shardKey(v): "hashed"}, f.indexes[name][shardKey(v)+"_hashed"]["key"])
			}
		}
		require.Equal(t, sharded, len(f.commands("enableSharding")) > 0)
	}
}

func TestInitBringsBackAnIndexThatWasDropped(t *testing.T) {
	f := startFake(t, false)
	s := openAt(t, Options{URI: f.uri("ugc")})
	require.NoError(t, s.Init(t.Context()))
	delete(f.indexes["ugc.likes__g1"], byUser)
	require.Equal(t, []string{"index by_user of ugc.likes__g1"}, purposes(t, s))
	require.NoError(t, s.Init(t.Context()))
	require.Empty(t, purposes(t, s))
}

func TestReadersOfMoviesUGCFindTheirNamesInItsDatabase(t *testing.T) {
	f := startFake(t, true)
	s := openAt(t, Options{URI: f.uri("movies")})
	require.Contains(t, purposes(t, s), "view movies.likes over ratings__g1, for readers of movies_ugc")
	require.NoError(t, s.Init(t.Context()))
	require.Empty(t, purposes(t, s))
	require.Equal(t, "ratings__g1", f.views["movies.likes"]["viewOn"])
	require.Equal(t, "bookmarks__g1", f.views["movies.favorites"]["viewOn"])
	require.NoError(t, s.Create(t.Context(), documents.Ratings, 2))
	require.NoError(t, s.SetLive(t.Context(), projections.Generation{View: "ratings", Number: 2}))
	require.Equal(t, "ratings__g2", f.views["movies.likes"]["viewOn"], "it follows a swap")
	require.Equal(t, "bookmarks__g1", f.views["movies.favorites"]["viewOn"])

	elsewhere := openAt(t, Options{URI: f.uri("ugc")})
	require.NoError(t, elsewhere.Init(t.Context()))
	require.NotContains(t, f.views, "ugc.likes")
}

func TestACollectionOfMoviesUGCIsNotReplaced(t *testing.T) {
	f := startFake(t, false)
	f.make("movies.likes")
	s := openAt(t, Options{URI: f.uri("movies")})
	_, err := s.Plan(t.Context())
	require.Equal(t, domain.Conflict, domain.KindOf(err), "%v", err)
	require.ErrorContains(t, err, "movies.likes is a collection")
	err = s.Init(t.Context())
	require.Equal(t, domain.Conflict, domain.KindOf(err), "%v", err)
	require.Contains(t, f.collections, "movies.likes")
	require.NoError(t, s.SetLive(t.Context(), projections.Generation{View: "ratings", Number: 1}), "and nothing else suffers")
}

func TestADatabaseOfANewerUGCIsRefused(t *testing.T) {
	f := startFake(t, false)
	f.make("ugc.ugc_schema")
	f.collections["ugc.ugc_schema"]["documents"] = bson.M{"_id": "documents", "version": int64(schemaVersion + 1)}
	s := openAt(t, Options{URI: f.uri("ugc")})
	_, _, err := documents.Open(t.Context(), s, documents.Ratings)
	require.Equal(t, domain.Conflict, domain.KindOf(err), "%v", err)
	require.ErrorContains(t, err, "newer ugc")
	require.Empty(t, f.commands("create"))
}

func TestOptionsNameEveryFaultAndNoPassword(t *testing.T) {
	_, err := Open(t.Context(), Options{URI: "postgres://u:hidden@host", Timeout: -1})
	require.ErrorContains(t, err, "address")
	require.ErrorContains(t, err, "time-out")
	require.NotContains(t, err.Error(), "hidden")
	_, err = Open(t.Context(), Options{URI: "mongodb://u:hidden@host/?w=many&readPreference=whatever"})
	require.Equal(t, domain.Invalid, domain.KindOf(err), "%v", err)
	require.NotContains(t, err.Error(), "hidden")
}

func TestTheDatabaseIsThePathOfTheAddress(t *testing.T) {
	for uri, want := range map[string]string{
		"mongodb://a":                             "ugc",
		"mongodb://a/?w=1":                        "ugc",
		"mongodb://u:p@a:1,b:2/movies":            "movies",
		"mongodb+srv://u:p@a/movies?tls=true&a=/": "movies",
	} {
		require.Equal(t, want, databaseOf(uri), uri)
	}
}
