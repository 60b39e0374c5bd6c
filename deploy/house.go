// Package deploy is the composition root: the only place that knows all rooms of the house. It builds the parts that a
// configuration asks for, runs them on one another, and stops them.
package deploy

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/twmb/franz-go/pkg/kgo"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"

	"ugc/deploy/config"
	"ugc/deploy/embedded/broker"
	"ugc/deploy/traces"
	"ugc/domain"
	"ugc/handlers"
	"ugc/projections"
	"ugc/projections/clickhouse"
	"ugc/projections/documents"
	"ugc/schemas"
	"ugc/streams"
	"ugc/transport/http/auth"
	"ugc/transport/kafka"
)

// House is one program with its parts. Make one with New, Run it once.
type House struct {
	cfg     *config.Config
	version string
	log     *slog.Logger
	traces  *traces.Traces        // nil: none
	spans   sdktrace.SpanExporter // for tests: where spans go instead of a collector
	stack   *stack
	metrics *prometheus.Registry

	broker   *broker.Broker // nil where the log is on servers
	kafka    kafka.Settings // of the log, embedded or not
	client   []kgo.Opt      // the same for franz-go
	registry schemas.Registry
	codec    *schemas.Codec
	commands handlers.CommandLog

	publisher *kafka.Publisher
	away      atomic.Pointer[error] // why the log was given up on when the house stopped

	documents documentStore
	reader    *documents.Reader
	shown     *projections.Watermarks // of the document views
	analytics *clickhouse.Store
	views     running
	damage    *damage
	streams   *streams.Streams
	positions *streams.Positions
	health    *kafka.Health
	tokens    *auth.Guard // nil: nobody is asked

	closers []func() error // of what was opened and is no part of the stack, last opened first closed
}

// New makes a house; nothing is opened before Run.
func New(c *config.Config, version string, log *slog.Logger) *House {
	h := &House{cfg: c, version: version, log: log, stack: newStack(log), metrics: prometheus.NewRegistry(), shown: &projections.Watermarks{}}
	h.damage = newDamage(h.metrics)
	h.metrics.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return h
}

// Where says where a running house is to be found.
type Where struct {
	HTTP  string // host:port of the edge, or of health and metrics alone
	Edge  bool   // this process serves the API
	Kafka string // bootstrap servers
	Data  string
	Took  time.Duration // from the start until everything was ready
}

// Run starts everything that the configuration asks for, from the bottom up, tells announce where it is, and blocks until ctx ends or a part
// fails. Then it stops from the top down: the edge drains first, the log goes last. nil means a clean stop.
func (h *House) Run(ctx context.Context, announce func(Where)) (err error) {
	began := time.Now()
	owner, err := own(h.cfg.DataDir)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, owner.release()) }()
	defer func() { err = errors.Join(err, h.close()) }()
	if err := h.start(ctx); err != nil {
		if ctx.Err() != nil {
			err = nil // asked to stop while starting
		}
		return errors.Join(err, h.stop(ctx))
	}
	where := Where{Edge: h.cfg.Has(config.Edge), Data: h.cfg.DataDir, Took: time.Since(began)}
	where.HTTP, _ = Note(h.cfg.DataDir, NoteHTTP)
	where.Kafka, _ = Note(h.cfg.DataDir, NoteKafka)
	announce(where)
	failure := h.stack.wait(ctx)
	if failure != nil {
		h.log.Error("a part failed, stopping", "error", failure)
	} else {
		h.log.Info("stopping", "within", h.cfg.StopWithin())
	}
	return errors.Join(failure, h.stop(ctx))
}

// A log that takes nothing is waited for no longer than this: what is under way cannot end well.
var hasty = waits{each: time.Second, all: 3 * time.Second, last: lastMoment}

// logAnswersWithin is how long a log on servers may take to answer at the end.
const logAnswersWithin = time.Second

// stop ends all parts. Where the log takes nothing, whoever waits for it is told so first, and the end is short.
func (h *House) stop(ctx context.Context) error {
	if h.commands == nil {
		return h.stack.stop(patient(h.cfg.StopWithin()))
	}
	asking, cancel := context.WithTimeout(context.WithoutCancel(ctx), logAnswersWithin)
	defer cancel()
	if h.broker != nil {
		h.broker.CheckDisk() // the engine may have seen a full disk first
	}
	away := h.pingBroker(asking)
	if away == nil {
		return h.stack.stop(patient(h.cfg.StopWithin()))
	}
	h.log.Warn("the log takes nothing, so that the end is short: what is under way and has no answer yet may be written or not", "error", away)
	h.away.Store(&away)
	h.publisher.Abort(away)
	short, most := hasty, h.cfg.StopWithin()
	short.each, short.all = min(short.each+h.cfg.DrainDelay, most), min(short.all+h.cfg.DrainDelay, most)
	return h.stack.stop(short)
}

// refuses says why the log takes nothing at the moment, as far as this process knows without asking it.
func (h *House) refuses() error {
	if away := h.away.Load(); away != nil {
		return *away
	}
	if h.broker != nil {
		return h.broker.Err()
	}
	return nil
}

// start is the order of the house: what stands on what.
func (h *House) start(ctx context.Context) error {
	for _, step := range []struct {
		role config.Role // "": always
		open func(context.Context) error
	}{
		{"", h.probeHTTP},
		{"", h.openTraces},
		{"", h.openLog},
		{"", h.openSchemas},
		{"", h.openCommands},
		{"", h.openDocuments},
		{config.Streams, h.openStreams}, // what the log lost is made good before views compare themselves with it
		{config.Projections, h.openAnalytics},
		{config.Projections, h.openProjections},
		{config.Edge, h.openPositions},
		{"", h.openHTTP},
	} {
		if step.role != "" && !h.cfg.Has(step.role) {
			continue
		}
		if err := step.open(ctx); err != nil {
			return err
		}
	}
	return nil
}

// path is a place in the data folder.
func (h *House) path(name string) string { return filepath.Join(h.cfg.DataDir, name) }

// leave writes a note into the data folder, for other commands on the same machine; note reads one. A note goes when the house closes.
func (h *House) leave(name, text string) error {
	if err := os.WriteFile(h.path(name+".new"), []byte(text+"\n"), 0o644); err != nil {
		return fmt.Errorf("write %s: %w", name, err)
	}
	if err := os.Rename(h.path(name+".new"), h.path(name)); err != nil {
		return fmt.Errorf("write %s: %w", name, err)
	}
	h.closers = append(h.closers, func() error { return os.Remove(h.path(name)) })
	return nil
}

func (h *House) close() error {
	var errs []error
	for i := len(h.closers) - 1; i >= 0; i-- {
		errs = append(errs, h.closers[i]())
	}
	h.closers = nil
	return errors.Join(errs...)
}

func systemClock() domain.Instant { return domain.Instant(time.Now().UnixMilli()) }
