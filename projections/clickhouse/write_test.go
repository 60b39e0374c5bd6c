package clickhouse_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	ch "github.com/ClickHouse/clickhouse-go/v2"
	"github.com/stretchr/testify/require"

	"ugc/domain"
	"ugc/projections"
	"ugc/projections/clickhouse"
	"ugc/projections/projectionstest"
	"ugc/schemas/topics"
)

// wire sees every INSERT on its way to the engine.
type wire struct {
	http.RoundTripper
	inserts atomic.Int64
	before  func(n int64, r *http.Request) error // of the nth INSERT, from 1: an error and it never leaves
	after   func(n int64) error                  // an error and its answer is lost
}

func (w *wire) RoundTrip(r *http.Request) (*http.Response, error) {
	if !strings.HasPrefix(r.URL.Query().Get("query"), "INSERT INTO") {
		return w.RoundTripper.RoundTrip(r)
	}
	n := w.inserts.Add(1)
	if w.before != nil {
		if err := w.before(n, r); err != nil {
			return nil, err
		}
	}
	answer, err := w.RoundTripper.RoundTrip(r)
	if err != nil || w.after == nil {
		return answer, err
	}
	if err := w.after(n); err != nil {
		_, _ = io.Copy(io.Discard, answer.Body)
		_ = answer.Body.Close()
		return nil, err
	}
	return answer, nil
}

// over makes a store's connections go over the wire; Init has gone before.
func (w *wire) over(t *testing.T, s string, change ...func(*clickhouse.Options)) *clickhouse.Store {
	store, _ := closedStore(t, append(change, func(o *clickhouse.Options) {
		o.Database = s
		o.Server.TransportFunc = func(tr *http.Transport) (http.RoundTripper, error) {
			w.RoundTripper = tr
			return w, nil
		}
	})...)
	return store
}

var errCut = errors.New("the cable is cut")

func TestABatchThatIsRetriedCountsOnce(t *testing.T) {
	batch := projectionstest.History(topics.PlaybackEvents, 1, 35)
	for name, w := range map[string]*wire{
		"the answer is lost after the write":            {after: func(n int64) error { return when(n == 1, errCut) }},
		"all answers are lost, three times":             {after: func(n int64) error { return when(n <= 3, errCut) }},
		"the second block never leaves":                 {before: func(n int64, _ *http.Request) error { return when(n == 2, errCut) }},
		"the last block is written, its answer is lost": {after: func(n int64) error { return when(n == 4, errCut) }},
	} {
		t.Run(name, func(t *testing.T) {
			_, database := newStore(t)
			conn := connect(t, database)
			sink := live(t, w.over(t, database, func(o *clickhouse.Options) { o.BlockRows = 10 }), "playback_events")
			tries := 1
			for ; tries < 10; tries++ {
				err := sink.Write(t.Context(), batch)
				if err == nil {
					break
				}
				require.ErrorIs(t, err, errCut)
				require.Equal(t, domain.Unavailable, domain.KindOf(err))
			}
			require.Greater(t, tries, 1)
			require.Equal(t, uint64(len(batch)), one[uint64](t, conn, "SELECT count() FROM playback_events"))
			require.Greater(t, w.inserts.Load(), int64(4), "blocks did go twice")
		})
	}
}

func when(is bool, err error) error {
	if is {
		return err
	}
	return nil
}

func live(t *testing.T, s *clickhouse.Store, view string) projections.Sink {
	t.Helper()
	sinks, err := s.Sinks(t.Context())
	require.NoError(t, err)
	return sinks[view]
}

