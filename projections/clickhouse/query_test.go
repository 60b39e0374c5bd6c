package clickhouse_test

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"ugc/domain"
	"ugc/projections/clickhouse"
	"ugc/projections/projectionstest"
	"ugc/schemas/topics"
)

func query(t *testing.T, s *clickhouse.Store, sql string, f clickhouse.Format) string {
	t.Helper()
	var out bytes.Buffer
	_, err := s.Query(t.Context(), sql, &out, f)
	require.NoError(t, err, sql)
	return out.String()
}

// still is a clock that stands, so that a table's last line is always the same.
func still(o *clickhouse.Options) { o.Now = func() time.Time { return time.UnixMilli(0) } }

func TestQueryDrawsATable(t *testing.T) {
	s, _ := newStore(t, still)
	require.Equal(t, lines(
		" name     │  n",
		"──────────┼────",
		" жанна ☂  │  1",
		" 映画     │ 22",
		" NULL     │  0",
		" a\\nb\\x1b │ -3",
		" \\xff     │  4",
		"5 rows in 0s",
	), query(t, s, `SELECT tupleElement(x, 1) AS name, tupleElement(x, 2) AS n FROM
		(SELECT arrayJoin([('жанна ☂', 1), ('映画', 22), (NULL, 0), ('a\nb\x1b', -3), (unhex('FF'), 4)]) AS x)`, clickhouse.Table))
	require.Equal(t, lines(" one", "─────", "   1", "1 row in 0s"), query(t, s, "SELECT 1 AS one;  ", clickhouse.Table))
	require.Equal(t, lines(" one", "─────", "0 rows in 0s"), query(t, s, "SELECT 1 AS one WHERE 0 -- nothing", clickhouse.Table))
}

func TestQueryCutsWideCells(t *testing.T) {
	s, _ := newStore(t, still, func(o *clickhouse.Options) { o.Query.CellWidth = 10 })
	require.Equal(t, lines(
		" a          │ b         │                    c",
		"────────────┼───────────┼──────────────────────",
		" xxxxxxxxx… │ 映画映画… │ 18446744073709551615",
		"1 row in 0s",
	), query(t, s, "SELECT repeat('x', 1000000) AS a, repeat('映画', 1000) AS b, 18446744073709551615 AS c", clickhouse.Table), "a number that is cut is another number")
}

// everyType is a row with a column of every type that somebody may meet, by the name of the column.
const everyType = `
SELECT 'it''s "so", yes' AS text, '' AS empty, NULL AS nothing, toNullable('there') AS maybe, toLowCardinality('low') AS low, CAST(NULL, 'LowCardinality(Nullable(String))') AS low_nothing,
	toFixedString('abc', 3) AS fixed, 18446744073709551615 AS u64, toInt8(-7) AS i8, toInt256('-57896044618658097711785492504343953926634992332820282019728792003956564819968') AS i256,
	toDecimal64('12.3400', 4) AS price, toDecimal128('-0.5', 1) AS d128, 0.1 AS f64, toFloat32(16777216) AS f32, 1e300 AS huge, nan AS no_number, -inf AS infinite, true AS yes,
	toUUID('0198c0de-0000-7000-8000-00000000000a') AS id, toDate('2024-02-29') AS day, toDate32('1925-01-01') AS old_day,
	toDateTime('2024-03-30 21:30:00', 'UTC') AS second, toDateTime64('2024-03-30 21:30:00.070', 3, 'UTC') AS milli, toDateTime64('2024-03-30 21:30:00', 6, 'Asia/Kolkata') AS micro,
	[1, 2] AS numbers, [['a', 'it''s'], []] AS texts, CAST([], 'Array(String)') AS none, [NULL, 3] AS gaps,
	(1, 'x', NULL) AS pair, CAST([(1, 2), (3, 4)], 'Array(Tuple(z_start Int64, a_end Int64))') AS watched, map('b', 2, 'a', 1) AS counts, map('k', [(1, 'v')]) AS deep,
	CAST('pa,(use', 'Enum8(\'play\' = 1, \'pa,(use\' = 2)') AS kind, toIPv4('127.0.0.1') AS ip4, toIPv6('::1') AS ip6,
	CAST(5, 'Variant(String, UInt8)') AS variant, CAST('{"a":{"b":[1,2]}}', 'JSON') AS json, CAST([1, 2], 'Dynamic') AS dynamic,
	[toDate('2024-02-29')] AS days, (toDateTime64('2024-03-30 21:30:00.5', 1, 'UTC'), toUUID('0198c0de-0000-7000-8000-00000000000a')) AS mixed`

