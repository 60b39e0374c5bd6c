package streams

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/IBM/sarama"
	"github.com/lovoo/goka"
	"github.com/twmb/franz-go/pkg/kgo"

	"ugc/domain"
)

// producer is what goka and process write through, in place of goka's own. goka commits an input once the promises of its
// writes are kept, without looking at those of the inputs before it: it would commit N+1 while the write of N failed, and N would be lost.
// So promises are kept strictly in the order of emitting, and after the first failure all later ones fail, whatever became of them:
// what goka commits is then always a prefix of what was written (DESIGN 6, rule 6). A failed producer is never used again;
// its processor ends and the next one starts from the commit.
//
// At most maxEmissions are under way; emitting waits for room.
type producer struct {
	write      func(context.Context, *kgo.Record, func(*kgo.Record, error))
	shut       func()
	partitions map[string]int32 // of the topics written to
	maxBytes   int              // of one record

	life    context.Context // of the records that are emitted now, see lifetime
	endLife context.CancelFunc
	begun   time.Time // when life began

	ctx    context.Context // ends with the first failure
	cancel context.CancelCauseFunc
	room   chan struct{}

	once sync.Once

	mu        sync.Mutex
	queue     []*emission // in the order of emitting; head is the oldest not yet resolved
	head      int
	resolving bool                     // somebody is keeping promises
	dead      error                    // the first failure to be known
	broken    bool                     // resolving has come to a failed emission: it and all later ones fail
	acked     map[int32]domain.Version // by input partition, see mark
	waiting   int                      // for acked to grow
	moved     chan struct{}            // closed and made anew when acked grows or dead is set
}

// emission is one record under way.
type emission struct {
	done   bool
	err    error
	record *kgo.Record
	mark   mark
	then   func(*kgo.Record, error)
}

// mark says which input the emission is the last one of, so that its answer stands for all writes of that input and of those before it.
type mark struct {
	set bool
	domain.Origin
}

// maxEmissions bounds what is under way. It is far more than a broker needs to be busy, and little enough to finish while a rebalance waits.
const maxEmissions = 8192

// recordOverhead is more than what Kafka adds to key, value and headers of a record alone in its batch.
const recordOverhead = 256

var errClosed = errors.New("the producer was closed")

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
	p.maxBytes = int(client.OptValue(kgo.ProducerBatchMaxBytes).(int32))
	return p, nil
}

func newProducerOver(write func(context.Context, *kgo.Record, func(*kgo.Record, error)), shut func(), partitions map[string]int32) *producer {
	ctx, cancel := context.WithCancelCause(context.Background())
	return &producer{
		write: write, shut: shut, partitions: partitions, maxBytes: 1 << 20,
		ctx: ctx, cancel: cancel, room: make(chan struct{}, maxEmissions),
		acked: make(map[int32]domain.Version), moved: make(chan struct{}),
	}
}

// Emit implements goka.Producer.
func (p *producer) Emit(topic, key string, value []byte) *goka.Promise {
	return p.EmitWithHeaders(topic, key, value, nil)
}

// EmitWithHeaders implements goka.Producer; goka writes the tables with it.
func (p *producer) EmitWithHeaders(topic, key string, value []byte, headers goka.Headers) *goka.Promise {
	promise, finish := goka.NewPromiseWithFinisher()
	record := &kgo.Record{Topic: topic, Key: []byte(key), Value: value}
	for k, v := range headers {
		record.Headers = append(record.Headers, kgo.RecordHeader{Key: k, Value: v})
	}
	p.emit(record, mark{}, func(r *kgo.Record, err error) {
		if err != nil {
			finish(nil, err)
			return
		}
		finish(&sarama.ProducerMessage{Topic: r.Topic, Partition: r.Partition, Offset: r.Offset}, nil)
	})
	return promise
}

// emit writes the record to the partition that its key belongs to, and calls then exactly once, in the order of emitting, when it stands there for good or
// never will. It blocks while too much is under way.
func (p *producer) emit(record *kgo.Record, m mark, then func(*kgo.Record, error)) {
	select {
	case p.room <- struct{}{}:
	case <-p.ctx.Done():
		then(nil, p.failure())
		return
	}
	e := &emission{record: record, mark: m, then: then}
	p.mu.Lock()
	if p.dead != nil {
		p.mu.Unlock()
		<-p.room
		then(nil, p.failure())
		return
	}
	p.queue = append(p.queue, e)
	life := p.lifetime()
	p.mu.Unlock()

	if err := p.place(record); err != nil {
		p.answer(e, err)
		return
	}
	p.write(life, record, func(_ *kgo.Record, err error) {
		if errors.Is(err, context.DeadlineExceeded) {
			err = errNotWritten
		}
		p.answer(e, err)
	})
}

