package main

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"golang.org/x/sync/errgroup"

	"ugc/deploy/embedded/broker"
	"ugc/deploy/embedded/registry"
)

// realKafka names the environment variable with the address of a real broker that is there for the run alone (`kafka.sh with` sets it). Contests
// then use it in place of the embedded one.
const realKafka = "UGC_REAL_KAFKA"

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
	r, err := registry.Open(registry.Options{DataDir: filepath.Join(dir, "registry"), Logger: quiet})
	if err != nil {
		return err
	}
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error { return r.Run(ctx) })
	here := Backbone{Kafka: os.Getenv(realKafka), Registry: "http://" + r.Addr()}
	if here.Kafka == "" {
		b, err := broker.Open(broker.Options{DataDir: filepath.Join(dir, "kafka"), Addr: "127.0.0.1:0", Reserve: -1, Logger: quiet})
		if err != nil {
			return err
		}
		here.Kafka = b.Addr()
		group.Go(func() error { return b.Run(ctx) })
	} else if err := here.empty(ctx); err != nil {
		return err
	}
	group.Go(func() error { return say(here) })
	return group.Wait()
}

// empty takes away what the measurement before left on a real broker, and returns when it is gone.
func (b Backbone) empty(ctx context.Context) error {
	client, err := b.client()
	if err != nil {
		return err
	}
	defer client.Close()
	adm := kadm.NewClient(client)
	for {
		there, err := adm.ListTopics(ctx)
		if err != nil {
			return fmt.Errorf("empty the real broker: %w", err)
		}
		if len(there) == 0 {
			return nil
		}
		if _, err := adm.DeleteTopics(ctx, there.Names()...); err != nil {
			return fmt.Errorf("empty the real broker: %w", err)
		}
		select {
		case <-time.After(50 * time.Millisecond):
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}
