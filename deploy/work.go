package deploy

import (
	"context"
	"fmt"

	"ugc/streams"
)

// openStreams starts the processors and waits until their tables are restored.
func (h *House) openStreams(ctx context.Context) (err error) {
	options, err := h.streamOptions("streams")
	if err != nil {
		return err
	}
	if h.streams, err = streams.New(options); err != nil {
		return err
	}
	ready, cancel := context.WithTimeout(ctx, partWithin)
	defer cancel()
	return h.stack.start(ready, "streams", h.streams.Run, h.streams.Ready)
}

// openPositions starts the view of the playback table that the edge reads.
func (h *House) openPositions(ctx context.Context) (err error) {
	options, err := h.streamOptions("positions")
	if err != nil {
		return err
	}
	if h.positions, err = streams.NewPositions(options); err != nil {
		return err
	}
	ready, cancel := context.WithTimeout(ctx, partWithin)
	defer cancel()
	return h.stack.start(ready, "positions", h.positions.Run, h.positions.Ready)
}

// streamOptions are what processors and views of tables have in common.
func (h *House) streamOptions(folder string) (streams.Options, error) {
	consumer, err := h.kafka.Sarama()
	if err != nil {
		return streams.Options{}, fmt.Errorf("configure Kafka clients: %w", err)
	}
	return streams.Options{
		Brokers: h.kafka.Brokers, Sarama: consumer, Kgo: h.client, Codec: h.codec, DataDir: h.path(folder),
		Epoch: h.cfg.Epoch, Rules: h.cfg.Rules(), Metrics: h.metrics, Log: h.log.With("part", folder), Clock: systemClock, Tracer: h.traces.Tracer("ugc/streams"), Refuses: h.refuses,
	}, nil
}
