package edge

import (
	"bytes"
	"strconv"
	"strings"

	"github.com/gofiber/fiber/v2"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"
	"go.opentelemetry.io/otel/trace"

	"ugc/transport/http/exchange"
)

var tracedPrefix = []byte("/api/") // whoever asks for health and metrics every few seconds would bury the rest

// startSpan begins the request's span, in the trace that the request names, and puts it into the request's context.
func (s *Server) startSpan(c *fiber.Ctx) {
	if s.o.Tracer == nil || !bytes.HasPrefix(c.Request().URI().Path(), tracedPrefix) {
		return
	}
	method := semconv.HTTPRequestMethodOther
	if known(c.Method()) {
		method = semconv.HTTPRequestMethodKey.String(strings.Clone(c.Method()))
	}
	ctx, _ := s.o.Tracer.Start(exchange.Context(c), method.Value.AsString(), trace.WithSpanKind(trace.SpanKindServer),
		trace.WithAttributes(method, semconv.URLScheme("http"), attribute.String("ugc.request_id", exchange.ID(c))))
	c.SetUserContext(ctx)
}

// endSpan says what became of the request and returns its trace where that is sampled. The route stands for the path, which names users.
func (s *Server) endSpan(c *fiber.Ctx, route string, status int) (sampled trace.TraceID) {
	if s.o.Tracer == nil {
		return sampled
	}
	span := trace.SpanFromContext(c.UserContext())
	if !span.IsRecording() {
		return sampled
	}
	method := "_OTHER"
	if known(c.Method()) {
		method = strings.Clone(c.Method())
	}
	if route != unmatched {
		span.SetName(method + " " + route)
		span.SetAttributes(semconv.HTTPRoute(route))
	}
	span.SetAttributes(semconv.HTTPResponseStatusCode(status), semconv.HTTPRequestBodySize(len(exchange.Body(c))))
	if status >= 500 {
		why := ""
		if cause := exchange.Cause(c); cause != nil {
			why = cause.Error()
		}
		span.SetStatus(codes.Error, why)
		span.SetAttributes(semconv.ErrorTypeKey.String(strconv.Itoa(status)))
	}
	span.End()
	return span.SpanContext().TraceID()
}
