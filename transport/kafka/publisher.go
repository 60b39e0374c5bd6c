package kafka

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"sync"
	"time"

	"github.com/IBM/sarama"
	"github.com/ThreeDotsLabs/watermill/message"
	"golang.org/x/sync/semaphore"

	"ugc/domain"
)

// PublisherOptions of a Publisher. Only Settings has no working zero value.
type PublisherOptions struct {
	Settings    Settings
	Timeout     time.Duration // the longest that one Publish takes, waiting for room and for the broker included; 10 s when zero
	MaxInFlight int64         // bytes that are published and not yet confirmed, over all callers; 64 MiB when zero. A message counts at least 1 KiB
	ContentType string        // of messages that say none; application/avro when empty
}

// Validate reports everything that is wrong with the options.
func (o PublisherOptions) Validate() error {
	errs := []error{o.Settings.Validate()}
	if o.Timeout < 0 {
		errs = append(errs, fmt.Errorf("kafka: publish time-out %v is negative", o.Timeout))
	}
	if o.MaxInFlight < 0 || (o.MaxInFlight > 0 && o.MaxInFlight < MaxMessageBytes) {
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
// It connects at the first Publish and whenever the broker returns; no broker is needed to make one.
type Publisher struct {
	opts    PublisherOptions
	marshal marshaler
	room    *semaphore.Weighted

	conn    *connection
	sending sync.RWMutex // held for reading while messages are handed to the producer, for writing by Close
}

var _ message.Publisher = (*Publisher)(nil)

// NewPublisher checks the options and reads the TLS files; it opens no connection.
func NewPublisher(opts PublisherOptions) (*Publisher, error) {
	if err := opts.Validate(); err != nil {
		return nil, err
	}
	opts = opts.withDefaults()
	config, err := opts.Settings.SaramaProducer()
	if err != nil {
		return nil, err
	}
	return &Publisher{
		opts:    opts,
		marshal: newMarshaler(opts.ContentType),
		room:    semaphore.NewWeighted(opts.MaxInFlight),
		conn:    newConnection(opts, config),
	}, nil
}

// Publish writes the messages as one batch and waits until all are confirmed or failed; the context of the first message
// ends the wait early. It returns nil, and every message then has its Position, or a *BatchError that names the messages that were
// not confirmed. It takes no longer than the time-out, whatever the broker does.
//
// When the time is over, messages that were handed to the client have kind Uncertain: the client goes on trying for up to
// half a minute and keeps their payloads, so leave these alone. Publishing the same message again writes it again.
// An empty batch does nothing.
func (p *Publisher) Publish(topic string, msgs ...*message.Message) error {
	if len(msgs) == 0 {
		return nil
	}
	ctx, cancel := context.WithTimeoutCause(msgs[0].Context(), p.opts.Timeout, errTimeout)
	defer cancel()
	f := p.newFlight(topic, msgs)
	p.send(ctx, f)
	return f.result(ctx)
}

var errTimeout = errors.New("the time-out of the publisher is over")

// send hands the flight's messages to the producer in order, as far as it comes before the context ends.
func (p *Publisher) send(ctx context.Context, f *flight) {
	producer, err := p.reserve(ctx, f)
	if err != nil {
		f.abandon(0, err)
		return
	}
	p.sending.RLock()
	defer p.sending.RUnlock()
	for i := range f.entries {
		e := &f.entries[i]
		if e.rec == nil {
			continue
		}
		// Once Close has begun the producer must not be touched, so this is asked alone and first.
		if p.conn.isClosing() {
			f.abandon(i, notSent(ErrClosed))
			return
		}
		select {
		case producer.Input() <- e.rec:
		case <-p.conn.closing:
			f.abandon(i, notSent(ErrClosed))
			return
		case <-ctx.Done():
			f.abandon(i, notSent(context.Cause(ctx)))
			return
		}
	}
}

// reserve waits for room, which bounds the memory of all publishes together, and for a connection.
func (p *Publisher) reserve(ctx context.Context, f *flight) (sarama.AsyncProducer, error) {
	if p.conn.isClosing() {
		return nil, notSent(ErrClosed)
	}
	if !p.room.TryAcquire(f.cost) {
		if err := p.room.Acquire(ctx, f.cost); err != nil {
			return nil, notSent(fmt.Errorf("too much is waiting for the broker: %w", context.Cause(ctx)))
		}
	}
	f.release = p.room.Release
	producer, err := p.conn.producer(ctx)
	if err != nil {
		return nil, notSent(err)
	}
	return producer, nil
}

func notSent(err error) error { return fail(domain.Unavailable, "not sent", err) }

// Close refuses further messages, waits until those under way are confirmed or failed, at most for the time-out, and disconnects.
// It is safe to call twice; the second call does nothing.
func (p *Publisher) Close() error {
	if !p.conn.beginClose() {
		return nil
	}
	p.sending.Lock() // whoever was sending has seen it and left
	defer p.sending.Unlock()
	return p.conn.close()
}

func setPosition(msg *message.Message, rec *sarama.ProducerMessage) {
	msg.Metadata[MetadataPartition] = strconv.Itoa(int(rec.Partition))
	if rec.Offset < 0 {
		delete(msg.Metadata, MetadataOffset) // one of an earlier publish would be wrong
		return
	}
	msg.Metadata[MetadataOffset] = strconv.FormatInt(rec.Offset, 10)
}
