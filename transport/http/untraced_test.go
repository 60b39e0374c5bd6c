package edge

import (
	"testing"

	"github.com/gofiber/fiber/v2"
	"github.com/stretchr/testify/require"
	"github.com/valyala/fasthttp"
)

func TestRequestsWithoutATracerCostNothing(t *testing.T) {
	app := fiber.New()
	c := app.AcquireCtx(&fasthttp.RequestCtx{})
	defer app.ReleaseCtx(c)
	c.Request().SetRequestURI("/api/v2/events")
	s := &Server{}
	require.Zero(t, testing.AllocsPerRun(100, func() {
		s.startSpan(c)
		s.endSpan(c, "/api/v2/events", 202)
	}))
}
