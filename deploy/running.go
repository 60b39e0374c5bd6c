package deploy

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"ugc/projections"
)

// running are the engines by view; those of ClickHouse are there once it has answered.
type running struct {
	mu   sync.Mutex
	view map[string]*projections.Engine
}

func (r *running) add(view string, e *projections.Engine) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.view == nil {
		r.view = map[string]*projections.Engine{}
	}
	r.view[view] = e
}

var errNotYet = errors.New("it does not run yet")

// health says why a view is not being kept up to date, nil when it is.
func (r *running) health(view string) func(context.Context) error {
	return func(context.Context) error {
		r.mu.Lock()
		defer r.mu.Unlock()
		e := r.view[view]
		if e == nil {
			return errNotYet
		}
		status := e.Status()
		if status.Healthy() {
			return nil
		}
		var errs []error
		for _, stall := range status.Stalls {
			errs = append(errs, fmt.Errorf("%s fails since %s: %w", stall.Step, stall.Since.UTC().Format(time.RFC3339), stall.Err))
		}
		for _, p := range status.Partitions {
			if p.Fault != nil {
				errs = append(errs, fmt.Errorf("partition %d: %w", p.Partition, p.Fault))
			}
		}
		return cmp.Or(errors.Join(errs...), errNotYet)
	}
}

// showsAll says whether a view is known to show all that its log holds.
func (r *running) showsAll(view string) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	e := r.view[view]
	if e == nil {
		return false
	}
	status := e.Status()
	for _, p := range status.Partitions {
		if p.Lag != 0 {
			return false
		}
	}
	return status.Healthy() && len(status.Partitions) > 0
}
