package audit

import (
	"context"
	"fmt"
	"time"

	"ugc/schemas/topics"
)

// ask is the pause between two looks at how far everything is.
const ask = 200 * time.Millisecond

// settle takes the snapshot and waits, step by step along the flow, until everything has come to it: a group that has committed an input has
// written all that follows from it. What has not when the wait is over is a difference, and is compared as it is.
func (a *audit) settle(ctx context.Context) error {
	for _, t := range [...]topics.Topic{topics.PlaybackCommands, topics.FeedbackCommands} {
		_, next, err := a.o.Log.Ends(ctx, t.Name)
		if err != nil {
			return err
		}
		a.snapshot[t.Name] = next
		for _, n := range next {
			a.total += n
		}
	}
	waiting, cancel := context.WithTimeout(ctx, a.o.Wait)
	defer cancel()
	for _, g := range a.o.Service.Groups {
		ends, ok := a.snapshot[g.Input.Name]
		if !ok { // what the group before has written by now
			var err error
			if _, ends, err = a.o.Log.Ends(ctx, g.Input.Name); err != nil {
				return err
			}
		}
		err := a.reach(ctx, waiting, "processor "+g.Name, ends, func(ctx context.Context) (map[int32]int64, error) {
			return a.o.Log.Committed(ctx, g.Name, g.Input.Name)
		})
		if err != nil {
			return err
		}
	}
	for _, v := range a.o.Service.Views {
		_, ends, err := a.o.Log.Ends(ctx, v.Source.Name)
		if err != nil {
			return err
		}
		err = a.reach(ctx, waiting, "view "+v.Name, ends, func(ctx context.Context) (map[int32]int64, error) {
			marks, err := a.rows(v.Name).Watermarks(ctx)
			next := make(map[int32]int64, len(marks))
			for p, m := range marks {
				next[p] = m.Next
			}
			return next, err
		})
		if err != nil {
			return fmt.Errorf("watermarks of %s: %w", v.Name, err)
		}
	}
	return nil
}

// reach waits until every partition is at its end, or the waiting is over, of which it makes a finding.
func (a *audit) reach(ctx, waiting context.Context, what string, ends []int64, reached func(context.Context) (map[int32]int64, error)) error {
	for {
		now, err := reached(ctx)
		if err != nil {
			return err
		}
		var behind []int
		var there, whole int64
		for p, end := range ends {
			if there, whole = there+min(end, now[int32(p)]), whole+end; now[int32(p)] < end {
				behind = append(behind, p)
			}
		}
		if len(behind) == 0 {
			return nil
		}
		a.o.Progress("wait for "+what, there, whole)
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-waiting.Done():
			if ctx.Err() != nil {
				return ctx.Err()
			}
			for _, p := range behind {
				sh := a.sheet(what, int32(p))
				sh.Accepted, sh.Stored = ends[p], now[int32(p)]
				sh.found(Difference{Kind: Behind, Is: fmt.Sprintf("at offset %d of its input", now[int32(p)]), Should: fmt.Sprintf("at %d; see /healthz/ready and the log for why it is not, or wait longer", ends[p])})
				a.result.add(sh, a.o.Limit)
			}
			return nil
		case <-time.After(ask):
		}
	}
}
