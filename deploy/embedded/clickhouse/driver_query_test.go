package clickhouse_test

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"testing"

	ch "github.com/ClickHouse/clickhouse-go/v2"
	"github.com/ClickHouse/clickhouse-go/v2/ext"
	"github.com/google/uuid"
	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"
)

func TestPingAndVersion(t *testing.T) {
	conn := connect(t)
	require.NoError(t, conn.Ping(t.Context()))
	v, err := conn.ServerVersion()
	require.NoError(t, err)
	require.GreaterOrEqual(t, v.Version.Major, uint64(26))
	require.Equal(t, "UTC", v.Timezone.String())
}

func TestBinds(t *testing.T) {
	conn := connect(t)
	rows := insertEverything(t, conn)
	nasty := "q'\"\\\n\t;x"
	for name, q := range map[string]struct {
		query string
		args  []any
	}{
		"positional": {"SELECT count() FROM everything WHERE id = ? AND ts >= ? AND e IN (?)", []any{rows[0].ID, moment, []string{"b", "a"}}},
		"numbered":   {"SELECT count() FROM everything WHERE id = $1", []any{rows[0].ID}},
		"named":      {"SELECT count() FROM everything WHERE s = @s", []any{ch.Named("s", rows[0].S)}},
		"server side": {"SELECT count() FROM everything WHERE id = {id:UUID} AND ts = {ts:DateTime64(6)} AND has({arr:Array(String)}, 'a') AND {nasty:String} = {same:String}",
			[]any{ch.Named("id", rows[0].ID), ch.Named("ts", moment.Format("2006-01-02 15:04:05.000000")), ch.Named("arr", []string{"a", "b"}), ch.Named("nasty", nasty), ch.Named("same", nasty)}},
	} {
		t.Run(name, func(t *testing.T) {
			require.Equal(t, uint64(1), count(t, conn, q.query, q.args...))
		})
	}
	var back string
	require.NoError(t, conn.QueryRow(t.Context(), "SELECT {nasty:String}", ch.Named("nasty", nasty)).Scan(&back))
	require.Equal(t, nasty, back)
	var n int64
	ctx := ch.Context(t.Context(), ch.WithParameters(ch.Parameters{"n": "41"}))
	require.NoError(t, conn.QueryRow(ctx, "SELECT {n:Int64} + 1").Scan(&n))
	require.Equal(t, int64(42), n)
}

func TestSettingsHoldForOneStatement(t *testing.T) {
	conn := connect(t)
	read := func(ctx context.Context) (s string) {
		require.NoError(t, conn.QueryRow(ctx, "SELECT toString(getSetting('max_block_size'))").Scan(&s))
		return s
	}
	require.Equal(t, "77", read(ch.Context(t.Context(), ch.WithSettings(ch.Settings{"max_block_size": 77}))))
	require.NotEqual(t, "77", read(t.Context()))
}

func TestInsertsAreSynchronousUnlessAsked(t *testing.T) {
	require.Zero(t, count(t, connect(t), "SELECT toUInt64(getSetting('async_insert'))"))
}

func TestEmptyResults(t *testing.T) {
	conn := connect(t)
	insertEverything(t, conn)
	for _, query := range []string{
		"SELECT id, ts FROM everything WHERE 0",
		"WITH 1 AS x SELECT id, ts FROM everything WHERE x = 2",
		"SELECT id, ts FROM everything WHERE s = {s:String} SETTINGS max_threads = 1;",
	} {
		rows, err := conn.Query(t.Context(), query, ch.Named("s", "none"))
		require.NoError(t, err, query)
		require.False(t, rows.Next(), query)
		require.NoError(t, rows.Err(), query)
		require.Equal(t, []string{"id", "ts"}, rows.Columns(), query)
		require.NoError(t, rows.Close())
	}
	require.ErrorIs(t, conn.QueryRow(t.Context(), "SELECT s FROM everything WHERE 0").Scan(new(string)), sql.ErrNoRows)
}

func TestLargeResult(t *testing.T) {
	conn := connect(t)
	rows, err := conn.Query(t.Context(), "SELECT number, toString(number) FROM numbers(1000000)")
	require.NoError(t, err)
	defer rows.Close()
	var n, sum uint64
	var s string
	for rows.Next() {
		require.NoError(t, rows.Scan(&n, &s))
		sum += n
	}
	require.NoError(t, rows.Err())
	require.Equal(t, uint64(1000000)*999999/2, sum)
}

