// Package v1 is the HTTP API of the Python service movies_ugc, kept so that its clients need not change: routes, bodies, pages and
// errors. Where it differs on purpose, the README's table says so.
package v1

import (
	"context"
	"errors"
	"strings"
	"time"

	"github.com/gofiber/fiber/v2"

	"ugc/handlers"
	"ugc/transport/http/exchange"
	"ugc/transport/http/wire"
)

// Prefix of every address of this version.
const Prefix = "/api/v1"

// Options of the API.
type Options struct {
	Writing  handlers.Writing
	Opinions handlers.Opinions
	// Shown bounds how long a write waits until the lists that are read next show it. What is written but not shown by then is accepted all the
	// same. 0: 2 seconds.
	Shown time.Duration
	// Page serves a documentation page or the document itself by name: openapi, redoc, openapi.json.
	Page func(c *fiber.Ctx, name string) error
}

// API answers requests below Prefix.
type API struct {
	record        handlers.RecordEvents
	rate          handlers.Rate
	bookmark      handlers.Bookmark
	clearBookmark handlers.ClearBookmark
	lists         handlers.ListOpinions
	shown         time.Duration
	page          func(c *fiber.Ctx, name string) error
}

// New builds the API. Writing and Opinions must be set.
func New(o Options) *API {
	if o.Shown == 0 {
		o.Shown = 2 * time.Second
	}
	return &API{
		record:        handlers.RecordEvents{Writing: o.Writing},
		rate:          handlers.Rate{Writing: o.Writing},
		bookmark:      handlers.Bookmark{Writing: o.Writing},
		clearBookmark: handlers.ClearBookmark{Writing: o.Writing},
		lists:         handlers.ListOpinions{Opinions: o.Opinions},
		shown:         o.Shown,
		page:          o.Page,
	}
}

// request is what a route needs to know of a request. Its strings are copies.
type request struct {
	ctx         context.Context
	path        string // decoded
	user, movie string // from the path, "" where the route has none
}

// Route is one method of one address.
type Route struct {
	Method, Path string // Path below Prefix, as a template
	Access       exchange.Access
	handle       func(*API, *fiber.Ctx, request) error
}

// Routes lists every route. Addresses are decoded before they are looked up, as movies_ugc does: %2F within an id separates.
func Routes() []Route {
	return []Route{
		{"GET", "/healthcheck/ping", exchange.Public, (*API).ping},
		{"POST", "/movies/playback-event", exchange.Writes, (*API).playbackEvent},
		{"POST", "/movies/movie-viewing", exchange.Writes, (*API).movieViewing},
		{"GET", "/favorites/users/{user_id}", exchange.Reads, (*API).favorites},
		{"POST", "/favorites/users/{user_id}/movies/{movie_id}", exchange.Writes, (*API).addFavorite},
		{"DELETE", "/favorites/users/{user_id}/movies/{movie_id}", exchange.Writes, (*API).removeFavorite},
		{"GET", "/likes/users/{user_id}", exchange.Reads, (*API).likes},
		{"POST", "/likes/users/{user_id}/movies/{movie_id}", exchange.Writes, (*API).like},
		{"GET", "/openapi.json", exchange.Public, servePage("openapi.json")},
		{"HEAD", "/openapi.json", exchange.Public, servePage("openapi.json")},
		{"GET", "/openapi", exchange.Public, servePage("openapi")},
		{"HEAD", "/openapi", exchange.Public, servePage("openapi")},
		{"GET", "/redoc", exchange.Public, servePage("redoc")},
		{"HEAD", "/redoc", exchange.Public, servePage("redoc")},
	}
}

func servePage(name string) func(*API, *fiber.Ctx, request) error {
	return func(a *API, c *fiber.Ctx, _ request) error { return a.page(c, name) }
}

var routes = Routes()

// Serve answers a request below Prefix. Errors that are not part of movies_ugc's contract are returned, for the edge to word.
func (a *API) Serve(c *fiber.Ctx) error {
	raw := string(c.Request().URI().PathOriginal()) // a copy: Fiber uses its buffer again
	path, ok := strings.CutPrefix(unescape(raw), Prefix)
	if !ok {
		return sendDetail(c, fiber.StatusNotFound, "Not Found")
	}
	r := request{path: Prefix + path}
	route, allow := find(c.Method(), path, &r)
	switch {
	case route != nil:
		exchange.SetRoute(c, Prefix+route.Path)
		caller := exchange.CallerOf(c)
		if err := route.Access.Enter(caller); err != nil {
			return err
		}
		r.ctx = exchange.Context(c)
		if r.user != "" {
			var err error
			if r.user, err = caller.As(r.user, route.Access.Scope()); err != nil {
				return err
			}
		}
		return a.answer(c, route.handle(a, c, r))
	case allow != nil:
		c.Set(fiber.HeaderAllow, strings.Join(allow, ", "))
		return sendDetail(c, fiber.StatusMethodNotAllowed, "Method Not Allowed")
	}
	if short := strings.TrimRight(path, "/"); short != path && short != "" {
		if route, allow := find(c.Method(), short, &r); route != nil || allow != nil {
			return redirect(c, Prefix+short)
		}
	}
	return sendDetail(c, fiber.StatusNotFound, "Not Found")
}

// answer words the errors that belong to the contract.
func (a *API) answer(c *fiber.Ctx, err error) error {
	var wrong faults
	switch {
	case errors.As(err, &wrong):
		return wrong.send(c)
	case errors.Is(err, errBody):
		return sendDetail(c, fiber.StatusBadRequest, errBody.Error())
	}
	return err
}

// redirect sends the client to the same place under a path that is known; query and method stay.
func redirect(c *fiber.Ctx, path string) error {
	to := wire.AppendEscaped(nil, path, wire.Path)
	if q := c.Request().URI().QueryString(); len(q) > 0 {
		to = append(append(to, '?'), q...)
	}
	c.Set(fiber.HeaderLocation, string(to))
	c.Status(fiber.StatusTemporaryRedirect)
	return nil
}

// find looks a path up. Without a route for the method, allow lists the methods that the path has; nil where it is unknown.
func find(method, path string, r *request) (found *Route, allow []string) {
	for i := range routes {
		user, movie, ok := match(routes[i].Path, path)
		if !ok {
			continue
		}
		if routes[i].Method == method {
			r.user, r.movie = user, movie
			return &routes[i], nil
		}
		allow = append(allow, routes[i].Method)
	}
	return nil, allow
}

// match compares segment by segment; a placeholder takes any segment that is not empty.
func match(template, path string) (user, movie string, ok bool) {
	for template != "" && path != "" {
		var want, got string
		want, template = segment(template)
		got, path = segment(path)
		switch {
		case want == "{user_id}" && got != "":
			user = got
		case want == "{movie_id}" && got != "":
			movie = got
		case want != got:
			return "", "", false
		}
	}
	return user, movie, template == "" && path == ""
}

// segment cuts the first segment off a path that begins with a slash.
func segment(path string) (first, rest string) {
	path = path[1:]
	if i := strings.IndexByte(path, '/'); i >= 0 {
		return path[:i], path[i:]
	}
	return path, ""
}
