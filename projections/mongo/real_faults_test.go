package mongo

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.mongodb.org/mongo-driver/bson"
	"golang.org/x/sync/errgroup"

	"ugc/deploy/real/realtest"
	"ugc/domain"
	"ugc/projections"
	"ugc/projections/documents"
)

// untilTaken repeats a call as the engine does while a store is away.
func untilTaken(ctx context.Context, call func() error) error {
	for {
		err := call()
		if err == nil {
			return nil
		}
		if kind := domain.KindOf(err); kind != domain.Unavailable {
			return fmt.Errorf("an error of kind %d while the server was killed: %w", kind, err)
		}
		if err := sleep(ctx, 20*time.Millisecond); err != nil {
			return err
		}
	}
}

// TestKillsOfARealServerLoseNothing kills the engine, or its halves, under four writers. What was acknowledged before a kill is there after it, and
// every bulk that was under way is taken when it comes again.
func TestKillsOfARealServerLoseNothing(t *testing.T) {
	const writers, size = 4, 200
	engine := realtest.StartMongo(t)
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	defer cancel()
	g := ratingsOf(t, openAt(t, Options{URI: engine.URI(), Timeout: 5 * time.Second}))
	var acked [writers]atomic.Int64
	var rounds atomic.Int64
	var stop atomic.Bool
	var group errgroup.Group
	for w := range writers {
		group.Go(func() error {
			for v := domain.Version(1); !stop.Load(); v++ {
				docs := bulkOf(writers*size, v)[w*size : (w+1)*size]
				if err := untilTaken(ctx, func() error { return g.Upsert(ctx, docs) }); err != nil {
					return err
				}
				mark := map[int32]projections.Watermark{int32(w): {Next: int64(v), Version: v}}
				if err := untilTaken(ctx, func() error { return g.Advance(ctx, mark) }); err != nil {
					return err
				}
				acked[w].Store(int64(v))
				rounds.Add(1)
			}
			return nil
		})
	}
	more := func(n int64) {
		t.Helper()
		from := rounds.Load()
		require.Eventually(t, func() bool { return rounds.Load() >= from+n }, time.Minute, time.Millisecond, "writers go on")
	}
	for _, who := range []string{"all", "postgres", "ferretdb", "all"} {
		more(8)
		engine.Kill(t, who)
		var before [writers]domain.Version
		for w := range acked {
			before[w] = domain.Version(acked[w].Load())
		}
		engine.Restart(t)
		var docs []documents.Document
		require.NoError(t, untilTaken(ctx, func() (err error) { docs, err = g.Scan(ctx, "", 10_000); return err }))
		require.Len(t, docs, writers*size)
		for i, d := range docs {
			require.GreaterOrEqual(t, d.Version, before[i/size], "%s after the death of %s", d.ID, who)
		}
	}
	more(8)
	stop.Store(true)
	require.NoError(t, group.Wait())
	marks, err := g.Watermarks(t.Context())
	require.NoError(t, err)
	for i, d := range everything(t, g) {
		last := domain.Version(acked[i/size].Load())
		require.Equal(t, rating(i, last), d)
		require.Equal(t, projections.Watermark{Next: int64(last), Version: last}, marks[int32(i/size)])
	}
}

// TestALostReplyOfARealServerLosesNothing cuts connections when the engine has done what it was asked and says so.
func TestALostReplyOfARealServerLosesNothing(t *testing.T) {
	cutter := startCutter(t, realtest.MongoURI(t))
	s := openAt(t, Options{URI: database(t, cutter.uri), Timeout: 5 * time.Second})
	g := ratingsOf(t, s)
	for v := domain.Version(1); v < 6; v++ {
		cutter.cutNext()
		err := g.Upsert(t.Context(), bulkOf(300, v))
		require.Equal(t, domain.Unavailable, domain.KindOf(err), "%v", err)
		require.False(t, cutter.armed.Load(), "a reply was lost")
		for _, d := range everything(t, g) {
			require.Equal(t, v, d.Version, "it was written all the same")
		}
		require.NoError(t, g.Upsert(t.Context(), bulkOf(300, v)), "and is taken when it comes again")
		require.Equal(t, bulkOf(300, v), everything(t, g))

		cutter.cutNext()
		mark := map[int32]projections.Watermark{0: {Next: int64(v), Version: v}}
		require.Error(t, g.Advance(t.Context(), mark))
		require.NoError(t, g.Advance(t.Context(), mark))
		marks, err := g.Watermarks(t.Context())
		require.NoError(t, err)
		require.Equal(t, mark, marks)
	}
}

