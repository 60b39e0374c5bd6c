package streams

import (
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/IBM/sarama"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/twmb/franz-go/pkg/kgo"
	"go.opentelemetry.io/otel/trace"

	"ugc/domain"
	"ugc/handlers"
	"ugc/schemas"
)

// Options say what to run on. Brokers, Sarama, Kgo, Codec and DataDir have no working zero value.
type Options struct {
	Brokers []string       // host:port to start from
	Sarama  *sarama.Config // for consuming; it is copied, and what exactness depends on is set over it
	Kgo     []kgo.Opt      // for producing, seed brokers among them; what exactness depends on is set after them
	Codec   *schemas.Codec
	DataDir string // below it lie the copies of the tables; at most one process may use it. Losing it costs a restore, nothing else

	Groups []string             // which of Topology to run, by name; nil: all
	Epoch  int16                // of the topics; it grows when they are made anew
	Rules  domain.PlaybackRules // zero: domain.PublishedRules

	Clock       handlers.Clock        // of dead letters; nil: the system's
	Metrics     prometheus.Registerer // nil: none
	Log         *slog.Logger          // nil: the default one
	Tracer      trace.Tracer          // of a span for every input, and for what the positions view shows; nil: none, and events carry on the trace of their commands
	StopTimeout time.Duration         // how long a group may finish what is under way when it is told to stop; 0: 10 s
	Refuses     func() error          // why the log takes nothing at the moment, nil while it does: then nothing under way is waited for at the end; nil: not known
	Backoff     Backoff               // between a processor that ended and the next; zero: 100 ms to 5 s

	// For tests.
	wrap      func(*producer) *producer // of every new incarnation
	lookEvery time.Duration
}

// Validate reports everything that is wrong. It opens nothing.
func (o *Options) Validate() error {
	errs := o.validateSource()
	for _, name := range o.Groups {
		if !slices.ContainsFunc(Topology(), func(g Group) bool { return g.Name == name }) {
			errs = append(errs, fmt.Errorf("streams: there is no group %q: choose from %v", name, groupNames()))
		}
	}
	if o.Epoch < 0 {
		errs = append(errs, errors.New("streams: the epoch must not be negative"))
	}
	if o.StopTimeout < 0 {
		errs = append(errs, errors.New("streams: the stop timeout must not be negative"))
	}
	return errors.Join(append(errs, o.Backoff.validate())...)
}

func (o *Options) validateSource() (errs []error) {
	for what, missing := range map[string]bool{
		"brokers": len(o.Brokers) == 0, "a sarama configuration": o.Sarama == nil, "kgo options": len(o.Kgo) == 0,
		"a codec": o.Codec == nil, "a data folder": o.DataDir == "",
	} {
		if missing {
			errs = append(errs, fmt.Errorf("streams: %s must be given", what))
		}
	}
	return errs
}

func (o *Options) defaults() {
	if o.Clock == nil {
		o.Clock = func() domain.Instant { return domain.Instant(time.Now().UnixMilli()) }
	}
	if o.Log == nil {
		o.Log = slog.Default()
	}
	if o.Rules == (domain.PlaybackRules{}) {
		o.Rules = domain.PublishedRules
	}
	if o.StopTimeout == 0 {
		o.StopTimeout = 10 * time.Second
	}
	if o.lookEvery == 0 {
		o.lookEvery = lookEvery
	}
	o.Backoff = o.Backoff.orDefault()
}

func groupNames() (names []string) {
	for _, g := range Topology() {
		names = append(names, g.Name)
	}
	return names
}

// Backoff says how long to wait before the n-th try in a row: from Min, doubling, up to Max, less a random part of up to a half, so that
// processes that failed together do not come back together.
type Backoff struct {
	Min, Max time.Duration
	Random   func() float64 // in [0, 1); nil: math/rand
}

func (b Backoff) validate() error {
	if b.Min < 0 || b.Max < 0 || (b.Max > 0 && b.Max < b.Min) {
		return fmt.Errorf("streams: a back-off from %s to %s goes backwards", b.Min, b.Max)
	}
	return nil
}

func (b Backoff) orDefault() Backoff {
	if b.Min == 0 {
		b.Min = 100 * time.Millisecond
	}
	if b.Max == 0 {
		b.Max = max(5*time.Second, b.Min)
	}
	if b.Random == nil {
		b.Random = rand.Float64
	}
	return b
}

// wait is the pause before try n, counted from 0.
func (b Backoff) wait(n int) time.Duration {
	d := b.Max
	if n < 32 {
		d = min(b.Min<<n, b.Max)
	}
	return d - time.Duration(b.Random()*float64(d)/2)
}
