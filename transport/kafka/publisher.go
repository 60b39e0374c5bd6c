package kafka

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"sync"
	"time"

	"github.com/ThreeDotsLabs/watermill/message"
	"github.com/twmb/franz-go/pkg/kgo"
	"go.opentelemetry.io/otel/trace"
	"golang.org/x/sync/semaphore"

	"ugc/domain"
)

// PublisherOptions of a Publisher. Only Settings has no working zero value.
type PublisherOptions struct {
	Settings    Settings
	Timeout     time.Duration // the longest that one Publish takes, waiting for room and for the broker included, at least 1 s; 10 s when zero
	MaxInFlight int64         // bytes that are published and not yet confirmed, over all callers; 64 MiB when zero. A message counts at least 1 KiB
	ContentType string        // of messages that say none; application/avro when empty
	Tracer      trace.Tracer  // of a span for every Publish; nil: none, and messages carry on the trace of their contexts

	// Refuses says why the log takes nothing at the moment, nil while it takes records; nil: it is not known. While it refuses, nothing is sent and
	// Publish fails at once; a Publish that is under way when that begins ends within a second.
	Refuses func() error
}

// Validate reports everything that is wrong with the options.
func (o PublisherOptions) Validate() error {
	errs := []error{o.Settings.Validate()}
	if o.Timeout != 0 && o.Timeout < time.Second {
		errs = append(errs, fmt.Errorf("kafka: publish time-out %v is less than 1s", o.Timeout))
	}
	if o.MaxInFlight != 0 && o.MaxInFlight < MaxMessageBytes {
		errs = append(errs, fmt.Errorf("kafka: %d bytes in flight are less than one message may have (%d)", o.MaxInFlight, MaxMessageBytes))
	}
	return errors.Join(errs...)
}

func (o PublisherOptions) withDefaults() PublisherOptions {
	if o.Timeout == 0 {
		o.Timeout = 10 * time.Second
	}
	if o.MaxInFlight == 0 {
		o.MaxInFlight = 64 << 20
	}
	if o.ContentType == "" {
		o.ContentType = "application/avro"
	}
	return o
}

// Publisher writes messages to Kafka and returns when every replica in sync has them. It is a watermill message.Publisher for any
// number of goroutines. Messages of one key keep the order in which one goroutine published them; a message that the client sends
// twice because an answer was lost is written once. Nothing is kept on this machine: what Publish did not confirm is the caller's to send again.
//
// No broker is needed to make one: it connects when it publishes, and again whenever the broker returns.
type Publisher struct {
	opts    PublisherOptions
	client  *kgo.Client
	marshal marshaler
	room    *semaphore.Weighted

	closing context.Context // ends with Close
	close   context.CancelFunc
	aborted context.Context // ends with Abort
	abort   context.CancelCauseFunc
	once    sync.Once
}

var _ message.Publisher = (*Publisher)(nil)

// NewPublisher checks the options and reads the TLS files; it opens no connection.
func NewPublisher(opts PublisherOptions) (*Publisher, error) {
	if err := opts.Validate(); err != nil {
		return nil, err
	}
	opts = opts.withDefaults()
	kopts, err := opts.Settings.Kgo(
		kgo.ProducerLinger(linger),
		// The records' contexts say how long they may take. This limit would compare with the record's time, by the wall clock: a step of that clock
		// would give up whatever is under way.
		kgo.RecordDeliveryTimeout(0),
		// The room bounds both, with a wait that ends: the client's own wait can only be ended by a record's context, and that
		// would take other callers' records of the same partition with it.
		kgo.MaxBufferedRecords(int(opts.MaxInFlight/minCost)+1<<20),
		kgo.MaxBufferedBytes(0),
	)
	if err != nil {
		return nil, err
	}
	client, err := kgo.NewClient(kopts...)
	if err != nil {
		return nil, fmt.Errorf("kafka: make a producer: %w", err)
	}
	p := &Publisher{
		opts:    opts,
		client:  client,
		marshal: newMarshaler(opts.ContentType),
		room:    semaphore.NewWeighted(opts.MaxInFlight),
	}
	p.closing, p.close = context.WithCancel(context.Background())
	p.aborted, p.abort = context.WithCancelCause(context.Background())
	return p, nil
}

// Publish writes the messages as one batch and waits until all are confirmed or failed; the context of the first message
// ends the wait early. It returns nil, and every message then has its Position, or a *BatchError that names the messages that were
// not confirmed. It takes no longer than the time-out, whatever the broker does.
//
// When the wait is over, messages that were handed to the client and are not settled have kind Uncertain: the client writes them when the
// broker returns, so leave their payloads alone. Publishing the same message again writes it again. An empty batch does nothing.
func (p *Publisher) Publish(topic string, msgs ...*message.Message) error {
	if len(msgs) == 0 {
		return nil
	}
	if p.opts.Tracer == nil {
		return p.publish(topic, msgs, nil)
	}
	span := p.startSpan(topic, msgs)
	err := p.publish(topic, msgs, span)
	endSpan(span, msgs, err)
	return err
}

