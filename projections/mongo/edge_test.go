package mongo

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.mongodb.org/mongo-driver/bson"

	"ugc/domain"
	"ugc/projections"
	"ugc/projections/documents"
	"ugc/projections/documents/documentstest"
)

// The tests of this file run against fakeServer: they show what the store does when a server behaves as MongoDB's manual says, not that a MongoDB behaves so.

const ratings1 = "ugc.ratings__g1"

func rating(i int, version domain.Version) documents.Document {
	u, m := fmt.Sprintf("user-%04d", i/10), fmt.Sprintf("movie-%04d", i)
	return documents.Document{ID: domain.Key(u, m), User: u, Movie: m, Version: version, Added: domain.Version(i), UpdatedAt: 1, Values: []any{int64(version % 11)}}
}

func bulkOf(n int, version domain.Version) (docs []documents.Document) {
	for i := range n {
		docs = append(docs, rating(i, version))
	}
	return docs
}

func ratingsOf(t testing.TB, s *Store) documents.Generation {
	t.Helper()
	g, _, err := documents.Open(t.Context(), s, documents.Ratings)
	require.NoError(t, err)
	return g
}

// atTheEdge is a generation on a fake primary.
func atTheEdge(t *testing.T) (*fakeServer, documents.Generation) {
	f := startFake(t, false)
	return f, ratingsOf(t, openAt(t, Options{URI: f.uri("ugc")}))
}

func everything(t testing.TB, g documents.Generation) []documents.Document {
	t.Helper()
	docs, err := g.Scan(t.Context(), "", 10_000)
	require.NoError(t, err)
	return docs
}

func TestTheStoreKeepsTheContractAtTheEdge(t *testing.T) {
	for _, sharded := range []bool{false, true} {
		t.Run(map[bool]string{false: "a replica set", true: "a sharded cluster"}[sharded], func(t *testing.T) {
			w := watch()
			documentstest.Run(t, func(t *testing.T) func() documents.Store {
				f := startFake(t, sharded)
				return func() documents.Store { return openAt(t, Options{URI: f.uri("ugc"), Monitor: w.monitor()}) }
			})
			w.check(t)
		})
	}
}

// even is half of a bulk, as a crash in the middle of an unordered one may leave it.
func even(i int) bool { return i%2 == 0 }

func none(int) bool { return false }

func TestAHalfAppliedBulkIsAnErrorAndTheSameAgainIsRight(t *testing.T) {
	for name, hap := range map[string]mishap{
		"interrupted": {command: "update", applies: even, reply: refusal(11600, "interrupted at shutdown")},
		"refused":     {command: "update", applies: even, reply: refusal(8000, "some other failure")},
	} {
		t.Run(name, func(t *testing.T) {
			f, g := atTheEdge(t)
			require.NoError(t, g.Upsert(t.Context(), bulkOf(100, 1)))
			f.fail(hap)
			require.Error(t, g.Upsert(t.Context(), bulkOf(100, 2)))
			versions := map[domain.Version]int{}
			for _, d := range everything(t, g) {
				versions[d.Version]++
			}
			require.Equal(t, map[domain.Version]int{1: 50, 2: 50}, versions)
			require.NoError(t, g.Upsert(t.Context(), bulkOf(100, 2)))
			require.Equal(t, bulkOf(100, 2), everything(t, g))
		})
	}
}

func TestALostReplyLosesNothing(t *testing.T) {
	f, g := atTheEdge(t)
	f.fail(mishap{command: "update", cut: true}, mishap{command: "update", applies: even, cut: true})
	require.NoError(t, g.Upsert(t.Context(), bulkOf(100, 1)), "the driver sends a bulk without a reply again")
	require.Equal(t, bulkOf(100, 1), everything(t, g))
	sent := f.commands("update")
	first, again := sent[len(sent)-3], sent[len(sent)-2]
	require.Equal(t, first.Lookup("txnNumber"), again.Lookup("txnNumber"), "as a retry that a MongoDB recognises")
}

