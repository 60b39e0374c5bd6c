// Package traces sends spans to an OpenTelemetry collector. Sending is nobody's work but its own: spans wait in a bounded queue, what does not fit is
// dropped and counted, and a collector that is away costs spans and nothing else.
package traces

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	"go.opentelemetry.io/otel/sdk/resource"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"
	"go.opentelemetry.io/otel/trace"
)

// Options of Traces. Every zero value works.
type Options struct {
	// Endpoint is the collector's address, which takes OTLP over HTTP, such as http://127.0.0.1:4318; a path other than the usual one can be given.
	// "": what the standard variables of OpenTelemetry say. Those also set everything else: the service's name, the sampler, headers, certificates.
	Endpoint string
	Exporter sdktrace.SpanExporter // where spans go instead; nil: to the endpoint
	Version  string                // of the program
	Queue    int                   // finished spans that wait to be sent; beyond it they are dropped. 0: 4,096
	Flush    time.Duration         // how long what waits may take when Run is told to stop; 0: 3 s
	Metrics  prometheus.Registerer // nil: none
	Log      *slog.Logger          // nil: the default one
}

// exportWithin bounds one attempt to send.
const exportWithin = 10 * time.Second

// Wanted says whether anybody asked for traces: by the endpoint, or by OpenTelemetry's own variables, which getenv reads.
func Wanted(endpoint string, getenv func(string) string) bool {
	if strings.EqualFold(getenv("OTEL_SDK_DISABLED"), "true") || getenv("OTEL_TRACES_EXPORTER") == "none" {
		return false
	}
	return endpoint != "" || getenv("OTEL_EXPORTER_OTLP_ENDPOINT") != "" || getenv("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT") != ""
}

// Traces makes tracers and sends what they record.
type Traces struct {
	provider *sdktrace.TracerProvider
	queue    *queue
	flush    time.Duration
	log      *slog.Logger
}

// New connects to nothing: that happens when there are spans. Run must be called, which ends what New has begun.
func New(ctx context.Context, o Options) (*Traces, error) {
	if o.Log == nil {
		o.Log = slog.Default()
	}
	if o.Queue == 0 {
		o.Queue = 4096
	}
	if o.Flush == 0 {
		o.Flush = 3 * time.Second
	}
	// The SDK tells everybody at once of what goes wrong within it, such as a sampler that it does not know.
	otel.SetErrorHandler(otel.ErrorHandlerFunc(func(err error) { o.Log.Warn("traces", "error", err) }))
	if o.Exporter == nil {
		var err error
		if o.Exporter, err = toCollector(ctx, o.Endpoint); err != nil {
			return nil, err
		}
	}
	from, err := describe(ctx, o.Version)
	if err != nil {
		return nil, err
	}
	q, err := newQueue(o)
	if err != nil {
		return nil, err
	}
	return &Traces{
		provider: sdktrace.NewTracerProvider(sdktrace.WithSpanProcessor(q), sdktrace.WithResource(from)),
		queue:    q, flush: o.Flush, log: o.Log,
	}, nil
}

func toCollector(ctx context.Context, endpoint string) (sdktrace.SpanExporter, error) {
	var options []otlptracehttp.Option
	if endpoint != "" {
		at, err := url.Parse(endpoint)
		if err != nil {
			return nil, fmt.Errorf("the collector's address: %w", err)
		}
		if at.Path == "" || at.Path == "/" {
			at.Path = "/v1/traces"
		}
		options = append(options, otlptracehttp.WithEndpointURL(at.String()))
	}
	e, err := otlptracehttp.New(ctx, options...)
	if err != nil {
		return nil, fmt.Errorf("configure the export of traces: %w", err)
	}
	return e, nil
}

// describe says which program the spans come from; OTEL_SERVICE_NAME and OTEL_RESOURCE_ATTRIBUTES win.
func describe(ctx context.Context, version string) (*resource.Resource, error) {
	r, err := resource.New(ctx, resource.WithTelemetrySDK(), resource.WithHost(),
		resource.WithAttributes(semconv.ServiceName("ugc"), semconv.ServiceVersion(version)), resource.WithFromEnv())
	if err != nil && !errors.Is(err, resource.ErrPartialResource) {
		return nil, fmt.Errorf("describe this program for traces: %w", err)
	}
	return r, nil
}

// Tracer makes the spans of one part; name is that of its package. A nil Traces has no tracer, which parts understand as "none".
func (t *Traces) Tracer(name string) trace.Tracer {
	if t == nil {
		return nil
	}
	return t.provider.Tracer(name)
}

// Run blocks until ctx ends, then sends what waits, as long as Flush allows. What cannot be sent is no error: nothing but spans is lost.
func (t *Traces) Run(ctx context.Context) error {
	<-ctx.Done()
	bound, cancel := context.WithTimeout(context.WithoutCancel(ctx), t.flush)
	defer cancel()
	if err := t.provider.Shutdown(bound); err != nil {
		t.log.Warn("the last spans could not be sent", "error", err)
	}
	t.queue.giveUp()
	return nil
}
