package edge

import (
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"log/slog"
	"runtime/debug"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/gofiber/fiber/v2"

	"ugc/handlers"
	"ugc/transport/http/exchange"
	"ugc/transport/http/problem"
)

const headerRequestID = "X-Request-Id"

// unmatched is the route of requests that no route answers; one name for all of them keeps metrics bounded.
const unmatched = "unmatched"

// observe is around every request: it names it, turns errors and panics into problems, counts, measures and logs.
func (s *Server) observe(c *fiber.Ctx) (err error) {
	start := time.Now()
	s.metrics.inFlight.Inc()
	s.begin(c)
	s.startSpan(c)
	defer arrived(c)
	defer func() {
		if p := recover(); p != nil {
			c.Response().Reset() // nothing of a half-made answer may get out
			c.Set(headerRequestID, exchange.ID(c))
			err = fmt.Errorf("panic: %v\n%s", p, debug.Stack())
		}
		if err != nil {
			err = s.answer(c, err)
		}
		s.metrics.inFlight.Dec()
		s.finish(c, time.Since(start))
	}()
	return c.Next()
}

// begin names the request and gives it its context.
func (s *Server) begin(c *fiber.Ctx) {
	id := c.Get(headerRequestID)
	if saneID(id) {
		id = strings.Clone(id) // Fiber uses its buffer again
	} else {
		id = s.o.NewID()
	}
	exchange.SetID(c, id)
	c.Set(headerRequestID, id)
	c.SetUserContext(handlers.ArrivedAt(s.base, arrivedAt(c)))
	s.o.Proxies.Find(c)
	if s.draining.Load() {
		c.Context().SetConnectionClose()
	}
}

// answer words an error as a problem.
func (s *Server) answer(c *fiber.Ctx, err error) error {
	exchange.SetCause(c, err)
	p := problem.Of(err)
	if p.Status == fiber.StatusRequestEntityTooLarge && p.Detail == "" {
		p.Detail = fmt.Sprintf("A body may have %d bytes: send less at once.", s.o.BodyLimit)
	}
	return p.Send(c, exchange.ID(c))
}

// finish counts and logs what became of a request. Successes are logged at debug level alone, refusals at info, failures at error.
func (s *Server) finish(c *fiber.Ctx, took time.Duration) {
	status, route := c.Response().StatusCode(), exchange.Route(c)
	if route == "" {
		route = unmatched
	}
	s.metrics.observe(c.Method(), route, status, took, s.endSpan(c, route, status))
	level := slog.LevelDebug
	switch {
	case status >= 500 && status != fiber.StatusServiceUnavailable:
		level = slog.LevelError
	case status >= 500:
		level = slog.LevelWarn
	case status >= 400:
		level = slog.LevelInfo
	}
	if !s.o.Log.Enabled(s.base, level) {
		return
	}
	attrs := []slog.Attr{slog.String("method", strings.Clone(c.Method())), slog.String("route", route), slog.Int("status", status), slog.Duration("took", took),
		slog.Int("bytes", len(c.Response().Body())), slog.String("remote", c.Context().RemoteAddr().String()),
		slog.String("client", exchange.Address(c).String()), slog.String("request_id", exchange.ID(c))}
	if who := exchange.CallerOf(c).Who(); who != "" {
		attrs = append(attrs, slog.String("caller", who))
	}
	if cause := exchange.Cause(c); cause != nil {
		attrs = append(attrs, slog.String("error", cause.Error()))
	}
	s.o.Log.LogAttrs(exchange.Context(c), level, "http request", attrs...)
}

// reject answers what never became a request: broken HTTP, too large, too slow.
func (s *Server) reject(c *fiber.Ctx, err error) error {
	s.begin(c)
	var f *fiber.Error
	if errors.As(err, &f) && f.Code == fiber.StatusBadGateway {
		err = fiber.NewError(fiber.StatusBadRequest, "The connection broke.")
	}
	sent := s.answer(c, err)
	s.finish(c, 0)
	return sent
}

// saneID says whether a request id from outside can stand in headers and logs.
func saneID(id string) bool {
	if id == "" || len(id) > 64 {
		return false
	}
	for i := range len(id) {
		switch c := id[i]; {
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= '0' && c <= '9', c == '-', c == '_', c == '.':
		default:
			return false
		}
	}
	return true
}

// countedIDs makes ids that differ within a process by counting, and between processes by where they start.
func countedIDs() func() string {
	var seed [8]byte
	_, _ = rand.Read(seed[:]) // never fails, says its documentation
	var n atomic.Uint64
	n.Store(binary.BigEndian.Uint64(seed[:]))
	return func() string { return strconv.FormatUint(n.Add(1), 36) }
}
