package edge

import (
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.opentelemetry.io/otel/trace"
)

// metrics count requests by the template of their route, so that their number is bounded.
type metrics struct {
	requests *prometheus.CounterVec
	seconds  *prometheus.HistogramVec
	inFlight prometheus.Gauge

	mu    sync.RWMutex
	known map[series]counters // looked up without an allocation, which the vectors would cost on every request
}

type series struct {
	method, route string
	status        int
}

type counters struct {
	requests prometheus.Counter
	seconds  histogram
}

// histogram is what client_golang's are.
type histogram interface {
	prometheus.Observer
	prometheus.ExemplarObserver
}

func newMetrics(r *prometheus.Registry) (*metrics, error) {
	m := &metrics{
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "ugc_http_requests_total", Help: "Requests answered, by method, route and status."}, []string{"method", "route", "status"}),
		seconds: prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: "ugc_http_request_seconds", Help: "Time from the whole request to the whole answer.",
			Buckets: []float64{.0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30}}, []string{"method", "route"}),
		inFlight: prometheus.NewGauge(prometheus.GaugeOpts{Name: "ugc_http_requests_in_flight", Help: "Requests being answered."}),
		known:    map[series]counters{},
	}
	for _, c := range []prometheus.Collector{m.requests, m.seconds, m.inFlight} {
		if err := r.Register(c); err != nil {
			return nil, err
		}
	}
	return m, nil
}

// observe counts one request. The method must be one that HTTP knows or is counted as OTHER: names are bounded. The trace, where there is
// one, stands beside the duration as an example of it.
func (m *metrics) observe(method, route string, status int, took time.Duration, of trace.TraceID) {
	if !known(method) {
		method = "OTHER"
	}
	key := series{method, route, status}
	m.mu.RLock()
	c, ok := m.known[key]
	m.mu.RUnlock()
	if !ok {
		key.method = strings.Clone(method)
		c = counters{m.requests.WithLabelValues(key.method, route, strconv.Itoa(status)), m.seconds.WithLabelValues(key.method, route).(histogram)}
		m.mu.Lock()
		m.known[key] = c
		m.mu.Unlock()
	}
	c.requests.Inc()
	if of.IsValid() {
		c.seconds.ObserveWithExemplar(took.Seconds(), prometheus.Labels{"trace_id": of.String()})
		return
	}
	c.seconds.Observe(took.Seconds())
}

// known says whether HTTP defines the method.
func known(method string) bool {
	switch method {
	case "GET", "HEAD", "POST", "PUT", "DELETE", "PATCH", "OPTIONS":
		return true
	}
	return false
}
