package main

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"ugc/schemas"
	"ugc/schemas/topics"
	"ugc/streams"
)

// decide is a log of commands that is processed as fast as it goes.
func decide() Contest {
	return Contest{
		Name: "decide", What: "commands decided: state kept, table and outcome written, exactly", Unit: "events", Goal: 1.2, Aim: 2,
		Against: "the same decider and codec in goka with stock settings, exact only until a crash",
		Ours: Contender{"ugc's streams", func(ctx context.Context, w *Workplace) (Sample, error) {
			return measureDeciding(ctx, w, startStreams, topics.PlaybackEvents)
		}},
		Peer: Contender{"stock goka", func(ctx context.Context, w *Workplace) (Sample, error) {
			return measureDeciding(ctx, w, startStock, stockEvents)
		}},
	}
}

// processor is a running processor of playback commands.
type processor struct {
	ready func(context.Context) error // waits until the table is restored
	stop  func() error
}

type startProcessor func(ctx context.Context, b Backbone, dir string) (processor, error)

// measureDeciding measures from the first outcome in the log to the last: joining the group is not counted.
func measureDeciding(ctx context.Context, w *Workplace, start startProcessor, events topics.Topic) (s Sample, err error) {
	commands := w.Setting("commands", 300_000)
	b, err := playbackBackbone(ctx, w)
	if err != nil {
		return s, err
	}
	if err := b.fillCommands(ctx, commands); err != nil {
		return s, fmt.Errorf("write the commands: %w", err)
	}
	p, err := start(ctx, b, filepath.Join(w.Dir, "tables"))
	if err != nil {
		return s, err
	}
	defer func() {
		if end := p.stop(); err == nil {
			err = end
		}
	}()
	before, err := b.await(ctx, events, 1)
	if err != nil {
		return s, err
	}
	s, err = w.Measure(func() (int64, error) {
		after, err := b.await(ctx, events, commands)
		return after - before, err
	})
	if err != nil {
		return s, err
	}
	if n, err := b.Records(ctx, events); err != nil || n != commands {
		return s, errors.Join(err, fmt.Errorf("%d commands became %d events", commands, n))
	}
	return s, nil
}

// playbackBackbone is a backbone with all topics of both contenders.
func playbackBackbone(ctx context.Context, w *Workplace) (Backbone, error) {
	b, err := w.Backbone(ctx)
	if err != nil {
		return b, err
	}
	return b, b.MakeTopics(ctx, append(topics.All(), stockEvents, stockTable)...)
}

// fillCommands writes what viewers report.
func (b Backbone) fillCommands(ctx context.Context, n int64) error {
	codec, v := schemas.Offline(), newViewers()
	return b.fill(ctx, n, func(int64) (*kgo.Record, error) {
		c := v.next()
		value, err := codec.EncodeCommand(c)
		return &kgo.Record{
			Topic: topics.PlaybackCommands.Name, Key: []byte(c.Key()), Value: value,
			Headers: []kgo.RecordHeader{ // those of the edge
				{Key: topics.HeaderCommandID, Value: []byte(c.ID.String())},
				{Key: topics.HeaderContentType, Value: []byte(topics.ContentTypeAvro)},
			},
		}, err
	})
}

// fill writes n records where the rule of the house puts them.
func (b Backbone) fill(ctx context.Context, n int64, record func(i int64) (*kgo.Record, error)) error {
	client, err := b.client(kgo.ProducerLinger(5 * time.Millisecond))
	if err != nil {
		return err
	}
	defer client.Close()
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	for i := range n {
		r, err := record(i)
		if err != nil {
			return err
		}
		client.Produce(ctx, r, func(_ *kgo.Record, err error) {
			if err != nil {
				cancel(err)
			}
		})
	}
	if err := client.Flush(ctx); err != nil {
		return err
	}
	return context.Cause(ctx)
}

// await waits until the topic holds at least n records, and says how many they are.
func (b Backbone) await(ctx context.Context, t topics.Topic, n int64) (int64, error) {
	client, err := b.client()
	if err != nil {
		return 0, err
	}
	defer client.Close()
	ticker := time.NewTicker(5 * time.Millisecond)
	defer ticker.Stop()
	for {
		held, err := recordsOf(ctx, client, t)
		if err != nil || held >= n {
			return held, err
		}
		select {
		case <-ctx.Done():
			return held, fmt.Errorf("%s holds %d records of %d: %w", t.Name, held, n, ctx.Err())
		case <-ticker.C:
		}
	}
}

// startStreams runs the playback group as `ugc run` does.
func startStreams(ctx context.Context, b Backbone, dir string) (p processor, err error) {
	consumer, err := b.settings().Sarama()
	if err != nil {
		return p, err
	}
	client, err := b.settings().Kgo()
	if err != nil {
		return p, err
	}
	s, err := streams.New(streams.Options{
		Brokers: []string{b.Kafka}, Sarama: consumer, Kgo: client, Codec: schemas.Offline(), DataDir: dir, Groups: []string{"ugc-playback"},
	})
	if err != nil {
		return p, err
	}
	return running(ctx, s.Run, s.Ready), nil
}

// running runs until it is stopped.
func running(ctx context.Context, run, ready func(context.Context) error) processor {
	ctx, cancel := context.WithCancel(ctx)
	ended := make(chan error, 1)
	go func() { ended <- run(ctx) }()
	return processor{ready: ready, stop: func() error { cancel(); return <-ended }}
}
