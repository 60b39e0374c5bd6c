// Package broker runs a Kafka-protocol broker inside this process, for one machine: franz-go's kfake, made to lose nothing that it
// acknowledged when the process is killed, and bounded on disk.
//
// What kfake leaves open and this package closes: a torn tail of its logs hides what is appended later; its compaction deletes files
// before it has written their successors and knows no compaction lag; its retention also empties compacted topics, and a
// partition that it has emptied starts again at offset 0; after a crash it has forgotten which writes it has seen, so that a repeated one is there twice.
package broker

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kfake"
)

// Options of a Broker. Only DataDir has no working zero value.
type Options struct {
	DataDir string // holds topics, records and group offsets; made if it is not there. One broker at a time may use it
	Addr    string // host:port on loopback; 127.0.0.1:9092 when empty, and port 0 picks a free one

	// Sync writes every batch through to the disk before it is acknowledged, so that it survives a power cut. Without it
	// the operating system writes when it likes: kill -9 of the process loses nothing that was acknowledged, a power cut may lose the last seconds.
	Sync bool

	// CompactionLag is how long a superseded record of a compacted topic stays, where the topic's own min.compaction.lag.ms is less; 24 h when
	// zero, none when negative. Compaction happens when the broker starts, and only then.
	CompactionLag time.Duration

	// Reserve is the space on the disk, in bytes, below which nothing is taken any more until there is more again; 256 MiB when zero, none
	// when negative. What the broker does not take is refused with an error that clients try again on.
	Reserve int64

	Logger *slog.Logger // slog.Default() when nil

	freeSpace func(dir string) (int64, error) // for tests
	now       func() time.Time                // for tests
}

// Validate reports everything that is wrong with the options.
func (o Options) Validate() error {
	var errs []error
	if o.DataDir == "" {
		errs = append(errs, errors.New("embedded broker: no data directory given"))
	}
	if o.Addr != "" {
		errs = append(errs, checkLoopback(o.Addr))
	}
	return errors.Join(errs...)
}

func (o Options) withDefaults() Options {
	if o.Addr == "" {
		o.Addr = "127.0.0.1:9092"
	}
	if o.CompactionLag == 0 {
		o.CompactionLag = 24 * time.Hour
	}
	if o.Reserve == 0 {
		o.Reserve = 256 << 20
	}
	if o.Logger == nil {
		o.Logger = slog.Default()
	}
	if o.freeSpace == nil {
		o.freeSpace = freeSpace
	}
	if o.now == nil {
		o.now = time.Now
	}
	return o
}

// Broker is a running broker. Make one with Open, then Run it.
type Broker struct {
	opts    Options
	addr    string
	cluster *kfake.Cluster
	unlock  func()
	guard   *guard

	closeOnce sync.Once
	closeErr  error
}

// Open mends what the last process left half done, compacts, and starts to serve. It fails when the directory is in use, damaged in a
// way that a crash can't explain, or unwritable, and when the port is taken; the error says which and what to do.
func Open(opts Options) (*Broker, error) {
	if err := opts.Validate(); err != nil {
		return nil, err
	}
	opts = opts.withDefaults()
	if err := os.MkdirAll(opts.DataDir, 0o755); err != nil {
		return nil, fmt.Errorf("embedded broker: make its data directory: %w", err)
	}
	unlock, err := lock(opts.DataDir)
	if err != nil {
		return nil, err
	}
	b := &Broker{opts: opts, unlock: unlock}
	if err := b.start(); err != nil {
		unlock()
		return nil, err
	}
	return b, nil
}

func (b *Broker) start() error {
	// Before anything is touched: a port that is taken is the likeliest mistake.
	ln, err := listen(b.opts.Addr)
	if err != nil {
		return err
	}
	began := b.opts.now()
	if err := recoverDir(b.opts); err != nil {
		return errors.Join(fmt.Errorf("embedded broker: %s: %w", b.opts.DataDir, err), ln.Close())
	}
	b.guard = newGuard(b.opts)
	b.cluster, err = kfake.NewCluster(kfakeOptions(b.opts, ln, b.guard)...)
	if err != nil {
		return errors.Join(fmt.Errorf("embedded broker: start in %s: %w", b.opts.DataDir, err), ln.Close())
	}
	b.guard.attach(b.cluster)
	b.addr = ln.Addr().String()
	b.opts.Logger.Info("embedded broker started", "addr", b.addr, "dir", b.opts.DataDir, "took", b.opts.now().Sub(began))
	return nil
}

func kfakeOptions(o Options, ln *gatedListener, g *guard) []kfake.Opt {
	opts := []kfake.Opt{
		kfake.NumBrokers(1),
		kfake.ClusterID("ugc-embedded"),
		kfake.DataDir(o.DataDir),
		kfake.DefaultNumPartitions(1),
		kfake.ListenFn(ln.once),
		kfake.WithLogger(g),
		kfake.BrokerConfigs(map[string]string{
			"default.replication.factor": "1",
			"log.segment.bytes":          fmt.Sprint(segmentBytes),
			// Topics say how long they keep; one that does not keeps for ever.
			"log.retention.ms": "-1",
			// kfake's own cleaner is the one that is not safe: once in a hundred years is never.
			"log.cleaner.backoff.ms": "3153600000000",
			// A laptop that was shut for a week must not forget where its consumers were: ten years.
			"offsets.retention.minutes": "5256000",
		}),
	}
	if o.Sync {
		opts = append(opts, kfake.SyncWrites())
	}
	return opts
}

const segmentBytes = 32 << 20

// Addr is the host:port that clients connect to, with the port that was picked.
func (b *Broker) Addr() string { return b.addr }

// Err is why the broker takes no writes at the moment, nil when it does: the disk is nearly full, or a write has failed.
func (b *Broker) Err() error { return b.guard.err() }

// Run watches the disk and deletes expired segments until the context ends, then closes the broker and returns nil. It returns an error when a
// write to the disk has failed; the broker then refuses everything, and what it acknowledged before is kept.
func (b *Broker) Run(ctx context.Context) error {
	err := b.watch(ctx)
	return errors.Join(err, b.Close())
}

// Close stops serving and writes what speeds up the next start. Safe to call twice.
func (b *Broker) Close() error {
	b.closeOnce.Do(func() {
		b.cluster.Close()
		if !b.guard.broken() {
			// After a failed write the state that kfake saves can't be trusted; without the mark the next start works it out
			// from the logs.
			b.closeErr = markClean(b.opts.DataDir)
		}
		b.unlock()
		b.opts.Logger.Info("embedded broker stopped", "addr", b.addr)
	})
	return b.closeErr
}
