package clickhouse_test

import (
	"os"
	"path/filepath"
	"testing"

	ch "github.com/ClickHouse/clickhouse-go/v2"
	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
	"github.com/stretchr/testify/require"

	"ugc/projections/clickhouse"
)

// fileOf is the largest file of a kind in the newest part of a table.
func fileOf(t *testing.T, conn driver.Conn, database, table, suffix string) string {
	t.Helper()
	path := one[string](t, conn, "SELECT path FROM system.parts WHERE database = ? AND table = ? AND active ORDER BY name DESC LIMIT 1", database, table)
	files, err := filepath.Glob(filepath.Join(path, "*"+suffix))
	require.NoError(t, err)
	require.NotEmpty(t, files, path)
	largest, size := "", int64(-1)
	for _, f := range files {
		info, err := os.Stat(f)
		require.NoError(t, err)
		if info.Size() > size {
			largest, size = f, info.Size()
		}
	}
	return largest
}

// spoilings are ways in which a file is no longer what was written.
var spoilings = map[string]func(t *testing.T, path string){
	"cut": func(t *testing.T, path string) {
		info, err := os.Stat(path)
		require.NoError(t, err)
		require.NoError(t, os.Truncate(path, info.Size()/2))
	},
	"changed": func(t *testing.T, path string) {
		b, err := os.ReadFile(path)
		require.NoError(t, err)
		b[len(b)/2] ^= 0x40
		require.NoError(t, os.WriteFile(path, b, 0o600))
	},
	"gone": func(t *testing.T, path string) { require.NoError(t, os.Remove(path)) },
}

// TestDamagedPartsAreFound spoils a file of a view and one of the catalog, while the engine runs and across a restart of the table.
func TestDamagedPartsAreFound(t *testing.T) {
	for name, spoil := range spoilings {
		for _, table := range []string{"viewing__g1", "ugc_watermarks"} {
			t.Run(name+"/"+table, func(t *testing.T) {
				s, database := newStore(t)
				conn := connect(t, database)
				if table == "viewing__g1" {
					execute(t, conn, "INSERT INTO viewing__g1 (user_id, movie_id, version) SELECT toString(number), 'm', number FROM numbers(5000)")
				} else {
					execute(t, conn, "INSERT INTO ugc_watermarks (view, generation, partition, next_offset, version) SELECT toString(number), 1, 0, 1, 1 FROM numbers(500)")
				}
				found, err := s.Check(t.Context())
				require.NoError(t, err)
				require.Empty(t, found)
				found, err = s.SetAside(t.Context())
				require.NoError(t, err)
				require.Empty(t, found)

				spoil(t, fileOf(t, conn, database, table, ".bin"))
				found, err = s.Check(t.Context())
				require.NoError(t, err)
				require.Len(t, found, 1)
				require.Equal(t, table, found[0].Table)

				execute(t, conn, "DETACH TABLE "+table, "ATTACH TABLE "+table) // as a restart loads it
				aside, err := s.SetAside(t.Context())
				require.NoError(t, err)
				if name != "changed" { // the engine looks at sizes when it loads
					require.Len(t, aside, 1)
					require.Equal(t, table, aside[0].Table)
				}
				require.NoError(t, s.Renew(t.Context(), found))
				for _, look := range []func() ([]clickhouse.Damage, error){
					func() ([]clickhouse.Damage, error) { return s.Check(t.Context()) },
					func() ([]clickhouse.Damage, error) { return s.SetAside(t.Context()) },
				} {
					found, err := look()
					require.NoError(t, err)
					require.Empty(t, found)
				}
				live, err := s.Live(t.Context())
				require.NoError(t, err)
				want := 1
				if table == "viewing__g1" {
					want = 2
				}
				require.Equal(t, want, live["viewing"].Number)
				require.Equal(t, 1, live["feedback"].Number, "only what is damaged is made anew")
				require.Zero(t, one[uint64](t, conn, "SELECT count() FROM viewing"))
			})
		}
	}
}

func TestReadFaultsAreCounted(t *testing.T) {
	s, database := newStore(t)
	conn := connect(t, database)
	execute(t, conn, "INSERT INTO viewing__g1 (user_id, movie_id, version) SELECT toString(number), 'm', number FROM numbers(5000)")
	before, err := s.ReadFaults(t.Context())
	require.NoError(t, err)
	spoilings["changed"](t, fileOf(t, conn, database, "viewing__g1", ".bin"))
	var failure *ch.Exception
	err = conn.QueryRow(t.Context(), "SELECT max(user_id) FROM viewing").Scan(new(string))
	require.ErrorAs(t, err, &failure, "%v", err)
	after, err := s.ReadFaults(t.Context())
	require.NoError(t, err)
	require.Greater(t, after, before)
}

func TestDamageNamesItsView(t *testing.T) {
	require.Equal(t, "viewing", clickhouse.Damage{Table: "viewing__g3"}.View())
	require.Empty(t, clickhouse.Damage{Table: "ugc_blocked"}.View())
	require.Contains(t, clickhouse.Damage{Table: "a", Part: "b", Reason: "c"}.String(), "part b of a")
}
