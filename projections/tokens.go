package projections

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync/atomic"
	"time"

	"ugc/domain"
	"ugc/handlers"
	"ugc/schemas/topics"
)

// Way is how commands get into a view.
type Way struct {
	Commands topics.Topic
	Hops     []Hop
	// Read says how far the view has read the topic of the last hop. A partition that it has read nothing of may be
	// missing.
	Read func(context.Context) (Offsets, error)
}

// Hop is one group on the way. It commits an input only when all that it makes of it is written.
type Hop struct {
	Group string
	To    topics.Topic
	// Rekeyed outputs are in any partition, others in that of their input.
	Rekeyed bool
}

// Tokens implements handlers.Visibility. It knows the logs that tokens are about: it refuses what they cannot hold,
// without waiting, and waits for what the views themselves cannot say.
//
//   - A mark of the topics' epoch names a partition that is there, and a version below its end, asked for after the read
//     began unless it is known. The view waits for it (the direct way).
//   - A mark of an older epoch stands for a write that was in the log from which these topics were restored: so it lies
//     before the ends that the topics had when this process first looked. Services start when a restore is complete.
//   - A mark of a greater epoch is refused.
//
// The sure way follows what is made of the commands: once each group has committed the ends that the topic before it
// had, and the view has read its own source up to the end, the view shows all of it, also where a command made no event
// because it was set aside. It serves what has no direct way: older epochs, whole topics, summaries of a movie that the
// token does not name; and whoever has waited on the direct way for some time.
type Tokens struct {
	epoch   int16
	asker   *asker
	ways    map[handlers.View]Way
	direct  handlers.Waiting
	waiting atomic.Int64
}

var _ handlers.Visibility = (*Tokens)(nil)

const (
	// maxWaiting bounds the reads and writes that wait at once.
	maxWaiting = 16 << 10
	// directAlone is how long the direct way is waited on alone: it takes milliseconds where it leads anywhere.
	directAlone = 300 * time.Millisecond
)

// NewTokens waits by direct, which is handed marks of this epoch alone.
func NewTokens(epoch int16, log Log, ways map[handlers.View]Way, direct handlers.Waiting) *Tokens {
	return &Tokens{epoch: epoch, asker: newAsker(log), ways: ways, direct: direct}
}

// Saw keeps where a write of this process stands, so that the broker need not be asked for it.
func (t *Tokens) Saw(m domain.Mark) {
	t.asker.mu.Lock()
	defer t.asker.mu.Unlock()
	t.asker.see(m.Topic, m.Partition, m.Version.Offset()+1)
}

// Concerns implements handlers.Visibility.
func (t *Tokens) Concerns(view handlers.View, token domain.Token) bool {
	from := t.ways[view].Commands.Name
	return slices.ContainsFunc(token, func(m domain.Mark) bool { return m.Topic == from })
}

var errCrowd = fmt.Errorf("%d others wait already", maxWaiting)

// Wait implements handlers.Waiting.
func (t *Tokens) Wait(ctx context.Context, view handlers.View, token domain.Token) error {
	way, ok := t.ways[view]
	if !ok {
		return domain.Wrap(domain.Internal, "wait", fmt.Errorf("nobody shows a view %q", view))
	}
	if len(token) == 0 {
		return nil
	}
	if t.waiting.Add(1) > maxWaiting {
		t.waiting.Add(-1)
		return domain.Wrap(domain.Unavailable, "wait for a view", errCrowd)
	}
	defer t.waiting.Add(-1)
	if err := t.check(ctx, token); err != nil {
		return err
	}
	token = slices.DeleteFunc(slices.Clone(token), func(m domain.Mark) bool { return m.Topic != way.Commands.Name })
	switch {
	case len(token) == 0:
		return nil
	case slices.ContainsFunc(token, func(m domain.Mark) bool { return t.indirect(view, m) }):
		return t.sure(ctx, way, token)
	}
	alone, cancel := context.WithTimeout(ctx, directAlone)
	err := t.direct.Wait(alone, view, token)
	late := alone.Err() != nil && ctx.Err() == nil
	cancel()
	if err == nil || !late {
		return err
	}
	return either(ctx, func(ctx context.Context) error { return t.direct.Wait(ctx, view, token) },
		func(ctx context.Context) error { return t.sure(ctx, way, token) })
}

// indirect marks are none that a view can wait for by itself.
func (t *Tokens) indirect(view handlers.View, m domain.Mark) bool {
	return m.Partition == domain.AllPartitions || m.Version.Epoch() != t.epoch ||
		view == handlers.ViewSummaries && m.Movie == ""
}

