package streams

import (
	"errors"
	"strconv"

	"github.com/prometheus/client_golang/prometheus"

	"ugc/domain"
	"ugc/schemas"
)

// metrics are what the streams tell Prometheus.
type metrics struct {
	commands *prometheus.CounterVec
	letters  *prometheus.CounterVec
	passed   *prometheus.CounterVec
	repairs  *prometheus.CounterVec
	outbox   *prometheus.HistogramVec
	restarts *prometheus.CounterVec
	running  *prometheus.GaugeVec
	rewound  *prometheus.CounterVec
	mended   *prometheus.CounterVec
	lag      *prometheus.Desc
	lags     func(each func(group string, partition int32, lag int64))
}

func newMetrics(lags func(each func(string, int32, int64))) *metrics {
	return &metrics{
		commands: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "ugc_streams_inputs_total",
			Help: "Inputs processed, by what became of them: applied, duplicate, stale; repeated after a crash; refused."}, []string{"group", "verdict"}),
		letters: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "ugc_streams_dead_letters_total",
			Help: "Inputs set aside in the dead letters, by reason."}, []string{"group", "reason"}),
		passed: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "ugc_streams_table_passed_over_total",
			Help: "Records of the group's table that do not count: late ones of ours, and foreign ones."}, []string{"group", "kind"}),
		repairs: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "ugc_streams_table_repairs_total",
			Help: "Values written again behind records of the table that do not count."}, []string{"group"}),
		outbox: prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: "ugc_streams_outbox_outcomes",
			Help: "Outcomes in a key's outbox after an input.", Buckets: []float64{1, 2, 4, 8, 16, maxOutcomes}}, []string{"group"}),
		restarts: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "ugc_streams_restarts_total",
			Help: "Processors that ended by themselves and were replaced."}, []string{"group"}),
		running: prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: "ugc_streams_running",
			Help: "1 while the group's tables are restored and it processes."}, []string{"group"}),
		rewound: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "ugc_streams_refolded_inputs_total",
			Help: "Inputs that were committed, and are processed again because the table had lost them."}, []string{"group"}),
		mended: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "ugc_streams_mended_records_total",
			Help: "Records that a log had lost and that were written again out of what was made of them."}, []string{"group"}),
		lag:  prometheus.NewDesc("ugc_streams_lag", "Inputs not yet processed.", []string{"group", "partition"}, nil),
		lags: lags,
	}
}

func (m *metrics) vectors() []prometheus.Collector {
	return []prometheus.Collector{m.commands, m.letters, m.passed, m.repairs, m.outbox, m.restarts, m.running, m.rewound, m.mended}
}

// Describe implements prometheus.Collector.
func (m *metrics) Describe(ch chan<- *prometheus.Desc) {
	for _, v := range m.vectors() {
		v.Describe(ch)
	}
	ch <- m.lag
}

// Collect implements prometheus.Collector.
func (m *metrics) Collect(ch chan<- prometheus.Metric) {
	for _, v := range m.vectors() {
		v.Collect(ch)
	}
	m.lags(func(group string, partition int32, lag int64) {
		ch <- prometheus.MustNewConstMetric(m.lag, prometheus.GaugeValue, float64(lag), group, strconv.Itoa(int(partition)))
	})
}

// register adds the metrics to r, which may be nil.
func (m *metrics) register(r prometheus.Registerer) error {
	if r == nil {
		return nil
	}
	if err := r.Register(m); err != nil {
		return errors.Join(errors.New("register the streams' metrics: give each Streams a registry of its own"), err)
	}
	return nil
}

// groupMetrics are one group's, looked up once.
type groupMetrics struct {
	verdicts [domain.Stale + 1]prometheus.Counter // 0: refused
	repeated prometheus.Counter
	outbox   prometheus.Observer
	restarts prometheus.Counter
	running  prometheus.Gauge
	rewound  prometheus.Counter
	mended   prometheus.Counter
	letters  *prometheus.CounterVec
	foreign  prometheus.Counter
	late     prometheus.Counter
	repairs  prometheus.Counter
	group    string
}

func (m *metrics) of(group string) *groupMetrics {
	g := &groupMetrics{
		repeated: m.commands.WithLabelValues(group, "repeated"),
		outbox:   m.outbox.WithLabelValues(group),
		restarts: m.restarts.WithLabelValues(group),
		running:  m.running.WithLabelValues(group),
		rewound:  m.rewound.WithLabelValues(group),
		mended:   m.mended.WithLabelValues(group),
		letters:  m.letters,
		foreign:  m.passed.WithLabelValues(group, "foreign"),
		late:     m.passed.WithLabelValues(group, "late"),
		repairs:  m.repairs.WithLabelValues(group),
		group:    group,
	}
	g.verdicts[0] = m.commands.WithLabelValues(group, "refused")
	for _, reason := range schemas.Reasons() {
		m.letters.WithLabelValues(group, reason) // 0, so that the first one is a rise
	}
	for v := domain.Applied; v <= domain.Stale; v++ {
		g.verdicts[v] = m.commands.WithLabelValues(group, v.String())
	}
	return g
}

func (g *groupMetrics) count(v domain.Verdict, repeated bool, outbox int) {
	switch {
	case repeated:
		g.repeated.Inc()
	case int(v) < len(g.verdicts):
		g.verdicts[v].Inc()
	}
	g.outbox.Observe(float64(outbox))
}

func (g *groupMetrics) deadLetter(reason string) { g.letters.WithLabelValues(g.group, reason).Inc() }

func (g *groupMetrics) passedOver(j judgement) {
	if j == foreign {
		g.foreign.Inc()
	} else {
		g.late.Inc()
	}
}

func (g *groupMetrics) repaired(n int) { g.repairs.Add(float64(n)) }
