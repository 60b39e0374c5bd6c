package edge

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/gofiber/fiber/v2"
	"github.com/gofiber/fiber/v2/middleware/adaptor"
	"github.com/gofiber/fiber/v2/middleware/cors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	"github.com/valyala/fasthttp"

	"ugc/transport/http/docs"
	"ugc/transport/http/exchange"
	v1 "ugc/transport/http/v1"
	v2 "ugc/transport/http/v2"
)

// Server answers HTTP requests. Make one with New, run it once.
type Server struct {
	o         Options
	app       *fiber.App
	metrics   *metrics
	checks    []*check
	reports   []*check
	declared  map[string]bool // fiber's paths of the routes that say who may enter
	open      map[string]bool // paths of public routes
	openBelow map[string]bool // and those that are public with one more segment
	draining  atomic.Bool
	base      context.Context // of every request; ends when open requests are given up on
	giveUp    context.CancelFunc

	mu sync.Mutex
	ln net.Listener
}

// New builds a server that does not listen yet.
func New(o Options) (*Server, error) {
	if err := o.Validate(); err != nil {
		return nil, fmt.Errorf("http options: %w", err)
	}
	s, err := build(o)
	if err != nil {
		return nil, err
	}
	pages, err := docs.New()
	if err != nil {
		return nil, fmt.Errorf("http documentation: %w", err)
	}
	s.route(pages)
	return s, s.undeclared()
}

// NewStatus builds a server for a process that serves no API: health and metrics alone. Writing, Positions, Opinions and Summaries are not needed.
func NewStatus(o Options) (*Server, error) {
	if err := o.validateLimits(); err != nil {
		return nil, fmt.Errorf("http options: %w", err)
	}
	s, err := build(o)
	if err != nil {
		return nil, err
	}
	s.app.Use(s.observe, s.gate)
	s.status()
	return s, s.undeclared()
}

func build(o Options) (*Server, error) {
	o.setDefaults()
	s := &Server{o: o, declared: map[string]bool{}, open: map[string]bool{}, openBelow: map[string]bool{}}
	s.base, s.giveUp = context.WithCancel(context.Background())
	s.checks, s.reports = newChecks(o.Checks), newChecks(o.Reports)
	var err error
	if s.metrics, err = newMetrics(o.Registry); err != nil {
		return nil, fmt.Errorf("http metrics: %w", err)
	}
	s.app = fiber.New(fiber.Config{
		AppName:                      "ugc",
		CaseSensitive:                true,
		StrictRouting:                true,
		DisableStartupMessage:        true,
		DisablePreParseMultipartForm: true, // a body is a body: nothing parses it before a handler asks
		BodyLimit:                    o.BodyLimit,
		ReadBufferSize:               o.HeaderLimit,
		Concurrency:                  o.MaxConnections,
		ReadTimeout:                  o.ReadTimeout,
		WriteTimeout:                 o.WriteTimeout,
		IdleTimeout:                  o.IdleTimeout,
		ErrorHandler:                 s.reject,
	})
	s.refuseUnknownMethods()
	return s, nil
}

func (s *Server) route(pages *docs.Pages) {
	s.app.Use(s.observe)
	if len(s.o.CORSOrigins) > 0 {
		s.app.Use(cors.New(cors.Config{
			AllowOrigins:  strings.Join(s.o.CORSOrigins, ","),
			AllowHeaders:  "Authorization,Content-Type,Prefer,Consistency-Token,Idempotency-Key,Traceparent,X-Api-Key,X-Request-Id",
			ExposeHeaders: "Consistency-Token,Preference-Applied,Retry-After,X-Request-Id",
			MaxAge:        600,
		}))
	}
	s.app.Use(s.gate)
	api1 := v1.New(v1.Options{Writing: s.o.Writing, Opinions: s.o.Opinions, Shown: s.o.ShownWait, Page: pages.V1})
	s.app.Use(v1.Prefix, api1.Serve)
	for _, r := range v1.Routes() {
		s.declare(r.Method, v1.Prefix+r.Path, r.Access)
	}
	for _, r := range v2.Routes() {
		s.declare(r.Method, v2.Prefix+r.Path, r.Access)
	}
	v2.New(v2.Options{Writing: s.o.Writing, Positions: s.o.Positions, Opinions: s.o.Opinions, Summaries: s.o.Summaries,
		DefaultWait: s.o.DefaultWait, MaxWait: s.o.MaxWait, Page: pages.V2}).Mount(s.app)
	s.status()
	s.get("/", exchange.Public, pages.Landing)
	s.get("/problems", exchange.Public, pages.Problems)
	s.get("/problems/{code}", exchange.Public, pages.Problems)
	s.get("/docs/assets/{name}", exchange.Public, pages.Asset)
}

