package traces

import (
	"context"
	"fmt"
	"log/slog"
	"sync/atomic"

	"github.com/prometheus/client_golang/prometheus"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
)

// queue is the SDK's batch processor behind a gate that lets no more spans in than it has room for: by itself it drops them as well, but
// tells nobody how many.
type queue struct {
	sdktrace.SpanProcessor
	exporter *exporter
	room     int64
	dropped  prometheus.Counter
}

func newQueue(o Options) (*queue, error) {
	spans := prometheus.NewCounterVec(prometheus.CounterOpts{Name: "ugc_trace_spans_total",
		Help: "Sampled spans, by what became of them: exported; failed, because the collector did not take them; dropped, because too many waited for it."}, []string{"outcome"})
	if o.Metrics != nil {
		if err := o.Metrics.Register(spans); err != nil {
			return nil, fmt.Errorf("register the metrics of traces: %w", err)
		}
	}
	e := &exporter{SpanExporter: o.Exporter, log: o.Log, exported: spans.WithLabelValues("exported"), failed: spans.WithLabelValues("failed")}
	e.closing, e.giveUp = context.WithCancel(context.Background())
	return &queue{
		SpanProcessor: sdktrace.NewBatchSpanProcessor(e, sdktrace.WithMaxQueueSize(o.Queue), sdktrace.WithExportTimeout(exportWithin)),
		exporter:      e, room: int64(o.Queue), dropped: spans.WithLabelValues("dropped"),
	}, nil
}

// OnEnd never blocks: a span for which there is no room is dropped.
func (q *queue) OnEnd(s sdktrace.ReadOnlySpan) {
	if !s.SpanContext().IsSampled() {
		return
	}
	if q.exporter.waiting.Add(1) > q.room {
		q.exporter.waiting.Add(-1)
		q.dropped.Inc()
		return
	}
	q.SpanProcessor.OnEnd(s)
}

// giveUp ends an export that is still under way.
func (q *queue) giveUp() { q.exporter.giveUp() }

// exporter counts what the collector took, and tells once when it stops taking spans and once when it goes on.
type exporter struct {
	sdktrace.SpanExporter
	waiting          atomic.Int64 // in the queue, and in the batch under way
	exported, failed prometheus.Counter
	failing          bool // the batch processor makes one call at a time
	log              *slog.Logger
	closing          context.Context
	giveUp           context.CancelFunc
}

// ExportSpans implements sdktrace.SpanExporter. A failure is told and counted here, and is none of the processor's business.
func (e *exporter) ExportSpans(ctx context.Context, spans []sdktrace.ReadOnlySpan) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(e.closing, cancel)()
	err := e.SpanExporter.ExportSpans(ctx, spans)
	n := len(spans)
	e.waiting.Add(int64(-n))
	if err != nil {
		e.failed.Add(float64(n))
		if !e.failing {
			e.log.Warn("the collector takes no spans; they are lost, nothing else is", "error", err)
		}
	} else {
		e.exported.Add(float64(n))
		if e.failing {
			e.log.Info("the collector takes spans again")
		}
	}
	e.failing = err != nil
	return nil
}