func TestAStepDownLosesNothing(t *testing.T) {
	for name, reply := range map[string]bson.D{
		"not primary": refusal(10107, "not primary", "RetryableWriteError"),
		"stepped down": {{Key: "ok", Value: 1.0}, {Key: "n", Value: int32(0)}, {Key: "nModified", Value: int32(0)}, {Key: "errorLabels", Value: bson.A{"RetryableWriteError"}},
			{Key: "writeConcernError", Value: bson.M{"code": int32(189), "errmsg": "primary stepped down"}}},
	} {
		t.Run(name, func(t *testing.T) {
			f, g := atTheEdge(t)
			f.fail(mishap{command: "update", applies: even, reply: reply})
			require.NoError(t, g.Upsert(t.Context(), bulkOf(40, 1)), "the driver finds the primary and sends the bulk again")
			require.Equal(t, bulkOf(40, 1), everything(t, g))

			f.fail(mishap{command: "find", reply: refusal(10107, "not primary")})
			require.Equal(t, bulkOf(40, 1), everything(t, g), "a read goes to the new primary too")
		})
	}
}

// A write concern that times out is no success: the writes are there, and a failover may take them back.
func TestAWriteConcernTimeoutIsAnErrorUntilAMajorityHasIt(t *testing.T) {
	f, g := atTheEdge(t)
	require.NoError(t, g.Upsert(t.Context(), bulkOf(20, 1)))
	before := f.copied(ratings1)
	f.fail(mishap{command: "update", reply: ok(bson.E{Key: "n", Value: int32(20)}, bson.E{Key: "nModified", Value: int32(20)},
		bson.E{Key: "writeConcernError", Value: bson.M{"code": int32(64), "codeName": "WriteConcernFailed", "errmsg": "waiting for replication timed out", "errInfo": bson.M{"wtimeout": true}}})})
	err := g.Upsert(t.Context(), bulkOf(20, 2))
	require.Equal(t, domain.Unavailable, domain.KindOf(err), "%v", err)
	f.restore(ratings1, before)
	require.NoError(t, g.Upsert(t.Context(), bulkOf(20, 2)))
	require.Equal(t, bulkOf(20, 2), everything(t, g))

	f.fail(mishap{command: "update", reply: ok(bson.E{Key: "n", Value: int32(1)},
		bson.E{Key: "writeConcernError", Value: bson.M{"code": int32(64), "errmsg": "waiting for replication timed out"}})})
	err = g.Advance(t.Context(), map[int32]projections.Watermark{0: {Next: 1}})
	require.Equal(t, domain.Unavailable, domain.KindOf(err), "nor is a watermark: %v", err)
}

// refusedAt is a reply in which operations failed with a code.
func refusedAt(code int32, at ...int) bson.D {
	var failed bson.A
	for _, i := range at {
		failed = append(failed, bson.M{"index": int32(i), "code": code, "errmsg": "refused"})
	}
	return ok(bson.E{Key: "n", Value: int32(0)}, bson.E{Key: "writeErrors", Value: failed})
}

func updatesOf(command bson.Raw) (ids []string, upserts bool) {
	for _, u := range documentsIn(command.Lookup("updates")) {
		ids = append(ids, u.Lookup("q", fieldID).StringValue())
		is, _ := u.Lookup("upsert").BooleanOK()
		upserts = upserts || is
	}
	return ids, upserts
}

func TestOperationsThatFailAreSentAgainByTheirIndex(t *testing.T) {
	f, g := atTheEdge(t)
	failing := func(i int) bool { return i != 3 && i != 7 }
	f.fail(mishap{command: "update", applies: failing, reply: refusedAt(112, 7, 3)}, mishap{command: "update", applies: none, reply: refusedAt(16908292, 0, 1)})
	began := len(f.commands("update"))
	require.NoError(t, g.Upsert(t.Context(), bulkOf(10, 1)))
	require.Equal(t, bulkOf(10, 1), everything(t, g))
	sent := f.commands("update")[began:]
	require.Len(t, sent, 3)
	for _, again := range sent[1:] {
		ids, upserts := updatesOf(again)
		require.Equal(t, []string{rating(3, 1).ID, rating(7, 1).ID}, ids, "those two alone, in order")
		require.True(t, upserts)
	}
}