// status are the routes of every process.
func (s *Server) status() {
	s.get("/healthz/live", exchange.Public, s.live)
	s.get("/healthz/ready", exchange.Public, s.ready)
	metrics := promhttp.HandlerFor(s.o.Registry, promhttp.HandlerOpts{EnableOpenMetrics: true})
	s.get("/metrics", exchange.Operates, adaptor.HTTPHandler(metrics))
}

// get is a route that is counted by its template.
func (s *Server) get(path string, access exchange.Access, h fiber.Handler) {
	s.declare(fiber.MethodGet, path, access)
	s.app.Get(fiberPath(path), func(c *fiber.Ctx) error {
		exchange.SetRoute(c, path)
		if err := access.Enter(exchange.CallerOf(c)); err != nil {
			return err
		}
		return h(c)
	})
}

func fiberPath(template string) string {
	return strings.NewReplacer("{", ":", "}", "").Replace(template)
}

// refuseUnknownMethods answers methods that Fiber does not know, which never reach its handlers.
func (s *Server) refuseUnknownMethods() {
	known := map[string]bool{}
	for _, m := range fiber.DefaultMethods {
		known[m] = true
	}
	server := s.app.Server()
	next := server.Handler
	server.Handler = func(r *fasthttp.RequestCtx) {
		if known[string(r.Method())] {
			next(r)
			return
		}
		c := s.app.AcquireCtx(r)
		defer s.app.ReleaseCtx(c)
		s.begin(c)
		err := s.admit(c)
		if err == nil {
			c.Set(fiber.HeaderAllow, "DELETE, GET, HEAD, POST, PUT")
			err = fiber.ErrMethodNotAllowed
		}
		_ = s.reject(c, err)
	}
}

// Listen takes the address, so that Addr is known and a port in use is told before anything runs. Run does it where it was not done.
func (s *Server) Listen() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ln != nil {
		return nil
	}
	ln, err := net.Listen("tcp", s.o.Addr)
	if err != nil {
		return fmt.Errorf("listen on %s: %w (is another program using the port? port 0 picks a free one)", s.o.Addr, err)
	}
	s.ln = ln
	return nil
}

// Addr is where the server listens, "" before Listen.
func (s *Server) Addr() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ln == nil {
		return ""
	}
	return s.ln.Addr().String()
}

// Run serves until ctx ends, then drains: readiness is false at once, after DrainDelay no connection is taken any more, and open requests
// have DrainTimeout to end. The error is nil after a clean end, also where ctx ended; otherwise it says why serving stopped, or that requests were cut off.
func (s *Server) Run(ctx context.Context) error {
	if err := s.Listen(); err != nil {
		return err
	}
	defer s.giveUp()
	served := make(chan error, 1)
	go func() { served <- s.app.Listener(arrivals{s.ln}) }()
	s.o.Log.Info("http listening", "addr", s.Addr())
	select {
	case err := <-served:
		return fmt.Errorf("serve http: %w", err)
	case <-ctx.Done():
	}
	err := s.drain()
	_ = s.ln.Close() // where Run ended before it began to accept, nothing else closes it
	<-served         //nolint:errcheck // it ends because the listener is closed
	return err
}

func (s *Server) drain() error {
	s.draining.Store(true)
	s.o.Log.Info("http draining", "timeout", s.o.DrainTimeout)
	if s.o.DrainDelay > 0 {
		delay := time.NewTimer(s.o.DrainDelay)
		defer delay.Stop()
		<-delay.C
	}
	bound, cancel := context.WithTimeout(context.Background(), s.o.DrainTimeout)
	defer cancel()
	err := s.app.ShutdownWithContext(bound)
	if errors.Is(err, context.DeadlineExceeded) {
		return fmt.Errorf("drain http: requests were still open after %v and are cut off: %w", s.o.DrainTimeout, err)
	}
	if err != nil {
		return fmt.Errorf("drain http: %w", err)
	}
	return nil
}
