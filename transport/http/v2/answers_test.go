package v2

import (
	"fmt"
	"strings"
	"testing"

	"github.com/gofiber/fiber/v2"
	"github.com/stretchr/testify/require"
	"github.com/valyala/fasthttp"

	"ugc/handlers/handlerstest"
)

// An answer is written to the connection after its handler has returned, when the next handler is at work already: it must not lie in a
// buffer that goes back to a pool.
func TestAnswersOutliveTheirHandler(t *testing.T) {
	house := &handlerstest.House{}
	app := fiber.New()
	app.Use(everybody)
	New(Options{Writing: house.Writing(), Positions: house, Opinions: house, Summaries: house}).Mount(app)
	handle := app.Handler()
	var answers []*fasthttp.RequestCtx
	id := func(i int) string { return fmt.Sprintf("0198c0de-0000-7000-8000-%012d", i) }
	for i := range 20 {
		var c fasthttp.RequestCtx
		c.Request.Header.SetMethod(fiber.MethodPost)
		c.Request.SetRequestURI(Prefix + "/events")
		event := fmt.Sprintf(`{"type":"like","event_id":%q,"user_id":"u","movie_id":"m"}`, id(i))
		if i%2 == 1 {
			event = "[" + event + "]"
		}
		c.Request.SetBodyString(event)
		handle(&c)
		answers = append(answers, &c)
	}
	for i, c := range answers {
		require.Equal(t, fiber.StatusAccepted, c.Response.StatusCode())
		require.Contains(t, string(c.Response.Body()), id(i))
	}
}

// Fiber uses its buffers again once a handler has returned: what was written must not change under later requests.
func TestEventsKeepNothingOfTheRequest(t *testing.T) {
	house := &handlerstest.House{}
	app := fiber.New()
	app.Use(everybody)
	New(Options{Writing: house.Writing(), Positions: house, Opinions: house, Summaries: house}).Mount(app)
	handle := app.Handler()
	var c fasthttp.RequestCtx
	name := func(i int) string { return strings.Repeat(string(rune('a'+i)), 20) }
	for i := range 20 {
		c.Request.Reset()
		c.Response.Reset()
		c.Request.Header.SetMethod(fiber.MethodPost)
		c.Request.SetRequestURI(Prefix + "/events")
		c.Request.SetBodyString(fmt.Sprintf(`{"type":"like","user_id":%q,"movie_id":%q}`, name(i), name(i)))
		handle(&c)
		require.Equal(t, fiber.StatusAccepted, c.Response.StatusCode())
	}
	require.Len(t, house.Log(), 20)
	for i, command := range house.Log() {
		require.Equal(t, name(i), command.Head().User)
		require.Equal(t, name(i), command.Head().Movie)
	}
}
