package projections

import (
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"ugc/domain"
)

// Metrics are what all engines of a process publish. Every series has the labels view and generation.
type Metrics struct {
	lags                           *lags
	stalled, blocked               *prometheus.GaugeVec
	batches, records, errors, back *prometheus.CounterVec
	steps, batchRecords, visible   *prometheus.HistogramVec
}

// NewMetrics registers the series, once for a process; nil publishes none. It panics where they are registered already.
func NewMetrics(r prometheus.Registerer) *Metrics {
	gauge := func(name, help string, labels ...string) *prometheus.GaugeVec {
		return prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: "ugc_view_" + name, Help: help}, labelled(labels))
	}
	counter := func(name, help string, labels ...string) *prometheus.CounterVec {
		return prometheus.NewCounterVec(prometheus.CounterOpts{Name: "ugc_view_" + name, Help: help}, labelled(labels))
	}
	histogram := func(name, help string, buckets []float64, labels ...string) *prometheus.HistogramVec {
		return prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: "ugc_view_" + name, Help: help, Buckets: buckets}, labelled(labels))
	}
	m := &Metrics{
		lags:         newLags(),
		stalled:      gauge("stalled", "Steps that fail and are tried again; 0 while all is well."),
		blocked:      gauge("blocked_keys", "Keys whose records wait behind a dead letter."),
		batches:      counter("batches_total", "Batches whose watermark is stored."),
		records:      counter("records_total", "Records passed, by what became of them: applied, dead_letter or tombstone.", "outcome"),
		errors:       counter("errors_total", "Failed attempts, by step.", "step"),
		back:         counter("went_back_total", "Partitions that were read again from further back, because the log was not what the view had seen."),
		steps:        histogram("step_seconds", "Duration of an attempt, by step.", prometheus.ExponentialBuckets(0.0005, 2, 16), "step"),
		batchRecords: histogram("batch_records", "Records in a batch.", prometheus.ExponentialBuckets(1, 4, 9)),
		visible:      histogram("visible_seconds", "From the arrival of a command at the edge until the view shows it, of the newest record of each batch.", prometheus.ExponentialBuckets(0.001, 2, 18)),
	}
	if r != nil {
		r.MustRegister(m.lags, m.stalled, m.blocked, m.batches, m.records, m.errors, m.back, m.steps, m.batchRecords, m.visible)
	}
	return m
}

func labelled(more []string) []string { return append([]string{"view", "generation"}, more...) }

// viewMetrics are one engine's.
type viewMetrics struct {
	*Metrics
	view, generation string
}

func (m *Metrics) of(g Generation) *viewMetrics {
	number := strconv.Itoa(g.Number)
	for _, outcome := range []string{outcomeApplied, outcomeDeadLetter, outcomeTombstone} {
		m.records.WithLabelValues(g.View, number, outcome) // 0, so that the first one is a rise
	}
	m.back.WithLabelValues(g.View, number)
	return &viewMetrics{m, g.View, number}
}

func (m *viewMetrics) step(step string, took time.Duration, err error) {
	m.steps.WithLabelValues(m.view, m.generation, step).Observe(took.Seconds())
	failures := m.errors.WithLabelValues(m.view, m.generation, step) // there from the first attempt on, so that a rise from 0 is seen
	if err != nil {
		failures.Inc()
	}
}

func (m *viewMetrics) wentBack() { m.back.WithLabelValues(m.view, m.generation).Inc() }

func (m *viewMetrics) failed(step string) {
	m.errors.WithLabelValues(m.view, m.generation, step).Inc()
}

func (m *viewMetrics) stalled(n int) {
	m.Metrics.stalled.WithLabelValues(m.view, m.generation).Set(float64(n))
}

func (m *viewMetrics) applied(batch []entry, now domain.Instant) {
	outcomes := map[string]int{}
	newest := domain.Instant(0)
	for i := range batch {
		outcomes[batch[i].outcome()]++
		newest = max(newest, batch[i].ReceivedAt)
	}
	for outcome, n := range outcomes {
		m.records.WithLabelValues(m.view, m.generation, outcome).Add(float64(n))
	}
	m.batches.WithLabelValues(m.view, m.generation).Inc()
	m.batchRecords.WithLabelValues(m.view, m.generation).Observe(float64(len(batch)))
	if newest > 0 {
		m.visible.WithLabelValues(m.view, m.generation).Observe(float64(max(0, now-newest)) / 1000)
	}
}

// What becomes of a record.
const (
	outcomeApplied    = "applied"
	outcomeDeadLetter = "dead_letter"
	outcomeTombstone  = "tombstone"
)

func (en *entry) outcome() string {
	switch {
	case en.refused != nil:
		return outcomeDeadLetter
	case en.Value == nil:
		return outcomeTombstone
	}
	return outcomeApplied
}

func (m *viewMetrics) blockedKeys(n int) {
	m.blocked.WithLabelValues(m.view, m.generation).Set(float64(n))
}
