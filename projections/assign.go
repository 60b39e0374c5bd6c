package projections

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// assigned says where to go on in partitions that were just given to us: at the store's watermarks, whatever the group's offsets are.
// It waits for a store that is away while the client keeps the session alive; ctx ends when the partitions are taken again.
func (e *Engine) assigned(ctx context.Context, offsets map[string]map[int32]kgo.Offset) (map[string]map[int32]kgo.Offset, error) {
	var stored map[int32]Watermark
	err := e.persist(ctx, "read watermarks", e.sink(func(ctx context.Context, s Sink) (err error) {
		if stored, err = s.Watermarks(ctx); err != nil {
			return err
		}
		return e.loadBlocked(ctx, s) // after the watermarks: a key blocked before them must be seen
	}))
	if err != nil {
		return nil, fmt.Errorf("read watermarks of %s: %w", e.o.Generation, err)
	}
	adjusted := map[string]map[int32]kgo.Offset{}
	for topic, partitions := range offsets {
		adjusted[topic] = map[int32]kgo.Offset{}
		var resumes map[int32]resume
		err := e.persist(ctx, "compare with the log", func(ctx context.Context) (err error) {
			resumes, err = e.compareLog(ctx, stored, slices.Sorted(maps.Keys(partitions)))
			return err
		})
		if err != nil {
			return nil, fmt.Errorf("compare %s with the log: %w", e.o.Generation, err)
		}
		for p := range partitions {
			adjusted[topic][p] = resumes[p].at
			e.begin(p, stored, resumes[p])
		}
	}
	return adjusted, nil
}

// begin notes where a partition goes on.
func (e *Engine) begin(p int32, stored map[int32]Watermark, from resume) {
	mark := stored[p]
	if from.why != "" {
		e.log.Warn("the view goes back", "partition", p, "why", from.why, "to", from.from, "from", mark.Next)
		e.metrics.wentBack()
		mark.Next = max(from.from, 0)
	}
	e.state.assign(p, mark, hasMark(stored, p))
	if from.fault != nil {
		e.log.Error("the view needs a person, unless it is mended by itself", "partition", p, "err", from.fault)
		e.state.faultUntil(p, from.fault, from.until)
	}
	e.o.Watermarks.own(e.o.View.Name, p, versionOf(stored, p))
}

// revoked gives partitions away, with what is marked committed first. Records of theirs that are still queued do no harm.
func (e *Engine) revoked(ctx context.Context, client *kgo.Client, lost map[string][]int32) {
	ctx, cancel := context.WithTimeout(ctx, e.o.Grace)
	defer cancel()
	if err := client.CommitMarkedOffsets(ctx); err != nil {
		e.commitFailed(err)
	}
	e.lost(ctx, client, lost)
}

// lost forgets partitions that are others' now.
func (e *Engine) lost(_ context.Context, _ *kgo.Client, lost map[string][]int32) {
	for _, partitions := range lost {
		for _, p := range partitions {
			e.state.revoke(p)
			e.o.Watermarks.disown(e.o.View.Name, p)
		}
	}
}

// readFailed notes what the client could not read. It goes on by itself after everything but an offset that the log does not hold.
func (e *Engine) readFailed(partition int32, err error) {
	if errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return
	}
	var loss *kgo.ErrDataLoss
	if errors.Is(err, kerr.OffsetOutOfRange) || errors.As(err, &loss) {
		err = fmt.Errorf("the log of %s lost records that this view needs or shows; where that cannot be undone, rebuild the view: %w", e.o.View.Source.Name, err)
		e.state.fault(partition, err)
	}
	if strings.Contains(err.Error(), "calculated crc") { // the client has no error of its own for it
		err = fmt.Errorf("a record of %s is not what was written: restore that file of the broker: %w", e.o.View.Source.Name, err)
		e.state.fault(partition, err)
	}
	e.metrics.failed("read")
	e.log.Error("reading failed", "partition", partition, "err", err)
}

func (e *Engine) committed(_ *kgo.Client, _ *kmsg.OffsetCommitRequest, _ *kmsg.OffsetCommitResponse, err error) {
	if err != nil && !errors.Is(err, context.Canceled) {
		e.commitFailed(err)
	}
}

// commitFailed says so and no more: nothing but the lag that others see depends on commits.
func (e *Engine) commitFailed(err error) {
	e.metrics.failed("commit")
	e.log.Warn("committing offsets failed", "err", err)
}
