package clickhouse_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"
)

const (
	kills     = 3
	writers   = 3
	batchRows = 5000
)

// Writers insert numbered batches while the child is killed again and again. Afterwards each acknowledged batch must
// be there whole, each other one whole or absent, and nothing else.
func TestAcknowledgedInsertsSurviveKills(t *testing.T) {
	o := options(t.TempDir(), "engine")
	o.BackOff = time.Millisecond
	r := startEngine(t, o)
	conn := open(t, r.ClientOptions(""))
	execute(t, conn, "CREATE DATABASE app", "CREATE TABLE app.ev (batch UInt64, row UInt64, pad String) ENGINE = MergeTree ORDER BY (batch, row)")

	writing, stop := context.WithCancel(t.Context())
	defer stop()
	acks := make(chan uint64, 1<<16)
	var g errgroup.Group
	for w := range uint64(writers) {
		g.Go(func() error { return write(writing, conn, w*1_000_000, acks) })
	}
	acked := map[uint64]bool{}
	for kill := range uint64(kills) {
		for range 20 {
			acked[<-acks] = true
		}
		killChild(t, o.DataDir)
		require.Eventually(t, func() bool { return r.Restarts() == kill+1 && r.Healthy() == nil }, patience, tick)
	}
	acked[<-acks] = true
	stop()
	require.NoError(t, g.Wait())
	close(acks)
	for batch := range acks {
		acked[batch] = true
	}
	requireWhole(t, conn, acked)
	killChild(t, o.DataDir)
	require.Eventually(t, func() bool { return r.Restarts() == kills+1 && r.Healthy() == nil }, patience, tick)
	requireWhole(t, conn, acked)
}

// write inserts batches until ctx ends and reports those that were acknowledged. A batch that failed is never tried
// again, so that none can be there twice.
func write(ctx context.Context, conn driver.Conn, from uint64, acks chan<- uint64) error {
	for id := from; ctx.Err() == nil; id++ {
		if insertBatch(ctx, conn, id) != nil {
			continue
		}
		select {
		case acks <- id:
		default:
			return errors.New("more batches than the test can count")
		}
	}
	return nil
}

func insertBatch(ctx context.Context, conn driver.Conn, id uint64) error {
	batch, err := conn.PrepareBatch(ctx, "INSERT INTO app.ev")
	if err != nil {
		return err
	}
	for row := range uint64(batchRows) {
		if err := batch.Append(id, row, fmt.Sprintf("%032d", row)); err != nil {
			return err
		}
	}
	return batch.Send()
}

func requireWhole(t *testing.T, conn driver.Conn, acked map[uint64]bool) {
	t.Helper()
	rows, err := conn.Query(t.Context(), "SELECT batch, count(), uniqExact(row) FROM app.ev GROUP BY batch")
	require.NoError(t, err)
	defer rows.Close()
	found := map[uint64]bool{}
	for rows.Next() {
		var batch, n, different uint64
		require.NoError(t, rows.Scan(&batch, &n, &different))
		require.Equal(t, []uint64{batchRows, batchRows}, []uint64{n, different}, "batch %d is not whole", batch)
		found[batch] = true
	}
	require.NoError(t, rows.Err())
	require.GreaterOrEqual(t, len(acked), kills*20)
	for batch := range acked {
		require.True(t, found[batch], "acknowledged batch %d is lost", batch)
	}
	t.Logf("%d batches acknowledged, %d found", len(acked), len(found))
}

// Syncing is the server's setting, which every table made without one of its own follows.
func TestTablesSyncUnlessToldNotTo(t *testing.T) {
	read := func(r *running) (values []string) {
		conn := open(t, r.ClientOptions(""))
		for _, name := range []string{"fsync_after_insert", "fsync_part_directory", "min_rows_to_fsync_after_merge", "min_compressed_bytes_to_fsync_after_merge"} {
			var v string
			require.NoError(t, conn.QueryRow(t.Context(), "SELECT value FROM system.merge_tree_settings WHERE name = ?", name).Scan(&v))
			values = append(values, v)
		}
		return values
	}
	require.Equal(t, []string{"1", "1", "1", "1"}, read(sharedEngine(t)))
	o := options(t.TempDir(), "engine")
	o.NoFsync = true
	require.Equal(t, []string{"0", "0", "0", "0"}, read(startEngine(t, o)))
}
