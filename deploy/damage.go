package deploy

import (
	"context"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"ugc/projections"
	analytics "ugc/projections/clickhouse"
	"ugc/projections/documents"
)

// How often the files of the ClickHouse views are looked at. Names alone cost nothing; reading everything costs what reading it costs, on one thread.
const (
	lookEvery  = 10 * time.Second // for parts that were set aside and reads that failed
	checkEvery = 24 * time.Hour   // and once after the start, for bytes that nobody has read
	againAfter = time.Minute      // reads that fail are a reason to read everything no sooner than that after the last time
	shownEvery = time.Second      // while a view is made anew: whether it shows all again
)

// damage is what is known of views whose stored form is not what was written.
type damage struct {
	gauge *prometheus.GaugeVec
	times *prometheus.CounterVec

	mu    sync.Mutex
	views map[string]error
}

func newDamage(r prometheus.Registerer) *damage {
	d := &damage{
		gauge: prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: "ugc_view_damaged", Help: "1 while what is stored of a view is damaged, until it is made anew and shows everything again."}, []string{"view"}),
		times: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "ugc_view_damages_total", Help: "How often what is stored of a view was found damaged."}, []string{"view"}),
		views: map[string]error{},
	}
	r.MustRegister(d.gauge, d.times)
	return d
}

// watch publishes the series of a view before anything has happened to it.
func (d *damage) watch(views ...string) {
	for _, v := range views {
		d.gauge.WithLabelValues(v)
		d.times.WithLabelValues(v)
	}
}

// note remembers why a view is damaged, and says whether that is news.
func (d *damage) note(view string, why error) (news bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	was, known := d.views[view]
	d.views[view] = why
	d.gauge.WithLabelValues(view).Set(1)
	if news = !known || was.Error() != why.Error(); news {
		d.times.WithLabelValues(view).Inc()
	}
	return news
}

// found takes and logs what was found in ClickHouse; done says what becomes of it. A table of the catalog concerns all views.
func (d *damage) found(log *slog.Logger, parts []analytics.Damage, done string) {
	byView := map[string][]string{}
	for _, p := range parts {
		views := []string{p.View()}
		if views[0] == "" {
			views = viewNames(analytics.Stored())
		}
		for _, v := range views {
			if !slices.Contains(byView[v], p.String()) {
				byView[v] = append(byView[v], p.String())
			}
		}
	}
	const named = 3
	for _, view := range slices.Sorted(maps.Keys(byView)) {
		names := byView[view]
		more := ""
		if n := len(names) - named; n > 0 {
			names, more = names[:named], fmt.Sprintf(" and %d more", n)
		}
		why := fmt.Errorf("what is stored of it is damaged, %s: %s%s", done, strings.Join(names, "; "), more)
		if d.note(view, why) {
			log.Error("a view is damaged", "view", view, "parts", len(byView[view]), "error", why)
		}
	}
}

// documents takes what was found of the file of all document views.
func (d *damage) documents(log *slog.Logger, why error) {
	for _, v := range documents.All() {
		if d.note(v.Name, why) {
			log.Error("a view is damaged", "view", v.Name, "error", why)
		}
	}
}

// mended forgets the damage of those of the views for which shown is true.
func (d *damage) mended(log *slog.Logger, views []string, shown func(view string) bool) {
	for _, view := range views {
		if d.is(view) && shown(view) {
			d.mu.Lock()
			delete(d.views, view)
			d.gauge.WithLabelValues(view).Set(0)
			d.mu.Unlock()
			log.Info("a view that was damaged shows everything again", "view", view)
		}
	}
}

func (d *damage) is(view string) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.views[view] != nil
}

// health says why a view is damaged, nil when it is not.
func (d *damage) health(view string) func(context.Context) error {
	return func(context.Context) error {
		d.mu.Lock()
		defer d.mu.Unlock()
		return d.views[view]
	}
}

// damaged ends engines whose views must be made anew.
type damaged struct{ parts []analytics.Damage }

func (e *damaged) Error() string {
	return fmt.Sprintf("%d parts of ClickHouse tables are damaged", len(e.parts))
}

// ownsEngine says whether this process runs the ClickHouse engine, and so may make its views anew.
func (h *House) ownsEngine() bool { return h.cfg.ClickHouse == "embedded:" }

// watchDamage looks for damage of the ClickHouse views until ctx ends. In the embedded engine it ends with it, so that they are made anew; a
// server's is said for as long as it is there: replicas fetch parts from each other, and others may keep the same views.
func (h *House) watchDamage(ctx context.Context) error {
	views := viewNames(analytics.Stored())
	h.damage.watch(views...)
	look, check, shown := time.NewTicker(lookEvery), time.NewTicker(checkEvery), time.NewTicker(shownEvery)
	defer look.Stop()
	defer check.Stop()
	defer shown.Stop()
	faults, err := h.analytics.ReadFaults(ctx)
	if err != nil {
		h.log.Debug("cannot count read errors of ClickHouse", "error", err)
	}
	lastRise, first := time.Time{}, make(chan struct{}, 1)
	first <- struct{}{}
	for {
		var parts []analytics.Damage
		var err error
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-shown.C:
			if h.ownsEngine() {
				h.damage.mended(h.log, views, h.views.showsAll)
			}
			continue
		case <-first:
			parts, err = h.lookAtParts(ctx, h.ownsEngine())
		case <-check.C:
			parts, err = h.lookAtParts(ctx, h.ownsEngine())
		case <-look.C:
			now, counted := h.analytics.ReadFaults(ctx)
			rose := counted == nil && now > faults && time.Since(lastRise) > againAfter
			parts, err = h.lookAtParts(ctx, rose)
			if rose && err == nil {
				faults, lastRise = now, time.Now()
			}
		}
		switch {
		case err != nil && ctx.Err() == nil:
			h.log.Debug("cannot look for damage in ClickHouse", "error", err) // an engine that is away is told of elsewhere
		case h.ownsEngine() && len(parts) > 0:
			return &damaged{parts}
		case !h.ownsEngine():
			h.reportDamage(parts)
		}
	}
}

// lookAtParts lists what was set aside, and what cannot be read where everything is to be read.
func (h *House) lookAtParts(ctx context.Context, everything bool) ([]analytics.Damage, error) {
	parts, err := h.analytics.SetAside(ctx)
	if err != nil || !everything {
		return parts, err
	}
	broken, err := h.analytics.Check(ctx)
	return append(parts, broken...), err
}

// reportDamage says what is damaged on a server, and no longer what is not.
func (h *House) reportDamage(parts []analytics.Damage) {
	h.damage.found(h.log, parts, "fetch the part from a replica or a backup and drop what was detached, or drop the database and run `ugc init`")
	still := map[string]bool{}
	for _, p := range parts {
		still[p.View()] = true
	}
	h.damage.mended(h.log, viewNames(analytics.Stored()), func(view string) bool { return !still[view] && !still[""] })
}

func viewNames(views []projections.View) (names []string) {
	for _, v := range views {
		names = append(names, v.Name)
	}
	return names
}
