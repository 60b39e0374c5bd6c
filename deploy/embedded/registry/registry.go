// Package registry is a schema registry inside this process, for one machine: it speaks the HTTP interface of Confluent's, as far as
// Avro schemas go, and keeps everything in one file that is replaced whole or not at all.
package registry

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

// Options of a Registry. Only DataDir has no working zero value.
type Options struct {
	DataDir string // holds registry.json; made if it is not there
	Addr    string // host:port on loopback; 127.0.0.1:0, which picks a free port, when empty
	Logger  *slog.Logger
}

// Validate reports everything that is wrong with the options.
func (o Options) Validate() error {
	var errs []error
	if o.DataDir == "" {
		errs = append(errs, errors.New("embedded registry: no data directory given"))
	}
	if o.Addr != "" {
		errs = append(errs, checkLoopback(o.Addr))
	}
	return errors.Join(errs...)
}

func checkLoopback(addr string) error {
	host, _, err := net.SplitHostPort(addr)
	if err != nil {
		return fmt.Errorf("embedded registry: address %q is not host:port", addr)
	}
	if ip := net.ParseIP(host); host != "localhost" && (ip == nil || !ip.IsLoopback()) {
		return fmt.Errorf("embedded registry: address %q is not on loopback, and the embedded registry has no authentication: use 127.0.0.1, or a real registry (UGC_REGISTRY=http://…) for other machines", addr)
	}
	return nil
}

// Registry holds the schemas. Make one with Open, then Run it or use its Handler.
type Registry struct {
	logger *slog.Logger
	path   string
	ln     net.Listener

	writing sync.Mutex            // one change at a time
	current atomic.Pointer[state] // never changed, only replaced
}

// Open reads what was registered before and listens; requests are answered from Run on. A file that can't be read is an error, never an
// empty registry.
func Open(o Options) (*Registry, error) {
	if err := o.Validate(); err != nil {
		return nil, err
	}
	if o.Addr == "" {
		o.Addr = "127.0.0.1:0"
	}
	if o.Logger == nil {
		o.Logger = slog.Default()
	}
	if err := os.MkdirAll(o.DataDir, 0o755); err != nil {
		return nil, fmt.Errorf("embedded registry: make its data directory: %w", err)
	}
	r := &Registry{logger: o.Logger, path: filepath.Join(o.DataDir, "registry.json")}
	s, err := load(r.path)
	if err != nil {
		return nil, err
	}
	r.current.Store(s)
	if r.ln, err = net.Listen("tcp", o.Addr); errors.Is(err, syscall.EADDRINUSE) {
		return nil, fmt.Errorf("embedded registry: %s is in use by another program: stop it, or choose another port, or 0 for any that is free: %w", o.Addr, err)
	} else if err != nil {
		return nil, fmt.Errorf("embedded registry: %w", err)
	}
	return r, nil
}

// Addr is the host:port that clients connect to, with the port that was picked.
func (r *Registry) Addr() string { return r.ln.Addr().String() }

// Run answers requests until the context ends, finishes those under way within 5 s, and returns nil.
func (r *Registry) Run(ctx context.Context) error {
	srv := &http.Server{
		Handler:           r.Handler(),
		ReadHeaderTimeout: 5 * time.Second,
		ReadTimeout:       10 * time.Second,
		WriteTimeout:      10 * time.Second,
		IdleTimeout:       time.Minute,
		MaxHeaderBytes:    16 << 10,
		ErrorLog:          slog.NewLogLogger(r.logger.Handler(), slog.LevelDebug),
	}
	unused := trackUnused(srv)
	stopped := make(chan error, 1)
	stop := context.AfterFunc(ctx, func() {
		grace, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
		defer cancel()
		unused.close()
		err := srv.Shutdown(grace)
		if errors.Is(err, context.DeadlineExceeded) {
			err = srv.Close()
		}
		stopped <- err
	})
	err := srv.Serve(r.ln)
	if !stop() { // it has begun
		err = <-stopped
	}
	if err == nil || errors.Is(err, http.ErrServerClosed) {
		return nil
	}
	return fmt.Errorf("embedded registry: %w", err)
}

// newConns are connections on which nothing was asked yet. A client opens such ones to be ready, and an orderly end would wait 5 s for
// their first request.
type newConns struct {
	mu     sync.Mutex
	open   map[net.Conn]struct{}
	closed bool
}

func trackUnused(srv *http.Server) *newConns {
	n := &newConns{open: map[net.Conn]struct{}{}}
	srv.ConnState = func(c net.Conn, s http.ConnState) {
		n.mu.Lock()
		defer n.mu.Unlock()
		if s != http.StateNew {
			delete(n.open, c)
		} else if n.open[c] = struct{}{}; n.closed {
			c.Close()
		}
	}
	return n
}

func (n *newConns) close() {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.closed = true
	for c := range n.open {
		c.Close()
	}
}

// Close stops listening where Run was never called. Run closes by itself.
func (r *Registry) Close() error { return r.ln.Close() }

// change makes a change that is on disk before it is seen, or not at all.
func (r *Registry) change(f func(*state) error) error {
	r.writing.Lock()
	defer r.writing.Unlock()
	next, err := r.current.Load().clone()
	if err != nil {
		return err
	}
	if err := f(next); err != nil {
		return err
	}
	if err := next.save(r.path); err != nil {
		r.logger.Error("embedded registry could not write", "file", r.path, "error", err)
		return failure(50001, "the registry could not write to its disk: %v", err)
	}
	r.current.Store(next)
	return nil
}
