package deploy

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"time"

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
	if err := awaitAnswer(ctx, store); err != nil {
		return err
	}
	_, err = store.Query(ctx, sql, out, format)
	return err
}

// The embedded engine is back within a second after it died; a server is given the same time.
const (
	answerWithin = 10 * time.Second
	answerPause  = 200 * time.Millisecond
)

// awaitAnswer tries until the server answers, so that a query that meets a restart is late and not lost.
func awaitAnswer(ctx context.Context, store *analytics.Store) error {
	bounded, cancel := context.WithTimeout(ctx, answerWithin)
	defer cancel()
	for {
		err := store.Ping(bounded)
		if err == nil {
			return nil
		}
		select {
		case <-time.After(answerPause):
		case <-bounded.Done():
			if ctx.Err() != nil {
				return ctx.Err()
			}
			return fmt.Errorf("ClickHouse does not answer; /healthz/ready and the service's log say why: %w", err)
		}
	}
}

// readers are the settings of a client beside the service.
func readers(c *config.Config) (*ch.Options, error) {
	if dir, ok := c.EmbeddedClickHouse(); ok {
		socket, err := Note(cmp.Or(dir, c.DataDir), NoteEngine)
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
