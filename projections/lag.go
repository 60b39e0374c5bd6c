package projections

import (
	"context"
	"maps"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/twmb/franz-go/pkg/kadm"

	"ugc/domain"
)

// watchLag asks for the ends of the log every LagInterval and publishes how the engine is doing, until ctx ends.
func (e *Engine) watchLag(ctx context.Context) error {
	tick := time.NewTicker(e.o.LagInterval)
	defer tick.Stop()
	for {
		e.measure(ctx, e.o.LagInterval)
		select {
		case <-tick.C:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// measure asks for the ends, and publishes what is known even where the broker does not answer.
func (e *Engine) measure(ctx context.Context, within time.Duration) {
	asking, cancel := context.WithTimeout(ctx, within)
	defer cancel()
	began := time.Now()
	listed, err := kadm.NewClient(e.client).ListEndOffsets(asking, e.o.View.Source.Name)
	if err != nil && ctx.Err() == nil {
		e.metrics.failed("ask for the log's ends")
	}
	ends := map[int32]int64{}
	listed.Each(func(o kadm.ListedOffset) {
		if o.Err == nil {
			ends[o.Partition] = o.Offset
		}
	})
	e.state.ends(ends, began)
	status := e.Status()
	e.metrics.stalled(len(status.Stalls))
	e.metrics.blockedKeys(status.Blocked)
}

// The lag is measured when somebody asks for it: between two looks at the log it would say 0 while rows are missing. What is not
// known is not there.
const (
	measuredWithin = 500 * time.Millisecond // of one request for metrics
	knownFor       = 3                      // intervals for which an end counts where the broker does not answer
)

// lags publishes the lag of all engines of a process.
type lags struct {
	events, seconds *prometheus.Desc

	mu      sync.Mutex
	engines map[*Engine]struct{}
}

func newLags() *lags {
	return &lags{
		events: prometheus.NewDesc("ugc_view_lag_events", "Records between the watermark and the end of the log; not there while the end is not known.",
			labelled([]string{"partition"}), nil),
		seconds: prometheus.NewDesc("ugc_view_lag_seconds", "Age of the oldest record that the view does not show yet; not there while it is not known.",
			labelled([]string{"partition"}), nil),
		engines: map[*Engine]struct{}{},
	}
}

func (l *lags) add(e *Engine)    { l.mu.Lock(); defer l.mu.Unlock(); l.engines[e] = struct{}{} }
func (l *lags) remove(e *Engine) { l.mu.Lock(); defer l.mu.Unlock(); delete(l.engines, e) }

// Describe implements prometheus.Collector.
func (l *lags) Describe(to chan<- *prometheus.Desc) { to <- l.events; to <- l.seconds }

// Collect implements prometheus.Collector.
func (l *lags) Collect(to chan<- prometheus.Metric) {
	l.mu.Lock()
	engines := slices.Collect(maps.Keys(l.engines))
	l.mu.Unlock()
	var all sync.WaitGroup
	for _, e := range engines {
		all.Go(func() {
			e.measure(context.Background(), measuredWithin)
			for _, p := range e.Status().Partitions {
				labels := []string{e.o.Generation.View, strconv.Itoa(e.o.Generation.Number), strconv.Itoa(int(p.Partition))}
				if p.Lag >= 0 {
					to <- prometheus.MustNewConstMetric(l.events, prometheus.GaugeValue, float64(p.Lag), labels...)
				}
				if p.Behind >= 0 {
					to <- prometheus.MustNewConstMetric(l.seconds, prometheus.GaugeValue, p.Behind.Seconds(), labels...)
				}
			}
		})
	}
	all.Wait()
}

func hasMark(marks map[int32]Watermark, p int32) bool { _, ok := marks[p]; return ok }

func versionOf(marks map[int32]Watermark, p int32) domain.Version {
	if w, ok := marks[p]; ok {
		return w.Version
	}
	return domain.NoVersion
}