// cutter is a TCP proxy that loses the reply to the next update, with its connection.
type cutter struct {
	uri   string
	armed atomic.Bool
}

func (c *cutter) cutNext() { c.armed.Store(true) }

func startCutter(t *testing.T, uri string) *cutter {
	u, err := url.Parse(uri)
	require.NoError(t, err)
	to := u.Host
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	u.Host = l.Addr().String()
	c := &cutter{uri: u.String()}
	var open sync.WaitGroup
	var conns sync.Map
	open.Go(func() {
		for {
			client, err := l.Accept()
			if err != nil {
				return
			}
			server, err := net.Dial("tcp", to)
			if err != nil {
				_ = client.Close()
				continue
			}
			conns.Store(client, nil)
			conns.Store(server, nil)
			var loses atomic.Bool
			both := func() { _, _ = client.Close(), server.Close() }
			open.Go(func() {
				defer both()
				pump(server, client, func(b []byte) bool {
					if bytes.Contains(b, []byte("\x02update\x00")) && c.armed.CompareAndSwap(true, false) {
						loses.Store(true)
					}
					return true
				})
			})
			open.Go(func() {
				defer both()
				pump(client, server, func([]byte) bool { return !loses.Load() })
			})
		}
	})
	t.Cleanup(func() {
		_ = l.Close()
		conns.Range(func(c, _ any) bool { _ = c.(net.Conn).Close(); return true })
		open.Wait()
	})
	return c
}

// pump passes on what comes until see says no or a side ends.
func pump(to, from net.Conn, see func([]byte) bool) {
	b := make([]byte, 64<<10)
	for {
		n, err := from.Read(b)
		if n > 0 {
			if !see(b[:n]) {
				return
			}
			if _, err := to.Write(b[:n]); err != nil {
				return
			}
		}
		if err != nil {
			return
		}
	}
}

// TestListsOfARealServerComeFromTheIndex asks for the plan of exactly what the store sends: a range of the index in the order asked for, without a sort.
func TestListsOfARealServerComeFromTheIndex(t *testing.T) {
	w := watch()
	s := openAt(t, Options{URI: database(t, realtest.MongoURI(t)), Monitor: w.monitor()})
	g := ratingsOf(t, s)
	var docs []documents.Document
	for i := range 1000 { // one user has most of them
		d := rating(i, 1)
		if i%10 != 0 {
			d.User = "heavy"
			d.ID = domain.Key(d.User, d.Movie)
		}
		docs = append(docs, d)
	}
	require.NoError(t, g.Upsert(t.Context(), documents.Coalesce(docs)))
	for _, q := range []documents.Query{
		{User: "heavy", Limit: 50},
		{User: "heavy", Limit: 50, Newest: true},
		{User: "heavy", Limit: 50, After: domain.Some(domain.Version(500))},
		{User: "heavy", Limit: 50, Newest: true, After: domain.Some(domain.Version(500))},
		{User: "heavy", Limit: 50, Skip: 100},
	} {
		page, err := g.List(t.Context(), q)
		require.NoError(t, err)
		require.Len(t, page, 50)
		plan := explained(t, s, w.last("find"))
		require.Contains(t, plan, byUser, "%+v", q)
		require.NotContains(t, plan, `"Node Type": "Sort"`, "%+v: %s", q, plan)
		require.NotContains(t, plan, "Seq Scan", "%+v: %s", q, plan)
	}
}

// explained is a server's plan for a command that was sent, as JSON.
func explained(t *testing.T, s *Store, command bson.Raw) string {
	t.Helper()
	var plain bson.D
	elements, err := command.Elements()
	require.NoError(t, err)
	for _, e := range elements {
		if name := e.Key(); !strings.HasPrefix(name, "$") && name != "lsid" && name != "readConcern" && name != "maxTimeMS" {
			plain = append(plain, bson.E{Key: name, Value: e.Value()})
		}
	}
	raw, err := s.db.RunCommand(t.Context(), bson.D{{Key: "explain", Value: plain}, {Key: "verbosity", Value: "queryPlanner"}}).Raw()
	require.NoError(t, err)
	text, err := bson.MarshalExtJSONIndent(raw, false, false, "", " ")
	require.NoError(t, err)
	return string(text)
}
