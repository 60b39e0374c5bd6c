package projections

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
	"golang.org/x/sync/errgroup"

	"ugc/schemas/topics"
)

// Engine keeps one generation of one view up to date. A reader decodes what Kafka gives into a bounded queue; a writer takes batches
// from it and lets the effects of each happen in this order: dead letters, 1 write, 2 watermark, 3 commit. Where a process dies between any two, what was done
// is done again, and the sink's idempotence makes that nothing.
//
// In flight are at most a batch, a queue of one more, a chunk of 1 MiB and what the client has fetched ahead, 8 MiB a broker.
//
// No part of correctness rests on who owns a partition: an engine that lost one while its batch was under way does no harm.
type Engine struct {
	o       Options
	decoder func(Codec, *kgo.Record, *Record) error
	log     *slog.Logger
	metrics *viewMetrics
	queue   *queue

	compareLog func(ctx context.Context, stored map[int32]Watermark, partitions []int32) (map[int32]resume, error)

	sinkMu sync.Mutex // one call of the sink at a time
	state  state
	client *kgo.Client // of the current Run
}

// New checks the options. Nothing is connected or started before Run.
func New(o Options) (*Engine, error) {
	if err := o.Validate(); err != nil {
		return nil, fmt.Errorf("projection %s: %w", o.View.Name, err)
	}
	o = o.orDefault()
	e := &Engine{
		o:       o,
		decoder: decoders[o.View.Source.Name],
		log:     o.Logger.With("view", o.View.Name, "generation", o.Generation.Number),
		metrics: o.Metrics.of(o.Generation),
		queue:   newQueue(o.View.Batch.fetched()),
		state:   newState(),
	}
	e.compareLog = e.compare
	if o.DeadLetters == nil {
		e.o.DeadLetters = letterTopic{e}
	}
	return e, nil
}

// Run projects until ctx ends, then finishes the batch at hand within Grace, leaves the group and returns nil. A store, broker or registry that
// is away never ends it: it waits and says so in Status. It returns an error only where the client's settings are wrong. One Run at a time; it can be
// run again.
func (e *Engine) Run(ctx context.Context) error {
	client, err := kgo.NewClient(e.clientOptions()...)
	if err != nil {
		return fmt.Errorf("projection %s: kafka client: %w", e.o.View.Name, err)
	}
	e.client = client
	e.queue.clear()
	e.state.start()
	defer e.state.stop()
	e.log.Info("projection started", "group", e.o.Generation.Group())

	group, running := errgroup.WithContext(ctx)
	group.Go(func() error { return e.readAll(running) })
	group.Go(func() error { return e.writeAll(running) })
	group.Go(func() error { return e.watchLag(running) })
	e.metrics.lags.add(e)
	err = group.Wait()
	e.metrics.lags.remove(e)
	e.leave(ctx)
	if ctx.Err() != nil || errors.Is(err, context.Canceled) {
		err = nil
	}
	e.log.Info("projection stopped")
	return err
}

func (e *Engine) clientOptions() []kgo.Opt {
	reset := kgo.NoResetOffset()
	if e.o.View.Source.Keep == topics.Compacted {
		reset = kgo.NewOffset().AtStart() // the start moves on as it is compacted; the newest record of each key is still there
	}
	// A member that died is noticed after 10 s rather than 45; settings given to us may say otherwise.
	opts := append([]kgo.Opt{kgo.SessionTimeout(10 * time.Second), kgo.HeartbeatInterval(2 * time.Second), kgo.FetchMaxBytes(8 << 20), kgo.FetchMaxPartitionBytes(2 << 20)}, e.o.Kafka...)
	if wait := e.o.View.Batch.fetchWait(); wait > 0 {
		opts = append(opts, kgo.FetchMinBytes(leastFetch), kgo.FetchMaxWait(wait))
	}
	return append(opts,
		kgo.ConsumerGroup(e.o.Generation.Group()),
		kgo.ConsumeTopics(e.o.View.Source.Name),
		kgo.Balancers(kgo.CooperativeStickyBalancer()),
		kgo.ConsumeResetOffset(reset),
		kgo.AutoCommitMarks(), // the store knows where to go on; offsets are committed, within a second, for those who watch lag
		kgo.AutoCommitInterval(time.Second),
		kgo.AutoCommitCallback(e.committed),
		kgo.AdjustFetchOffsetsFn(e.assigned),
		kgo.OnPartitionsRevoked(e.revoked),
		kgo.OnPartitionsLost(e.lost),
	)
}

// leave commits what is marked and leaves the group, so that others need not wait for our session to end.
func (e *Engine) leave(ctx context.Context) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), e.o.Grace)
	defer cancel()
	if err := e.client.LeaveGroupContext(ctx); err != nil && !errors.Is(err, context.DeadlineExceeded) {
		e.log.Warn("leaving the group failed", "err", err)
	}
	e.client.Close()
	e.lost(ctx, nil, map[string][]int32{e.o.View.Source.Name: e.state.assigned()}) // where the broker was away, nobody told us
}

// leastFetch is what a fetch of a view that waits for its batches is answered with at once; less is held back by the broker for fetchWait.
const leastFetch = 64 << 10

// maxChunk bounds what is decoded before the writer sees it.
const (
	maxChunkRecords = 1000
	maxChunkBytes   = 1 << 20
)

// readAll decodes until ctx ends.
func (e *Engine) readAll(ctx context.Context) error {
	for {
		fetches := e.client.PollRecords(ctx, e.o.View.Batch.MaxRecords)
		if err := ctx.Err(); err != nil {
			return err
		}
		if fetches.IsClientClosed() {
			return kgo.ErrClientClosed
		}
		fetches.EachError(func(_ string, partition int32, err error) { e.readFailed(partition, err) })
		fetches.EachPartition(func(p kgo.FetchTopicPartition) { e.state.read(p.Partition, p.HighWatermark) })
		left := fetches.NumRecords()
		var chunk []entry
		size := 0
		for it := fetches.RecordIter(); !it.Done(); left-- {
			if chunk == nil {
				chunk = make([]entry, 0, min(left, maxChunkRecords))
			}
			en, err := e.decodeInTheEnd(ctx, it.Next())
			if err != nil {
				return err
			}
			chunk = append(chunk, en)
			size += en.bytes()
			if left == 1 || len(chunk) == maxChunkRecords || size >= maxChunkBytes {
				if err := e.queue.put(ctx, chunk); err != nil {
					return err
				}
				chunk, size = nil, 0
			}
		}
	}
}

// decodeInTheEnd waits for a registry that is away.
func (e *Engine) decodeInTheEnd(ctx context.Context, raw *kgo.Record) (en entry, err error) {
	if en, err = e.decode(raw); err == nil {
		return en, nil
	}
	err = e.persist(ctx, "decode", func(context.Context) error {
		en, err = e.decode(raw)
		return err
	})
	return en, err
}

// writeAll applies batches until ctx ends; the batch at hand then has Grace left.
func (e *Engine) writeAll(ctx context.Context) error {
	work, cancel := context.WithCancel(context.WithoutCancel(ctx))
	defer cancel()
	defer context.AfterFunc(ctx, func() {
		late := time.AfterFunc(e.o.Grace, cancel)
		context.AfterFunc(work, func() { late.Stop() })
	})()
	for {
		batch, err := e.queue.take(ctx)
		if err != nil {
			return err
		}
		if err := e.apply(ctx, work, batch); err != nil {
			return err
		}
	}
}
