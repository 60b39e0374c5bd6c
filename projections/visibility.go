package projections

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
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

// Visibility implements handlers.Waiting over projections, for marks of the epoch of the topics. Waiting for what this
// process projects ends the moment the store has it; else the store is asked, after 2 ms at first and every 50 ms in
// the end, once for all who wait for one view or movie.
//
// A view that shows a greater epoch passes over marks of an older one: it is no matter of partition and version what of
// those it shows. Tokens knows.
type Visibility struct {
	watermarks *Watermarks
	summaries  handlers.Summaries
	shown      []Shown
	stored     []shared[map[int32]Watermark] // of each shown

	mu     sync.Mutex
	movies map[string]*movieAsked
}

// movieAsked is the summary of a movie that somebody waits for.
type movieAsked struct {
	shared[movieAnswer]
	waiters int
}

type movieAnswer struct {
	folded []domain.Origin
	there  bool
}

var _ handlers.Waiting = (*Visibility)(nil)

// NewVisibility waits for these views, and for movie summaries, which are asked for one by one because they are not made of the command log but of
// what was folded per movie.
func NewVisibility(w *Watermarks, summaries handlers.Summaries, shown ...Shown) *Visibility {
	return &Visibility{
		watermarks: w, summaries: summaries, shown: shown, stored: make([]shared[map[int32]Watermark], len(shown)),
		movies: map[string]*movieAsked{},
	}
}

// Wait implements handlers.Waiting. For ViewSummaries every mark of the feedback log that names a movie is waited for,
// and the others are passed over; the other views are waited for partition by partition.
func (v *Visibility) Wait(ctx context.Context, view handlers.View, token domain.Token) error {
	if view == handlers.ViewSummaries {
		return v.waitSummaries(ctx, token)
	}
	i, err := v.find(view)
	if err != nil {
		return err
	}
	for _, m := range token.ByPartition() {
		if commandsOf[v.shown[i].Source.Name].Name != m.Topic {
			continue
		}
		if err := v.waitMark(ctx, i, m); err != nil {
			return err
		}
	}
	return nil
}

func (v *Visibility) find(view handlers.View) (int, error) {
	i := slices.IndexFunc(v.shown, func(s Shown) bool { return s.View == view })
	if i < 0 {
		return i, domain.Wrap(domain.Internal, "wait", fmt.Errorf("nobody shows a view %q", view))
	}
	return i, nil
}

// Read says how far a view has read its source.
func (v *Visibility) Read(ctx context.Context, view handlers.View) (Offsets, error) {
	i, err := v.find(view)
	if err != nil {
		return nil, err
	}
	marks, err := v.stored[i].get(ctx, time.Now(), v.shown[i].Stored)
	if err != nil {
		return nil, err
	}
	read := Offsets{}
	for p, m := range marks {
		read[p] = m.Next
	}
	return read, nil
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

func (v *Visibility) waitMark(ctx context.Context, i int, m domain.Mark) error {
	s := &v.shown[i]
	p := poll{}
	defer p.stop()
	since := time.Now()
	for {
		version, owned, changed := v.watermarks.watch(string(s.View), m.Partition)
		var asked error
		if !owned {
			var marks map[int32]Watermark
			marks, asked = v.stored[i].get(ctx, since, s.Stored)
			version = versionOf(marks, m.Partition)
			for _, other := range marks {
				if other.Version.Epoch() > m.Version.Epoch() {
					return nil
				}
			}
		}
		if version >= m.Version {
			return nil
		}
		if err := p.wait(ctx, changed, owned); err != nil {
			return late(s.View, m, errors.Join(err, asked))
		}
		since = p.since
	}
}

// waitSummary ends when the command is folded into the summary of its movie.
func (v *Visibility) waitSummary(ctx context.Context, m domain.Mark) error {
	asked, done := v.movie(m.Movie)
	defer done()
	p := poll{}
	defer p.stop()
	since := time.Now()
	for {
		ok, err := v.summaryShows(ctx, m, asked, since, &p)
		if ok {
			return nil
		}
		if err != nil {
			return late(handlers.ViewSummaries, m, err)
		}
		since = p.since
	}
}

// movie is what all who wait for that movie share; done must be called.
func (v *Visibility) movie(id string) (asked *movieAsked, done func()) {
	v.mu.Lock()
	defer v.mu.Unlock()
	asked, ok := v.movies[id]
	if !ok {
		asked = &movieAsked{}
		v.movies[id] = asked
	}
	asked.waiters++
	return asked, func() {
		v.mu.Lock()
		defer v.mu.Unlock()
		if asked.waiters--; asked.waiters == 0 {
			delete(v.movies, id)
		}
	}
}

// summaryShows asks once and, where the answer is no, waits for the next time to ask. An error says that ctx has ended.
func (v *Visibility) summaryShows(ctx context.Context, m domain.Mark, all *movieAsked, since time.Time, p *poll) (bool, error) {
	changed, done := v.watermarks.watchKey(string(handlers.ViewSummaries), m.Movie) // before asking, so that no change is missed
	defer done()
	answer, asked := all.get(ctx, since, func(ctx context.Context) (movieAnswer, error) {
		summary, ok, err := v.summaries.Summary(ctx, m.Movie)
		return movieAnswer{summary.Folded, ok}, err
	})
	if answer.there && slices.ContainsFunc(answer.folded, func(o domain.Origin) bool {
		return o.Partition == m.Partition && o.Version >= m.Version || o.Version.Epoch() > m.Version.Epoch()
	}) {
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
	since time.Time // what was asked after it is news: since the newest wait began, or the change that ended it
}

// wait ends at a change or, unless the change is sure to be told, after a pause that grows; or with ctx, which is then the error.
func (p *poll) wait(ctx context.Context, changed <-chan struct{}, told bool) error {
	p.since = time.Now()
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
		p.since = time.Now()
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
