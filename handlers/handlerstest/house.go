// Package handlerstest is the world of the use cases in memory, for tests: the real deciders applied at once, with no
// broker and no store in between.
package handlerstest

import (
	"cmp"
	"context"
	"encoding/binary"
	"slices"
	"sync"
	"sync/atomic"

	"ugc/domain"
	"ugc/handlers"
)

// Partitions of each log.
const Partitions = 4

// The topics of the two logs, as they stand in tokens.
const (
	PlaybackTopic = "test.playback.commands"
	FeedbackTopic = "test.feedback.commands"
)

// House implements every port of package handlers. The zero value is ready to use, and safe for concurrent use.
type House struct {
	// Refuse makes Append answer with its error for the commands it returns one for. Nothing of those is written, unless the error is of kind
	// Uncertain: then it is.
	Refuse func(domain.Command) error
	// Away makes every read fail with it.
	Away func() error
	// Hide keeps a view from showing what is written: Wait blocks on it until its context ends, while reads show what was there before.
	Hide func(handlers.View) bool

	mu        sync.Mutex
	log       []domain.Command
	contexts  []context.Context
	next      [2][Partitions]int64
	playback  map[string]domain.PlaybackState
	version   map[string]domain.Version
	opinions  map[string]domain.FeedbackState
	summaries map[string]domain.MovieState
	waits     []handlers.View
}

// Append implements handlers.CommandLog.
func (h *House) Append(ctx context.Context, commands []domain.Command) []handlers.Receipt {
	h.mu.Lock()
	defer h.mu.Unlock()
	out := make([]handlers.Receipt, len(commands))
	for i, c := range commands {
		if h.Refuse != nil {
			out[i].Err = h.Refuse(c)
		}
		if out[i].Err == nil || domain.KindOf(out[i].Err) == domain.Uncertain {
			out[i].Mark = h.apply(c)
			h.log = append(h.log, c)
			h.contexts = append(h.contexts, ctx)
		}
	}
	return out
}

func (h *House) apply(c domain.Command) domain.Mark {
	if h.playback == nil {
		h.playback, h.version = map[string]domain.PlaybackState{}, map[string]domain.Version{}
		h.opinions, h.summaries = map[string]domain.FeedbackState{}, map[string]domain.MovieState{}
	}
	f, log, topic := c.Head(), 0, PlaybackTopic
	feedback, isFeedback := c.(domain.FeedbackCommand)
	if isFeedback {
		log, topic = 1, FeedbackTopic
	}
	p := domain.Partition(f.Key(), Partitions)
	f.Origin = domain.Origin{Partition: p, Version: domain.NewVersion(0, h.next[log][p])}
	h.next[log][p]++
	key := f.Key()
	if isFeedback {
		e := domain.Feedback.Decide(h.opinions[key], feedback)
		h.opinions[key] = domain.Feedback.Evolve(h.opinions[key], e)
		h.summaries[f.Movie] = domain.FoldMovie(h.summaries[f.Movie], e)
	} else {
		e := domain.Playback.Decide(h.playback[key], c.(domain.PlaybackCommand))
		h.playback[key] = domain.Playback.Evolve(h.playback[key], e)
		h.version[key] = f.Origin.Version
	}
	return domain.Mark{Topic: topic, Partition: p, Version: f.Origin.Version}
}

// Log is every command that was written, in order.
func (h *House) Log() []domain.Command {
	h.mu.Lock()
	defer h.mu.Unlock()
	return slices.Clone(h.log)
}

// Contexts are the contexts that the commands of Log came with.
func (h *House) Contexts() []context.Context {
	h.mu.Lock()
	defer h.mu.Unlock()
	return slices.Clone(h.contexts)
}

// Waits lists the views that were waited for, in order.
func (h *House) Waits() []handlers.View {
	h.mu.Lock()
	defer h.mu.Unlock()
	return slices.Clone(h.waits)
}

// Wait implements handlers.Visibility.
func (h *House) Wait(ctx context.Context, view handlers.View, token domain.Token) error {
	h.mu.Lock()
	h.waits = append(h.waits, view)
	h.mu.Unlock()
	if len(token) == 0 {
		return nil
	}
	if h.Hide != nil && h.Hide(view) {
		<-ctx.Done()
		return ctx.Err()
	}
	return nil
}

// Concerns implements handlers.Visibility.
func (h *House) Concerns(view handlers.View, token domain.Token) bool {
	topic := FeedbackTopic
	if view == handlers.ViewPositions {
		topic = PlaybackTopic
	}
	return slices.ContainsFunc(token, func(m domain.Mark) bool { return m.Topic == topic })
}