// publish writes the messages, below the span where there is one.
func (p *Publisher) publish(topic string, msgs []*message.Message, span trace.Span) error {
	ctx, f := msgs[0].Context(), p.newFlight(topic, msgs, span)
	began := time.Now()
	if err := p.reserve(ctx, f); err != nil {
		f.abandon(fail(domain.Unavailable, "not sent", err))
		return f.report(nil)
	}
	// A record that was never sent is given up when nobody waits for it any more. One whose answer is missing can't be: giving it up would
	// break the numbering by which the broker recognises repeats. Not the caller's context: the client fails every record of a partition when
	// that of the first one ends.
	var life context.Context
	life, f.end = context.WithTimeoutCause(context.Background(), p.opts.Timeout, errTimeout)
	for i := range f.entries {
		if e := &f.entries[i]; !e.settled.Load() {
			p.client.Produce(life, &e.rec, e.settle)
		}
	}
	return f.report(p.await(ctx, f, began))
}

// askEvery is how often a Publish that waits asks whether the log refuses.
const askEvery = 500 * time.Millisecond

// await waits until the flight is done, and else says why it waits no longer.
func (p *Publisher) await(ctx context.Context, f *flight, began time.Time) (gaveUp error) {
	if f.left.Load() == 0 { // as where none could be sent
		return nil
	}
	// A timer and not a context with a deadline: that would cost a single message a tenth of its way.
	clock := timers.Get().(*time.Timer)
	defer func() { clock.Stop(); timers.Put(clock) }()
	for {
		clock.Reset(min(askEvery, p.opts.Timeout-time.Since(began)))
		select {
		case <-f.done:
			return nil
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-p.aborted.Done():
			return context.Cause(p.aborted)
		case <-clock.C:
		}
		if time.Since(began) >= p.opts.Timeout {
			return errTimeout
		}
		if err := p.refused(); err != nil {
			return err
		}
	}
}

// refused says why the log takes nothing.
func (p *Publisher) refused() error {
	if p.opts.Refuses == nil {
		return nil
	}
	return p.opts.Refuses()
}

// linger is how long a record waits for others to share its request. Many callers publish one record each: without a wait the client sends the first
// at once, by itself, and up to five small requests at a time, which cost both sides more than the wait costs anybody. (Kafka's own producer waits 5 ms.)
const linger = time.Millisecond

// timers that have stopped.
var timers = sync.Pool{New: func() any { t := time.NewTimer(time.Hour); t.Stop(); return t }}

var errTimeout = errors.New("the publisher's time-out is over")

// reserve waits for room, which bounds the memory of all publishes together.
func (p *Publisher) reserve(ctx context.Context, f *flight) error {
	switch refused := p.refused(); {
	case p.closing.Err() != nil:
		return ErrClosed
	case refused != nil:
		return refused
	case ctx.Err() != nil:
		return context.Cause(ctx)
	case !p.room.TryAcquire(f.cost):
		ctx, cancel := context.WithTimeoutCause(ctx, p.opts.Timeout, errTimeout)
		defer cancel()
		if err := p.room.Acquire(ctx, f.cost); err != nil {
			return fmt.Errorf("too much is waiting for the broker: %w", context.Cause(ctx))
		}
	}
	f.release = p.room.Release
	return nil
}

// Abort ends every Publish that waits, and lets Close wait for nothing: the log is known to take no more. Messages without an answer are
// Uncertain. It is safe to call at any time, and more than once.
func (p *Publisher) Abort(why error) {
	p.close()
	p.abort(why)
}

// Close refuses further messages, waits until those under way are confirmed or failed, at most for the time-out, and disconnects.
// What is then left fails as Uncertain, and Close says so. It is safe to call twice; the second call does nothing.
func (p *Publisher) Close() (err error) {
	p.once.Do(func() {
		p.close()
		ctx, cancel := context.WithTimeoutCause(p.aborted, p.opts.Timeout, errTimeout)
		defer cancel()
		if ferr := p.client.Flush(ctx); ferr != nil && p.aborted.Err() == nil {
			err = fmt.Errorf("close the publisher with %d messages unconfirmed: %w", p.client.BufferedProduceRecords(), context.Cause(ctx))
		}
		p.client.Close()
	})
	return err
}

func setPosition(msg *message.Message, rec *kgo.Record) {
	msg.Metadata[MetadataPartition] = strconv.Itoa(int(rec.Partition))
	if rec.Offset < 0 {
		delete(msg.Metadata, MetadataOffset) // one of an earlier publish would be wrong
		return
	}
	msg.Metadata[MetadataOffset] = strconv.FormatInt(rec.Offset, 10)
}
