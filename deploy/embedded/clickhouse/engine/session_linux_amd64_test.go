package engine

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
)

// A process can open one engine, so the tests share it.
var shared struct {
	once sync.Once
	dir  string
	*Engine
	err error
}

func TestMain(m *testing.M) {
	code := m.Run()
	if shared.Engine != nil {
		shared.Close()
		shared.Close() // harmless
	}
	if shared.dir != "" {
		_ = os.RemoveAll(shared.dir)
	}
	os.Exit(code)
}

func libraryPath() string {
	if path := os.Getenv("UGC_CHDB_LIB"); path != "" {
		return path
	}
	return "../node_modules/@chdb/lib-linux-x64-gnu/libchdb.so"
}

func openSession(t *testing.T) Session {
	t.Helper()
	if _, err := os.Stat(libraryPath()); err != nil {
		if os.Getenv("UGC_REQUIRE_ENGINE") == "1" {
			t.Fatalf("UGC_REQUIRE_ENGINE=1, but %v", err)
		}
		t.Skipf("the engine is not installed, run `make setup`: %v", err)
	}
	shared.once.Do(func() {
		if shared.dir, shared.err = os.MkdirTemp("", "ugc-engine-"); shared.err != nil {
			return
		}
		config := filepath.Join(shared.dir, "config.xml")
		if shared.err = os.WriteFile(config, []byte("<clickhouse/>"), 0o600); shared.err == nil {
			shared.Engine, shared.err = Open(Options{Library: libraryPath(), DataDir: filepath.Join(shared.dir, "store"), Config: config})
		}
	})
	require.NoError(t, shared.err)
	s, err := shared.Session()
	require.NoError(t, err)
	t.Cleanup(s.Close)
	return s
}

func query(t *testing.T, s Session, text string) string {
	t.Helper()
	out, err := s.Query(text, "TSVRaw", nil)
	require.NoError(t, err, text)
	return strings.TrimSpace(string(out))
}

func TestEngineOpensOnce(t *testing.T) {
	openSession(t)
	_, err := Open(Options{Library: libraryPath(), DataDir: t.TempDir(), Config: "x"})
	require.ErrorIs(t, err, ErrOpen)
}

func TestGoKeepsItsSignalHandlers(t *testing.T) {
	openSession(t)
	var nothing *struct{ x int }
	require.Panics(t, func() { nothing.x++ }, "the engine's handler would have ended the process")
}

func TestSessionsAreApart(t *testing.T) {
	a, b := openSession(t), openSession(t)
	query(t, a, "SET max_block_size = 7")
	query(t, a, "CREATE TEMPORARY TABLE mine (x Int32)")
	require.Equal(t, "7", query(t, a, "SELECT getSetting('max_block_size')"))
	require.NotEqual(t, "7", query(t, b, "SELECT getSetting('max_block_size')"))
	_, err := b.Query("SELECT * FROM mine", "TSV", nil)
	var refused Error
	require.ErrorAs(t, err, &refused)
	require.Equal(t, 60, refused.Code())
	a.Close()
	a.Close()
}

func TestParametersHoldAnyBytes(t *testing.T) {
	s := openSession(t)
	for _, value := range []string{"", "plain", "quo'te\"`\\\\", "é\U0001f3ac"} {
		out, err := s.Query("SELECT {a:String} || {b:String}", "RowBinary", map[string]string{"a": value, "b": "!"})
		require.NoError(t, err)
		require.True(t, strings.HasSuffix(string(out), "!"), "%q", out)
	}
}

func TestClassify(t *testing.T) {
	s := openSession(t)
	for text, want := range map[string]struct {
		class Class
		n     int
	}{
		"SELECT 1":                    {ReadOnly, 1},
		"SHOW TABLES":                 {ReadOnly, 1},
		"INSERT INTO t VALUES (1)":    {Mutating, 1},
		"CREATE DATABASE d":           {Mutating, 1},
		"CREATE FUNCTION f AS x -> x": {MutatingGlobal, 1},
		"SET max_threads = 1":         {Control, 1},
		"SELECT 1; DROP TABLE t":      {ReadOnly, 2},
		"certainly not a statement'(": {Unknown, 0},
	} {
		class, n := s.Classify(text)
		require.Equal(t, want.n, n, text)
		if n == 1 {
			require.Equal(t, want.class, class, text)
		}
	}
}

func TestStream(t *testing.T) {
	s := openSession(t)
	chunks, bytes := 0, 0
	count := func(b []byte) error { chunks++; bytes += len(b); return nil }
	require.NoError(t, s.Stream("SELECT number FROM numbers(1000000)", "RowBinary", nil, count))
	require.Equal(t, 8*1000000, bytes)
	require.Greater(t, chunks, 1)

	stop := errors.New("enough")
	err := s.Stream("SELECT number FROM numbers(100000000000)", "RowBinary", nil, func([]byte) error { return stop })
	require.ErrorIs(t, err, stop)
	require.Equal(t, "1", query(t, s, "SELECT 1"), "the session goes on")
}
