package edge

import (
	"testing"

	"github.com/gofiber/fiber/v2"
	"github.com/stretchr/testify/require"
	"github.com/valyala/fasthttp"

	"ugc/handlers/handlerstest"
	"ugc/transport/http/auth"
	"ugc/transport/http/exchange"
)

// A route that somebody adds lets nobody in until it says whom.
func TestNewRoutesAreClosed(t *testing.T) {
	secret, key, err := auth.NewKey("all", exchange.Read|exchange.Write|exchange.Metrics)
	require.NoError(t, err)
	guard, err := auth.New(auth.Options{Keys: []auth.Key{key}})
	require.NoError(t, err)
	house := &handlerstest.House{}
	build := func() *Server {
		s, err := New(Options{Writing: house.Writing(), Positions: house, Opinions: house, Summaries: house, Guard: guard})
		require.NoError(t, err)
		return s
	}
	hello := func(c *fiber.Ctx) error { return c.SendString("hello") }
	ask := func(s *Server, target, key string) int {
		var c fasthttp.RequestCtx
		c.Request.SetRequestURI(target)
		if key != "" {
			c.Request.Header.Set(auth.HeaderKey, key)
		}
		s.app.Handler()(&c)
		return c.Response.StatusCode()
	}
	var unsaid exchange.Access
	s := build()
	s.get("/new", unsaid, hello)
	s.get("/api/v2/new", exchange.Reads, hello)
	require.Equal(t, 401, ask(s, "/new", ""))
	require.Equal(t, 403, ask(s, "/new", secret), "not even who may do everything")
	require.Equal(t, 401, ask(s, "/api/v2/new", ""))
	require.Equal(t, 200, ask(s, "/api/v2/new", secret))
	require.NoError(t, s.undeclared())

	s.app.Get("/beside", hello)
	require.Equal(t, 401, ask(s, "/beside", ""), "past the list of routes it is closed to strangers")
	require.ErrorContains(t, s.undeclared(), "/beside", "and the server does not start")
	s = build()
	s.app.Use("/api/v3", hello)
	require.Equal(t, 401, ask(s, "/api/v3/users", ""))
	require.ErrorContains(t, s.undeclared(), "/api/v3", "a prefix neither")
}
