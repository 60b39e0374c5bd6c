package clickhouse

import (
	"context"
	"fmt"
	"net"
	"time"

	ch "github.com/ClickHouse/clickhouse-go/v2"
)

// Bounds of a client. A statement that takes longer than readTimeout to its first row needs options of its own.
const (
	dialTimeout = 5 * time.Second
	readTimeout = 5 * time.Minute
	openConns   = 16
	idleConns   = 4
)

// Addr is what ClientOptions names as address. It is no place on the network: DialContext goes to the child's socket
// whatever it is told.
const Addr = "localhost" // which no HTTP proxy setting applies to

// DialContext connects to the child's socket. While the child restarts it waits, for 5 s or until ctx ends, and
// fails with ErrNotRunning then.
func (e *Engine) DialContext(ctx context.Context, _ string) (net.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, dialTimeout)
	defer cancel()
	socket, err := e.await(ctx)
	if err != nil {
		return nil, err
	}
	conn, err := new(net.Dialer).DialContext(ctx, "unix", socket)
	if err != nil {
		return nil, fmt.Errorf("dial the embedded ClickHouse engine: %w", err)
	}
	return conn, nil
}

// ClientOptions are clickhouse-go's options for a database of this engine, "default" when empty, ready for
// clickhouse.Open or OpenDB. A connection outlives restarts: a statement that was under way when the child died
// fails, later ones dial again. Change what you like in it but protocol, address and dialler.
func (e *Engine) ClientOptions(database string) *ch.Options {
	return clientOptions(database, e.DialContext)
}

func clientOptions(database string, dial func(context.Context, string) (net.Conn, error)) *ch.Options {
	if database == "" {
		database = "default"
	}
	return &ch.Options{
		Protocol:     ch.HTTP,
		Addr:         []string{Addr},
		Auth:         ch.Auth{Database: database},
		DialContext:  dial,
		DialTimeout:  dialTimeout,
		ReadTimeout:  readTimeout,
		MaxOpenConns: openConns,
		MaxIdleConns: idleConns,
	}
}
