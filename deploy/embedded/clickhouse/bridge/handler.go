// Package bridge serves the part of ClickHouse's HTTP interface that clickhouse-go and curl use, on an engine that
// runs in the same process: queries, parameters, settings, sessions, external tables, every body and answer
// compression, exceptions before and in the middle of an answer, and cancelling by going away.
//
// It differs from the server in what the library cannot do: query ids cannot be chosen (they are echoed only), there
// are no users, roles or quotas, and no progress headers; the settings of a request stay on in its named session.
package bridge

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"time"

	"ugc/deploy/embedded/clickhouse/engine"
)

// Options say what to serve. The zero value works but for Open.
type Options struct {
	Open func() (engine.Session, error) // opens a session on the running engine; required

	TempDir     string            // where rows, and answers that cannot be streamed, are spooled; default the system's
	Settings    map[string]string // apply to every statement that does not set them itself
	Statements  int               // statements at a time, default 64; more wait
	Wait        time.Duration     // how long a statement waits for its turn, default 30 s
	Sessions    int               // named sessions kept, default 64
	QueryBytes  int64             // longest text of a statement without inserted rows, default 64 MiB
	InsertBytes int64             // most bytes of rows of one statement, default 4 GiB
	FormBytes   int64             // largest external tables of one statement together, default 256 MiB
}

// Validate reports everything that is wrong with the options.
func (o Options) Validate() error {
	var errs []error
	if o.Open == nil {
		errs = append(errs, errors.New("bridge: no engine to open sessions on"))
	}
	if o.Statements < 0 || o.Sessions < 0 || o.Wait < 0 || o.QueryBytes < 0 || o.InsertBytes < 0 || o.FormBytes < 0 {
		errs = append(errs, errors.New("bridge: limits must not be negative"))
	}
	for name := range o.Settings {
		if !isSettingName(name) {
			errs = append(errs, fmt.Errorf("bridge: %q is not the name of a setting", name))
		}
	}
	return errors.Join(errs...)
}

func (o Options) withDefaults() Options {
	set := func(v *int, d int) {
		if *v == 0 {
			*v = d
		}
	}
	o.TempDir = first(o.TempDir, os.TempDir())
	set(&o.Statements, 64)
	set(&o.Sessions, 64)
	if o.Wait == 0 {
		o.Wait = 30 * time.Second
	}
	if o.QueryBytes == 0 {
		o.QueryBytes = 64 << 20
	}
	if o.InsertBytes == 0 {
		o.InsertBytes = 4 << 30
	}
	if o.FormBytes == 0 {
		o.FormBytes = 256 << 20
	}
	return o
}

// Handler is an http.Handler. It is safe for concurrent use.
type Handler struct {
	o        Options
	server   server
	sessions *sessions
	turns    chan struct{}
}

// New asks the engine what it is and returns a handler for it.
func New(o Options) (*Handler, error) {
	if err := o.Validate(); err != nil {
		return nil, err
	}
	o = o.withDefaults()
	h := &Handler{o: o, sessions: newSessions(o.Open, o.Sessions), turns: make(chan struct{}, o.Statements)}
	var err error
	h.server, err = askServer(o.Open)
	return h, err
}

// Version is the engine's version.
func (h *Handler) Version() string { return h.server.version }

// Close frees the named sessions. No request may be running.
func (h *Handler) Close() { h.sessions.close() }

// ServeHTTP answers one request. Errors become exceptions in ClickHouse's form, never plain HTTP errors.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.URL.Path == "/ping" || r.Method == http.MethodGet && r.URL.Path == "/" && r.URL.RawQuery == "" {
		_, _ = io.WriteString(w, "Ok.\n")
		return
	}
	a := newAnswer(w, r, h.server)
	if err := h.serve(r, a); err != nil {
		a.fail(err)
		return
	}
	a.finish()
}

func (h *Handler) serve(r *http.Request, a *answer) error {
	if r.Method != http.MethodGet && r.Method != http.MethodPost {
		return exception(codeBadArguments, "BAD_ARGUMENTS", "method %s is not served, use POST or GET", r.Method)
	}
	if err := authenticate(r); err != nil {
		return err
	}
	req, err := h.read(r)
	if err != nil {
		return err
	}
	defer req.cleanUp()
	if req.isHello() {
		return h.server.hello(a)
	}
	if strings.TrimSpace(req.statement.text) == "" {
		return exception(codeSyntaxError, "SYNTAX_ERROR", "empty query")
	}
	if err := h.turn(r); err != nil {
		return err
	}
	defer func() { <-h.turns }()
	return h.run(r.Context(), req, a)
}

// turn waits until fewer statements run than are allowed.
func (h *Handler) turn(r *http.Request) error {
	wait := time.NewTimer(h.o.Wait)
	defer wait.Stop()
	select {
	case h.turns <- struct{}{}:
		return nil
	case <-r.Context().Done():
		return r.Context().Err()
	case <-wait.C:
		return exception(codeTooManyQueries, "TOO_MANY_SIMULTANEOUS_QUERIES", "%d statements are running, try again later", h.o.Statements)
	}
}

// authenticate takes the default user without a password: who may open the socket may use the engine.
func authenticate(r *http.Request) error {
	user, password, ok := r.BasicAuth()
	if !ok {
		q := r.URL.Query()
		user = first(r.Header.Get("X-ClickHouse-User"), q.Get("user"))
		password = first(r.Header.Get("X-ClickHouse-Key"), q.Get("password"))
	}
	if user != "" && user != "default" || password != "" {
		return exception(codeAuthentication, "AUTHENTICATION_FAILED",
			"%s: Authentication failed: the embedded engine knows the user default without a password only", user)
	}
	return nil
}

func first(values ...string) string {
	for _, v := range values {
		if v != "" {
			return v
		}
	}
	return ""
}
