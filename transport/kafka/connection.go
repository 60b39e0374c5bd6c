package kafka

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/IBM/sarama"
)

// connection is the publisher's producer, made when it is first wanted. Until a broker answers, attempts to make it follow
// each other, one at a time, as long as somebody wants one.
type connection struct {
	opts    PublisherOptions
	config  *sarama.Config
	closing chan struct{}
	once    sync.Once

	live    atomic.Pointer[sarama.AsyncProducer]
	drained sync.WaitGroup // the goroutines that settle messages

	mu      sync.Mutex
	attempt *attempt
}

type attempt struct {
	done chan struct{}
	err  error // valid once done
}

func newConnection(opts PublisherOptions, config *sarama.Config) *connection {
	return &connection{opts: opts, config: config, closing: make(chan struct{})}
}

// producer waits for a connection, an attempt's end, or the context.
func (c *connection) producer(ctx context.Context) (sarama.AsyncProducer, error) {
	if p := c.live.Load(); p != nil {
		return *p, nil
	}
	a, err := c.join()
	if err != nil {
		return nil, err
	}
	select {
	case <-a.done:
	case <-ctx.Done():
		return nil, fmt.Errorf("no broker at %v answers: %w", c.opts.Settings.Brokers, context.Cause(ctx))
	}
	if a.err != nil {
		return nil, a.err
	}
	return *c.live.Load(), nil
}

// join starts an attempt or finds the one under way.
func (c *connection) join() (*attempt, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.isClosing() {
		return nil, ErrClosed
	}
	if c.attempt == nil {
		a := &attempt{done: make(chan struct{})}
		c.attempt = a
		go func() {
			defer close(a.done)
			a.err = c.connect()
			c.mu.Lock()
			defer c.mu.Unlock()
			if a.err != nil {
				c.attempt = nil // the next publish tries again
			}
		}()
	}
	return c.attempt, nil
}

// connect asks until a broker answers before it lets sarama try, whose own tries can't be stopped.
func (c *connection) connect() error {
	ctx, cancel := context.WithTimeoutCause(context.Background(), c.opts.Timeout, errTimeout)
	defer cancel()
	go func() {
		select {
		case <-c.closing:
			cancel()
		case <-ctx.Done():
		}
	}()
	if err := awaitBroker(ctx, c.opts.Settings); err != nil {
		if c.isClosing() {
			return ErrClosed
		}
		return err
	}
	p, err := sarama.NewAsyncProducer(c.opts.Settings.Brokers, c.config)
	if err != nil {
		return fmt.Errorf("connect to %v: %w", c.opts.Settings.Brokers, err)
	}
	c.drained.Add(2)
	go c.settleWritten(p)
	go c.settleFailed(p)
	c.live.Store(&p)
	return nil
}

func (c *connection) settleWritten(p sarama.AsyncProducer) {
	defer c.drained.Done()
	for rec := range p.Successes() {
		rec.Metadata.(*entry).settle(nil)
	}
}

func (c *connection) settleFailed(p sarama.AsyncProducer) {
	defer c.drained.Done()
	for e := range p.Errors() {
		e.Msg.Metadata.(*entry).settle(classify(e.Err))
	}
}

func (c *connection) isClosing() bool {
	select {
	case <-c.closing:
		return true
	default:
		return false
	}
}

// beginClose is true the first time.
func (c *connection) beginClose() (first bool) {
	c.once.Do(func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		close(c.closing)
		first = true
	})
	return first
}

var errUnflushed = errors.New("messages are still unconfirmed, the client goes on trying for half a minute")

// close flushes and disconnects. Nobody sends any more.
func (c *connection) close() error {
	timeout := time.NewTimer(c.opts.Timeout)
	defer timeout.Stop()
	flushed := make(chan struct{})
	go func() {
		defer close(flushed)
		c.mu.Lock()
		a := c.attempt
		c.mu.Unlock()
		if a != nil {
			<-a.done
		}
		if p := c.live.Load(); p != nil {
			(*p).AsyncClose()
			c.drained.Wait()
		}
	}()
	select {
	case <-flushed:
		return nil
	case <-timeout.C:
		return fmt.Errorf("close the publisher: %w", errUnflushed)
	}
}
