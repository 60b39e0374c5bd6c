package projections_test

import (
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kfake"

	"ugc/projections"
	"ugc/projections/documents"
	"ugc/projections/projectionstest"
	"ugc/schemas/topics"
)

// lagOf adds the lag up over all partitions; known is false while one of them is missing.
func lagOf(t *testing.T, registry *prometheus.Registry) (lag float64, known bool) {
	got := gather(t, registry)
	for _, p := range []string{"0", "1", "2"} {
		n, there := got["ugc_view_lag_events "+p]
		if !there {
			return 0, false
		}
		lag += n
	}
	return lag, true
}

// TestLagIsNever0WhileRowsAreMissing asks right after records were written, while the broker holds them back for an engine that looks at the ends of
// the log once an hour, and right after a start.
func TestLagIsNever0WhileRowsAreMissing(t *testing.T) {
	s := newStage(t)
	history := projectionstest.History(topics.FeedbackEvents, 3, 200)
	f := &faulty{Sink: documents.Sink(documents.Ratings, s.generation(documents.Ratings))}
	registry := prometheus.NewRegistry()
	r := s.project(documents.Ratings, func(o *projections.Options) {
		o.Sink, o.Metrics, o.LagInterval, o.View.Batch.MaxWait = f, projections.NewMetrics(registry), time.Hour, 2*time.Second
	})
	s.publish(topics.FeedbackEvents, history[:50]...)
	s.reach(documents.Ratings)
	require.Eventually(t, func() bool { lag, known := lagOf(t, registry); return known && lag == 0 }, bound, tick)

	f.mu.Lock()
	f.before = func(string) error { return errors.New("the store is down") }
	f.mu.Unlock()
	s.publish(topics.FeedbackEvents, history[50:]...)
	lag, known := lagOf(t, registry)
	require.True(t, known)
	require.EqualValues(t, 150, lag)
	for _, p := range r.Status().Partitions {
		if p.Lag > 0 {
			require.Positive(t, p.Behind)
		}
	}
	f.heal()
	s.reach(documents.Ratings)
	r.end()

	s.publish(topics.FeedbackEvents, history[:70]...)
	again := prometheus.NewRegistry()
	held := &faulty{Sink: f.Sink, before: func(step string) error {
		if step == "write" {
			return errors.New("the store is down")
		}
		return nil
	}}
	s.project(documents.Ratings, func(o *projections.Options) { o.Sink, o.Metrics = held, projections.NewMetrics(again) })
	require.Eventually(t, func() bool {
		lag, known := lagOf(t, again)
		if known {
			require.EqualValues(t, 70, lag, "not known, or the true number")
		}
		return known
	}, bound, tick)
	held.heal()
}

func TestLagThatIsNotKnownIsNotThere(t *testing.T) {
	b, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.GroupMinSessionTimeout(100*time.Millisecond))
	require.NoError(t, err)
	end := sync.OnceFunc(b.Close)
	t.Cleanup(end)
	s := newStageOver(t, b.ListenAddrs()[0])
	registry := prometheus.NewRegistry()
	f := &faulty{Sink: documents.Sink(documents.Ratings, s.generation(documents.Ratings)), before: func(string) error { return errors.New("the store is down") }}
	r := s.project(documents.Ratings, func(o *projections.Options) { o.Sink, o.Metrics = f, projections.NewMetrics(registry) })
	require.Eventually(t, func() bool { return len(r.Status().Stalls) > 0 }, bound, tick, "it does not know where it is")
	_, known := lagOf(t, registry)
	require.False(t, known)

	f.heal()
	require.Eventually(t, func() bool { _, known := lagOf(t, registry); return known }, bound, tick)
	end()
	require.Eventually(t, func() bool {
		got := gather(t, registry)
		_, known := got["ugc_view_lag_events 0"]
		return !known
	}, bound, tick, "nobody knows what the log holds by now")
}
