package main

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"log/slog"
	"sync"

	"github.com/twmb/franz-go/pkg/kgo"

	"ugc/domain"
	"ugc/projections"
	"ugc/schemas"
	"ugc/schemas/topics"
)

// Write puts events on the log as the processors do, each in its own partition, with ids of schemas.Offline. It returns how many there were.
func (b Backbone) Write(ctx context.Context, topic topics.Topic, events iter.Seq[domain.Event]) (n int64, err error) {
	if err := b.MakeTopics(ctx, topic, topics.DeadLetters); err != nil {
		return 0, err
	}
	client, err := b.client(kgo.RecordPartitioner(kgo.ManualPartitioner()))
	if err != nil {
		return 0, err
	}
	defer client.Close()
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	codec := schemas.Offline()
	for e := range events {
		value, err := codec.EncodeEvent(e)
		if err != nil {
			return 0, err
		}
		head := e.Head()
		client.Produce(ctx, &kgo.Record{Topic: topic.Name, Partition: head.Origin.Partition, Key: []byte(head.Key()), Value: value}, func(_ *kgo.Record, err error) {
			if err != nil {
				stop(err)
			}
		})
		if ctx.Err() != nil {
			break
		}
		n++
	}
	if err := client.Flush(ctx); err != nil {
		return 0, fmt.Errorf("fill %s: %w", topic.Name, errors.Join(err, context.Cause(ctx)))
	}
	return n, context.Cause(ctx)
}

// project runs an engine, with the settings of `ugc run`, until its view shows n records of a log that it has never read.
func (b Backbone) project(ctx context.Context, v projections.View, sink projections.Sink, n int64) error {
	client, err := b.settings().Kgo()
	if err != nil {
		return err
	}
	all := &untilShown{Sink: sink, left: n, done: make(chan struct{}), next: map[int32]int64{}}
	engine, err := projections.New(projections.Options{
		View: v, Generation: projections.Generation{View: v.Name, Number: 1}, Sink: all, Codec: schemas.Offline(),
		Kafka: client, Watermarks: &projections.Watermarks{}, Metrics: projections.NewMetrics(nil), Logger: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		return err
	}
	running, stop := context.WithCancel(ctx)
	defer stop()
	ended := make(chan error, 1)
	go func() { ended <- engine.Run(running) }()
	select {
	case <-all.done:
		stop()
		return <-ended
	case err := <-ended:
		return errors.Join(fmt.Errorf("%s ended before it had shown everything", v.Name), context.Cause(ctx), err)
	}
}

// untilShown tells when the watermarks that its sink stores cover so many records.
type untilShown struct {
	projections.Sink
	mu   sync.Mutex
	left int64
	next map[int32]int64
	done chan struct{}
}

// Advance implements projections.Sink.
func (s *untilShown) Advance(ctx context.Context, marks map[int32]projections.Watermark) error {
	if err := s.Sink.Advance(ctx, marks); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	before := s.left
	for p, m := range marks {
		if ahead := m.Next - s.next[p]; ahead > 0 {
			s.left -= ahead
			s.next[p] = m.Next
		}
	}
	if before > 0 && s.left <= 0 {
		close(s.done)
	}
	return nil
}