func TestOperationsThatAlwaysFailEndInAnError(t *testing.T) {
	for code, kind := range map[int32]domain.Kind{112: domain.Unavailable, 121: domain.Internal} {
		f, g := atTheEdge(t)
		began := len(f.commands("update"))
		for range bulkAttempts {
			f.fail(mishap{command: "update", applies: none, reply: refusedAt(code, 0)})
		}
		err := g.Upsert(t.Context(), bulkOf(1, 1))
		require.Equal(t, kind, domain.KindOf(err), "%v", err)
		require.Len(t, f.commands("update")[began:], bulkAttempts)
	}
}

// Between the search and the insert of one upsert another writer may insert the same id: the loser is told of a duplicate key, and may be the newer.
func TestADuplicateKeyIsOnlyStaleWhenWhatIsThereIsAsNew(t *testing.T) {
	f, g := atTheEdge(t)
	other := ratingsOf(t, openAt(t, Options{URI: f.uri("ugc")}))
	loses := func(version domain.Version) mishap {
		return mishap{command: "update", applies: none, reply: refusedAt(codeDuplicateKey, 0),
			before: func() {
				require.NoError(t, other.Upsert(context.Background(), []documents.Document{rating(0, version)}))
			}}
	}
	f.fail(loses(4))
	require.NoError(t, g.Upsert(t.Context(), []documents.Document{rating(0, 5)}))
	require.Equal(t, []documents.Document{rating(0, 5)}, everything(t, g), "the newer one wins although it lost the race")
	sent := f.commands("update")
	_, upserts := updatesOf(sent[len(sent)-1])
	require.False(t, upserts, "what is there is updated")

	f.fail(loses(9))
	require.NoError(t, g.Upsert(t.Context(), []documents.Document{rating(0, 7)}))
	require.Equal(t, []documents.Document{rating(0, 9)}, everything(t, g), "the older one changes nothing")
}

// TestAnySequenceOfMishapsLosesNothing writes a history while the server applies random parts of bulks, loses replies, steps down and takes back what no
// majority had, and repeats what fails as the engine does. In the end every document is the newest.
func TestAnySequenceOfMishapsLosesNothing(t *testing.T) {
	for seed := range uint64(4) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			t.Parallel() // the driver waits half a second before it looks for a primary again
			r := rand.New(rand.NewPCG(seed, 7))
			f, g := atTheEdge(t)
			var history []documents.Document
			for v := range domain.Version(400) {
				history = append(history, rating(r.IntN(60), v))
			}
			want := documents.Coalesce(slices.Clone(history))
			for len(history) > 0 {
				n := min(len(history), 1+r.IntN(50))
				part := documents.Coalesce(slices.Clone(history[:n]))
				for range r.IntN(3) {
					f.fail(anyMishap(r, f))
				}
				require.Eventually(t, func() bool { return g.Upsert(t.Context(), part) == nil }, time.Minute, time.Millisecond)
				if keep := n - r.IntN(n+1)/3; keep > 0 { // some come again
					history = history[keep:]
				}
			}
			require.Equal(t, want, everything(t, g))
		})
	}
}

func anyMishap(r *rand.Rand, f *fakeServer) mishap {
	subset := r.Uint64()
	some := func(i int) bool { return subset>>(i%64)&1 == 1 }
	switch r.IntN(5) {
	case 0:
		return mishap{command: "update", applies: some, cut: true}
	case 1:
		return mishap{command: "update", applies: some, reply: refusal(10107, "not primary", "RetryableWriteError")}
	case 2:
		return mishap{command: "update", applies: some, reply: refusal(codeInternal, "recovering")}
	case 3:
		return mishap{command: "update", applies: func(i int) bool { return i > 0 }, reply: refusedAt(112, 0)}
	}
	var before map[string]bson.M
	return mishap{command: "update", before: func() { before = f.copied(ratings1) }, after: func() { f.restore(ratings1, before) },
		reply: ok(bson.E{Key: "n", Value: int32(1)}, bson.E{Key: "writeConcernError", Value: bson.M{"code": int32(64), "errmsg": "timed out"}})}
}

