package deploy

import (
	"context"
	"errors"
	"fmt"
	"io"

	ch "github.com/ClickHouse/clickhouse-go/v2"

	"ugc/deploy/config"
	"ugc/deploy/embedded/clickhouse"
	analytics "ugc/projections/clickhouse"
)

// Query asks the analytics of a configuration, read-only, and writes the answer: the engine of the service that runs on the data folder,
// or the server that is named. ErrNotRunning where there is no such service.
func Query(ctx context.Context, c *config.Config, sql string, format analytics.Format, out io.Writer) (err error) {
	server, err := readers(c)
	if err != nil {
		return err
	}
	store, err := analytics.Open(analytics.Options{Server: server})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, store.Close()) }()
	_, err = store.Query(ctx, sql, out, format)
	return err
}

// readers are the settings of a client beside the service.
func readers(c *config.Config) (*ch.Options, error) {
	if c.ClickHouse == "embedded:" {
		socket, err := Note(c.DataDir, NoteEngine)
		if err != nil {
			return nil, err
		}
		return clickhouse.SocketOptions(socket, ""), nil
	}
	server, err := ch.ParseDSN(c.ClickHouse)
	if err != nil {
		return nil, fmt.Errorf("UGC_CLICKHOUSE is no address of a ClickHouse server: %w", err)
	}
	return server, nil
}