func TestQueryShowsEveryType(t *testing.T) {
	s, _ := newStore(t, still, func(o *clickhouse.Options) { o.Query.CellWidth = 200 })
	for _, f := range []clickhouse.Format{clickhouse.Table, clickhouse.CSV, clickhouse.JSONLines} {
		golden := filepath.Join("testdata", "every_type."+string(f)+".golden")
		got := query(t, s, everyType, f)
		if os.Getenv("UGC_UPDATE_GOLDEN") == "1" {
			require.NoError(t, os.MkdirAll("testdata", 0o755))
			require.NoError(t, os.WriteFile(golden, []byte(got), 0o644))
		}
		want, err := os.ReadFile(golden)
		require.NoError(t, err)
		require.Equal(t, string(want), got, f)
	}
}

func TestQueryReadsTheViews(t *testing.T) {
	s, _ := newStore(t, still)
	require.NoError(t, live(t, s, "viewing").Write(t.Context(), projectionstest.History(topics.PlaybackEvents, 1, 40)))
	for _, view := range allViews {
		for _, f := range []clickhouse.Format{clickhouse.Table, clickhouse.CSV, clickhouse.JSONLines} {
			_, err := s.Query(t.Context(), "SELECT * FROM "+view, &bytes.Buffer{}, f)
			require.NoError(t, err, view)
		}
	}
	require.Contains(t, query(t, s, "SELECT watched FROM viewing ORDER BY watched_ms DESC LIMIT 1", clickhouse.Table), "{start_ms: ")
	require.Contains(t, query(t, s, "SHOW TABLES", clickhouse.CSV), "\nretention\n")
	require.Contains(t, query(t, s, "DESCRIBE viewing", clickhouse.JSONLines), `"name":"watched_ms"`)
	require.Contains(t, query(t, s, "EXPLAIN SELECT 1", clickhouse.Table), "explain")
	require.Equal(t, lines("a", "? {x:UInt8} $1 @n"), query(t, s, "WITH '? {x:UInt8} $1 @n' AS a SELECT a", clickhouse.CSV), "nothing in it is taken for a parameter")
	require.Equal(t, lines(`{"n":"5"}`), query(t, s, "SELECT getSetting('max_threads')::String AS n SETTINGS max_threads = 5", clickhouse.JSONLines))
}

func TestQueryOnlyReads(t *testing.T) {
	s, database := newStore(t)
	file := filepath.Join(t.TempDir(), "out")
	for _, sql := range []string{
		"DROP TABLE viewing__g1", "INSERT INTO ugc_migrations VALUES (2, 'x', now64(3))", "ALTER TABLE viewing__g1 DELETE WHERE 1", "TRUNCATE TABLE viewing__g1", "SYSTEM STOP MERGES",
		"CREATE TABLE x (a Int8) ENGINE = Memory", "SET readonly = 0", "SELECT 1 SETTINGS readonly = 0", "SELECT 1; DROP TABLE viewing__g1",
		"SELECT 1 INTO OUTFILE '" + file + "'", "SELECT 1 into -- a comment\n outfile '" + file + "'", "SELECT 1 INTO/**/OUTFILE '" + file + "'",
		"SELECT 1 FORMAT JSON", "select 1 format Pretty;", "SELECT 1 FORMAT CSV SETTINGS max_threads = 1", "", " ; ", "-- nothing", "SELEC 1", "SELECT * FROM nowhere", "SELECT nothing FROM viewing",
		"SELECT sumState(plays) FROM viewing",
	} {
		var out bytes.Buffer
		_, err := s.Query(t.Context(), sql, &out, clickhouse.CSV)
		require.Error(t, err, sql)
		require.Equal(t, domain.Invalid, domain.KindOf(err), "%s: %v", sql, err)
		require.NotContains(t, err.Error(), "\n", sql)
	}
	require.NoFileExists(t, file)
	conn := connect(t, database)
	require.Equal(t, uint64(1), one[uint64](t, conn, "SELECT count() FROM ugc_migrations"))
	require.Zero(t, one[uint64](t, conn, "SELECT count() FROM viewing__g1"), "it is still there")
	for _, sql := range []string{
		"SELECT 'INTO OUTFILE', `format` FROM (SELECT 1 AS format)", "SELECT 1 AS into, 2 AS outfile", "SELECT ';' -- ; FORMAT JSON", "SELECT 'a''; FORMAT X'", "SELECT '\\'; INTO OUTFILE'",
	} {
		_, err := s.Query(t.Context(), sql, &bytes.Buffer{}, clickhouse.CSV)
		require.NoError(t, err, sql)
	}
}

