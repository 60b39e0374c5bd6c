package edge

import (
	"net"
	"sync/atomic"
	"time"

	"github.com/gofiber/fiber/v2"
)

// arrivals is a listener whose connections know when the request at hand began to arrive: when its first bytes were
// read, before its body was complete and a handler was free.
type arrivals struct{ net.Listener }

// Accept implements net.Listener.
func (l arrivals) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return &arriving{Conn: c}, nil
}

// arriving counts time from began on; 0 is never.
type arriving struct {
	net.Conn
	first atomic.Int64 // when the first bytes since the request before were read
	last  atomic.Int64 // when the newest bytes were
}

var began = time.Now()

// Read implements net.Conn.
func (c *arriving) Read(b []byte) (int, error) {
	n, err := c.Conn.Read(b)
	if n > 0 {
		now := max(1, int64(time.Since(began)))
		c.first.CompareAndSwap(0, now)
		c.last.Store(now)
	}
	return n, err
}

// at is when the request at hand began to arrive. One that was read together with the request before it arrived when
// that did.
func (c *arriving) at() time.Time {
	for _, t := range [...]int64{c.first.Load(), c.last.Load()} {
		if t != 0 {
			return began.Add(time.Duration(t))
		}
	}
	return time.Now()
}

// next says that what is read from now on belongs to another request.
func (c *arriving) next() { c.first.Store(0) }

func arrivedAt(c *fiber.Ctx) time.Time {
	if conn, ok := c.Context().Conn().(*arriving); ok {
		return conn.at()
	}
	return time.Now()
}

func arrived(c *fiber.Ctx) {
	if conn, ok := c.Context().Conn().(*arriving); ok {
		conn.next()
	}
}
