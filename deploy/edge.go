package deploy

import (
	"context"
	"errors"
	"fmt"
	"net"

	"github.com/google/uuid"

	"ugc/deploy/config"
	"ugc/domain"
	"ugc/handlers"
	"ugc/projections"
	analytics "ugc/projections/clickhouse"
	"ugc/projections/documents"
	edge "ugc/transport/http"
	"ugc/transport/http/auth"
)

// openHTTP makes the HTTP server over everything below it, and says where it listens. Without the role edge it tells of health and metrics alone.
func (h *House) openHTTP(ctx context.Context) error {
	guard, err := h.guard(ctx)
	if err != nil {
		return err
	}
	o := edge.Options{
		Guard:     guard,
		Addr:      h.cfg.HTTPAddr,
		Checks:    h.checks(),
		Reports:   h.reports(),
		MaxWait:   h.cfg.DrainWithin / 2, // a stop cuts no wait off
		ShownWait: h.cfg.VisibleWithin, DefaultWait: h.cfg.VisibleWithin,
		BodyLimit: h.cfg.BodyLimit, ReadTimeout: h.cfg.HTTPRead, WriteTimeout: h.cfg.HTTPWrite, IdleTimeout: h.cfg.HTTPIdle,
		DrainDelay: h.cfg.DrainDelay, DrainTimeout: h.cfg.DrainWithin / 2,
		Registry: h.metrics, Log: h.log.With("part", "http"), Tracer: h.traces.Tracer("ugc/transport/http"),
	}
	build := edge.NewStatus
	if h.cfg.Has(config.Edge) {
		if h.cfg.RateLimit > 0 {
			o.Limit = auth.NewLimit(h.cfg.RateLimit, h.cfg.RateBurst, nil)
		}
		o.CORSOrigins = h.cfg.CORSOrigins
		o.Writing = handlers.Writing{Log: h.commands, Views: h.visibility(), Now: systemClock, NewID: newID}
		o.Positions, o.Opinions, o.Summaries = h.positions, h.reader, h.reader
		build = edge.New
	}
	server, err := build(o)
	if err != nil {
		return err
	}
	if err := server.Listen(); err != nil {
		return fmt.Errorf("%w; set UGC_HTTP_ADDR to another address", err)
	}
	if err := h.leave(NoteHTTP, server.Addr()); err != nil {
		return err
	}
	return h.stack.start(ctx, "http", server.Run, nil)
}

// guard finds out who sends requests, nil where everybody may do everything. A key set that cannot be read holds up nothing: tokens are answered 503 until it is.
func (h *House) guard(ctx context.Context) (*auth.Guard, error) {
	o, err := h.cfg.Auth()
	if err != nil || !o.On() {
		return nil, err
	}
	if h.tokens, err = auth.New(o); err != nil {
		return nil, err
	}
	return h.tokens, h.stack.start(ctx, "tokens", h.tokens.Run, nil)
}

// probeHTTP says at once when the port is taken, instead of after everything else has started.
func (h *House) probeHTTP(ctx context.Context) error {
	l, err := new(net.ListenConfig).Listen(ctx, "tcp", h.cfg.HTTPAddr)
	if err != nil {
		return fmt.Errorf("listen for HTTP: %w: stop the program that uses the port, or set UGC_HTTP_ADDR to another address (port 0 picks a free one)", err)
	}
	return l.Close()
}

// visible shows writes in the positions view and in the document views.
type visible struct {
	positions handlers.Visibility
	documents handlers.Visibility
}

// Wait implements handlers.Visibility.
func (v visible) Wait(ctx context.Context, view handlers.View, token domain.Token) error {
	if view == handlers.ViewPositions {
		return v.positions.Wait(ctx, view, token)
	}
	return v.documents.Wait(ctx, view, token)
}

func (h *House) visibility() handlers.Visibility {
	shown := make([]projections.Shown, 0, len(documents.All()))
	for _, v := range documents.All() {
		shown = append(shown, projections.Shown{View: handlers.View(v.Name), Source: v.Source, Stored: h.documents.Live(v).Watermarks})
	}
	return visible{positions: h.positions, documents: projections.NewVisibility(h.shown, h.reader, shown...)}
}

// checks are what this process needs for what it does.
func (h *House) checks() map[string]func(context.Context) error {
	checks := map[string]func(context.Context) error{"broker": h.pingBroker}
	if h.documents != nil {
		checks["documents"] = h.documents.Ping
	}
	if h.positions != nil {
		checks["positions"] = func(context.Context) error { return h.positions.Healthy() }
	}
	if h.streams != nil {
		checks["streams"] = func(context.Context) error { return h.streams.Healthy() }
	}
	return checks
}

// reports say how the views are doing that this process keeps, and whether the schema registry answers. They are no checks: a view that is late
// is late, and turning writers away would help nobody; a registry is needed for schemas that were never met, and for nothing else.
func (h *House) reports() map[string]func(context.Context) error {
	reports := map[string]func(context.Context) error{"schema registry": h.codec.CheckRegistry}
	if h.tokens != nil {
		reports["tokens"] = func(context.Context) error { return h.tokens.Healthy() }
	}
	if h.cfg.Has(config.Projections) {
		for _, v := range documents.All() {
			reports["view "+v.Name] = both(h.damage.health(v.Name), h.views.health(v.Name))
		}
		for _, v := range analytics.Stored() {
			reports["view "+v.Name] = both(h.damage.health(v.Name), h.views.health(v.Name))
		}
	}
	return reports
}

// both joins what two say.
func both(a, b func(context.Context) error) func(context.Context) error {
	return func(ctx context.Context) error { return errors.Join(a(ctx), b(ctx)) }
}

// pingBroker asks the log, and the embedded broker whether it still takes writes: a full disk lets it answer, but not write.
func (h *House) pingBroker(ctx context.Context) error {
	if h.broker != nil {
		if err := h.broker.Err(); err != nil {
			return err
		}
	}
	return h.health.Ping(ctx)
}

func newID() domain.ID { return domain.ID(uuid.Must(uuid.NewV7())) }
