package streams

import (
	"context"
	"errors"
	"fmt"
	"hash"
	"log/slog"
	"os"
	"path/filepath"
	"sync/atomic"
	"time"

	"github.com/IBM/sarama"
	"github.com/lovoo/goka"
	"github.com/lovoo/goka/storage"

	"ugc/domain"
)

// supervised is a group whose goka processor is replaced whenever it ends. Ending is goka's answer to every trouble, and ours too: an
// emit that failed, a schema that the registry has to be asked for, a broker that is away. The next one starts from the commit.
type supervised struct {
	group   Group
	options *Options
	metrics *groupMetrics
	state   *state
	log     *slog.Logger

	current atomic.Pointer[incarnation]
}

// healthyRun is how long a processor must have run for the next failure to count as the first.
const healthyRun = 30 * time.Second

// leaveTimeout is how long goka may take to hang up once nothing is under way any more.
const leaveTimeout = 10 * time.Second

var errStopTimeout = errors.New("the group did not stop in time; what it had under way is not committed and comes again")

// Run runs one processor after another until ctx ends.
func (g *supervised) Run(ctx context.Context) error {
	for failures := 0; ; failures++ {
		g.state.starting()
		err := g.once(ctx)
		g.current.Store(nil)
		g.state.ended(err)
		if ctx.Err() != nil {
			if errors.Is(err, errStopTimeout) {
				return fmt.Errorf("%s: %w", g.group.Name, err)
			}
			return nil
		}
		if g.state.ranFor(time.Now()) > healthyRun {
			failures = 0
		}
		wait := g.options.Backoff.wait(failures)
		g.metrics.restarts.Inc()
		g.log.Warn("processor ended; the next one starts", "in", wait, "failures", failures+1, "err", err)
		pause(ctx, wait)
	}
}

// once runs one processor to its end. It never returns nil before ctx ends.
func (g *supervised) once(ctx context.Context) error {
	run, processor, err := g.build(ctx)
	if err != nil {
		return err
	}
	defer func() {
		_ = run.out.Close() // goka does, unless it fails before it has asked for it
		run.assigned(nil)   // and what ran for a session that goka did not clean up
	}()
	g.current.Store(run)
	done := make(chan error, 1)
	running, cancel := context.WithCancel(ctx)
	defer cancel()
	go func() { done <- processor.Run(running) }()
	watching := make(chan struct{})
	defer func() { <-watching }()
	watched, unwatch := context.WithCancel(ctx)
	defer unwatch()
	go func() {
		defer close(watching)
		run.watch(watched, g.options.lookEvery)
	}()

	select {
	case err := <-done:
		return run.why(err)
	case <-run.out.ctx.Done(): // it failed where perhaps no input waits, and goka would not hear of it
		cancel()
	case <-ctx.Done():
		return g.stop(run, done)
	}
	timer := time.NewTimer(g.options.StopTimeout + leaveTimeout)
	defer timer.Stop()
	select {
	case err := <-done:
		return run.why(err)
	case <-timer.C:
		return errStopTimeout
	}
}

// stop waits for what is under way, then fails it, so that goka, which waits for every promise, ends.
func (g *supervised) stop(run *incarnation, done <-chan error) error {
	if refuses := g.options.Refuses; refuses != nil {
		if why := refuses(); why != nil { // what is under way is never written
			run.out.fail(why)
		}
	}
	timer := time.NewTimer(g.options.StopTimeout)
	defer timer.Stop()
	select {
	case <-done: //nolint:errcheck // what a processor says that was told to stop is of no interest
		return nil
	case <-timer.C:
	}
	run.out.fail(errStopTimeout)
	timer.Reset(leaveTimeout)
	select {
	case <-done: //nolint:errcheck // as above
		return nil
	case <-timer.C:
		return errStopTimeout
	}
}

// build makes everything that one processor needs.
func (g *supervised) build(ctx context.Context) (*incarnation, *goka.Processor, error) {
	o := g.options
	layout, err := inspect(ctx, o.Kgo, g.group)
	if err != nil {
		return nil, nil, err
	}
	out, err := newProducer(o.Kgo, layout.partitions)
	if err != nil {
		return nil, nil, err
	}
	if o.wrap != nil {
		out = o.wrap(out)
	}
	run := &incarnation{
		group: g.group, codec: o.Codec, epoch: o.Epoch, rules: o.Rules, clock: o.Clock, log: g.log, metrics: g.metrics,
		state: g.state, out: out, tables: &brokerLog{client: out.client, opts: o.Kgo}, tracing: newTracing(o.Tracer, g.group), inputs: layout.partitions[g.group.Input.Name],
		kgo: o.Kgo,
	}
	run.keeper = &keeper{topic: g.group.Table, codec: o.Codec, log: g.log, metrics: g.metrics, inputs: run.inputs}
	dir, err := tableDir(o.DataDir, g.group.Name, layout)
	if err != nil {
		return nil, nil, errors.Join(err, out.Close())
	}
	processor, err := goka.NewProcessor(o.Brokers, run.graph(),
		goka.WithClientID("ugc-"+g.group.Name),
		goka.WithHasher(domain.NewKeyHasher),
		goka.WithLogger(quiet{g.log}),
		goka.WithNilHandling(goka.NilDecode), // stock: records without a value are dropped, and committed ahead of those before them
		goka.WithStorageBuilder(func(topic string, partition int32) (storage.Storage, error) {
			return run.openStore(dir, topic, partition)
		}),
		goka.WithUpdateCallback(run.keeper.restore(run.copyOf, nil)),
		goka.WithProducerBuilder(func([]string, string, func() hash.Hash32) (goka.Producer, error) { return out, nil }),
		goka.WithTopicManagerBuilder(topicManager(setupConfig(o.Sarama))),
		goka.WithConsumerSaramaBuilder(goka.SaramaConsumerBuilderWithConfig(consumerConfig(o.Sarama))),
		goka.WithConsumerGroupBuilder(func(brokers []string, group, clientID string) (sarama.ConsumerGroup, error) {
			inner, err := goka.ConsumerGroupBuilderWithConfig(consumerConfig(o.Sarama))(brokers, group, clientID)
			if err != nil {
				return nil, err
			}
			return &consumerGroup{ConsumerGroup: inner, run: run}, nil
		}),
	)
	if err != nil {
		return nil, nil, errors.Join(err, out.Close())
	}
	return run, processor, nil
}

// tableDir is where the copies of the group's table lie. Its name holds the topic's own id: when the topic is made anew under the same name, the copy of the old
// one must not be taken for it.
func tableDir(data, group string, l layout) (string, error) {
	dir := filepath.Join(data, "streams", group+"-"+l.table())
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return "", fmt.Errorf("make the folder of table copies: %w", err)
	}
	return dir, nil
}

// quiet takes goka's lines, which repeat what is returned as errors, down to debug.
type quiet struct{ log *slog.Logger }

func (q quiet) Print(v ...any)   { q.log.Debug("goka", "line", fmt.Sprint(v...)) }
func (q quiet) Println(v ...any) { q.log.Debug("goka", "line", fmt.Sprint(v...)) }
func (q quiet) Printf(format string, v ...any) {
	q.log.Debug("goka", "line", fmt.Sprintf(format, v...))
}
