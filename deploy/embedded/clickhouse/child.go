package clickhouse

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/signal"
	"path/filepath"
	"runtime/debug"
	"strconv"
	"sync"
	"syscall"
	"time"

	"ugc/deploy/embedded/clickhouse/bridge"
	"ugc/deploy/embedded/clickhouse/engine"
)

const (
	defaultDrain = 10 * time.Second
	// grace is what the child gets beyond draining, to close the engine or to die by its own hand.
	grace = 5 * time.Second
	// childMemory is for Go's half of the process; the engine has its own limit.
	childMemory = 256 << 20
)

// Child is the whole life of the child process: it opens the engine, serves it on the socket and returns when ctx
// ends, SIGTERM comes or the parent is gone; running statements are then waited for, for Drain, and killed. A child
// that cannot end exits the process. The process must have done nothing else, and do nothing after it but exit.
func Child(ctx context.Context, o ChildOptions) (err error) {
	if err := o.Validate(); err != nil {
		return err
	}
	if o.Drain == 0 {
		o.Drain = defaultDrain
	}
	tell := openReport(o.Report)
	defer func() {
		if err != nil {
			tell(report{Error: err.Error()})
		}
	}()
	debug.SetMemoryLimit(childMemory)
	deafen()
	ctx, cancel := signal.NotifyContext(ctx, syscall.SIGTERM)
	defer cancel()
	go hold(o.Lifeline, cancel)
	go watchSpace(o.DataDir, func() { os.Exit(1) })
	context.AfterFunc(ctx, func() {
		time.AfterFunc(o.Drain+grace, func() { os.Exit(1) }) // the engine's code can hang; nobody may wait for it for ever
	})
	return serveEngine(ctx, o, tell)
}

func serveEngine(ctx context.Context, o ChildOptions, tell func(report)) error {
	if err := os.MkdirAll(o.DataDir, 0o700); err != nil {
		return err
	}
	locked, err := lockChild(o.DataDir, o.Drain+grace)
	if err != nil {
		return err
	}
	defer locked.release()
	spool := filepath.Join(o.DataDir, "spool")
	if err := errors.Join(os.RemoveAll(spool), os.MkdirAll(spool, 0o700)); err != nil {
		return fmt.Errorf("make the spool directory: %w", err)
	}
	configured, err := writeConfig(o)
	if err != nil {
		return err
	}
	eng, err := engine.Open(engine.Options{Library: o.Library, DataDir: filepath.Join(o.DataDir, "store"), Config: configured})
	if err != nil {
		return err
	}
	handler, err := bridge.New(bridge.Options{Open: eng.Session, TempDir: spool, Settings: statementSettings(o)})
	if err != nil {
		return err
	}
	if err := serve(ctx, o, handler, func() { tell(report{Version: handler.Version()}) }); err != nil {
		return err // statements still run: the engine must not be closed under them, and may die as it is
	}
	handler.Close()
	eng.Close()
	return nil
}

// serve answers on the socket until ctx ends and no statement runs any more.
func serve(ctx context.Context, o ChildOptions, h http.Handler, ready func()) error {
	if err := os.Remove(o.Socket); err != nil && !errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("replace the socket: %w", err)
	}
	l, err := net.Listen("unix", o.Socket)
	if err != nil {
		return fmt.Errorf("serve the engine: %w", err)
	}
	if err := os.Chmod(o.Socket, 0o600); err != nil {
		return errors.Join(err, l.Close())
	}
	var running sync.WaitGroup
	srv := &http.Server{
		Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			running.Add(1)
			defer running.Done()
			h.ServeHTTP(w, r)
		}),
		ReadHeaderTimeout: 10 * time.Second,
		IdleTimeout:       5 * time.Minute,
		MaxHeaderBytes:    4 << 20, // clickhouse-go puts parameters and INSERT statements into the URL
		ErrorLog:          slog.NewLogLogger(slog.Default().Handler(), slog.LevelWarn),
	}
	failed := make(chan error, 1)
	go func() { failed <- srv.Serve(l) }()
	ready()
	select {
	case err := <-failed:
		return fmt.Errorf("serve the engine: %w", err)
	case <-ctx.Done():
	}
	drain, cancel := context.WithTimeout(context.Background(), o.Drain)
	defer cancel()
	if srv.Shutdown(drain) == nil {
		return nil
	}
	_ = srv.Close() // cancels what still runs, which makes the bridge kill it
	return waitFor(&running, grace/2)
}

func waitFor(running *sync.WaitGroup, timeout time.Duration) error {
	done := make(chan struct{})
	go func() { running.Wait(); close(done) }()
	late := time.NewTimer(timeout)
	defer late.Stop()
	select {
	case <-done:
		return nil
	case <-late.C:
		return errors.New("statements did not end after they were killed")
	}
}

// hold calls gone when the other end of the lifeline closes, which the kernel does when the parent dies.
func hold(fd int, gone func()) {
	if fd == 0 {
		return
	}
	_, _ = io.Copy(io.Discard, os.NewFile(uintptr(fd), "lifeline"))
	gone()
}

// openReport returns what sends one report; further ones go nowhere.
func openReport(fd int) func(report) {
	if fd == 0 {
		return func(report) {}
	}
	f := os.NewFile(uintptr(fd), "report "+strconv.Itoa(fd))
	return func(r report) {
		_ = json.NewEncoder(f).Encode(r)
		_ = f.Close()
	}
}
