// Package exchange is what the parts of the edge tell each other about the request at hand.
package exchange

import (
	"context"
	"strings"

	"github.com/gofiber/fiber/v2"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"
)

type key uint8

const (
	keyRoute key = iota
	keyID
	keyCause
	keyCaller
	keyAddress
)

// SetRoute names the route that answers, as a template such as /users/{user_id}; metrics and logs are kept by it.
func SetRoute(c *fiber.Ctx, template string) { c.Locals(keyRoute, template) }

// Route is the template of the route that answers, "" where there is none.
func Route(c *fiber.Ctx) string { s, _ := c.Locals(keyRoute).(string); return s }

// SetID gives the request a name of its own.
func SetID(c *fiber.Ctx, id string) { c.Locals(keyID, id) }

// ID is the request's name.
func ID(c *fiber.Ctx) string { s, _ := c.Locals(keyID).(string); return s }

// SetCause keeps why a request failed, for the log.
func SetCause(c *fiber.Ctx, err error) { c.Locals(keyCause, err) }

// Cause is why a request failed, nil where it did not.
func Cause(c *fiber.Ctx) error { err, _ := c.Locals(keyCause).(error); return err }

// Context is the context to call use cases with: it ends when the server gives up on open requests, and carries the trace that
// the request belongs to. Nothing in it refers to Fiber's buffers, which are used again after the handler returns.
func Context(c *fiber.Ctx) context.Context {
	ctx := c.UserContext()
	if len(c.Request().Header.Peek("traceparent")) == 0 || trace.SpanContextFromContext(ctx).IsValid() {
		return ctx
	}
	return propagation.TraceContext{}.Extract(ctx, header{c})
}

// header lets OpenTelemetry read request headers; values are copied, because a trace state outlives the request.
type header struct{ c *fiber.Ctx }

func (h header) Get(k string) string { return strings.Clone(h.c.Get(k)) }
func (h header) Set(string, string)  {}
func (h header) Keys() []string      { return nil }

// Body is the request's body as it came, in Fiber's buffer: copy what is kept. Unlike Fiber's own it decodes no Content-Encoding, which would
// undo the size limit.
func Body(c *fiber.Ctx) []byte { return c.Request().Body() }
