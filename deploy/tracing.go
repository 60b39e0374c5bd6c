package deploy

import (
	"context"
	"os"
	"time"

	"ugc/deploy/traces"
)

// openTraces starts sending spans where anybody asked for it. It stands at the bottom, so that what the others still do while they stop is sent too.
func (h *House) openTraces(ctx context.Context) (err error) {
	if h.spans == nil && !traces.Wanted(h.cfg.Collector, os.Getenv) {
		return nil
	}
	h.traces, err = traces.New(ctx, traces.Options{
		Endpoint: h.cfg.Collector, Exporter: h.spans, Version: h.version,
		Flush: min(3*time.Second, h.cfg.DrainWithin/4), Metrics: h.metrics, Log: h.log.With("part", "traces"),
	})
	if err != nil {
		return err
	}
	return h.stack.start(ctx, "traces", h.traces.Run, nil)
}
