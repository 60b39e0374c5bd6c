package streams

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"

	"golang.org/x/sync/errgroup"

	"ugc/domain"
)

// Streams runs groups of the topology.
type Streams struct {
	options Options
	groups  []*supervised
}

// New checks the options and opens nothing.
func New(o Options) (*Streams, error) {
	if err := o.Validate(); err != nil {
		return nil, err
	}
	o.defaults()
	s := &Streams{options: o}
	m := newMetrics(s.lags)
	for _, g := range Topology() {
		if o.Groups == nil || slices.Contains(o.Groups, g.Name) {
			gm := m.of(g.Name)
			s.groups = append(s.groups, &supervised{
				group: g, options: &s.options, metrics: gm,
				state: newState(g.Name, func(running bool) { gm.running.Set(gauge(running)) }),
				log:   o.Log.With("group", g.Name),
			})
		}
	}
	return s, m.register(o.Metrics)
}

func gauge(on bool) float64 {
	if on {
		return 1
	}
	return 0
}

// Run processes until ctx ends, then finishes what is under way, within StopTimeout, leaves the group, within 10 s, and returns nil; an error only says that
// a group did not stop in that time. A processor that ends is logged once, and replaced after a back-off, for as long as it takes. Run it once.
func (s *Streams) Run(ctx context.Context) error {
	var all errgroup.Group
	for _, g := range s.groups {
		all.Go(func() error { return g.Run(ctx) })
	}
	return all.Wait()
}

// Healthy is nil while all groups run, otherwise an error of kind Unavailable that names each that does not, and why.
func (s *Streams) Healthy() error {
	var errs []error
	for _, g := range s.groups {
		errs = append(errs, g.state.healthy())
	}
	return joinUnavailable(errs)
}

// Ready waits until every group's tables are restored and it processes. The error, when ctx ends before, is Healthy's.
func (s *Streams) Ready(ctx context.Context) error {
	errs := make([]error, len(s.groups))
	var wg sync.WaitGroup
	for i, g := range s.groups {
		wg.Go(func() { errs[i] = g.state.ready(ctx) })
	}
	wg.Wait()
	return joinUnavailable(errs)
}

func joinUnavailable(errs []error) error {
	if err := errors.Join(errs...); err != nil {
		return domain.Wrap(domain.Unavailable, "streams", err)
	}
	return nil
}

func (s *Streams) lags(each func(string, int32, int64)) {
	for _, g := range s.groups {
		if run := g.current.Load(); run != nil {
			for p, lag := range run.lag() {
				each(g.group.Name, p, lag)
			}
		}
	}
}

// String is the topology of what it runs.
func (s *Streams) String() string {
	var b []byte
	for _, g := range s.groups {
		b = fmt.Appendln(b, g.group)
	}
	return string(b)
}