func TestAServerThatIsAwayIsUnavailableWithinBounds(t *testing.T) {
	s := openAt(t, Options{URI: "mongodb://127.0.0.1:1/ugc?serverSelectionTimeoutMS=100", Timeout: time.Second})
	for what, call := range map[string]func() error{
		"ping":   func() error { return s.Ping(t.Context()) },
		"create": func() error { return s.Create(t.Context(), documents.Ratings, 1) },
		"open":   func() error { _, err := s.Generation(t.Context(), documents.Ratings, 1); return err },
		"live":   func() error { _, _, err := s.Live(documents.Ratings).Get(t.Context(), "u", "m"); return err },
		"init":   func() error { return s.Init(t.Context()) },
	} {
		began := time.Now()
		err := call()
		require.Equal(t, domain.Unavailable, domain.KindOf(err), "%s: %v", what, err)
		require.Less(t, time.Since(began), 5*time.Second, what)
	}
}

// A server that never answers must not hold a call beyond its bound.
func TestASilentServerIsUnavailableWithinBounds(t *testing.T) {
	f := startFake(t, false)
	g := ratingsOf(t, openAt(t, Options{URI: f.uri("ugc"), Timeout: 300 * time.Millisecond}))
	var asked atomic.Int64
	silent := make(chan struct{})
	t.Cleanup(func() { close(silent) })
	f.fail(mishap{command: "update", applies: none, after: func() { asked.Add(1); <-silent }, cut: true})
	patient, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	began := time.Now()
	err := g.Upsert(patient, bulkOf(10, 1))
	require.Equal(t, domain.Unavailable, domain.KindOf(err), "%v", err)
	require.Less(t, time.Since(began), 5*time.Second, "however long the caller would wait")
	require.EqualValues(t, 1, asked.Load())
	require.NoError(t, g.Upsert(t.Context(), bulkOf(10, 1)), "and the next call has a connection of its own")
}

func TestWhatWasAlteredByHandIsToldOrRead(t *testing.T) {
	f, g := atTheEdge(t)
	require.NoError(t, g.Upsert(t.Context(), bulkOf(1, 3)))
	d := rating(0, 3)
	alter := func(field string, v any) {
		f.restore(ratings1, map[string]bson.M{d.ID: changedBy(f.copied(ratings1)[d.ID], bson.M{"$set": bson.M{field: v}}, false)})
	}
	alter("score", 3.0) // as a shell writes numbers
	require.Equal(t, []documents.Document{d}, everything(t, g))
	for _, wrong := range []any{3.5, "three"} {
		alter("score", wrong)
		_, _, err := g.Get(t.Context(), d.User, d.Movie)
		require.Equal(t, domain.Internal, domain.KindOf(err), "%v", err)
		require.ErrorContains(t, err, "score")
	}
}

func TestTheFirstOffsetOfABlockedKeyStays(t *testing.T) {
	_, g := atTheEdge(t)
	at := func(key string, offset int64) projections.BlockedKey {
		return projections.BlockedKey{Key: key, Partition: 1, Offset: offset}
	}
	require.NoError(t, g.Block(t.Context(), []projections.BlockedKey{at("a", 7), at("a", 12), at("b", 9), at("b", 3)}), "named twice in one call")
	require.NoError(t, g.Block(t.Context(), []projections.BlockedKey{at("a", 8), at("\xff not text", 1)}))
	keys, err := g.Blocked(t.Context())
	require.NoError(t, err)
	require.ElementsMatch(t, []projections.BlockedKey{at("a", 7), at("b", 3), at("\xff not text", 1)}, keys)
}