// Formats with a head or a foot come as one document however large they are, and rows in any format.
func TestFormats(t *testing.T) {
	conn := connect(t)
	read := func(format string) []byte {
		r, err := conn.QueryFormat(t.Context(), format, "SELECT number FROM numbers(300000)")
		require.NoError(t, err)
		defer r.Close()
		b, err := io.ReadAll(r)
		require.NoError(t, err)
		return b
	}
	parquet := read("Parquet")
	require.Equal(t, 2, strings.Count(string(parquet), "PAR1"), "one head and one foot")
	require.Equal(t, 1, strings.Count(string(read("CSVWithNames")), "number"))
	require.Equal(t, 300000, strings.Count(string(read("JSONEachRow")), "\n"))
	var doc struct{ Rows int }
	require.NoError(t, json.Unmarshal(read("JSONCompact"), &doc))
	require.Equal(t, 300000, doc.Rows)

	execute(t, conn, "CREATE TABLE r (number UInt64) ENGINE = MergeTree ORDER BY number")
	require.NoError(t, conn.InsertFormat(t.Context(), "Parquet", "INSERT INTO r", strings.NewReader(string(parquet))))
	require.NoError(t, conn.InsertFormat(t.Context(), "JSONEachRow", "INSERT INTO r", strings.NewReader("{\"number\":300000}\n\n{\"number\":300001}\n")))
	require.Equal(t, uint64(300002), count(t, conn, "SELECT uniqExact(number) FROM r"))
}

func TestWaitEndOfQueryTellsErrorsFirst(t *testing.T) {
	conn := connect(t, func(o *ch.Options) { o.Settings = ch.Settings{"wait_end_of_query": 1} })
	_, err := conn.Query(t.Context(), "SELECT throwIf(number = 3000000) FROM numbers(4000000) SETTINGS max_block_size = 1000")
	requireCode(t, 395, err)
	require.Equal(t, uint64(100000), count(t, conn, "SELECT count() FROM (SELECT number FROM numbers(100000))"))
	rows, err := conn.Query(t.Context(), "SELECT number AS n FROM numbers(0)")
	require.NoError(t, err)
	require.Equal(t, []string{"n"}, rows.Columns())
	require.NoError(t, rows.Close())
}

func TestExternalTable(t *testing.T) {
	conn := connect(t)
	table, err := ext.NewTable("given", ext.Column("a", "UInt8"), ext.Column("s", "String"))
	require.NoError(t, err)
	for i := range 10 {
		require.NoError(t, table.Append(uint8(i), fmt.Sprint(i)))
	}
	var n, sum uint64
	ctx := ch.Context(t.Context(), ch.WithExternalTable(table))
	require.NoError(t, conn.QueryRow(ctx, "SELECT count(), sum(a) FROM given").Scan(&n, &sum))
	require.Equal(t, []uint64{10, 45}, []uint64{n, sum})
}

func TestNamedSessionKeepsTemporaryTables(t *testing.T) {
	id := uuid.NewString()
	conn := connect(t, func(o *ch.Options) { o.Settings = ch.Settings{"session_id": id} })
	execute(t, conn, "CREATE TEMPORARY TABLE mine (a Int32)", "INSERT INTO mine VALUES (1), (2)")
	require.Equal(t, uint64(2), count(t, conn, "SELECT count() FROM mine"))
	other := open(t, sharedEngine(t).ClientOptions(""))
	requireCode(t, 60, other.Exec(t.Context(), "SELECT * FROM mine"))
}

func TestConcurrentClients(t *testing.T) {
	conn := connect(t, func(o *ch.Options) { o.MaxOpenConns = 32 })
	var g errgroup.Group
	for i := range uint64(32) {
		g.Go(func() error {
			for range 10 {
				var sum uint64
				if err := conn.QueryRow(t.Context(), "SELECT sum(number) FROM numbers(?)", 1000+i).Scan(&sum); err != nil {
					return err
				}
				if want := (1000 + i) * (999 + i) / 2; sum != want {
					return fmt.Errorf("sum %d, want %d", sum, want)
				}
			}
			return nil
		})
	}
	require.NoError(t, g.Wait())
}

func TestDatabaseSQL(t *testing.T) {
	connect(t)
	o := sharedEngine(t).ClientOptions("test_TestDatabaseSQL")
	db := ch.OpenDB(o)
	defer db.Close()
	require.NoError(t, db.PingContext(t.Context()))
	_, err := db.ExecContext(t.Context(), "CREATE TABLE sq (a Int32, s String, t DateTime64(3)) ENGINE = MergeTree ORDER BY a")
	require.NoError(t, err)
	tx, err := db.Begin()
	require.NoError(t, err)
	st, err := tx.Prepare("INSERT INTO sq")
	require.NoError(t, err)
	for i := range 1000 {
		_, err := st.Exec(int32(i), fmt.Sprint(i), moment)
		require.NoError(t, err)
	}
	require.NoError(t, tx.Commit())
	_, err = db.Exec("INSERT INTO sq VALUES (?, ?, ?)", 5000, "v", moment)
	require.NoError(t, err)
	var n int
	require.NoError(t, db.QueryRow("SELECT count() FROM sq WHERE a < ?", 6000).Scan(&n))
	require.Equal(t, 1001, n)
	_, err = db.Exec("SELECT * FROM nope")
	requireCode(t, 60, err)
}
