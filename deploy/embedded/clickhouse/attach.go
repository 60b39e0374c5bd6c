package clickhouse

import (
	"context"
	"fmt"
	"net"

	ch "github.com/ClickHouse/clickhouse-go/v2"
)

// Socket is the path of the child's unix socket, for other processes of the same user (see SocketOptions). It waits until the child answers, or
// ctx ends. The path stays the same while Run lives, also when the child restarts.
func (e *Engine) Socket(ctx context.Context) (string, error) { return e.await(ctx) }

// SocketOptions are clickhouse-go's options for an engine that another process runs, reached by its socket.
func SocketOptions(socket, database string) *ch.Options {
	return clientOptions(database, func(ctx context.Context, _ string) (net.Conn, error) {
		ctx, cancel := context.WithTimeout(ctx, dialTimeout)
		defer cancel()
		conn, err := new(net.Dialer).DialContext(ctx, "unix", socket)
		if err != nil {
			return nil, fmt.Errorf("dial the ClickHouse engine of the running service: %w", err)
		}
		return conn, nil
	})
}
