package clickhouse_test

import (
	"bytes"
	"context"
	"io"
	"net"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"ugc/domain"
	"ugc/projections"
	"ugc/projections/clickhouse"
	"ugc/projections/projectionstest"
)

// deaf is a connection that, while it is armed, loses the reply to an insert: the server has done all of it by then.
type deaf struct {
	net.Conn
	armed     *atomic.Bool
	lost      *atomic.Int64
	inserting atomic.Bool
}

func (c *deaf) Write(p []byte) (int, error) {
	switch insert := bytes.Contains(p, []byte("INSERT")); {
	case insert:
		c.inserting.Store(true)
	case bytes.HasPrefix(p, []byte("POST ")), bytes.HasPrefix(p, []byte("GET ")): // another request
		c.inserting.Store(false)
	}
	return c.Conn.Write(p)
}

func (c *deaf) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	if err != nil || !c.inserting.Load() || !c.armed.Load() {
		return n, err
	}
	c.lost.Add(1)
	return 0, io.ErrUnexpectedEOF
}

// The rows are written, but nobody hears of it, so they are written again; so is the watermark.
func TestALostReplyCountsNothingTwice(t *testing.T) {
	var armed atomic.Bool
	var lost atomic.Int64
	s, database := newStore(t, func(o *clickhouse.Options) {
		server := *o.Server
		dial := server.DialContext
		server.DialContext = func(ctx context.Context, addr string) (net.Conn, error) {
			conn, err := dial(ctx, addr)
			return &deaf{Conn: conn, armed: &armed, lost: &lost}, err
		}
		o.Server = &server
	})
	conn := connect(t, database)
	for _, v := range s.Views() {
		history := projectionstest.History(v.Source, 21, 120)
		sink, err := s.Sink(projections.Generation{View: v.Name, Number: 1})
		require.NoError(t, err)
		count := "SELECT count() FROM " + v.Name
		before := lost.Load()

		armed.Store(true)
		err = sink.Write(t.Context(), history)
		armed.Store(false)
		require.Equal(t, domain.Unavailable, domain.KindOf(err), "%s: %v", v.Name, err)
		require.Greater(t, lost.Load(), before, v.Name)
		written := one[uint64](t, conn, count)
		require.NotZero(t, written, "%s: it was written all the same", v.Name)

		require.NoError(t, sink.Write(t.Context(), history))
		require.Equal(t, written, one[uint64](t, conn, count), v.Name)
		marks := map[int32]projections.Watermark{1: {Next: 40, Version: 39}}
		armed.Store(true)
		err = sink.Advance(t.Context(), marks)
		armed.Store(false)
		require.Equal(t, domain.Unavailable, domain.KindOf(err), "%s: %v", v.Name, err)
		require.NoError(t, sink.Advance(t.Context(), marks))
		got, err := sink.Watermarks(t.Context())
		require.NoError(t, err)
		require.Equal(t, marks, got)
	}
	require.Equal(t, one[uint64](t, conn, "SELECT uniqExact(partition, version) FROM playback_events"), one[uint64](t, conn, "SELECT count() FROM playback_events"))
}
