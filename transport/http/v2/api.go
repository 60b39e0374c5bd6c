// Package v2 is the HTTP API of ugc: events in, positions, opinions and summaries out. Its description for people and programs
// is openapi.json.
package v2

import (
	"time"

	"github.com/gofiber/fiber/v2"

	"ugc/domain"
	"ugc/handlers"
	"ugc/transport/http/exchange"
)

// Prefix of every address of this version.
const Prefix = "/api/v2"

// Options of the API.
type Options struct {
	Writing   handlers.Writing
	Positions handlers.Positions
	Opinions  handlers.Opinions
	Summaries handlers.Summaries
	// DefaultWait is how long a read with a token waits where the request does not say. 0: 2 seconds.
	DefaultWait time.Duration
	// MaxWait bounds what a request can ask for with Prefer: wait=n. 0: 30 seconds.
	MaxWait time.Duration
	// Page serves a documentation page or the document itself by name: docs, openapi.json.
	Page func(c *fiber.Ctx, name string) error
}

// API answers requests below Prefix.
type API struct {
	record        handlers.RecordEvents
	rate          handlers.Rate
	clearRating   handlers.ClearRating
	like          handlers.Like
	dislike       handlers.Dislike
	clearLike     handlers.ClearLike
	bookmark      handlers.Bookmark
	clearBookmark handlers.ClearBookmark
	position      handlers.ResumePosition
	positions     handlers.ListPositions
	opinions      handlers.ListOpinions
	summary       handlers.MovieSummary

	keys                 *usedKeys
	defaultWait, maxWait time.Duration
	page                 func(c *fiber.Ctx, name string) error
}

// New builds the API. Writing, Positions, Opinions and Summaries must be set.
func New(o Options) *API {
	if o.DefaultWait == 0 {
		o.DefaultWait = 2 * time.Second
	}
	if o.MaxWait == 0 {
		o.MaxWait = 30 * time.Second
	}
	w, seeing := o.Writing, handlers.Seeing{Views: o.Writing.Views}
	return &API{
		record:        handlers.RecordEvents{Writing: w},
		rate:          handlers.Rate{Writing: w},
		clearRating:   handlers.ClearRating{Writing: w},
		like:          handlers.Like{Writing: w},
		dislike:       handlers.Dislike{Writing: w},
		clearLike:     handlers.ClearLike{Writing: w},
		bookmark:      handlers.Bookmark{Writing: w},
		clearBookmark: handlers.ClearBookmark{Writing: w},
		position:      handlers.ResumePosition{Seeing: seeing, Positions: o.Positions},
		positions:     handlers.ListPositions{Seeing: seeing, Positions: o.Positions},
		opinions:      handlers.ListOpinions{Seeing: seeing, Opinions: o.Opinions},
		summary:       handlers.MovieSummary{Seeing: seeing, Summaries: o.Summaries},
		keys:          newUsedKeys(time.Now),
		defaultWait:   o.DefaultWait,
		maxWait:       o.MaxWait,
		page:          o.Page,
	}
}

// Route is one method of one address. A route for GET answers HEAD too.
type Route struct {
	Method, Path string // Path below Prefix, as a template
	Access       exchange.Access
	handle       func(*API, *fiber.Ctx) error
}

// Routes lists every route.
func Routes() []Route {
	const list, one = "/users/{user_id}/", "/{movie_id}"
	routes := []Route{
		{"POST", "/events", exchange.Writes, (*API).postEvents},
		{"GET", "/users/{user_id}/positions", exchange.Reads, (*API).listPositions},
		{"GET", "/users/{user_id}/positions/{movie_id}", exchange.Reads, (*API).getPosition},
		{"GET", "/movies/{movie_id}", exchange.Reads, (*API).getMovie},
		{"GET", "/openapi.json", exchange.Public, servePage("openapi.json")},
		{"GET", "/docs", exchange.Public, servePage("docs")},
	}
	for _, r := range registers {
		routes = append(routes,
			Route{"GET", list + r.path, exchange.Reads, r.list},
			Route{"GET", list + r.path + one, exchange.Reads, r.get},
			Route{"PUT", list + r.path + one, exchange.Writes, r.put},
			Route{"DELETE", list + r.path + one, exchange.Writes, r.clear})
	}
	return routes
}

