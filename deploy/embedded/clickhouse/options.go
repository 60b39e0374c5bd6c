package clickhouse

import (
	"errors"
	"fmt"
	"log/slog"
	"os"
	"runtime"
	"time"
)

// Options say how to run the engine. DataDir is required, everything else has a default.
type Options struct {
	DataDir string // holds the data, the engine's log and its socket; one owner at a time

	Library    string   // path of libchdb.so; default as FindLibrary finds it
	Executable string   // binary whose child command calls Child; default this process's own
	Args       []string // the child command, before the flags of ChildOptions; default "clickhouse-engine"
	Env        []string // added to the child's environment, which inherits PATH and TMPDIR only

	MemoryBytes int64 // the engine's own limit on its memory, default 1 GiB
	Threads     int   // for one statement, default the number of cores, at most 8
	NoFsync     bool  // leave syncing to the kernel; see the package comment for what that risks

	StartTimeout time.Duration // from start to the first answer, default 60 s
	StopTimeout  time.Duration // from the request to stop until the child is killed, default 15 s
	BackOff      time.Duration // before the first restart, doubled at each further one, default 100 ms
	MaxBackOff   time.Duration // default 10 s

	Logger *slog.Logger // default slog.Default()
}

// Validate reports everything that is wrong with the options.
func (o Options) Validate() error {
	var errs []error
	if o.DataDir == "" {
		errs = append(errs, errors.New("no data directory given"))
	}
	if o.MemoryBytes != 0 && o.MemoryBytes < minMemory {
		errs = append(errs, fmt.Errorf("memory of %d bytes is too little, give at least %d", o.MemoryBytes, int64(minMemory)))
	}
	if o.Threads < 0 {
		errs = append(errs, errors.New("threads must not be negative"))
	}
	for name, d := range map[string]time.Duration{"start time-out": o.StartTimeout, "stop time-out": o.StopTimeout, "back-off": o.BackOff, "greatest back-off": o.MaxBackOff} {
		if d < 0 {
			errs = append(errs, fmt.Errorf("the %s must not be negative", name))
		}
	}
	if err := errors.Join(errs...); err != nil {
		return fmt.Errorf("embedded ClickHouse: %w", err)
	}
	return nil
}

// minMemory is what the engine needs to start and to merge at all.
const minMemory = 128 << 20

func (o Options) withDefaults() (Options, error) {
	if o.Executable == "" {
		exe, err := os.Executable()
		if err != nil {
			return o, fmt.Errorf("embedded ClickHouse: find this program's own file: %w", err)
		}
		o.Executable = exe
	}
	if o.Args == nil {
		o.Args = []string{"clickhouse-engine"}
	}
	if o.MemoryBytes == 0 {
		o.MemoryBytes = 1 << 30
	}
	if o.Threads == 0 {
		o.Threads = min(runtime.NumCPU(), 8)
	}
	if o.Logger == nil {
		o.Logger = slog.Default()
	}
	for _, d := range []struct {
		value    *time.Duration
		fallback time.Duration
	}{{&o.StartTimeout, time.Minute}, {&o.StopTimeout, 15 * time.Second}, {&o.BackOff, 100 * time.Millisecond}, {&o.MaxBackOff, 10 * time.Second}} {
		if *d.value == 0 {
			*d.value = d.fallback
		}
	}
	return o, nil
}