func (h *House) read() (unlock func(), err error) {
	if h.Away != nil {
		if err := h.Away(); err != nil {
			return nil, err
		}
	}
	h.mu.Lock()
	return h.mu.Unlock, nil
}

// Position implements handlers.Positions.
func (h *House) Position(_ context.Context, user, movie string) (handlers.Position, bool, error) {
	unlock, err := h.read()
	if err != nil {
		return handlers.Position{}, false, err
	}
	defer unlock()
	key := domain.Key(user, movie)
	s, ok := h.playback[key]
	return handlers.Position{User: user, Movie: movie, Version: h.version[key], Viewing: s.Viewing()}, ok, nil
}

// Positions implements handlers.Positions.
func (h *House) Positions(_ context.Context, user, after string, limit int) ([]handlers.Position, error) {
	unlock, err := h.read()
	if err != nil {
		return nil, err
	}
	defer unlock()
	var out []handlers.Position
	for key, s := range h.playback {
		if u, m := split(key); u == user && m > after {
			out = append(out, handlers.Position{User: u, Movie: m, Version: h.version[key], Viewing: s.Viewing()})
		}
	}
	slices.SortFunc(out, func(a, b handlers.Position) int { return cmp.Compare(a.Movie, b.Movie) })
	return out[:min(limit, len(out))], nil
}

// Opinion implements handlers.Opinions.
func (h *House) Opinion(_ context.Context, kind domain.OpinionKind, user, movie string) (handlers.Opinion, bool, error) {
	unlock, err := h.read()
	if err != nil {
		return handlers.Opinion{}, false, err
	}
	defer unlock()
	all := h.opinions[domain.Key(user, movie)]
	o := all.Of(kind)
	return opinion(user, movie, *o), o.Set, nil
}

func opinion(user, movie string, o domain.Opinion) handlers.Opinion {
	return handlers.Opinion{User: user, Movie: movie, Value: o.Value, UpdatedAt: o.Stamp.At, Added: o.Since}
}

// Opinions implements handlers.Opinions.
func (h *House) Opinions(_ context.Context, q handlers.OpinionQuery) ([]handlers.Opinion, error) {
	unlock, err := h.read()
	if err != nil {
		return nil, err
	}
	defer unlock()
	order := 1
	if q.Order == handlers.NewestFirst {
		order = -1
	}
	var out []handlers.Opinion
	for key, all := range h.opinions {
		u, m := split(key)
		o := all.Of(q.Kind)
		if u == q.User && o.Set && (!q.After.Present || order*cmp.Compare(o.Since, q.After.Value) > 0) {
			out = append(out, opinion(u, m, *o))
		}
	}
	slices.SortFunc(out, func(a, b handlers.Opinion) int { return order * cmp.Compare(a.Added, b.Added) })
	out = out[min(q.Skip, len(out)):]
	return out[:min(q.Limit, len(out))], nil
}

// CountOpinions implements handlers.Opinions.
func (h *House) CountOpinions(ctx context.Context, kind domain.OpinionKind, user string) (int64, error) {
	all, err := h.Opinions(ctx, handlers.OpinionQuery{User: user, Kind: kind, Limit: 1 << 30})
	return int64(len(all)), err
}

// Summary implements handlers.Summaries.
func (h *House) Summary(_ context.Context, movie string) (handlers.Summary, bool, error) {
	unlock, err := h.read()
	if err != nil {
		return handlers.Summary{}, false, err
	}
	defer unlock()
	s, ok := h.summaries[movie]
	return handlers.Summary{Movie: movie, Folded: s.Folded, MovieSummary: s.Summary}, ok, nil
}

func split(key string) (user, movie string) {
	i := slices.Index([]byte(key), '/')
	return key[:i], key[i+1:]
}

// Clock is a clock that moves on by a millisecond each time it is asked, from the given instant.
func Clock(start domain.Instant) handlers.Clock {
	var n atomic.Int64
	return func() domain.Instant { return start + domain.Instant(n.Add(1)) - 1 }
}

// IDs makes ids 1, 2, 3 … in the form of version 7 UUIDs.
func IDs() func() domain.ID {
	var n atomic.Uint64
	return func() domain.ID {
		var id domain.ID
		binary.BigEndian.PutUint64(id[8:], n.Add(1))
		id[6], id[8] = 0x70, id[8]|0x80
		return id
	}
}

// Writing is a writer over this world, at a fixed time of day.
func (h *House) Writing() handlers.Writing {
	return handlers.Writing{Log: h, Views: h, Now: Clock(1_700_000_000_000), NewID: IDs()}
}
