package v2

import (
	"fmt"
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
