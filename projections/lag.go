package projections

import (
	"context"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"

	"ugc/domain"
)

// watchLag asks for the ends of the log every LagInterval and publishes the lag, until ctx ends.
func (e *Engine) watchLag(ctx context.Context, admin *kadm.Client) error {
	tick := time.NewTicker(e.o.LagInterval)
	defer tick.Stop()
	for {
		e.measureLag(ctx, admin)
		select {
		case <-tick.C:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// measureLag publishes what is known even where the broker does not answer.
func (e *Engine) measureLag(ctx context.Context, admin *kadm.Client) {
	asking, cancel := context.WithTimeout(ctx, e.o.LagInterval)
	defer cancel()
	listed, err := admin.ListEndOffsets(asking, e.o.View.Source.Name)
	if err != nil && ctx.Err() == nil {
		e.metrics.failed("ask for the log's ends")
	}
	ends := map[int32]int64{}
	listed.Each(func(o kadm.ListedOffset) {
		if o.Err == nil {
			ends[o.Partition] = o.Offset
		}
	})
	e.state.ends(ends)
	e.metrics.lag(e.Status())
}

func hasMark(marks map[int32]Watermark, p int32) bool { _, ok := marks[p]; return ok }

func versionOf(marks map[int32]Watermark, p int32) domain.Version {
	if w, ok := marks[p]; ok {
		return w.Version
	}
	return domain.NoVersion
}
