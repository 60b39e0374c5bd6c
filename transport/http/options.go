// Package edge is the HTTP side of ugc: it listens, bounds what clients can do to it, and hands requests to /api/v1, /api/v2, the
// documentation pages, health and metrics.
package edge

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.opentelemetry.io/otel/trace"

	"ugc/handlers"
	"ugc/transport/http/auth"
	"ugc/transport/http/exchange"
)

// Options of a Server. Writing, Positions, Opinions and Summaries must be set; every other zero value works.
type Options struct {
	Addr string // where to listen, host:port; port 0 picks one. "": 127.0.0.1:8000

	Writing   handlers.Writing
	Positions handlers.Positions
	Opinions  handlers.Opinions
	Summaries handlers.Summaries

	// Checks say by name whether what the server needs is there; readiness asks them all. An error says what is missing. They should heed their
	// context: one that does not is not asked again before it has returned.
	Checks       map[string]func(context.Context) error
	CheckTimeout time.Duration // of each, 2 s
	// Reports say by name how parts are doing that requests do not need, such as views that others read. Readiness shows them beside the checks;
	// an error there is no reason to turn requests away.
	Reports map[string]func(context.Context) error

	ShownWait   time.Duration // how long a write of /api/v1 waits until its list shows it, 2 s
	DefaultWait time.Duration // how long a read with a token waits where it does not say, 2 s
	MaxWait     time.Duration // the most that a request can ask for with Prefer: wait=n, 30 s

	BodyLimit      int           // bytes of a request body, 1 MiB
	HeaderLimit    int           // bytes of the request line and all headers, 16 KiB
	MaxConnections int           // open at once, 16,384
	ReadTimeout    time.Duration // for a whole request to arrive, 15 s
	WriteTimeout   time.Duration // for an answer to be taken, 15 s
	IdleTimeout    time.Duration // of a kept connection, 75 s
	DrainDelay     time.Duration // between saying "not ready" and taking no new connections, 0
	DrainTimeout   time.Duration // for open requests to end once the server shall stop, 20 s

	Guard *auth.Guard // finds out who sends a request; nil: nobody comes in, unless Open
	Open  bool        // everybody may do everything: only without a Guard, and only on loopback
	Limit *auth.Limit // bounds what one caller sends; nil: nothing does

	Proxies exchange.Proxies // whose word about a client's address counts; nobody's by default

	CORSOrigins []string // origins whose pages may call the API; none by default

	Registry *prometheus.Registry // where metrics are kept and /metrics reads them; nil: one of its own
	Log      *slog.Logger         // nil: none
	Tracer   trace.Tracer         // of a span for every request to the API; nil: none, and requests carry on the trace that they name
	NewID    func() string        // names a request that came without X-Request-Id; nil: counted from a random start
}

func orElse[T comparable](v *T, otherwise T) {
	var zero T
	if *v == zero {
		*v = otherwise
	}
}

func (o *Options) setDefaults() {
	orElse(&o.Addr, "127.0.0.1:8000")
	orElse(&o.CheckTimeout, 2*time.Second)
	orElse(&o.ShownWait, 2*time.Second)
	orElse(&o.DefaultWait, 2*time.Second)
	orElse(&o.MaxWait, 30*time.Second)
	orElse(&o.BodyLimit, 1<<20)
	orElse(&o.HeaderLimit, 16<<10)
	orElse(&o.MaxConnections, 16<<10)
	orElse(&o.ReadTimeout, 15*time.Second)
	orElse(&o.WriteTimeout, 15*time.Second)
	orElse(&o.IdleTimeout, 75*time.Second)
	orElse(&o.DrainTimeout, 20*time.Second)
	if o.Registry == nil {
		o.Registry = prometheus.NewRegistry()
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.NewID == nil {
		o.NewID = countedIDs()
	}
}

// Validate says everything that is wrong with the options.
func (o Options) Validate() error {
	var errs []error
	need := func(ok bool, format string, args ...any) {
		if !ok {
			errs = append(errs, fmt.Errorf(format, args...))
		}
	}
	need(o.Writing.Log != nil && o.Writing.Views != nil && o.Writing.Now != nil && o.Writing.NewID != nil, "Writing: Log, Views, Now and NewID must be set")
	need(o.Positions != nil, "Positions must be set")
	need(o.Opinions != nil, "Opinions must be set")
	need(o.Summaries != nil, "Summaries must be set")
	return errors.Join(append(errs, o.validateLimits())...)
}

func (o Options) validateLimits() error {
	var errs []error
	need := func(ok bool, format string, args ...any) {
		if !ok {
			errs = append(errs, fmt.Errorf(format, args...))
		}
	}
	if o.Addr != "" {
		_, _, err := net.SplitHostPort(o.Addr)
		need(err == nil, "Addr: %q is not host:port: %w", o.Addr, err)
	}
	need(!o.Open || o.Guard == nil, "Open: there is a Guard, so not everybody may do everything")
	need(!o.Open || o.Addr == "" || loopback(o.Addr), "Open: %q can be reached from other machines: set a Guard, or listen on 127.0.0.1", o.Addr)
	for name, d := range map[string]time.Duration{"CheckTimeout": o.CheckTimeout, "ShownWait": o.ShownWait, "DefaultWait": o.DefaultWait, "MaxWait": o.MaxWait, "ReadTimeout": o.ReadTimeout,
		"WriteTimeout": o.WriteTimeout, "IdleTimeout": o.IdleTimeout, "DrainDelay": o.DrainDelay, "DrainTimeout": o.DrainTimeout} {
		need(d >= 0, "%s: %v must not be negative", name, d)
	}
	for name, n := range map[string]int{"BodyLimit": o.BodyLimit, "HeaderLimit": o.HeaderLimit, "MaxConnections": o.MaxConnections} {
		need(n >= 0, "%s: %d must not be negative", name, n)
	}
	need(o.HeaderLimit == 0 || o.HeaderLimit >= 1024, "HeaderLimit: %d is too small for any client, give at least 1024", o.HeaderLimit)
	for name, check := range o.Checks {
		need(check != nil, "Checks: %q is nil", name)
	}
	for name, report := range o.Reports {
		need(report != nil, "Reports: %q is nil", name)
	}
	for _, origin := range o.CORSOrigins {
		need(origin != "*", "CORSOrigins: name the origins, * would let every page act for a user")
	}
	return errors.Join(errs...)
}

func loopback(addr string) bool {
	host, _, _ := net.SplitHostPort(addr)
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}