// A record may take writtenWithin: longer than a leader election (18 s seen), shorter than the 60 s for which goka waits for promises when it stops.
// One that fails takes all later ones of its partition with it, so order holds.
const (
	writtenWithin = 30 * time.Second
	sharedFor     = time.Second // records that are emitted within it share one context
)

var errNotWritten = fmt.Errorf("not written within %s", writtenWithin)

// lifetime is the context of a record that is emitted now, with mu held.
func (p *producer) lifetime() context.Context {
	if now := time.Now(); p.life == nil || now.Sub(p.begun) >= sharedFor {
		p.begun = now
		p.life, p.endLife = context.WithTimeoutCause(p.ctx, writtenWithin+sharedFor, errNotWritten)
	}
	return p.life
}

// place chooses the partition, and refuses what the client would refuse only after it had taken later records of that partition.
func (p *producer) place(r *kgo.Record) error {
	n := p.partitions[r.Topic]
	if n <= 0 {
		return fmt.Errorf("write to %s: the topic is not among this group's", r.Topic)
	}
	r.Partition = domain.Partition(string(r.Key), n)
	size := recordOverhead + len(r.Key) + len(r.Value)
	for _, h := range r.Headers {
		size += len(h.Key) + len(h.Value)
	}
	if size > p.maxBytes {
		return fmt.Errorf("write to %s: a record of %d bytes is more than the %d that are taken", r.Topic, size, p.maxBytes)
	}
	return nil
}

// answer notes what became of one emission, and keeps every promise that it was in the way of.
func (p *producer) answer(e *emission, err error) {
	if err != nil {
		p.fail(err)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	e.done, e.err = true, err
	if p.resolving {
		return // whoever is at it sees this one too
	}
	p.resolving = true
	for p.head < len(p.queue) && p.queue[p.head].done {
		oldest := p.pop()
		p.broken = p.broken || oldest.err != nil
		if failure := p.dead; p.broken {
			p.mu.Unlock()
			oldest.then(nil, failure)
		} else {
			p.advance(oldest.mark)
			p.mu.Unlock()
			oldest.then(oldest.record, nil)
		}
		<-p.room
		p.mu.Lock()
	}
	p.resolving = false
}

// pop takes the oldest emission off the queue, whose memory it keeps for reuse.
func (p *producer) pop() *emission {
	e := p.queue[p.head]
	p.queue[p.head] = nil
	p.head++
	if p.head == len(p.queue) {
		p.queue, p.head = p.queue[:0], 0
	} else if p.head >= maxEmissions {
		n := copy(p.queue, p.queue[p.head:])
		clear(p.queue[n:])
		p.queue, p.head = p.queue[:n], 0
	}
	return e
}

func (p *producer) advance(m mark) {
	if known, ok := p.acked[m.Partition]; m.set && (!ok || m.Version > known) {
		p.acked[m.Partition] = m.Version
		if p.waiting > 0 {
			p.wake()
		}
	}
}

func (p *producer) wake() {
	close(p.moved)
	p.moved = make(chan struct{})
}

// fail makes everything that is emitted from now on fail with err, and gives up what is under way. The first failure stands.
func (p *producer) fail(err error) {
	p.mu.Lock()
	if p.dead == nil {
		p.dead = err
		p.wake()
	}
	p.mu.Unlock()
	p.cancel(err)
}

func (p *producer) failure() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.dead
}

// ackedUpTo is the version of that input partition up to which every outcome is known to be written, as far as this producer has seen.
func (p *producer) ackedUpTo(partition int32) domain.Version {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.ackedLocked(partition)
}

func (p *producer) ackedLocked(partition int32) domain.Version {
	if v, ok := p.acked[partition]; ok {
		return v
	}
	return domain.NoVersion
}

// waitAcked blocks until every outcome up to that version is written, or the producer has failed; both are bounded by writtenWithin. No context
// ends it: the session that a record came in with may end while its wait is as good as over, and that is no failure.
func (p *producer) waitAcked(o domain.Origin) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.waiting++
	defer func() { p.waiting-- }()
	for p.ackedLocked(o.Partition) < o.Version {
		if p.dead != nil {
			return p.dead
		}
		moved := p.moved
		p.mu.Unlock()
		<-moved
		p.mu.Lock()
	}
	return nil
}

// Close implements goka.Producer. What is still under way fails; calling it again does nothing.
func (p *producer) Close() error {
	p.fail(errClosed)
	p.once.Do(p.shut)
	return nil
}
