package streams

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/lovoo/goka"
	"github.com/twmb/franz-go/pkg/kgo"

	"ugc/domain"
)

// producer is what all of a processor's records leave through, in place of goka's own. Its first failure is its last: everything that
// is under way fails with it, in every lane, whatever becomes of it in Kafka; its processor ends and the next one starts from the commit.
type producer struct {
	write      func(context.Context, *kgo.Record, func(*kgo.Record, error))
	shut       func()
	client     *kgo.Client      // what writes; nil in tests
	partitions map[string]int32 // of the topics written to
	maxBytes   int              // of one record

	life    context.Context // of the records that are emitted now, see lifetime
	endLife context.CancelFunc
	begun   time.Time // when life began

	ctx    context.Context // ends with the first failure
	cancel context.CancelCauseFunc
	once   sync.Once

	mu    sync.Mutex
	lanes map[int32]*lane // by input partition, of the present session
	dead  error           // the first failure
}

// recordOverhead is more than what Kafka adds to key, value and headers of a record alone in its batch.
const recordOverhead = 256

var (
	errClosed   = errors.New("the producer was closed")
	errNotGokas = errors.New("nothing is written through goka: it would commit past a write that failed")
)

// newProducer opens a client; partitions gives the count of every topic that will be written to.
func newProducer(opts []kgo.Opt, partitions map[string]int32) (*producer, error) {
	client, err := kgo.NewClient(append(append([]kgo.Opt(nil), opts...), producerOpts()...)...)
	if err != nil {
		return nil, fmt.Errorf("open producer: %w", err)
	}
	if off, _ := client.OptValue(kgo.DisableIdempotentWrite).(bool); off {
		client.Close()
		return nil, errors.New("open producer: idempotency is turned off, so that records could double and change places: leave it on")
	}
	p := newProducerOver(client.Produce, client.Close, partitions)
	p.client = client
	p.maxBytes = int(client.OptValue(kgo.ProducerBatchMaxBytes).(int32))
	return p, nil
}

func newProducerOver(write func(context.Context, *kgo.Record, func(*kgo.Record, error)), shut func(), partitions map[string]int32) *producer {
	ctx, cancel := context.WithCancelCause(context.Background())
	return &producer{
		write: write, shut: shut, partitions: partitions, maxBytes: 1 << 20,
		ctx: ctx, cancel: cancel, lanes: make(map[int32]*lane),
	}
}

// Emit implements goka.Producer, and refuses.
func (p *producer) Emit(topic, key string, value []byte) *goka.Promise {
	return p.EmitWithHeaders(topic, key, value, nil)
}

// EmitWithHeaders implements goka.Producer, and refuses.
func (p *producer) EmitWithHeaders(string, string, []byte, goka.Headers) *goka.Promise {
	promise, finish := goka.NewPromiseWithFinisher()
	finish(nil, errNotGokas)
	return promise
}

// lane begins the lane of a session's input partition.
func (p *producer) lane(partition int32, floor domain.Version) *lane {
	l := newLane(floor, p.emit)
	p.mu.Lock()
	p.lanes[partition] = l
	dead := p.dead
	p.mu.Unlock()
	if dead != nil {
		l.fail(dead)
	}
	return l
}

// emit writes the record to the partition that its key belongs to, and calls then exactly once, when it stands there for good or never will. A failure
// has failed the producer by then. Records of one partition are written in the order of emitting, without one left out; it blocks while the client has no room.
func (p *producer) emit(record *kgo.Record, then func(*kgo.Record, error)) {
	life, err := p.lifetime()
	if err == nil {
		err = p.place(record)
	}
	if err != nil {
		p.fail(err)
		then(record, err)
		return
	}
	p.write(life, record, func(r *kgo.Record, err error) {
		if errors.Is(err, context.DeadlineExceeded) {
			err = errNotWritten
		}
		if err != nil {
			p.fail(err)
		}
		then(r, err)
	})
}

// A record may take writtenWithin: longer than a leader election (18 s seen), shorter than the 60 s for which goka waits for promises when it stops.
// One that fails takes all later ones of its partition with it, so order holds.
const (
	writtenWithin = 30 * time.Second
	sharedFor     = time.Second // records that are emitted within it share one context
)

var errNotWritten = fmt.Errorf("not written within %s", writtenWithin)

// lifetime is the context of a record that is emitted now.
func (p *producer) lifetime() (context.Context, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.dead != nil {
		return nil, p.dead
	}
	if now := time.Now(); p.life == nil || now.Sub(p.begun) >= sharedFor {
		p.begun = now
		p.life, p.endLife = context.WithTimeoutCause(p.ctx, writtenWithin+sharedFor, errNotWritten)
	}
	return p.life, nil
}

// emitAll writes the records, in order, and waits until they stand there. It is bounded by writtenWithin.
func (p *producer) emitAll(records []*kgo.Record) error {
	var wg sync.WaitGroup
	wg.Add(len(records))
	for _, r := range records {
		p.emit(r, func(*kgo.Record, error) { wg.Done() })
	}
	wg.Wait()
	return p.failure()
}

// place chooses the partition, and refuses what the client would refuse only after it had taken later records of that partition.
func (p *producer) place(r *kgo.Record) error {
	n := p.partitions[r.Topic]
	if n <= 0 {
		return fmt.Errorf("write to %s: the topic is not among this group's", r.Topic)
	}
	r.Partition = domain.PartitionOf(r.Key, n)
	size := recordOverhead + len(r.Key) + len(r.Value)
	for _, h := range r.Headers {
		size += len(h.Key) + len(h.Value)
	}
	if size > p.maxBytes {
		return fmt.Errorf("write to %s: a record of %d bytes is more than the %d that are taken", r.Topic, size, p.maxBytes)
	}
	return nil
}

// fail makes everything that is emitted from now on fail with err, and gives up what is under way. The first failure stands.
func (p *producer) fail(err error) {
	p.mu.Lock()
	if p.dead != nil {
		p.mu.Unlock()
		return
	}
	p.dead = err
	lanes := make([]*lane, 0, len(p.lanes))
	for _, l := range p.lanes {
		lanes = append(lanes, l)
	}
	p.mu.Unlock()
	p.cancel(err)
	for _, l := range lanes {
		l.fail(err)
	}
}

func (p *producer) failure() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.dead
}

// Close implements goka.Producer. What is still under way fails; calling it again does nothing.
func (p *producer) Close() error {
	p.fail(errClosed)
	p.once.Do(p.shut)
	return nil
}
