package projections

import (
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
	"go.opentelemetry.io/otel/trace"

	"ugc/domain"
	"ugc/handlers"
	"ugc/schemas"
)

// Codec reads a view's source and writes dead letters; *schemas.Codec is one.
type Codec interface {
	// DecodeEvent and DecodeMoviesTable give errors of kind Unavailable where the same bytes may decode later, which stalls the view, and of
	// kind Invalid where they never will, which makes a dead letter.
	DecodeEvent([]byte) (domain.Event, error)
	DecodeMoviesTable([]byte) (*schemas.Table[domain.MovieState], error)
	EncodeDeadLetter(*schemas.DeadLetter) ([]byte, error)
}

// Options of an engine. View, Generation, Sink, Codec and Kafka have no working zero value.
type Options struct {
	View       View
	Generation Generation // which build Sink writes; its name is part of the consumer group's
	Sink       Sink
	Codec      Codec
	// Kafka are the client's settings: brokers, TLS, SASL, safe writes. What the engine depends on is set over them.
	Kafka []kgo.Opt

	DeadLetters DeadLetters    // written to topics.DeadLetters with the same client when nil
	Watermarks  *Watermarks    // told of every advance, so that readers in this process wait no longer than they must; only for the live generation
	Metrics     *Metrics       // not published when nil
	Logger      *slog.Logger   // slog.Default() when nil
	Tracer      trace.Tracer   // of a span for every batch that holds records of sampled traces; nil: none
	System      string         // what Sink writes to, as OpenTelemetry's db.system.name has it: sqlite, clickhouse; spans do not say it when empty
	Now         handlers.Clock // the system's clock when nil; for dead letters and lag, never for waiting

	Attempt     time.Duration // bound of one call of a store or of the dead letters; 30 s when 0
	Grace       time.Duration // how long the batch at hand may take when Run is told to stop; 5 s when 0
	LagInterval time.Duration // how often the ends of the log are asked for; 5 s when 0
}

// Group is the consumer group of a generation: whoever builds the same generation shares its partitions.
func (g Generation) Group() string { return "ugc-view-" + g.String() }

// Validate says everything that is wrong with the options.
func (o Options) Validate() error {
	var errs []error
	wrong := func(bad bool, format string, args ...any) {
		if bad {
			errs = append(errs, fmt.Errorf(format, args...))
		}
	}
	wrong(o.View.Name == "", "view: must have a name")
	wrong(decoders[o.View.Source.Name] == nil, "view: nobody knows how to read records of topic %q", o.View.Source.Name)
	wrong(o.Generation.View != o.View.Name || o.Generation.Number < 1, "generation: %s is none of view %q", o.Generation, o.View.Name)
	wrong(o.Sink == nil, "sink: must be given")
	wrong(o.Codec == nil, "codec: must be given")
	wrong(len(o.Kafka) == 0, "kafka: must name brokers")
	b := o.View.Batch
	wrong(b.MaxRecords < 0 || b.MaxRecords > 1_000_000, "batch: %d records, must be 1 to 1,000,000, or 0 for the default", b.MaxRecords)
	wrong(b.MaxBytes < 0 || b.MaxBytes > 1<<30, "batch: %d bytes, must be at most 1 GiB, or 0 for the default", b.MaxBytes)
	wrong(b.MaxWait < 0 || b.MaxWait > time.Hour, "batch: a wait of %s, must be at most 1h", b.MaxWait)
	for _, d := range []time.Duration{o.Attempt, o.Grace, o.LagInterval} {
		wrong(d < 0 || d > time.Hour, "%s is no duration between 0 and 1h", d)
	}
	return errors.Join(errs...)
}

func (o Options) orDefault() Options {
	o.View.Batch = o.View.Batch.orDefault()
	o.Attempt = orDuration(o.Attempt, 30*time.Second)
	o.Grace = orDuration(o.Grace, 5*time.Second)
	o.LagInterval = orDuration(o.LagInterval, 5*time.Second)
	if o.Watermarks == nil {
		o.Watermarks = &Watermarks{} // nobody listens
	}
	if o.Metrics == nil {
		o.Metrics = NewMetrics(nil)
	}
	if o.Logger == nil {
		o.Logger = slog.Default()
	}
	if o.Now == nil {
		o.Now = func() domain.Instant { return domain.Instant(time.Now().UnixMilli()) }
	}
	return o
}

func orDuration(d, zero time.Duration) time.Duration {
	if d == 0 {
		return zero
	}
	return d
}
