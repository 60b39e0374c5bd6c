package projections

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"ugc/domain"
	"ugc/handlers"
	"ugc/schemas/topics"
)

// Shown is a view that readers can wait for.
type Shown struct {
	View   handlers.View // also the name that engines advance it under
	Source topics.Topic
	// Stored asks the store for the live generation's watermarks; needed for partitions that another process projects.
	Stored func(context.Context) (map[int32]Watermark, error)
}

// commandsOf relates the source of a view to the log whose marks tokens hold: an event has the partition and version of its command.
var commandsOf = map[string]topics.Topic{
	topics.PlaybackEvents.Name: topics.PlaybackCommands,
	topics.FeedbackEvents.Name: topics.FeedbackCommands,
}

// Visibility implements handlers.Visibility over projections. Waiting for what this process projects ends the moment the store has it; else
// the store is asked, every 2 ms at first and every 50 ms in the end.
type Visibility struct {
	watermarks *Watermarks
	summaries  handlers.Summaries
	shown      []Shown
}

var _ handlers.Visibility = (*Visibility)(nil)

// NewVisibility waits for these views, and for movie summaries, which are asked for one by one because they are not made of the command log but of
// what was folded per movie.
func NewVisibility(w *Watermarks, summaries handlers.Summaries, shown ...Shown) *Visibility {
	return &Visibility{watermarks: w, summaries: summaries, shown: shown}
}

// Wait implements handlers.Visibility. For ViewSummaries every mark of the feedback log that names a movie is waited for, and the others
// are passed over; the other views are waited for partition by partition.
func (v *Visibility) Wait(ctx context.Context, view handlers.View, token domain.Token) error {
	if view == handlers.ViewSummaries {
		return v.waitSummaries(ctx, token)
	}
	i := slices.IndexFunc(v.shown, func(s Shown) bool { return s.View == view })
	if i < 0 {
		return domain.Wrap(domain.Internal, "wait", fmt.Errorf("nobody shows a view %q", view))
	}
	for _, m := range token.ByPartition() {
		if commandsOf[v.shown[i].Source.Name].Name != m.Topic {
			continue
		}
		if err := v.waitMark(ctx, v.shown[i], m); err != nil {
			return err
		}
	}
	return nil
}

func (v *Visibility) waitSummaries(ctx context.Context, token domain.Token) error {
	for _, m := range token {
		if m.Movie == "" || m.Topic != topics.FeedbackCommands.Name {
			continue
		}
		if err := v.waitSummary(ctx, m); err != nil {
			return err
		}
	}
	return nil
}

func (v *Visibility) waitMark(ctx context.Context, s Shown, m domain.Mark) error {
	p := poll{}
	defer p.stop()
	for {
		version, owned, changed := v.watermarks.watch(string(s.View), m.Partition)
		var asked error
		if !owned {
			var marks map[int32]Watermark
			marks, asked = s.Stored(ctx)
			version = versionOf(marks, m.Partition)
		}
		if version >= m.Version {
			return nil
		}
		if err := p.wait(ctx, changed, owned); err != nil {
			return late(s.View, m, errors.Join(err, asked))
		}
	}
}

// waitSummary ends when the command is folded into the summary of its movie.
func (v *Visibility) waitSummary(ctx context.Context, m domain.Mark) error {
	p := poll{}
	defer p.stop()
	for {
		ok, err := v.summaryShows(ctx, m, &p)
		if ok {
			return nil
		}
		if err != nil {
			return late(handlers.ViewSummaries, m, err)
		}
	}
}

// summaryShows asks once and, where the answer is no, waits for the next time to ask. An error says that ctx has ended.
func (v *Visibility) summaryShows(ctx context.Context, m domain.Mark, p *poll) (bool, error) {
	changed, done := v.watermarks.watchKey(string(handlers.ViewSummaries), m.Movie) // before asking, so that no change is missed
	defer done()
	summary, ok, asked := v.summaries.Summary(ctx, m.Movie)
	if ok && slices.ContainsFunc(summary.Folded, func(o domain.Origin) bool { return o.Partition == m.Partition && o.Version >= m.Version }) {
		return true, nil
	}
	if err := p.wait(ctx, changed, false); err != nil { // which process projects a movie is not known here, so the store is asked as well
		return false, errors.Join(err, asked)
	}
	return false, nil
}

func late(view handlers.View, m domain.Mark, err error) error {
	return domain.Wrap(domain.Unavailable, fmt.Sprintf("%s does not show command %d of partition %d yet", view, m.Version, m.Partition), err)
}

// poll spaces questions to a store.
type poll struct {
	timer *time.Timer
	pause time.Duration
}

// wait ends at a change or, unless the change is sure to be told, after a pause that grows; or with ctx, which is then the error.
func (p *poll) wait(ctx context.Context, changed <-chan struct{}, told bool) error {
	var due <-chan time.Time
	if !told {
		p.pause = min(max(2*time.Millisecond, 2*p.pause), 50*time.Millisecond)
		if p.timer == nil {
			p.timer = time.NewTimer(p.pause)
		} else {
			p.timer.Reset(p.pause)
		}
		due = p.timer.C
	}
	select {
	case <-changed:
		return nil
	case <-due:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (p *poll) stop() {
	if p.timer != nil {
		p.timer.Stop()
	}
}
