package main

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"path/filepath"

	"golang.org/x/sync/errgroup"

	"ugc/deploy/embedded/broker"
	"ugc/deploy/embedded/registry"
)

// Backbone is what contenders write to and read from: the embedded broker and the schema registry, as in `ugc run`, but in a process of their own.
type Backbone struct {
	Kafka    string // host:port of the broker, which holds no topics yet
	Registry string // URL of the schema registry, which holds no schemas yet
}

// Backbone starts one, with its data below Dir. It ends with the measurement.
func (w *Workplace) Backbone(ctx context.Context) (b Backbone, err error) {
	p, err := w.Start(programBroker, filepath.Join(w.Dir, "backbone"))
	if err != nil {
		return b, err
	}
	return b, p.Hear(ctx, &b)
}

// runBackbone is the process.
func runBackbone(ctx context.Context, argument json.RawMessage, say func(any) error) error {
	var dir string
	if err := json.Unmarshal(argument, &dir); err != nil {
		return err
	}
	quiet := slog.New(slog.DiscardHandler)
	b, err := broker.Open(broker.Options{DataDir: filepath.Join(dir, "kafka"), Addr: "127.0.0.1:0", Reserve: -1, Logger: quiet})
	if err != nil {
		return err
	}
	r, err := registry.Open(registry.Options{DataDir: filepath.Join(dir, "registry"), Logger: quiet})
	if err != nil {
		return errors.Join(err, b.Close())
	}
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error { return b.Run(ctx) })
	group.Go(func() error { return r.Run(ctx) })
	group.Go(func() error { return say(Backbone{Kafka: b.Addr(), Registry: "http://" + r.Addr()}) })
	return group.Wait()
}
