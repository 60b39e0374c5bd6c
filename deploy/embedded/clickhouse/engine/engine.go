// Package engine loads libchdb, which is the ClickHouse server as a library, and runs SQL in it. There is no cgo:
// symbols are bound at run time, so a process that never opens the engine never maps its half gigabyte.
//
// Rows of an INSERT are given as a file (FROM INFILE). The library's streaming INSERT is not used: in 26.7 each one
// leaves a thread's state pointing at what is gone, which its log calls fatal, from a single thread too.
//
// One process holds at most one engine, on one data directory, and should do little else: the library owns threads
// and memory that Go knows nothing of, and a fault in it ends the process. Hence the child process one level up.
package engine

import (
	"errors"
	"strconv"
	"strings"
)

var (
	// ErrPlatform says that there is no library for this operating system and processor.
	ErrPlatform = errors.New("the embedded ClickHouse engine runs on linux/amd64 only")
	// ErrOpen says that the process has opened an engine before; the library cannot boot twice.
	ErrOpen = errors.New("this process has already opened an engine")
)

// Options say what to open. All three are required.
type Options struct {
	Library string // path of libchdb.so, 26.7 or newer
	DataDir string // created where absent; one process at a time
	Config  string // path of the server's configuration in XML
}

// Validate reports every option that is missing.
func (o Options) Validate() error {
	var errs []error
	for _, f := range []struct{ name, value string }{{"library", o.Library}, {"data directory", o.DataDir}, {"configuration", o.Config}} {
		if f.value == "" {
			errs = append(errs, errors.New("open engine: no "+f.name+" given"))
		}
	}
	return errors.Join(errs...)
}

// Session runs one statement at a time and carries its own settings, database and temporary tables. Opening one
// takes a fraction of a millisecond. Statements fail with an Error where the engine itself refuses them.
type Session interface {
	// Classify says what the first statement of a query would do, and how many there are, by the engine's own
	// parser. A query that does not parse is Unknown with 0 statements.
	Classify(query string) (Class, int)

	// Query runs a statement to its end and returns all output in the given format, unless the statement names
	// another. Memory grows with the output: use Stream for what may be large.
	Query(query, format string, params map[string]string) ([]byte, error)

	// Stream runs a SELECT and hands over its output chunk by chunk; a chunk is valid during the call only. Each
	// chunk is a document of its own in the given format, so formats with a head or a foot cannot be streamed. An
	// error of each cancels the statement and is returned.
	Stream(query, format string, params map[string]string, each func(chunk []byte) error) error

	// Close frees the session with its temporary tables. Closing twice is harmless; no statement may be running.
	Close()
}

// Class is what a statement does.
type Class uint32

// The classes of the engine's parser.
const (
	ReadOnly       Class = iota
	Mutating             // writes data or changes tables
	MutatingGlobal       // changes what is no table: users, functions
	Control              // SET, USE, KILL and the like
	Unknown
)

// Error is an exception of the engine: "Code: 60. DB::Exception: … (UNKNOWN_TABLE)".
type Error string

func (e Error) Error() string { return string(e) }

// Code is the exception's number, 0 when the text holds none.
func (e Error) Code() int {
	_, rest, found := strings.Cut(string(e), "Code: ")
	if !found {
		return 0
	}
	end := strings.IndexFunc(rest, func(r rune) bool { return r < '0' || r > '9' })
	if end < 0 {
		end = len(rest)
	}
	n, err := strconv.Atoi(rest[:end])
	if err != nil {
		return 0
	}
	return n
}
