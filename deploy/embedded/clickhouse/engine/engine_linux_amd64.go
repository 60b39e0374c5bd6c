package engine

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"sync/atomic"
	"syscall"
)

// Engine is the running server. It is safe for concurrent use.
type Engine struct {
	lib  *library
	path string
	keep pointer // a connection held open: the library shuts the server down with its last one
}

var opened atomic.Bool

// Open loads the library and boots the server on the data directory. It takes about a second on a cold cache. A
// process can do it once: the second call returns ErrOpen, also after Close.
func Open(o Options) (*Engine, error) {
	if err := o.Validate(); err != nil {
		return nil, err
	}
	path, err := filepath.Abs(o.DataDir)
	if err != nil {
		return nil, fmt.Errorf("open engine: %w", err)
	}
	if err := os.MkdirAll(path, 0o700); err != nil {
		return nil, fmt.Errorf("open engine: %w", err)
	}
	if !opened.CompareAndSwap(false, true) {
		return nil, ErrOpen
	}
	lib, err := load(o.Library)
	if err != nil {
		return nil, err
	}
	if err := closeInput(); err != nil {
		return nil, err
	}
	lib.setSignalHandlers(0) // or the library's own would replace the Go runtime's
	e := &Engine{lib: lib, path: path}
	if e.keep = e.connect("--config-file=" + o.Config); e.keep == nil {
		return nil, fmt.Errorf("open engine on %s: the server does not start, its log says why; it is made of the events: move the folder away, and it is made anew", path)
	}
	return e, nil
}

// Session opens a session.
func (e *Engine) Session() (Session, error) {
	handle := e.connect()
	if handle == nil {
		return nil, Error("Code: 210. DB::NetException: the embedded engine opens no session. (NETWORK_ERROR)")
	}
	return &session{lib: e.lib, handle: handle, conn: *(*pointer)(handle)}, nil
}

// Close stops the server, after which its directory can be opened by another process. All sessions must be closed
// before. Closing twice is harmless.
func (e *Engine) Close() {
	if e.keep != nil {
		e.lib.closeConn(e.keep)
		e.keep = nil
	}
}

func (e *Engine) connect(args ...string) pointer {
	var pin runtime.Pinner
	defer pin.Unpin()
	var argv []pointer
	for _, arg := range append([]string{"clickhouse", "--path=" + e.path}, args...) {
		b := append([]byte(arg), 0)
		pin.Pin(&b[0])
		argv = append(argv, pointer(&b[0]))
	}
	argc := len(argv)
	argv = append(argv, nil)
	return e.lib.connect(int32(argc), pointer(&argv[0]))
}

// closeInput puts /dev/null in the place of standard input, which the engine's client code would read as the rows of
// an INSERT without any.
func closeInput() error {
	null, err := os.Open(os.DevNull)
	if err != nil {
		return fmt.Errorf("open engine: %w", err)
	}
	defer null.Close()
	if err := syscall.Dup3(int(null.Fd()), 0, 0); err != nil {
		return fmt.Errorf("open engine: close standard input: %w", err)
	}
	return nil
}