func servePage(name string) func(*API, *fiber.Ctx) error {
	return func(a *API, c *fiber.Ctx) error { return a.page(c, name) }
}

// Mount adds the routes to an app. Errors are returned for the app's error handler to word as problems.
func (a *API) Mount(app fiber.Router) {
	for _, r := range Routes() {
		template := Prefix + r.Path
		serve := func(c *fiber.Ctx) error {
			exchange.SetRoute(c, template)
			if err := r.Access.Enter(exchange.CallerOf(c)); err != nil {
				return err
			}
			if err := unconditional(c); err != nil {
				return err
			}
			return r.handle(a, c)
		}
		app.Add(r.Method, fiberPath(template), serve)
		if r.Method == fiber.MethodGet {
			app.Add(fiber.MethodHead, fiberPath(template), serve)
		}
	}
}

// fiberPath writes {name} as Fiber does, :name.
func fiberPath(template string) string {
	out := make([]byte, 0, len(template))
	for i := range len(template) {
		switch template[i] {
		case '{':
			out = append(out, ':')
		case '}':
		default:
			out = append(out, template[i])
		}
	}
	return string(out)
}

// register is one kind of opinion: how it is addressed, written and shown.
type register struct {
	kind   domain.OpinionKind
	path   string
	fields fieldSet // of the body of a PUT
	needs  fieldSet
	write  func(*API, *fiber.Ctx, handlers.Feedback, *event, handlers.Await) (handlers.Written, error)
	unset  func(*API, *fiber.Ctx, handlers.Feedback, handlers.Await) (handlers.Written, error)
	show   func([]byte, int32) []byte // appends the value as a member, with a comma before it
}

var registers = []register{
	{domain.LikeKind, "likes", likeFields, fLike,
		func(a *API, c *fiber.Ctx, f handlers.Feedback, e *event, wait handlers.Await) (handlers.Written, error) {
			if e.like {
				return a.like.Handle(exchange.Context(c), f, wait)
			}
			return a.dislike.Handle(exchange.Context(c), f, wait)
		},
		func(a *API, c *fiber.Ctx, f handlers.Feedback, wait handlers.Await) (handlers.Written, error) {
			return a.clearLike.Handle(exchange.Context(c), f, wait)
		},
		func(b []byte, v int32) []byte { return appendBool(append(b, `,"like":`...), v == domain.LikeValue) }},
	{domain.BookmarkKind, "bookmarks", bookmarkFields, 0,
		func(a *API, c *fiber.Ctx, f handlers.Feedback, _ *event, wait handlers.Await) (handlers.Written, error) {
			return a.bookmark.Handle(exchange.Context(c), f, wait)
		},
		func(a *API, c *fiber.Ctx, f handlers.Feedback, wait handlers.Await) (handlers.Written, error) {
			return a.clearBookmark.Handle(exchange.Context(c), f, wait)
		},
		func(b []byte, _ int32) []byte { return b }},
	{domain.RatingKind, "ratings", ratingFields, fScore,
		func(a *API, c *fiber.Ctx, f handlers.Feedback, e *event, wait handlers.Await) (handlers.Written, error) {
			return a.rate.Handle(exchange.Context(c), handlers.RateMovie{Feedback: f, Score: int32(e.score)}, wait)
		},
		func(a *API, c *fiber.Ctx, f handlers.Feedback, wait handlers.Await) (handlers.Written, error) {
			return a.clearRating.Handle(exchange.Context(c), f, wait)
		},
		func(b []byte, v int32) []byte { return appendInt(append(b, `,"score":`...), int64(v)) }},
}