// either ends when one of both does with nil, or both do.
func either(ctx context.Context, ways ...func(context.Context) error) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	ended := make(chan error, len(ways))
	for _, way := range ways {
		go func() { ended <- way(ctx) }()
	}
	var errs []error
	arrived := false
	for range ways {
		err := <-ended
		if err == nil {
			arrived = true
			cancel()
		}
		errs = append(errs, err)
	}
	if arrived {
		return nil
	}
	return errors.Join(errs...)
}

// check refuses what no log of ours holds.
func (t *Tokens) check(ctx context.Context, token domain.Token) error {
	for _, m := range token {
		ours := false
		for _, w := range t.ways {
			ours = ours || w.Commands.Name == m.Topic
		}
		if !ours {
			return domain.BadToken(fmt.Errorf("no commands are in a topic %q", m.Topic))
		}
		if epoch := m.Version.Epoch(); epoch > t.epoch {
			return domain.BadToken(fmt.Errorf("it is of epoch %d, and this is epoch %d", epoch, t.epoch))
		} else if epoch < t.epoch || m.Partition == domain.AllPartitions {
			continue
		}
		if err := t.stands(ctx, m); err != nil {
			return err
		}
	}
	return nil
}

// stands looks whether the log has a mark of its epoch. Another process may have written it a moment ago, so the broker
// is asked before it is refused.
func (t *Tokens) stands(ctx context.Context, m domain.Mark) error {
	end := m.Version.Offset() + 1
	if there, reaches := t.asker.knows(m.Topic, m.Partition, end); there && reaches {
		return nil
	}
	ends, err := t.asker.endsOf(ctx, m.Topic)
	if err != nil {
		// While the broker is away nothing can be refused; the view may show the write all the same.
		return nil //nolint:nilerr // see above
	}
	switch is, there := ends[m.Partition]; {
	case !there:
		return domain.BadToken(fmt.Errorf("%s has no partition %d", m.Topic, m.Partition))
	case is < end:
		return domain.BadToken(fmt.Errorf("partition %d of %s ends before it", m.Partition, m.Topic))
	}
	return nil
}

// sure waits until everything has gone its way that the token stands for.
func (t *Tokens) sure(ctx context.Context, way Way, token domain.Token) error {
	goal, err := t.goal(ctx, way.Commands.Name, token)
	if err != nil {
		return err
	}
	from := way.Commands.Name
	for _, hop := range way.Hops {
		input := from
		if err := reach(ctx, goal, func(ctx context.Context, since time.Time) (Offsets, error) {
			return t.asker.committedOf(ctx, since, hop.Group, input)
		}); err != nil {
			return fmt.Errorf("group %s: %w", hop.Group, err)
		}
		ends, err := t.asker.endsOf(ctx, hop.To.Name)
		if err != nil {
			return err
		}
		if !hop.Rekeyed {
			maps.DeleteFunc(ends, func(p int32, _ int64) bool { return goal[p] == 0 })
		}
		goal, from = ends, hop.To.Name
	}
	return reach(ctx, goal, func(ctx context.Context, _ time.Time) (Offsets, error) { return way.Read(ctx) })
}

// goal is how far each partition of the commands has to be.
func (t *Tokens) goal(ctx context.Context, topic string, token domain.Token) (Offsets, error) {
	goal := Offsets{}
	raise := func(ends Offsets) {
		for p, end := range ends {
			goal[p] = max(goal[p], end)
		}
	}
	for _, m := range token {
		var ends Offsets
		var err error
		switch {
		case m.Version.Epoch() < t.epoch:
			ends, err = t.asker.atFirst(ctx, topic)
		case m.Partition == domain.AllPartitions:
			ends, err = t.asker.endsOf(ctx, topic)
		default:
			ends = Offsets{m.Partition: m.Version.Offset() + 1}
		}
		if err != nil {
			return nil, err
		}
		raise(ends)
	}
	return goal, nil
}

// reach asks until all partitions have got to the goal, or ctx ends. Errors pass: what is away comes back.
func reach(ctx context.Context, goal Offsets, ask func(context.Context, time.Time) (Offsets, error)) error {
	p := poll{}
	defer p.stop()
	for {
		since := time.Now()
		is, err := ask(ctx, since)
		if err == nil && is.reach(goal) {
			return nil
		}
		if ended := p.wait(ctx, nil, false); ended != nil {
			return domain.Wrap(domain.Unavailable, "what was written is not shown yet", errors.Join(ended, err))
		}
	}
}

func (o Offsets) reach(goal Offsets) bool {
	for p, end := range goal {
		if end > 0 && o[p] < end {
			return false
		}
	}
	return true
}
