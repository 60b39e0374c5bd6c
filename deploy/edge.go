package deploy

import (
	"context"
	"errors"
	"fmt"
	"net"
	"slices"

	"github.com/google/uuid"
	"github.com/twmb/franz-go/pkg/kgo"

	"ugc/deploy/config"
	"ugc/domain"
	"ugc/handlers"
	"ugc/projections"
	analytics "ugc/projections/clickhouse"
	"ugc/projections/documents"
	"ugc/schemas/topics"
	"ugc/streams"
	edge "ugc/transport/http"
	"ugc/transport/http/auth"
)

// openHTTP makes the HTTP server over everything below it, and says where it listens. Without the role edge it tells of health and metrics alone.
func (h *House) openHTTP(ctx context.Context) error {
	guard, err := h.guard(ctx)
	if err != nil {
		return err
	}
	proxies, err := h.cfg.Proxies()
	if err != nil {
		return err
	}
	o := edge.Options{
		Guard: guard, Open: guard == nil, Proxies: proxies,
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
		tokens, err := h.visibility()
		if err != nil {
			return err
		}
		stalls := &handlers.Stalls{Now: systemClock}
		if err := h.stack.start(ctx, "stalls", stalls.Run, nil); err != nil {
			return err
		}
		log := told{h.commands, tokens}
		o.Writing = handlers.Writing{Log: log, Views: tokens, Now: systemClock, Stall: stalls, NewID: newID}
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

// guard finds out who sends requests, nil where authentication is off and everybody may do everything: the configuration allows that on
// loopback alone, and so does the server. A key set that cannot be read holds up nothing: tokens are answered 503 until it is.
func (h *House) guard(ctx context.Context) (*auth.Guard, error) {
	o, err := h.cfg.Auth()
	if err != nil {
		return nil, err
	}
	if h.cfg.FailureLimit > 0 {
		o.Failures = auth.NewLimit(h.cfg.FailureLimit, h.cfg.RateBurst, nil)
	}
	o.Log, o.Registry = h.log.With("part", "auth"), h.metrics
	guard, err := auth.New(o) // also where authentication is off: its metrics are always there, or an alert would be silent for ever
	if err != nil || !o.On() {
		return nil, err
	}
	h.tokens = guard
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
type visible struct{ positions, documents handlers.Waiting }

// Wait implements handlers.Waiting.
func (v visible) Wait(ctx context.Context, view handlers.View, token domain.Token) error {
	if view == handlers.ViewPositions {
		return v.positions.Wait(ctx, view, token)
	}
	return v.documents.Wait(ctx, view, token)
}

// visibility knows the tokens of this deployment, and waits for what they name.
func (h *House) visibility() (*projections.Tokens, error) {
	client, err := kgo.NewClient(h.client...)
	if err != nil {
		return nil, fmt.Errorf("configure Kafka clients: %w", err)
	}
	h.closers = append(h.closers, func() error { client.Close(); return nil })
	shown := make([]projections.Shown, 0, len(documents.All()))
	for _, v := range documents.All() {
		shown = append(shown, projections.Shown{View: handlers.View(v.Name), Source: v.Source, Stored: h.documents.Live(v).Watermarks})
	}
	views := projections.NewVisibility(h.shown, h.reader, shown...)
	positions := wayTo(topics.PlaybackTable)
	positions.Read = func(ctx context.Context) (projections.Offsets, error) { return h.positions.Read(ctx) }
	ways := map[handlers.View]projections.Way{handlers.ViewPositions: positions}
	for _, v := range documents.All() {
		way := wayTo(v.Source)
		view := handlers.View(v.Name)
		way.Read = func(ctx context.Context) (projections.Offsets, error) { return views.Read(ctx, view) }
		ways[view] = way
	}
	direct := visible{positions: h.positions, documents: views}
	return projections.NewTokens(h.cfg.Epoch, projections.KafkaLog{Client: client}, ways, direct), nil
}

// wayTo goes from a topic back through the groups that write it, to the commands that it is made of.
func wayTo(to topics.Topic) (way projections.Way) {
	for way.Commands = to; ; {
		group, found := writerOf(way.Commands)
		if !found {
			return way
		}
		rekeyed := way.Commands.Key != group.Input.Key
		way.Hops = slices.Insert(way.Hops, 0, projections.Hop{Group: group.Name, To: way.Commands, Rekeyed: rekeyed})
		way.Commands = group.Input
	}
}

// writerOf is the group that has the topic as its table or output.
func writerOf(to topics.Topic) (streams.Group, bool) {
	groups := streams.Topology()
	i := slices.IndexFunc(groups, func(g streams.Group) bool {
		writes := func(o streams.Output) bool { return o.Topic.Name == to.Name }
		return g.Table.Name == to.Name || slices.ContainsFunc(g.Outputs, writes)
	})
	if i < 0 {
		return streams.Group{}, false
	}
	return groups[i], true
}

// told keeps where writes stand for those who read them.
type told struct {
	handlers.CommandLog
	tokens *projections.Tokens
}

// Append implements handlers.CommandLog.
func (l told) Append(ctx context.Context, commands []domain.Command) []handlers.Receipt {
	receipts := l.CommandLog.Append(ctx, commands)
	for i := range receipts {
		if receipts[i].Err == nil {
			l.tokens.Saw(receipts[i].Mark)
		}
	}
	return receipts
}

// checks are what this process needs for what it does.
func (h *House) checks() map[string]func(context.Context) error {
	checks := map[string]func(context.Context) error{"broker": h.pingBroker}
	if h.tokens != nil && h.cfg.Has(config.Edge) { // without a key every user is turned away
		checks["tokens"] = func(context.Context) error { return h.tokens.Healthy() }
	}
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
	if h.tokens != nil && !h.cfg.Has(config.Edge) {
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
