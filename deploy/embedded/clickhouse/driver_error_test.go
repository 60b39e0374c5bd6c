package clickhouse_test

import (
	"context"
	"testing"
	"time"

	ch "github.com/ClickHouse/clickhouse-go/v2"
	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
	"github.com/stretchr/testify/require"
)

const tick = 20 * time.Millisecond

func TestExceptionsHaveCodes(t *testing.T) {
	conn := connect(t)
	execute(t, conn, "CREATE TABLE t (a Int32) ENGINE = MergeTree ORDER BY a")
	for name, c := range map[string]struct {
		query    string
		settings ch.Settings
		code     int32
	}{
		"unknown table":        {query: "SELECT * FROM nope", code: 60},
		"unknown database":     {query: "SELECT * FROM nope.nope", code: 81},
		"unknown column":       {query: "SELECT nope FROM t", code: 47},
		"unknown function":     {query: "SELECT nope(1)", code: 46},
		"syntax":               {query: "SELEC 1", code: 62},
		"empty query":          {query: "  ", code: 62},
		"two statements":       {query: "SELECT 1; SELECT 2", code: 62},
		"second one hidden":    {query: "SELECT 1; DROP TABLE t", code: 62},
		"behind an insert":     {query: "INSERT INTO t VALUES (1); DROP TABLE t", code: 62},
		"before an insert":     {query: "INSERT INTO t (a); DROP TABLE t; INSERT INTO t FORMAT CSV\n1\n", code: 62},
		"unknown setting":      {query: "SELECT 1", settings: ch.Settings{"nope_x": 1}, code: 115},
		"setting not a name":   {query: "SELECT 1", settings: ch.Settings{"max_threads=1,readonly": 1}, code: 115},
		"bad setting":          {query: "SELECT 1", settings: ch.Settings{"max_threads": "many"}, code: 27},
		"missing parameter":    {query: "SELECT {x:Int32}", code: 456},
		"table exists":         {query: "CREATE TABLE t (a Int32) ENGINE = MergeTree ORDER BY a", code: 57},
		"too slow":             {query: "SELECT sum(sipHash64(number)) FROM numbers(100000000000)", settings: ch.Settings{"max_execution_time": 1}, code: 159},
		"too much memory":      {query: "SELECT groupArray(number) FROM numbers(1000000000)", settings: ch.Settings{"max_memory_usage": 50 << 20}, code: 241},
		"division by zero":     {query: "SELECT intDiv(1, 0)", code: 153},
		"unknown format":       {query: "SELECT 1 FORMAT Nope", code: 73},
		"readonly":             {query: "DROP TABLE t", settings: ch.Settings{"readonly": 1}, code: 164},
		"unknown session mode": {query: "SELECT 1", settings: ch.Settings{"session_id": "x", "session_check": 1}, code: 372},
		"endless session":      {query: "SELECT 1", settings: ch.Settings{"session_id": "x", "session_timeout": 1 << 30}, code: 36},
	} {
		t.Run(name, func(t *testing.T) {
			requireCode(t, c.code, conn.Exec(ch.Context(t.Context(), ch.WithSettings(c.settings)), c.query))
		})
	}
	require.Zero(t, count(t, conn, "SELECT count() FROM t"), "the table is still there, and empty")
}

func TestUnknownDatabase(t *testing.T) {
	conn := open(t, sharedEngine(t).ClientOptions("no`such'database"))
	requireCode(t, 81, conn.Exec(t.Context(), "SELECT 1"))
}

func TestServerWideMemoryLimit(t *testing.T) {
	conn := connect(t)
	requireCode(t, 241, conn.Exec(t.Context(), "SELECT groupArray(number) FROM numbers(1000000000)"))
	require.NoError(t, conn.Ping(t.Context()), "the engine survives what did not fit")
}

func runs(t *testing.T, conn driver.Conn, mark string) uint64 {
	return count(t, conn, "SELECT count() FROM system.processes WHERE query LIKE ? AND query NOT LIKE '%processes%'", "%"+mark+"%")
}

func TestCancelStopsTheStatement(t *testing.T) {
	conn := connect(t)
	ctx, cancel := context.WithCancel(t.Context())
	failed := make(chan error, 1)
	go func() {
		var x uint64
		failed <- conn.QueryRow(ctx, "SELECT sum(sipHash64(number)) FROM numbers(100000000001)").Scan(&x)
	}()
	require.Eventually(t, func() bool { return runs(t, conn, "100000000001") == 1 }, patience, tick)
	cancel()
	require.ErrorIs(t, <-failed, context.Canceled)
	require.Eventually(t, func() bool { return runs(t, conn, "100000000001") == 0 }, patience, tick)
}

func TestCancelBeforeTheStatementIsKnown(t *testing.T) {
	conn := connect(t)
	for range 20 {
		ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
		require.Error(t, conn.Exec(ctx, "SELECT sum(sipHash64(number)) FROM numbers(100000000002)"))
		cancel()
	}
	require.Eventually(t, func() bool { return runs(t, conn, "100000000002") == 0 }, patience, tick)
}

func TestCancelWhileRowsCome(t *testing.T) {
	conn := connect(t)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	rows, err := conn.Query(ctx, "SELECT number FROM numbers(100000000003)")
	require.NoError(t, err)
	for range 100000 {
		require.True(t, rows.Next())
	}
	cancel()
	require.Eventually(t, func() bool { return runs(t, conn, "100000000003") == 0 }, patience, tick)
}
