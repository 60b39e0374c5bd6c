package deploy

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	ch "github.com/ClickHouse/clickhouse-go/v2"
	"golang.org/x/sync/errgroup"

	"ugc/deploy/embedded/clickhouse"
	"ugc/domain"
	"ugc/projections"
	analytics "ugc/projections/clickhouse"
	"ugc/projections/documents"
	"ugc/projections/sqlite"
)

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
	if dir, embedded := h.cfg.EmbeddedClickHouse(); !embedded || dir != "" {
		server, err := readers(h.cfg)
		if errors.Is(err, ErrNotRunning) {
			err = fmt.Errorf("UGC_CLICKHOUSE=%s: no engine runs there; start the process that owns it first", h.cfg.ClickHouse)
		}
		return server, err
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

// openProjections starts an engine for every view. What is embedded is waited for; a server's views are there as soon as it answers, so
// that one that is away holds up nothing else.
func (h *House) openProjections(ctx context.Context) error {
	metrics := projections.NewMetrics(h.metrics)
	if err := h.startViews(ctx, "document views", h.cfg.SQLite(), metrics, h.runDocuments); err != nil {
		return err
	}
	return h.startViews(ctx, "ClickHouse views", h.cfg.ClickHouse == "embedded:", metrics, h.runAnalytics)
}

// startViews starts a part that closes made when its views are there, and waits for that where its store is embedded.
func (h *House) startViews(ctx context.Context, name string, embedded bool, metrics *projections.Metrics,
	run func(ctx context.Context, metrics *projections.Metrics, made chan<- struct{}) error) error {
	made := make(chan struct{})
	wait := func(ctx context.Context) error {
		select {
		case <-made:
			return nil
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	if !embedded {
		wait = nil // it is somebody else's to bring up
	}
	return h.stack.start(ctx, name, func(ctx context.Context) error { return run(ctx, metrics, made) }, wait)
}

// untilMade prepares a store, however long it is away; false where ctx ended first, or with an error that is final.
func (h *House) untilMade(ctx context.Context, store string, final func(error) bool, prepare func(context.Context) error) (bool, error) {
	for pause := 200 * time.Millisecond; ; pause = min(2*pause, 10*time.Second) {
		err := prepare(ctx)
		if err == nil {
			return true, nil
		}
		if final(err) {
			return false, err
		}
		h.log.Warn(store+" does not take our views yet, trying again", "error", err, "after", pause)
		select {
		case <-ctx.Done():
			return false, nil
		case <-time.After(pause):
		}
	}
}

// runDocuments makes the document views where they are not there yet, and then keeps them up to date. A file that is damaged is renewed.
func (h *House) runDocuments(ctx context.Context, metrics *projections.Metrics, made chan<- struct{}) error {
	for {
		var file *spoiled
		err := h.keepDocuments(ctx, metrics, made)
		if !errors.As(err, &file) {
			return err
		}
		made = nil
		if err := h.renewDocuments(ctx, file); err != nil && ctx.Err() == nil {
			return err
		}
	}
}

// keepDocuments runs the engines of the live generations until ctx ends or their file is damaged.
func (h *House) keepDocuments(ctx context.Context, metrics *projections.Metrics, made chan<- struct{}) error {
	final := func(err error) bool { // a file does not get better by waiting, nor does a database of a newer ugc
		return h.cfg.SQLite() || domain.KindOf(err) == domain.Conflict
	}
	var engines []*projections.Engine
	for _, v := range documents.All() {
		var generation documents.Generation
		var number projections.Generation
		there, err := h.untilMade(ctx, "the document store", final, func(ctx context.Context) (err error) {
			generation, number, err = documents.Open(ctx, h.documents, v)
			return err
		})
		if file, ok := h.documents.(*sqlite.Store); ok && err != nil {
			if damage := file.Damaged(); damage != nil {
				return &spoiled{damage}
			}
		}
		if err != nil {
			return fmt.Errorf("open view %s: %w", v.Name, err)
		}
		if !there {
			return nil
		}
		e, err := h.project(v.View, number, documents.Sink(v, generation), h.documentSystem(), metrics)
		if err != nil {
			return err
		}
		engines = append(engines, e)
	}
	if made != nil {
		close(made)
	}
	return runBeside(ctx, engines, h.watchDocuments)
}

// runAnalytics makes tables and views, however long ClickHouse is away, and then keeps them up to date. Where it finds that the embedded engine's
// tables are damaged it makes their views anew.
func (h *House) runAnalytics(ctx context.Context, metrics *projections.Metrics, made chan<- struct{}) error {
	never := func(error) bool { return false }
	for known := []analytics.Damage(nil); ; {
		if there, err := h.untilMade(ctx, "ClickHouse", never, func(ctx context.Context) error { return h.prepareAnalytics(ctx, &known) }); !there {
			return err
		}
		var found *damaged
		err := h.keepAnalytics(ctx, metrics, made)
		if !errors.As(err, &found) {
			return err
		}
		made, known = nil, found.parts
	}
}

// prepareAnalytics makes what is missing, and what is known to be damaged or was set aside while nobody looked.
func (h *House) prepareAnalytics(ctx context.Context, known *[]analytics.Damage) error {
	if err := h.analytics.Init(ctx); err != nil {
		return err
	}
	if !h.ownsEngine() {
		return nil
	}
	aside, err := h.analytics.SetAside(ctx)
	if err != nil {
		return err
	}
	parts := append(slices.Clone(*known), aside...)
	if len(parts) == 0 {
		return nil
	}
	h.damage.found(h.log, parts, "these views are made anew from the events")
	if err := h.analytics.Renew(ctx, parts); err != nil {
		return err
	}
	*known = nil
	return nil
}

// keepAnalytics runs the engines of the live generations until ctx ends or damage is found.
func (h *House) keepAnalytics(ctx context.Context, metrics *projections.Metrics, made chan<- struct{}) error {
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
	if made != nil {
		close(made)
	}
	return runBeside(ctx, engines, h.watchDamage)
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

// runBeside runs engines and what watches over them until ctx ends, or one of them fails, which ends all.
func runBeside(ctx context.Context, engines []*projections.Engine, watch func(context.Context) error) error {
	g, ctx := errgroup.WithContext(ctx)
	for _, e := range engines {
		g.Go(func() error { return e.Run(ctx) })
	}
	g.Go(func() error { return watch(ctx) })
	if err := g.Wait(); err != nil && !errors.Is(err, context.Canceled) {
		return err
	}
	return nil
}
