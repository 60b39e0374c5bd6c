package projections

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kgo"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	"go.opentelemetry.io/otel/trace"

	"ugc/domain"
	"ugc/schemas/topics"
)

// recorded is an engine over memory that records its spans.
func recorded(t *testing.T, m *memory) (*tracetest.SpanRecorder, *Engine) {
	t.Helper()
	spans := tracetest.NewSpanRecorder()
	provider := sdktrace.NewTracerProvider(sdktrace.WithSpanProcessor(spans))
	t.Cleanup(func() { _ = provider.Shutdown(context.Background()) })
	return spans, bench(t, m, idle(t), func(o *Options) {
		o.Tracer, o.System = provider.Tracer("test"), "sqlite"
		o.Now = func() domain.Instant { return 5000 } // the records are a few seconds old
	})
}

// within makes the record one that was sent in the span of a trace.
func within(en entry, traceID, span int, flags string) entry {
	en.raw.Headers = []kgo.RecordHeader{{Key: topics.HeaderTrace, Value: fmt.Appendf(nil, "00-%032x-%016x-%s", traceID, span, flags)}}
	return en
}

func named(spans []sdktrace.ReadOnlySpan, name string) (found []sdktrace.ReadOnlySpan) {
	for _, s := range spans {
		if s.Name() == name {
			found = append(found, s)
		}
	}
	return found
}

func TestABatchShowsInEveryTraceOfItsRecords(t *testing.T) {
	spans, e := recorded(t, newMemory())
	batch := []entry{
		good(0, 0, "untraced"), within(good(0, 1, "unsampled"), 9, 9, "00"),
		within(good(0, 2, "a"), 1, 1, "01"), within(good(0, 3, "a"), 1, 2, "01"), within(good(0, 4, "a again"), 1, 1, "01"),
		within(good(1, 5, "b"), 2, 3, "01"), within(bad(1, 6, "c"), 3, 4, "01"),
	}
	require.NoError(t, e.apply(t.Context(), t.Context(), batch))
	all := named(spans.Ended(), "project v")
	require.Len(t, all, 3)
	own := all[0]
	require.Equal(t, trace.TraceID{15: 1}, own.SpanContext().TraceID())
	require.Equal(t, trace.SpanID{7: 1}, own.Parent().SpanID())
	linked := make([]byte, 0, 3)
	for _, l := range own.Links() {
		id := l.SpanContext.SpanID()
		linked = append(linked, id[7])
	}
	require.Equal(t, []byte{2, 3, 4}, linked, "the batch's span links to every other one behind it, once")
	for i, other := range all[1:] {
		require.Equal(t, trace.TraceID{15: byte(i + 2)}, other.SpanContext().TraceID())
		require.Equal(t, own.SpanContext().SpanID(), other.Links()[0].SpanContext.SpanID())
	}
	for _, s := range all {
		require.Contains(t, s.Attributes(), attribute.StringSlice("ugc.watermarks", []string{"0:40", "1:50"}))
		require.Contains(t, s.Attributes(), attribute.Int("ugc.dead_letters", 1))
		require.Contains(t, s.Attributes(), attribute.Int("messaging.batch.message_count", 7))
	}
	for _, step := range []string{"write v__g1", "advance v__g1"} {
		s := named(spans.Ended(), step)
		require.Len(t, s, 1, step)
		require.Equal(t, own.SpanContext().SpanID(), s[0].Parent().SpanID(), step)
		require.Contains(t, s[0].Attributes(), attribute.String("db.system.name", "sqlite"), step)
	}
}

func TestABatchOfManyTracesHasABound(t *testing.T) {
	spans, e := recorded(t, newMemory())
	batch := make([]entry, 0, 1000)
	for i := range 1000 {
		batch = append(batch, within(good(0, int64(i), "a"), i+1, i+1, "01"))
	}
	require.NoError(t, e.apply(t.Context(), t.Context(), batch))
	all := named(spans.Ended(), "project v")
	require.Len(t, all, maxTraced)
	require.Len(t, all[0].Links(), maxTraced-1)
}

func TestAnOldTraceIsLeftAlone(t *testing.T) {
	spans, e := recorded(t, newMemory())
	old := within(good(0, 0, "a"), 1, 1, "01")
	e.o.Now = func() domain.Instant {
		return domain.Instant(old.raw.Timestamp.Add(traceAge + time.Millisecond).UnixMilli())
	}
	require.NoError(t, e.apply(t.Context(), t.Context(), []entry{old}))
	require.Empty(t, spans.Started(), "a view that is built anew writes nothing into the traces of long ago")
}

func TestAStallShowsInTheTrace(t *testing.T) {
	m := newMemory()
	spans, e := recorded(t, m)
	ctx, cancel := context.WithCancel(t.Context())
	m.trouble = func(step string, _ int) error {
		if step == "write" {
			cancel()
			return errors.New("no disk")
		}
		return nil
	}
	require.Error(t, e.apply(ctx, t.Context(), []entry{within(good(0, 0, "a"), 1, 1, "01")}))
	write := named(spans.Ended(), "write v__g1")[0]
	require.Equal(t, sdktrace.Status{Code: codes.Error, Description: "no disk"}, write.Status())
	require.Equal(t, codes.Error, named(spans.Ended(), "project v")[0].Status().Code)
}

func TestFlagsAreReadAsHex(t *testing.T) {
	for _, digit := range "0123456789abcdef" {
		var n byte
		_, err := fmt.Sscanf(string(digit), "%x", &n)
		require.NoError(t, err)
		en := within(good(0, 0, "a"), 1, 1, "0"+string(digit))
		require.Equal(t, n&1 == 1, sampledHeader(en.raw.Headers), "%c", digit)
	}
	require.False(t, sampledHeader([]kgo.RecordHeader{{Key: topics.HeaderTrace, Value: []byte("00-1")}, {Key: "other"}}))
}

func TestBatchesWithoutATracerCostNothing(t *testing.T) {
	e := bench(t, newMemory(), idle(t))
	batch := []entry{within(good(0, 0, "a"), 1, 1, "01")}
	ctx := t.Context()
	require.Zero(t, testing.AllocsPerRun(100, func() {
		work, spans := e.traceBatch(ctx, batch)
		_, span := e.traceStep(work, "write")
		span.End()
		spans.end(batch, nil)
	}))
}
