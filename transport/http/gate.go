package edge

import (
	"fmt"
	"strings"

	"github.com/gofiber/fiber/v2"

	"ugc/transport/http/exchange"
	v1 "ugc/transport/http/v1"
)

// gate is before every route: it asks who calls before anything else of the request is read. Who is nobody comes to public routes alone,
// and to no other address or method, whether something is there or not.
func (s *Server) gate(c *fiber.Ctx) error {
	if s.public(c) {
		return c.Next()
	}
	keepPrivate(c)
	if err := s.admit(c); err != nil {
		return err
	}
	if s.o.Limit != nil {
		return s.o.Limit.Allow(c)
	}
	return c.Next()
}

// admit finds out who calls, and refuses nobody.
func (s *Server) admit(c *fiber.Ctx) error {
	caller := exchange.Nobody
	switch {
	case s.o.Guard != nil:
		var err error
		if caller, err = s.o.Guard.Identify(c); err != nil {
			return err
		}
		if !caller.Known() {
			return s.o.Guard.Unknown(c)
		}
	case s.o.Open:
		caller = exchange.Everybody
	}
	if !caller.Known() {
		return exchange.ErrNobody
	}
	exchange.SetCaller(c, caller)
	return nil
}

// keepPrivate keeps an answer out of every cache: what it holds depends on who asks.
func keepPrivate(c *fiber.Ctx) {
	h := &c.Response().Header
	h.Set(fiber.HeaderCacheControl, "no-store")
	h.Add(fiber.HeaderVary, "Authorization, X-Api-Key")
}

// public says whether a request is for a route that anybody may read.
func (s *Server) public(c *fiber.Ctx) bool {
	if m := c.Method(); m != fiber.MethodGet && m != fiber.MethodHead {
		return false
	}
	path := c.Path()
	if s.open[path] {
		return true
	}
	end := strings.LastIndexByte(path, '/') + 1
	return end > 1 && end < len(path) && s.openBelow[path[:end]]
}

// declare notes that a route says who may enter.
func (s *Server) declare(method, template string, access exchange.Access) {
	s.declared[fiberPath(template)] = true
	if access != exchange.Public || method != fiber.MethodGet {
		return
	}
	if i := strings.IndexByte(template, '{'); i >= 0 {
		s.openBelow[template[:i]] = true
		return
	}
	s.open[template] = true
}

// undeclared is an error where the app has a route or a prefix that does not say who may enter: the server is not built then.
func (s *Server) undeclared() error {
	for _, r := range s.app.GetRoutes() {
		if r.Path != "/" && r.Path != v1.Prefix && !s.declared[r.Path] {
			return fmt.Errorf("http routes: %s %s does not say who may enter: give it an exchange.Access", r.Method, r.Path)
		}
	}
	return nil
}
