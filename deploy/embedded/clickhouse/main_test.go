package clickhouse_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	ch "github.com/ClickHouse/clickhouse-go/v2"
	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
	"github.com/stretchr/testify/require"

	"ugc/deploy/embedded/clickhouse"
)

// childVariable makes the test binary the child process; its value says how it behaves.
const childVariable = "UGC_TEST_ENGINE_CHILD"

// patience bounds every wait: far beyond what a busy machine needs, and never used up when all is well.
const patience = 60 * time.Second

func TestMain(m *testing.M) {
	switch os.Getenv(childVariable) {
	case "engine":
		runChild()
	case "parent":
		runParent()
	case "crash":
		fmt.Fprintln(os.Stderr, "cannot go on")
		os.Exit(7)
	case "mute":
		_, _ = io.Copy(io.Discard, os.NewFile(3, "lifeline"))
		os.Exit(0)
	case "stubborn":
		signal.Ignore(syscall.SIGTERM)
		_, _ = os.NewFile(4, "report").WriteString(`{"version":"0"}` + "\n")
		_, _ = io.Copy(io.Discard, os.NewFile(3, "lifeline"))
		os.Exit(0)
	case "environment":
		b, _ := json.Marshal(map[string]string{"error": strings.Join(os.Environ(), " ")})
		_, _ = os.NewFile(4, "report").Write(append(b, '\n'))
		os.Exit(1)
	}
	code := m.Run()
	stopShared()
	os.Exit(code)
}

func runChild() {
	o, err := clickhouse.ParseChild(os.Args[1:])
	if err == nil {
		err = clickhouse.Child(context.Background(), o)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(0)
}

// runParent is a parent process that a test can kill.
func runParent() {
	e, err := clickhouse.New(options(os.Args[1], "engine"))
	if err == nil {
		err = e.Run(context.Background())
	}
	fmt.Fprintln(os.Stderr, err)
	os.Exit(1)
}

func options(dir, behaviour string) clickhouse.Options {
	return clickhouse.Options{
		DataDir: dir, Args: []string{}, Env: []string{childVariable + "=" + behaviour},
		Logger: slog.New(slog.DiscardHandler),
	}
}

// requireLibrary skips a test without the engine, or fails it where the engine is required.
func requireLibrary(t testing.TB) {
	t.Helper()
	if _, err := clickhouse.FindLibrary("", ""); err != nil {
		if os.Getenv("UGC_REQUIRE_ENGINE") == "1" {
			t.Fatalf("UGC_REQUIRE_ENGINE=1, but %v", err)
		}
		t.Skip(err)
	}
}

// running is an engine under Run.
type running struct {
	*clickhouse.Engine
	stop func() error // ends Run and returns what it returned; can be called twice
}

func start(o clickhouse.Options) (*running, error) {
	e, err := clickhouse.New(o)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- e.Run(ctx) }()
	r := &running{Engine: e, stop: sync.OnceValue(func() error { cancel(); return <-ended })}
	wait, done := context.WithTimeout(ctx, patience)
	defer done()
	if err := e.Ready(wait); err != nil {
		return nil, errors.Join(err, r.stop())
	}
	return r, nil
}

func startEngine(t testing.TB, o clickhouse.Options) *running {
	t.Helper()
	requireLibrary(t)
	r, err := start(o)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, r.stop()) })
	return r
}

// The tests of the driver share one engine, and tell each other's tables apart by database.
var shared struct {
	once sync.Once
	dir  string
	*running
	err error
}

func stopShared() {
	if shared.running != nil {
		_ = shared.stop()
	}
	if shared.dir != "" {
		_ = os.RemoveAll(shared.dir)
	}
}

func sharedEngine(t testing.TB) *running {
	t.Helper()
	requireLibrary(t)
	shared.once.Do(func() {
		if shared.dir, shared.err = os.MkdirTemp("", "ugc-engine-"); shared.err == nil {
			shared.running, shared.err = start(options(shared.dir, "engine"))
		}
	})
	require.NoError(t, shared.err)
	return shared.running
}

// connect returns a client on a fresh database of the shared engine.
func connect(t testing.TB, change ...func(*ch.Options)) driver.Conn {
	t.Helper()
	e := sharedEngine(t)
	name := "test_" + strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' {
			return r
		}
		return '_'
	}, t.Name())
	admin := open(t, e.ClientOptions(""))
	require.NoError(t, admin.Exec(t.Context(), "CREATE DATABASE IF NOT EXISTS "+name))
	o := e.ClientOptions(name)
	for _, c := range change {
		c(o)
	}
	return open(t, o)
}

func open(t testing.TB, o *ch.Options) driver.Conn {
	t.Helper()
	conn, err := ch.Open(o)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, conn.Close()) })
	return conn
}

func requireCode(t testing.TB, code int32, err error) {
	t.Helper()
	var e *ch.Exception
	require.ErrorAs(t, err, &e)
	require.Equal(t, code, e.Code, "%v", err)
}

func execute(t testing.TB, conn driver.Conn, statements ...string) {
	t.Helper()
	for _, s := range statements {
		require.NoError(t, conn.Exec(t.Context(), s), s)
	}
}

func count(t testing.TB, conn driver.Conn, query string, args ...any) (n uint64) {
	t.Helper()
	require.NoError(t, conn.QueryRow(t.Context(), query, args...).Scan(&n))
	return n
}
