package v2_test

import (
	"testing"

	"github.com/gofiber/fiber/v2"
	"github.com/stretchr/testify/require"
	"github.com/valyala/fasthttp"

	"ugc/handlers/handlerstest"
	v2 "ugc/transport/http/v2"
)

// An answer is sent after its handler has returned. By then the next request may be at work with whatever is pooled, and must not write into it.
func TestAnAnswerIsNotWrittenIntoByTheNextRequest(t *testing.T) {
	const one, two = "00000000-0000-4000-8000-000000000001", "00000000-0000-4000-8000-000000000002"
	house := &handlerstest.House{}
	app := fiber.New()
	v2.New(v2.Options{Writing: house.Writing(), Positions: house, Opinions: house, Summaries: house}).Mount(app)
	serve := app.Handler()
	post := func(id string) *fasthttp.RequestCtx {
		c := &fasthttp.RequestCtx{}
		c.Request.Header.SetMethod(fiber.MethodPost)
		c.Request.SetRequestURI("/api/v2/events")
		c.Request.SetBodyString(`{"type":"bookmark","event_id":"` + id + `","user_id":"u","movie_id":"m"}`)
		serve(c)
		return c
	}
	first, second := post(one), post(two)
	require.JSONEq(t, `{"event_id":"`+one+`","status":"accepted"}`, string(first.Response.Body()))
	require.JSONEq(t, `{"event_id":"`+two+`","status":"accepted"}`, string(second.Response.Body()))
}
