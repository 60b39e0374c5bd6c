package clickhouse

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"strconv"
	"time"
)

// ChildOptions are what the parent tells the child, as flags of its command line.
type ChildOptions struct {
	DataDir string // required
	Socket  string // required; path of the unix socket to serve, replaced where it exists
	Library string // required; path of libchdb.so

	MemoryBytes int64         // 0: 1 GiB
	Threads     int           // for one statement, 0: as many as the engine likes
	NoFsync     bool          // see the package comment
	Drain       time.Duration // how long running statements may take once the child shall end, 0: 10 s

	Lifeline int // descriptor whose end means that the parent is gone, 0: none
	Report   int // descriptor that takes the report, 0: none
}

func (o *ChildOptions) flags() *flag.FlagSet {
	f := flag.NewFlagSet("clickhouse-engine", flag.ContinueOnError)
	f.SetOutput(io.Discard)
	f.StringVar(&o.DataDir, "data", "", "directory of the data")
	f.StringVar(&o.Socket, "socket", "", "path of the unix socket to serve")
	f.StringVar(&o.Library, "lib", "", "path of libchdb.so")
	f.Int64Var(&o.MemoryBytes, "memory", 0, "limit on the engine's memory in bytes")
	f.IntVar(&o.Threads, "threads", 0, "threads for one statement")
	f.BoolVar(&o.NoFsync, "no-fsync", false, "leave syncing to the kernel")
	f.DurationVar(&o.Drain, "drain", 0, "how long running statements may take at the end")
	f.IntVar(&o.Lifeline, "lifeline", 0, "descriptor whose end means that the parent is gone")
	f.IntVar(&o.Report, "report", 0, "descriptor that takes the report")
	return f
}

// Args are the options as arguments that ParseChild reads back.
func (o ChildOptions) Args() []string {
	return []string{
		"--data=" + o.DataDir, "--socket=" + o.Socket, "--lib=" + o.Library,
		"--memory=" + strconv.FormatInt(o.MemoryBytes, 10), "--threads=" + strconv.Itoa(o.Threads),
		"--no-fsync=" + strconv.FormatBool(o.NoFsync), "--drain=" + o.Drain.String(),
		"--lifeline=" + strconv.Itoa(o.Lifeline), "--report=" + strconv.Itoa(o.Report),
	}
}

// ParseChild reads the options of a child from the arguments after its command.
func ParseChild(args []string) (ChildOptions, error) {
	var o ChildOptions
	f := o.flags()
	if err := f.Parse(args); err != nil {
		return o, fmt.Errorf("clickhouse-engine: %w", err)
	}
	if f.NArg() > 0 {
		return o, fmt.Errorf("clickhouse-engine: unexpected argument %q", f.Arg(0))
	}
	return o, o.Validate()
}

// Validate reports everything that is wrong with the options.
func (o ChildOptions) Validate() error {
	var errs []error
	for _, f := range []struct{ flag, value string }{{"data", o.DataDir}, {"socket", o.Socket}, {"lib", o.Library}} {
		if f.value == "" {
			errs = append(errs, fmt.Errorf("clickhouse-engine: --%s is required", f.flag))
		}
	}
	if len(o.Socket) > maxSocketPath {
		errs = append(errs, fmt.Errorf("clickhouse-engine: --socket is longer than %d bytes", maxSocketPath))
	}
	if o.MemoryBytes < 0 || o.Threads < 0 || o.Drain < 0 || o.Lifeline < 0 || o.Report < 0 {
		errs = append(errs, errors.New("clickhouse-engine: numbers must not be negative"))
	}
	return errors.Join(errs...)
}
