package clickhouse_test

import (
	"context"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
	"github.com/stretchr/testify/require"

	"ugc/deploy/faults/faultstest"
)

// TestAFullDiskEndsTheEngine fills the disk in the middle of inserts. The engine would acknowledge them all and leave parts with empty files; it must end
// instead, say why, and begin again without what it stored.
func TestAFullDiskEndsTheEngine(t *testing.T) {
	requireLibrary(t)
	disk := faultstest.SmallDisk(t, 128<<20)
	o := options(filepath.Join(disk, "data"), "engine")
	r, err := start(o)
	require.NoError(t, err)
	defer func() { _ = r.stop() }()
	conn := open(t, r.ClientOptions(""))
	execute(t, conn, "CREATE DATABASE app", "CREATE TABLE app.ev (batch UInt64, row UInt64, pad String) ENGINE = MergeTree ORDER BY (batch, row)")
	for id := range uint64(50) {
		require.NoError(t, small(t, conn, id))
	}
	f, err := os.Create(filepath.Join(disk, "ballast"))
	require.NoError(t, err)
	for chunk := make([]byte, 1<<20); err == nil; {
		_, err = f.Write(chunk)
	}
	require.ErrorIs(t, err, syscall.ENOSPC)
	require.NoError(t, f.Close())
	require.Eventually(t, func() bool { return r.Healthy() != nil }, patience, tick)
	require.ErrorContains(t, r.Ready(t.Context()), "disk is full")

	require.ErrorContains(t, runToEnd(t, o), "free space", "not before there is space")
	require.NoError(t, os.Remove(f.Name()))
	again := startEngine(t, o)
	conn = open(t, again.ClientOptions(""))
	var n uint64
	require.NoError(t, conn.QueryRow(t.Context(), "SELECT count() FROM system.databases WHERE name = 'app'").Scan(&n))
	require.Zero(t, n, "nothing of it is trusted")
	execute(t, conn, "CREATE DATABASE app")
	require.NoError(t, again.stop())
	again = startEngine(t, o)
	require.NoError(t, open(t, again.ClientOptions("")).QueryRow(t.Context(), "SELECT count() FROM system.databases WHERE name = 'app'").Scan(&n))
	require.EqualValues(t, 1, n, "what was stored since is")
}

func small(t *testing.T, conn driver.Conn, id uint64) error {
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	batch, err := conn.PrepareBatch(ctx, "INSERT INTO app.ev")
	if err != nil {
		return err
	}
	for row := range uint64(23) {
		require.NoError(t, batch.Append(id, row, "some text to fill a row"))
	}
	return batch.Send()
}
