package streams

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"

	"github.com/IBM/sarama"
	"github.com/lovoo/goka"
	"github.com/lovoo/goka/storage"
	"github.com/twmb/franz-go/pkg/kgo"

	"ugc/domain"
	"ugc/handlers"
	"ugc/schemas"
)

// incarnation is one goka processor of a group, from the day it is built to the day it ends. Nothing of it outlives it but what is in Kafka and,
// as a copy, on disk.
type incarnation struct {
	group   Group
	codec   *schemas.Codec
	epoch   int16
	rules   domain.PlaybackRules
	clock   handlers.Clock
	log     *slog.Logger
	metrics *groupMetrics
	tracing *tracing // nil: none
	keeper  *keeper
	state   *state
	out     *producer
	tables  tableLog
	inputs  int32                  // partitions of the input
	own     func(*partition) error // begins to own a partition, whose copy is restored

	kgo     []kgo.Opt
	outbox  func(value []byte) ([]schemas.Outcome, error) // of a value of the table
	folding func() func(*input) ([]byte, error)           // begins a fold from nothing

	mu    sync.RWMutex
	parts map[int32]*partition

	cause atomic.Pointer[failure]
}

type failure struct{ error }

// partition is what one session of the consumer group knows of an input partition. A new session starts without it: another
// member may have written meanwhile.
type partition struct {
	id    int32
	claim atomic.Pointer[sarama.ConsumerGroupClaim]
	next  atomic.Int64 // offset of the next input, 0 before the first

	store atomic.Pointer[store]           // the copy of the table's partition, once goka has asked for it
	heard atomic.Pointer[func(end int64)] // tells the owner where the partition of the table ends
	stop  context.CancelFunc              // of what runs for the partition
	ctx   context.Context                 // ends with the session
	wg    sync.WaitGroup

	passed map[int64]bool // offsets of inputs that are not processed, see lost.go; set before the first one

	// The rest belongs to the goroutine that goka processes the partition with.
	lane *lane // nil before the first input
	keys any   // *table[S]
}

// processFunc handles one record of the input.
type processFunc func(ctx goka.Context, p *partition, in *input) error

// assigned begins a session with these partitions. What ran for those of the last one has ended when it returns.
func (run *incarnation) assigned(partitions []int32) {
	parts := make(map[int32]*partition, len(partitions))
	for _, id := range partitions {
		ctx, stop := context.WithCancel(run.out.ctx)
		parts[id] = &partition{id: id, ctx: ctx, stop: stop}
	}
	run.mu.Lock()
	old := run.parts
	run.parts = parts
	run.mu.Unlock()
	for _, p := range old {
		p.stop()
		p.wg.Wait()
	}
}

func (run *incarnation) partition(p int32) *partition {
	run.mu.RLock()
	defer run.mu.RUnlock()
	return run.parts[p]
}

// lag is the number of inputs not yet processed, by partition.
func (run *incarnation) lag() map[int32]int64 {
	run.mu.RLock()
	defer run.mu.RUnlock()
	lag := make(map[int32]int64, len(run.parts))
	for id, p := range run.parts {
		if p.claim.Load() != nil {
			lag[id] = p.lag()
		}
	}
	return lag
}

// lag is the number of the partition's inputs not yet processed, 0 while that is not known.
func (p *partition) lag() int64 {
	claim := p.claim.Load()
	if claim == nil {
		return 0
	}
	next := p.next.Load()
	if next == 0 {
		next = max((*claim).InitialOffset(), 0)
	}
	return max((*claim).HighWaterMarkOffset()-next, 0)
}

// openStore opens the copy of a partition's table, for goka to restore and for us to write to.
func (run *incarnation) openStore(dir, topic string, partition int32) (storage.Storage, error) {
	s, err := openStore(dir, topic, partition)
	if err != nil {
		return nil, err
	}
	s.spoilt = func(why error) {
		run.log.Error("the copy of the table is damaged: it is made anew from the topic", "partition", partition, "err", why)
		run.out.fail(fmt.Errorf("the copy of partition %d is damaged: %w", partition, why))
	}
	if p := run.partition(partition); p != nil {
		p.store.Store(s)
	}
	return s, nil
}

// copyOf is the copy of an assigned partition's table, nil before it is open.
func (run *incarnation) copyOf(partition int32) *store {
	if p := run.partition(partition); p != nil {
		return p.store.Load()
	}
	return nil
}

// fail remembers the first failure: what goka makes of it is a stack trace in which its kind is lost.
func (run *incarnation) fail(err error) { run.cause.CompareAndSwap(nil, &failure{err}) }

// failed is the first failure, nil where there was none.
func (run *incarnation) failed() error {
	if f := run.cause.Load(); f != nil {
		return f.error
	}
	return nil
}

// ended is why the processor ended, given what goka says.
func (run *incarnation) ended(err error) error {
	if cause := run.failed(); cause != nil {
		return cause
	}
	if cause := run.out.failure(); cause != nil && !errors.Is(cause, errClosed) {
		return cause
	}
	return err
}

// why is ended, for a processor that ended by itself: never nil.
func (run *incarnation) why(err error) error {
	if err = run.ended(err); err == nil {
		err = errors.New("it ended without saying why")
	}
	return err
}

// graph is the group as goka knows it. Records and values pass goka as bytes: it ends the processor at the first one that a codec of its own
// cannot decode.
func (run *incarnation) graph() *goka.GroupGraph {
	handle := run.group.start(run)
	edges := []goka.Edge{
		goka.Input(goka.Stream(run.group.Input.Name), raw{}, run.callback(handle)),
		goka.Persist(raw{}),
	}
	return goka.DefineGroup(goka.Group(run.group.Name), edges...)
}

// callback is goka's side of process.
func (run *incarnation) callback(handle processFunc) goka.ProcessCallback {
	return func(ctx goka.Context, msg any) {
		p := run.partition(ctx.Partition())
		if p == nil {
			run.refuse(ctx, errors.New("a record came from a partition that is not assigned"))
			return
		}
		in := &input{
			origin: domain.Origin{Partition: ctx.Partition(), Version: domain.NewVersion(run.epoch, ctx.Offset())},
			key:    ctx.Key(),
			value:  msg.([]byte),
		}
		if p.lane == nil {
			p.lane = run.out.lane(in.origin.Partition, in.origin.Version-1)
		}
		if p.passed[ctx.Offset()] {
			run.passOver(ctx, p, in)
			return
		}
		run.tracing.begin(ctx, in)
		if err := handle(ctx, p, in); err != nil {
			in.finish(err)
			run.refuse(ctx, err)
			return
		}
		p.next.Store(ctx.Offset() + 1)
	}
}

// refuse ends the processor at this record, which is not committed and comes again. goka's own Fail unwinds the callback, but while the
// processor is being stopped it returns instead, and goka would then commit the record: the failed promise prevents that.
func (run *incarnation) refuse(ctx goka.Context, err error) {
	run.fail(err)
	ctx.DeferCommit()(err)
	ctx.Fail(err)
}

// raw is a codec that never fails.
type raw struct{}

func (raw) Encode(v any) ([]byte, error) { return v.([]byte), nil }
func (raw) Decode(b []byte) (any, error) { return b, nil }
