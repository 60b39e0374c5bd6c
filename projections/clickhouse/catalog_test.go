package clickhouse

import (
	"context"
	"testing"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
	"github.com/stretchr/testify/require"

	"ugc/projections"
)

// endedRows is a result that ends after some rows without an error, as the driver's does when it is given up in the wrong moment.
type endedRows struct {
	driver.Rows
	left int
}

func (r *endedRows) Next() bool   { r.left--; return r.left >= 0 }
func (r *endedRows) Err() error   { return nil }
func (r *endedRows) Close() error { return nil }

func TestARowIsNotMissedWhenTheTimeIsUp(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	read := 0
	require.NoError(t, scanAll(ctx, &endedRows{left: 3}, func(driver.Rows) error { read++; return nil }))
	require.Equal(t, 3, read)
	cancel()
	require.ErrorIs(t, scanAll(ctx, &endedRows{left: 3}, func(driver.Rows) error { return nil }), context.Canceled, "a blocked key could be among those that did not come")
}

func TestGenerationNames(t *testing.T) {
	for name, want := range map[string]projections.Generation{"viewing__g1": {View: "viewing", Number: 1}, "a__gb__g12": {View: "a__gb", Number: 12}} {
		got, ok := parseGeneration(name)
		require.True(t, ok)
		require.Equal(t, want, got)
		require.Equal(t, name, got.String())
	}
	for _, name := range []string{"viewing", "viewing__g", "viewing__g0", "viewing__g1_local", "viewing__g-1"} {
		_, ok := parseGeneration(name)
		require.False(t, ok, name)
	}
}

func TestInsertsIntoAClusterWaitForAMajority(t *testing.T) {
	one := Options{}.withDefaults().insertSettings()
	require.NotContains(t, one, "insert_quorum")
	many := Options{Cluster: "main_cluster"}.withDefaults().insertSettings()
	require.Equal(t, "auto", many["insert_quorum"])
	require.Equal(t, 1, many["distributed_foreground_insert"])
	require.Equal(t, int64(60_000), many["insert_quorum_timeout"])
	require.Equal(t, "3", Options{Cluster: "c", InsertQuorum: "3"}.withDefaults().insertSettings()["insert_quorum"])
}
