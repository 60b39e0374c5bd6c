package deploy

import (
	"context"
	"errors"
	"fmt"
	"time"

	ch "github.com/ClickHouse/clickhouse-go/v2"
	"golang.org/x/sync/errgroup"

	"ugc/deploy/embedded/clickhouse"
	"ugc/projections"
	analytics "ugc/projections/clickhouse"
	"ugc/projections/documents"
	"ugc/projections/sqlite"
)

// openDocuments opens the document store. Readers need it as much as projections do.
func (h *House) openDocuments(ctx context.Context) error {
	store, err := sqlite.Open(ctx, sqlite.Options{Path: h.path("documents.sqlite")})
	if err != nil {
		return err
	}
	h.documents = store
	h.closers = append(h.closers, store.Close)
	h.reader = documents.NewReader(store)
	return nil
}

// openAnalytics brings up ClickHouse: the embedded engine, or the server that is named.
func (h *House) openAnalytics(ctx context.Context) error {
	server, err := h.clickHouse(ctx)
	if err != nil {
		return err
	}
	h.analytics, err = analytics.Open(analytics.Options{
		Server: server, Cluster: h.cfg.Cluster, Compat: true,
		Batch: projections.Batching{MaxRecords: h.cfg.FlushRecords, MaxWait: h.cfg.FlushEvery},
	})
	if err != nil {
		return err
	}
	h.closers = append(h.closers, h.analytics.Close)
	return nil
}

func (h *House) clickHouse(ctx context.Context) (*ch.Options, error) {
	if h.cfg.ClickHouse != "embedded:" {
		server, err := ch.ParseDSN(h.cfg.ClickHouse)
		if err != nil {
			return nil, fmt.Errorf("UGC_CLICKHOUSE is no address of a ClickHouse server: %w", err)
		}
		return server, nil
	}
	engine, err := clickhouse.New(clickhouse.Options{
		DataDir: h.path("clickhouse"), Library: h.cfg.EngineLib, MemoryBytes: h.cfg.EngineMemory, Logger: h.log.With("part", "clickhouse"),
	})
	if err != nil {
		return nil, err
	}
	ready, cancel := context.WithTimeout(ctx, partWithin)
	defer cancel()
	if err := h.stack.start(ready, "ClickHouse engine", engine.Run, engine.Ready); err != nil {
		return nil, err
	}
	socket, err := engine.Socket(ready)
	if err != nil {
		return nil, err
	}
	return engine.ClientOptions(""), h.leave(NoteEngine, socket)
}

// openProjections starts an engine for every view. The document views are there at once; those of ClickHouse as soon as it answers,
// so that a server that is away holds up nothing else.
func (h *House) openProjections(ctx context.Context) error {
	metrics := projections.NewMetrics(h.metrics)
	var engines []*projections.Engine
	for _, v := range documents.All() {
		generation, number, err := documents.Open(ctx, h.documents, v)
		if err != nil {
			return fmt.Errorf("open view %s: %w", v.Name, err)
		}
		e, err := h.project(v.View, number, documents.Sink(v, generation), "sqlite", metrics)
		if err != nil {
			return err
		}
		engines = append(engines, e)
	}
	if err := h.stack.start(ctx, "document views", func(ctx context.Context) error { return runAll(ctx, engines) }, nil); err != nil {
		return err
	}
	made := make(chan struct{})
	wait := func(ctx context.Context) error {
		select {
		case <-made:
			return nil
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	if h.cfg.ClickHouse != "embedded:" {
		wait = nil
	}
	return h.stack.start(ctx, "ClickHouse views", func(ctx context.Context) error { return h.runAnalytics(ctx, metrics, made) }, wait)
}

// runAnalytics makes tables and views, however long ClickHouse is away, and then keeps them up to date.
func (h *House) runAnalytics(ctx context.Context, metrics *projections.Metrics, made chan<- struct{}) error {
	for pause := 200 * time.Millisecond; ; pause = min(2*pause, 10*time.Second) {
		err := h.analytics.Init(ctx)
		if err == nil {
			break
		}
		h.log.Warn("ClickHouse does not take our tables yet, trying again", "error", err, "after", pause)
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(pause):
		}
	}
	live, err := h.analytics.Live(ctx)
	if err != nil {
		return err
	}
	var engines []*projections.Engine
	for _, v := range h.analytics.Views() {
		sink, err := h.analytics.Sink(live[v.Name])
		if err != nil {
			return err
		}
		e, err := h.project(v, live[v.Name], sink, "clickhouse", metrics)
		if err != nil {
			return err
		}
		engines = append(engines, e)
	}
	close(made)
	return runAll(ctx, engines)
}

// project makes the engine of one view.
func (h *House) project(v projections.View, g projections.Generation, sink projections.Sink, system string, metrics *projections.Metrics) (*projections.Engine, error) {
	engine, err := projections.New(projections.Options{
		View: v, Generation: g, Sink: sink, Codec: h.codec, Kafka: h.client, Watermarks: h.shown, Metrics: metrics, Logger: h.log.With("part", "projections"),
		Tracer: h.traces.Tracer("ugc/projections"), System: system,
	})
	if err != nil {
		return nil, fmt.Errorf("view %s: %w", v.Name, err)
	}
	h.views.add(v.Name, engine)
	return engine, nil
}

// runAll runs engines until ctx ends, or one of them fails, which ends all.
func runAll(ctx context.Context, engines []*projections.Engine) error {
	g, ctx := errgroup.WithContext(ctx)
	for _, e := range engines {
		g.Go(func() error { return e.Run(ctx) })
	}
	if err := g.Wait(); err != nil && !errors.Is(err, context.Canceled) {
		return err
	}
	return nil
}