func TestQueryIsBounded(t *testing.T) {
	s, _ := newStore(t, still, func(o *clickhouse.Options) { o.Query.MaxRows = 3 })
	var out bytes.Buffer
	summary, err := s.Query(t.Context(), "SELECT number AS n FROM numbers(100000000000)", &out, clickhouse.Table)
	require.NoError(t, err)
	require.Equal(t, clickhouse.Summary{Rows: 3, Truncated: true}, summary)
	require.Equal(t, lines(" n", "───", " 0", " 1", " 2", "the first 3 rows of more (add LIMIT, or choose csv or jsonl)"+" in 0s"), out.String())
	summary, err = s.Query(t.Context(), "SELECT number FROM numbers(3)", &out, clickhouse.CSV)
	require.NoError(t, err)
	require.Equal(t, clickhouse.Summary{Rows: 3}, summary, "exactly as many are not too many")

	slow, _ := newStore(t, func(o *clickhouse.Options) { o.Query.Timeout = 300 * time.Millisecond })
	_, err = slow.Query(t.Context(), "SELECT sum(sipHash64(number)) FROM numbers(100000000000)", &out, clickhouse.Table)
	require.Equal(t, domain.Unavailable, domain.KindOf(err), "%v", err)
	require.ErrorContains(t, err, "in time")

	narrow, _ := newStore(t, func(o *clickhouse.Options) { o.Query.MaxBytes = 10_000 })
	_, err = narrow.Query(t.Context(), "SELECT repeat('x', 100) FROM numbers(1000)", &out, clickhouse.JSONLines)
	require.Equal(t, domain.TooLarge, domain.KindOf(err), "%v", err)

	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err = s.Query(ctx, "SELECT 1", &out, clickhouse.Table)
	require.ErrorIs(t, err, context.Canceled)
}

type closedPipe struct{}

var errPipe = errors.New("broken pipe")

func (closedPipe) Write([]byte) (int, error) { return 0, errPipe }

func TestQueryEndsWhenNobodyReads(t *testing.T) {
	s, _ := newStore(t)
	for _, f := range []clickhouse.Format{clickhouse.Table, clickhouse.CSV, clickhouse.JSONLines} {
		_, err := s.Query(t.Context(), "SELECT number FROM numbers(200000)", closedPipe{}, f)
		require.ErrorIs(t, err, errPipe, f)
	}
	_, err := s.Query(t.Context(), "SELECT 1", &bytes.Buffer{}, "parquet")
	require.Equal(t, domain.Invalid, domain.KindOf(err))
}

func TestFormatNames(t *testing.T) {
	for _, f := range []clickhouse.Format{clickhouse.Table, clickhouse.CSV, clickhouse.JSONLines} {
		got, err := clickhouse.ParseFormat(string(f))
		require.NoError(t, err)
		require.Equal(t, f, got)
	}
	_, err := clickhouse.ParseFormat(strings.ToUpper(string(clickhouse.CSV)))
	require.ErrorContains(t, err, "table, csv, jsonl")
}
