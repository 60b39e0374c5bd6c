package clickhouse_test

import (
	"strings"
	"testing"

	ch "github.com/ClickHouse/clickhouse-go/v2"
	"github.com/stretchr/testify/require"
)

func TestAsyncInserts(t *testing.T) {
	conn := connect(t)
	execute(t, conn, "CREATE TABLE ev (s String) ENGINE = MergeTree ORDER BY s")
	rows := func(s string) uint64 { return count(t, conn, "SELECT count() FROM ev WHERE s = ?", s) }

	require.NoError(t, conn.AsyncInsert(t.Context(), "INSERT INTO ev VALUES (?)", true, "waited for")) //nolint:staticcheck // deprecated, and in use
	require.Equal(t, uint64(1), rows("waited for"))

	require.NoError(t, conn.AsyncInsert(t.Context(), "INSERT INTO ev VALUES (?)", false, "not waited for")) //nolint:staticcheck // deprecated, and in use
	require.Eventually(t, func() bool { return rows("not waited for") == 1 }, patience, tick)

	batch, err := conn.PrepareBatch(ch.Context(t.Context(), ch.WithAsync(true)), "INSERT INTO ev")
	require.NoError(t, err)
	require.NoError(t, batch.Append("batch"))
	require.NoError(t, batch.Send())
	require.Equal(t, uint64(1), rows("batch"))
}

func TestTableLife(t *testing.T) {
	conn := connect(t)
	execute(t, conn,
		"CREATE TABLE r (k Int32, v Int32, ver UInt64) ENGINE = ReplacingMergeTree(ver) ORDER BY k",
		"INSERT INTO r SELECT number % 10, number, number FROM numbers(100)",
		"ALTER TABLE r ADD COLUMN z String DEFAULT 'q'",
		"ALTER TABLE r DELETE WHERE k = 3 SETTINGS mutations_sync = 1",
		"OPTIMIZE TABLE r FINAL",
		"CREATE OR REPLACE VIEW w AS SELECT * FROM r FINAL",
		"CREATE TABLE r2 AS r",
		"EXCHANGE TABLES r AND r2",
		"EXCHANGE TABLES r AND r2",
	)
	require.Equal(t, uint64(9), count(t, conn, "SELECT count() FROM w WHERE z = 'q'"))
	require.Equal(t, uint64(9), count(t, conn, "SELECT count() FROM r"))
}

// Rows inside a statement may hold blank lines and semicolons, which end a statement for the engine's own client code.
func TestInlineRows(t *testing.T) {
	conn := connect(t)
	execute(t, conn, "CREATE TABLE t (a Int32, s String) ENGINE = MergeTree ORDER BY a")
	execute(t, conn,
		"INSERT INTO t VALUES (1, 'a\n\nb'), (2, 'c;\n\nd FORMAT CSV')",
		"INSERT INTO t FORMAT CSV\n3,\"x\n\ny;\"\n4,z\n",
		"INSERT INTO t (s, a) FORMAT Values ('v', 5)",
	)
	var got []string
	rows, err := conn.Query(t.Context(), "SELECT s FROM t ORDER BY a")
	require.NoError(t, err)
	defer rows.Close()
	for rows.Next() {
		var s string
		require.NoError(t, rows.Scan(&s))
		got = append(got, s)
	}
	require.NoError(t, rows.Err())
	require.Equal(t, []string{"a\n\nb", "c;\n\nd FORMAT CSV", "x\n\ny;", "z", "v"}, got)
}

func TestRefusedInsertsLeaveNothing(t *testing.T) {
	conn := connect(t)
	execute(t, conn, "CREATE TABLE con (a Int32, CONSTRAINT positive CHECK a > 0) ENGINE = MergeTree ORDER BY a")
	batch, err := conn.PrepareBatch(t.Context(), "INSERT INTO con")
	require.NoError(t, err)
	require.NoError(t, batch.Append(int32(1)))
	require.NoError(t, batch.Append(int32(-1)))
	requireCode(t, 469, batch.Send())

	_, err = conn.PrepareBatch(t.Context(), "INSERT INTO con (nocol)")
	require.ErrorContains(t, err, "nocol")
	requireCode(t, 60, conn.InsertFormat(t.Context(), "CSV", "INSERT INTO nope", strings.NewReader("1\n")))
	requireCode(t, 117, conn.InsertFormat(t.Context(), "CSV", "INSERT INTO con", strings.NewReader("1\n2\nthree\n")))
	require.Zero(t, count(t, conn, "SELECT count() FROM con"))
}

func TestEmptyInsertChangesNothing(t *testing.T) {
	conn := connect(t)
	execute(t, conn, "CREATE TABLE t (a Int32) ENGINE = MergeTree ORDER BY a")
	require.NoError(t, conn.InsertFormat(t.Context(), "Native", "INSERT INTO t", strings.NewReader("")))
	require.NoError(t, conn.InsertFormat(t.Context(), "CSV", "INSERT INTO t", strings.NewReader("")))
	require.Zero(t, count(t, conn, "SELECT count() FROM t"))
}
