package clickhouse

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"
)

var (
	// ErrInUse says that another process owns the data directory.
	ErrInUse = errors.New("the data directory is in use")
	// ErrNotRunning says that the engine does not answer at the moment: not started yet, restarting, or stopped.
	ErrNotRunning = errors.New("the embedded ClickHouse engine is not running")
)

const (
	// stableAfter is how long a child must have answered for its death to count as a first one.
	stableAfter = 30 * time.Second
	// firstStarts is how often the first start is tried before Run gives up: what fails thrice needs a person.
	firstStarts = 3
)

// Engine keeps one child process with the engine running. It is safe for concurrent use.
type Engine struct {
	o        Options
	dir      string // absolute
	began    atomic.Bool
	restarts atomic.Uint64
	ended    chan struct{} // closed when Run returns

	mu     sync.Mutex
	up     chan struct{} // closed while the child answers, a new one when it has died
	socket string
	cause  error // why it is down
}

// New checks the options. Nothing runs before Run.
func New(o Options) (*Engine, error) {
	if err := o.Validate(); err != nil {
		return nil, err
	}
	o, err := o.withDefaults()
	if err != nil {
		return nil, err
	}
	dir, err := filepath.Abs(o.DataDir)
	if err != nil {
		return nil, fmt.Errorf("embedded ClickHouse: %w", err)
	}
	return &Engine{o: o, dir: dir, ended: make(chan struct{}), up: make(chan struct{}), cause: errors.New("not started yet")}, nil
}

// Run takes possession of the data directory and keeps a child running on it until ctx ends; then it asks the child
// to finish what it is doing, kills it after StopTimeout, and returns nil once it is gone. A child that dies is
// started again, at a bounded rate, for ever; but when it never came up in the first place, Run returns why. It
// returns ErrNoLibrary, ErrPlatform or ErrInUse at once, each with what to do. It can be called once.
func (e *Engine) Run(ctx context.Context) (err error) {
	if !e.began.CompareAndSwap(false, true) {
		return errors.New("embedded ClickHouse: Run was called before")
	}
	defer func() {
		e.down(errors.Join(errors.New("stopped"), err))
		close(e.ended)
	}()
	library, err := FindLibrary(e.o.Library, e.dir)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(e.dir, 0o700); err != nil {
		return fmt.Errorf("embedded ClickHouse: %w", err)
	}
	owned, err := own(e.dir)
	if err != nil {
		return err
	}
	defer owned.release()
	why, err := trustAgain(e.dir)
	if err != nil {
		return err
	}
	if why != "" {
		e.o.Logger.Warn("the tables of the clickhouse engine are made anew from the events", "because", why)
	}
	socket, remove, err := socketPath(e.dir)
	if err != nil {
		return err
	}
	defer remove()
	return e.supervise(ctx, ChildOptions{
		DataDir: e.dir, Socket: socket, Library: library, Lifeline: lifelineFD, Report: reportFD,
		MemoryBytes: e.o.MemoryBytes, Threads: e.o.Threads, NoFsync: e.o.NoFsync, Drain: e.o.StopTimeout * 2 / 3,
	})
}

func (e *Engine) supervise(ctx context.Context, child ChildOptions) error {
	ready := false
	for deaths := 0; ; {
		began := time.Now()
		p, version, err := e.start(ctx, child)
		if err == nil {
			ready = true
			e.o.Logger.Info("clickhouse engine answers", "version", version, "pid", p.pid(), "after", time.Since(began).Round(time.Millisecond))
			e.answers(child.Socket)
			began = time.Now()
			err = p.wait(ctx, e.o.StopTimeout)
			if time.Since(began) >= stableAfter {
				deaths = 0
			}
		}
		if ctx.Err() != nil {
			return err
		}
		e.down(err)
		if distrusted(e.dir) {
			return fmt.Errorf("embedded ClickHouse: %w", errDiskFull)
		}
		if deaths++; !ready && deaths >= firstStarts {
			return fmt.Errorf("embedded ClickHouse: the engine does not start; its log is %s: %w", logPath(e.dir), err)
		}
		pause := min(e.o.BackOff<<min(deaths-1, 16), e.o.MaxBackOff)
		e.o.Logger.Error("clickhouse engine died, starting it again", "error", err, "in", pause, "restarts", e.restarts.Add(1))
		if !sleep(ctx, pause) {
			return nil
		}
	}
}

// Ready waits for the first answer of the engine. It returns Run's error when Run has ended, ctx's when that ends first.
func (e *Engine) Ready(ctx context.Context) error {
	_, err := e.await(ctx)
	return err
}

// Healthy returns nil while the child answers, else ErrNotRunning with the cause.
func (e *Engine) Healthy() error {
	up, _, cause := e.state()
	select {
	case <-up:
		return nil
	default:
		return notRunning(cause)
	}
}

// Restarts counts how often the child was started again after it had died.
func (e *Engine) Restarts() uint64 { return e.restarts.Load() }

// await returns the socket of a child that answers.
func (e *Engine) await(ctx context.Context) (socket string, err error) {
	up, _, _ := e.state()
	select {
	case <-up:
	case <-e.ended:
		err = notRunning(e.why())
	case <-ctx.Done():
		err = fmt.Errorf("%w (%w)", notRunning(e.why()), ctx.Err())
	}
	_, socket, _ = e.state()
	return socket, err
}

func (e *Engine) state() (up <-chan struct{}, socket string, cause error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.up, e.socket, e.cause
}

func (e *Engine) why() error {
	_, _, cause := e.state()
	return cause
}

func notRunning(cause error) error { return fmt.Errorf("%w: %w", ErrNotRunning, cause) }

func (e *Engine) answers(socket string) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.socket = socket
	close(e.up)
}

func (e *Engine) down(cause error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.cause = cause
	select {
	case <-e.up:
		e.up = make(chan struct{})
	default:
	}
}

func sleep(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}
