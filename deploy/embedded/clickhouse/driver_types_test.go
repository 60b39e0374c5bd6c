package clickhouse_test

import (
	"fmt"
	"math/big"
	"net"
	"reflect"
	"testing"
	"time"

	ch "github.com/ClickHouse/clickhouse-go/v2"
	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
	"github.com/google/uuid"
	"github.com/stretchr/testify/require"
)

const everyType = `CREATE TABLE everything (
	id UUID, ts DateTime64(6, 'UTC'), d Date, dt DateTime, s String, lc LowCardinality(String), lcn LowCardinality(Nullable(String)),
	arr Array(String), m Map(String, UInt64), n Nullable(Int32), e Enum8('a' = 1, 'b' = 2), tup Tuple(a Int32, b String),
	dec Decimal(18, 4), ip IPv6, fs FixedString(4), b Bool, nested Array(Tuple(x Int32, y String)), f Float64, i128 Int128
) ENGINE = MergeTree ORDER BY (ts, id)`

var moment = time.Date(2025, 3, 4, 5, 6, 7, 123456000, time.UTC)

type everything struct {
	ID  uuid.UUID         `ch:"id"`
	TS  time.Time         `ch:"ts"`
	S   string            `ch:"s"`
	LCN *string           `ch:"lcn"`
	Arr []string          `ch:"arr"`
	M   map[string]uint64 `ch:"m"`
	N   *int32            `ch:"n"`
	E   string            `ch:"e"`
	IP  net.IP            `ch:"ip"`
	B   bool              `ch:"b"`
	F   float64           `ch:"f"`
	I   *big.Int          `ch:"i128"`
}

// insertEverything writes three rows with bytes that break text protocols, and returns what must come back.
func insertEverything(t *testing.T, conn driver.Conn) []everything {
	t.Helper()
	execute(t, conn, everyType)
	batch, err := conn.PrepareBatch(t.Context(), "INSERT INTO everything")
	require.NoError(t, err)
	var rows []everything
	for i := range 3 {
		row := everything{
			ID: uuid.New(), TS: moment.Add(time.Duration(i) * time.Second), S: fmt.Sprintf("str\n\n;\x00\\'%d", i),
			Arr: []string{"a", "b\n\n"}, M: map[string]uint64{"k": uint64(i)}, E: "b", IP: net.ParseIP("2001:db8::1"), B: true, F: 1.5,
			I: new(big.Int).Lsh(big.NewInt(-5), 70),
		}
		if i == 1 {
			seven, text := int32(7), "x\n\n\x00y"
			row.N, row.LCN = &seven, &text
		}
		require.NoError(t, batch.Append(row.ID, row.TS, moment, moment, row.S, "low", row.LCN, row.Arr, row.M, row.N, row.E,
			[]any{int32(i), "t"}, "12.3400", row.IP, "abcd", row.B, []any{[]any{int32(1), "q"}}, row.F, row.I))
		rows = append(rows, row)
	}
	require.NoError(t, batch.Send())
	return rows
}

func TestEveryTypeSurvivesEveryCompression(t *testing.T) {
	over := func(m ch.CompressionMethod, settings ch.Settings) func(*ch.Options) {
		return func(o *ch.Options) {
			o.Compression = &ch.Compression{Method: m, Level: 3}
			o.Settings = settings
		}
	}
	encoded := ch.Settings{"enable_http_compression": 1}
	for name, change := range map[string]func(*ch.Options){
		"none":    func(*ch.Options) {},
		"lz4":     over(ch.CompressionLZ4, nil),
		"zstd":    over(ch.CompressionZSTD, nil),
		"gzip":    over(ch.CompressionGZIP, encoded),
		"deflate": over(ch.CompressionDeflate, encoded),
		"br":      over(ch.CompressionBrotli, encoded),
	} {
		t.Run(name, func(t *testing.T) {
			conn := connect(t, change)
			want := insertEverything(t, conn)
			var got []everything
			require.NoError(t, conn.Select(t.Context(), &got, "SELECT id, ts, s, lcn, arr, m, n, e, ip, b, f, i128 FROM everything ORDER BY ts"))
			require.Equal(t, want, got)
			requireAllScan(t, conn)
			requireMidStreamError(t, conn)
		})
	}
}

// requireAllScan reads every column into the type that the driver suggests for it.
func requireAllScan(t *testing.T, conn driver.Conn) {
	t.Helper()
	rows, err := conn.Query(t.Context(), "SELECT * REPLACE (toString(dec) AS dec) FROM everything ORDER BY ts")
	require.NoError(t, err)
	defer rows.Close()
	n := 0
	for ; rows.Next(); n++ {
		var values []any
		for _, c := range rows.ColumnTypes() {
			values = append(values, reflect.New(c.ScanType()).Interface())
		}
		require.NoError(t, rows.Scan(values...))
	}
	require.NoError(t, rows.Err())
	require.Equal(t, 3, n)
}

func requireMidStreamError(t *testing.T, conn driver.Conn) {
	t.Helper()
	rows, err := conn.Query(t.Context(), "SELECT throwIf(number = 3000000, 'boom') FROM numbers(10000000) SETTINGS max_block_size=1000, max_threads=1")
	require.NoError(t, err)
	defer rows.Close()
	n := 0
	for rows.Next() {
		n++
	}
	requireCode(t, 395, rows.Err())
	require.NotZero(t, n, "the error came before any row")
}

func TestDynamicTypesCanBeRead(t *testing.T) {
	conn := connect(t)
	for _, query := range []string{
		`SELECT '{"a":1,"b":"x"}'::JSON`, `SELECT 1::Variant(Int64, String)`, `SELECT 5::Dynamic`,
		`SELECT uniqMerge(s) FROM (SELECT uniqState(number) s FROM numbers(1000))`,
	} {
		rows, err := conn.Query(t.Context(), query)
		require.NoError(t, err, query)
		n := 0
		for rows.Next() {
			n++
		}
		require.NoError(t, rows.Err(), query)
		require.Equal(t, 1, n, query)
		require.NoError(t, rows.Close())
	}
}