func TestBlocksAreBounded(t *testing.T) {
	batch := projectionstest.History(topics.PlaybackEvents, 1, 100)
	for name, c := range map[string]struct {
		change  func(*clickhouse.Options)
		inserts int64
	}{
		"by rows":            {func(o *clickhouse.Options) { o.BlockRows = 30 }, 4},
		"by bytes":           {func(o *clickhouse.Options) { o.BlockBytes = 1 }, 100},
		"one holds them all": {func(*clickhouse.Options) {}, 1},
	} {
		t.Run(name, func(t *testing.T) {
			_, database := newStore(t)
			w := &wire{}
			require.NoError(t, live(t, w.over(t, database, c.change), "playback_events").Write(t.Context(), batch))
			require.Equal(t, c.inserts, w.inserts.Load())
			require.Equal(t, uint64(100), one[uint64](t, connect(t, database), "SELECT count() FROM playback_events"))
		})
	}
}

// The server's own deduplication must stay out of it, and an answer must mean that the rows are stored.
func TestInsertsAreSynchronousAndNotDeduplicated(t *testing.T) {
	_, database := newStore(t)
	var sent []url.Values
	w := &wire{before: func(_ int64, r *http.Request) error {
		sent = append(sent, r.URL.Query())
		return nil
	}}
	sink := live(t, w.over(t, database), "playback_events")
	require.NoError(t, sink.Write(t.Context(), projectionstest.History(topics.PlaybackEvents, 1, 3)))
	require.NoError(t, sink.Advance(t.Context(), map[int32]projections.Watermark{0: {Next: 1}}))
	require.NoError(t, sink.Block(t.Context(), []projections.BlockedKey{{Key: "k"}}))
	require.Len(t, sent, 3)
	for _, v := range sent {
		require.Equal(t, "0", v.Get("async_insert"))
		require.Equal(t, "0", v.Get("insert_deduplicate"))
		require.NotEmpty(t, v.Get("max_execution_time"), "the server gives up too")
	}
}

// Of a batch only the newest row of each key is sent: a rebuild would otherwise send every state that ever was.
func TestViewingSendsTheNewestOfEachKey(t *testing.T) {
	batch := projectionstest.History(topics.PlaybackEvents, 1, 200)
	s, database := newStore(t)
	require.NoError(t, live(t, s, "viewing").Write(t.Context(), batch))
	conn := connect(t, database)
	require.Equal(t, one[uint64](t, conn, "SELECT count() FROM viewing"), one[uint64](t, conn, "SELECT count() FROM viewing__g1"))
}

func TestRowsThatTheServerRefusesAreNamed(t *testing.T) {
	s, database := newStore(t)
	conn := connect(t, database)
	execute(t, conn, "ALTER TABLE playback_events__g1 ADD CONSTRAINT known CHECK user_id != 'u3'")
	batch := projectionstest.History(topics.PlaybackEvents, 1, 40)
	sink := live(t, s, "playback_events")
	var want []int
	for i, r := range batch {
		if r.Value.(domain.Event).Head().User == "u3" {
			want = append(want, i)
		}
	}
	require.NotEmpty(t, want)
	left := batch
	err := sink.Write(t.Context(), left)
	var bad *projections.RecordError
	require.ErrorAs(t, err, &bad)
	require.Equal(t, domain.Invalid, domain.KindOf(err))
	var got []int
	for i := range bad.Reasons {
		got = append(got, i)
	}
	require.ElementsMatch(t, want, got)
	require.ErrorContains(t, bad.Reasons[want[0]], "known")
	require.Equal(t, uint64(len(batch)-len(want)), one[uint64](t, conn, "SELECT count() FROM playback_events"), "the others are there")
}

func TestManyRefusedRowsAreFoundAFewAtATime(t *testing.T) {
	s, database := newStore(t)
	execute(t, connect(t, database), "ALTER TABLE playback_events__g1 ADD CONSTRAINT never CHECK version > 1000000")
	err := live(t, s, "playback_events").Write(t.Context(), projectionstest.History(topics.PlaybackEvents, 1, 40))
	var bad *projections.RecordError
	require.ErrorAs(t, err, &bad)
	require.GreaterOrEqual(t, len(bad.Reasons), 16)
	require.Less(t, len(bad.Reasons), 20)
}

