package clickhouse_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	ch "github.com/ClickHouse/clickhouse-go/v2"
	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
	"github.com/stretchr/testify/require"

	embedded "ugc/deploy/embedded/clickhouse"
	"ugc/projections/clickhouse"
)

// childVariable makes the test binary the engine's child process.
const childVariable = "UGC_TEST_ENGINE_CHILD"

// patience bounds every wait: far beyond what a busy machine needs, and never used up when all is well.
const patience = 2 * time.Minute

func TestMain(m *testing.M) {
	if os.Getenv(childVariable) != "" {
		o, err := embedded.ParseChild(os.Args[1:])
		if err == nil {
			err = embedded.Child(context.Background(), o)
		}
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	code := m.Run()
	shared.stop()
	os.Exit(code)
}

// engine is the real one, shared by all tests of the package: they tell their tables apart by database.
type engine struct {
	once   sync.Once
	dir    string
	err    error
	cancel context.CancelFunc
	ended  chan error
	*embedded.Engine
}

var shared engine

func (e *engine) start() {
	if e.dir, e.err = os.MkdirTemp("", "ugc-views-"); e.err != nil {
		return
	}
	e.Engine, e.err = embedded.New(embedded.Options{
		DataDir: e.dir, Args: []string{}, Env: []string{childVariable + "=1"}, NoFsync: true,
		Logger: slog.New(slog.DiscardHandler),
	})
	if e.err != nil {
		return
	}
	ctx, cancel := context.WithCancel(context.Background())
	e.cancel, e.ended = cancel, make(chan error, 1)
	go func() { e.ended <- e.Run(ctx) }()
	ready, done := context.WithTimeout(ctx, patience)
	defer done()
	e.err = e.Ready(ready)
}

func (e *engine) stop() {
	if e.cancel != nil {
		e.cancel()
		<-e.ended //nolint:errcheck // of no interest once the tests are over
	}
	if e.dir != "" {
		_ = os.RemoveAll(e.dir)
	}
}

// server gives the driver's options of the engine; it skips the test where the engine is not installed, unless it is required.
func server(t testing.TB) *ch.Options {
	t.Helper()
	if _, err := embedded.FindLibrary("", ""); err != nil {
		if os.Getenv("UGC_REQUIRE_ENGINE") == "1" {
			t.Fatalf("UGC_REQUIRE_ENGINE=1, but %v", err)
		}
		t.Skip(err)
	}
	shared.once.Do(shared.start)
	require.NoError(t, shared.err)
	return shared.ClientOptions("")
}

var databases atomic.Int64

// closedStore is a store on a database of its own that is not there yet.
func closedStore(t testing.TB, change ...func(*clickhouse.Options)) (*clickhouse.Store, string) {
	t.Helper()
	o := clickhouse.Options{
		Server: server(t), Database: fmt.Sprintf("test_%d", databases.Add(1)), NoFsync: true,
		InsertTimeout: patience, ReadTimeout: patience, DDLTimeout: patience,
	}
	o.CompatDatabase = o.Database + "_movies"
	for _, c := range change {
		c(&o)
	}
	s, err := clickhouse.Open(o)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, s.Close()) })
	return s, o.Database
}

// newStore is a store on a fresh database, ready for use.
func newStore(t testing.TB, change ...func(*clickhouse.Options)) (*clickhouse.Store, string) {
	t.Helper()
	s, database := closedStore(t, change...)
	require.NoError(t, s.Init(t.Context()))
	return s, database
}

// connect is a plain client, for what a store does not do.
func connect(t testing.TB, database string) driver.Conn {
	t.Helper()
	o := server(t)
	o.Auth.Database = database
	conn, err := ch.Open(o)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, conn.Close()) })
	return conn
}

func execute(t testing.TB, conn driver.Conn, statements ...string) {
	t.Helper()
	for _, s := range statements {
		require.NoError(t, conn.Exec(t.Context(), s), s)
	}
}

// scan reads a query's rows, each by get.
func scan[T any](t testing.TB, conn driver.Conn, get func(driver.Rows, *T) error, query string, args ...any) []T {
	t.Helper()
	rows, err := conn.Query(t.Context(), query, args...)
	require.NoError(t, err, query)
	var out []T
	for rows.Next() {
		var v T
		require.NoError(t, get(rows, &v), query)
		out = append(out, v)
	}
	require.NoError(t, errors.Join(rows.Err(), rows.Close()), query)
	return out
}

// one reads a query's only value.
func one[T any](t testing.TB, conn driver.Conn, query string, args ...any) T {
	t.Helper()
	out := scan(t, conn, func(r driver.Rows, v *T) error { return r.Scan(v) }, query, args...)
	require.Len(t, out, 1, query)
	return out[0]
}

func lines(s ...string) string { return strings.Join(s, "\n") + "\n" }
