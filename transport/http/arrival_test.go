package edge_test

import (
	"bufio"
	"fmt"
	"net"
	"net/http"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"ugc/domain"
	"ugc/handlers/handlerstest"
	edge "ugc/transport/http"
)

const head = "POST /api/v2/events HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n"

// A request arrives with its first bytes, however long its body takes; on a kept connection each has an arrival of its
// own.
func TestRequestArrivesWithItsFirstBytes(t *testing.T) {
	house := &handlerstest.House{}
	now := func() domain.Instant { return domain.Instant(time.Now().UnixMilli()) }
	s := start(t, house, func(o *edge.Options) { o.Writing.Now = now })
	c, err := net.Dial("tcp", s.server.Addr())
	require.NoError(t, err)
	defer func() { _ = c.Close() }()
	require.NoError(t, c.SetDeadline(time.Now().Add(patience)))
	in := bufio.NewReader(c)
	var last domain.Instant
	for range 2 {
		before := now()
		require.GreaterOrEqual(t, before, last)
		_, err = fmt.Fprintf(c, head+aLike[:5], len(aLike))
		require.NoError(t, err)
		sent := now()
		waited := time.NewTimer(300 * time.Millisecond) // what is tested is that it is not counted
		<-waited.C
		_, err = c.Write([]byte(aLike[5:]))
		require.NoError(t, err)
		resp, err := http.ReadResponse(in, nil)
		require.NoError(t, err)
		require.NoError(t, resp.Body.Close())
		require.Equal(t, 202, resp.StatusCode)
		log := house.Log()
		received := log[len(log)-1].Head().ReceivedAt
		require.GreaterOrEqual(t, received, before-1)
		require.Less(t, received, sent+250, "the body came later")
		last = now()
	}
}

// Requests that come in one piece arrived together, also where the first takes long.
func TestRequestsOfOnePieceArriveTogether(t *testing.T) {
	var slow atomic.Bool
	slow.Store(true)
	house := &handlerstest.House{}
	house.Refuse = func(domain.Command) error {
		if slow.Swap(false) {
			timer := time.NewTimer(300 * time.Millisecond)
			<-timer.C
		}
		return nil
	}
	s := start(t, house, func(o *edge.Options) {
		o.Writing.Now = func() domain.Instant { return domain.Instant(time.Now().UnixMilli()) }
	})
	c, err := net.Dial("tcp", s.server.Addr())
	require.NoError(t, err)
	defer func() { _ = c.Close() }()
	require.NoError(t, c.SetDeadline(time.Now().Add(patience)))
	one := fmt.Sprintf(head+aLike, len(aLike))
	_, err = c.Write([]byte(one + one))
	require.NoError(t, err)
	in := bufio.NewReader(c)
	for range 2 {
		resp, err := http.ReadResponse(in, nil)
		require.NoError(t, err)
		_, err = in.Discard(int(resp.ContentLength))
		require.NoError(t, err)
	}
	log := house.Log()
	require.Less(t, log[1].Head().ReceivedAt-log[0].Head().ReceivedAt, domain.Instant(250))
}