func TestAStoreInTroubleIsUnavailableAndSaysWhatToDo(t *testing.T) {
	batch := projectionstest.History(topics.PlaybackEvents, 1, 5)
	for name, c := range map[string]struct {
		change func(*clickhouse.Options)
		damage string
		says   string
	}{
		"nobody listens": {change: func(o *clickhouse.Options) {
			o.Server.DialContext = func(context.Context, string) (net.Conn, error) { return nil, errCut }
		}, says: "look whether it runs"},
		"no tables":                {damage: "DROP TABLE playback_events__g1 SYNC", says: "run `ugc init`"},
		"an old table":             {damage: "ALTER TABLE playback_events__g1 DROP COLUMN newly_watched_ms", says: "run `ugc init`"},
		"a user who may only read": {change: func(o *clickhouse.Options) { o.Server.Settings = ch.Settings{"readonly": 2} }, says: "may only read"},
		"no memory":                {change: func(o *clickhouse.Options) { o.Server.Settings = ch.Settings{"max_memory_usage": 1000} }, says: "not enough memory"},
	} {
		t.Run(name, func(t *testing.T) {
			_, database := newStore(t)
			if c.damage != "" {
				execute(t, connect(t, database), c.damage)
			}
			change := []func(*clickhouse.Options){func(o *clickhouse.Options) { o.Database = database }}
			if c.change != nil {
				change = append(change, c.change)
			}
			s, _ := closedStore(t, change...)
			sink, err := s.Sink(projections.Generation{View: "playback_events", Number: 1})
			require.NoError(t, err)
			err = sink.Write(t.Context(), batch)
			require.Equal(t, domain.Unavailable, domain.KindOf(err), "%v", err)
			require.ErrorContains(t, err, c.says)
		})
	}
}

func TestAWriteThatHangsEnds(t *testing.T) {
	_, database := newStore(t)
	w := &wire{before: func(_ int64, r *http.Request) error {
		select {
		case <-r.Context().Done():
			return r.Context().Err()
		case <-time.After(patience / 4):
			return errCut
		}
	}}
	s := w.over(t, database, func(o *clickhouse.Options) { o.InsertTimeout = 200 * time.Millisecond })
	sink, err := s.Sink(projections.Generation{View: "feedback", Number: 1})
	require.NoError(t, err)
	for _, err := range []error{
		sink.Write(t.Context(), projectionstest.History(topics.FeedbackEvents, 1, 5)),
		sink.Advance(t.Context(), map[int32]projections.Watermark{0: {Next: 1}}),
		sink.Block(t.Context(), []projections.BlockedKey{{Key: "k"}}),
	} {
		require.Equal(t, domain.Unavailable, domain.KindOf(err), "%v", err)
		require.ErrorIs(t, err, context.DeadlineExceeded)
	}
}

func TestOptionsAreChecked(t *testing.T) {
	_, err := clickhouse.Open(clickhouse.Options{BlockRows: -1, InsertTimeout: -1})
	require.ErrorContains(t, err, "UGC_CLICKHOUSE")
	require.ErrorContains(t, err, "rows of a block")
	require.ErrorContains(t, err, "insert time-out")
	_, err = clickhouse.Open(clickhouse.Options{Server: &ch.Options{}})
	require.ErrorContains(t, err, "no address")
	s, err := clickhouse.Open(clickhouse.Options{Server: &ch.Options{Addr: []string{"127.0.0.1:1"}}})
	require.NoError(t, err)
	for _, g := range []projections.Generation{{View: "retention", Number: 1}, {View: "viewing"}, {View: "x", Number: 1}} {
		_, err = s.Sink(g)
		require.Equal(t, domain.Invalid, domain.KindOf(err), fmt.Sprint(g))
	}
	require.Error(t, s.Ping(t.Context()))
	require.NoError(t, s.Close())
}
