package streams

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"ugc/domain"
	"ugc/handlers"
	"ugc/schemas/topics"
)

// Positions is a view of the playback table: where every user stands in every movie. It keeps a copy of the table below
// the data folder and follows the topic; a restart goes on where the copy ends. It implements handlers.Positions, and
// handlers.Waiting for handlers.ViewPositions.
type Positions struct {
	options Options
	state   *state
	keeper  *keeper
	marks   *watermarks
	log     *slog.Logger

	mu     sync.RWMutex
	stores map[int32]*store // by partition, while the view is open
	count  int32
}

var (
	_ handlers.Positions = (*Positions)(nil)
	_ handlers.Waiting   = (*Positions)(nil)
)

// NewPositions checks the options, of which it uses none that is about groups or producing, and opens nothing.
func NewPositions(o Options) (*Positions, error) {
	if err := o.Validate(); err != nil {
		return nil, err
	}
	o.defaults()
	v := &Positions{options: o, state: newState("positions", nil), marks: newWatermarks(), log: o.Log.With("view", "positions")}
	v.keeper = &keeper{topic: topics.PlaybackTable, codec: o.Codec, log: v.log}
	return v, nil
}

// Run follows the table until ctx ends; then it closes the copy and returns nil. What goes wrong meanwhile is logged and tried again. Run it once.
func (v *Positions) Run(ctx context.Context) error {
	for failures := 0; ctx.Err() == nil; failures++ {
		v.state.starting()
		err := v.once(ctx)
		v.state.ended(err)
		if ctx.Err() != nil {
			break
		}
		if v.state.ranFor(time.Now()) > healthyRun {
			failures = 0
		}
		wait := v.options.Backoff.wait(failures)
		v.log.Warn("view ended; the next one starts", "in", wait, "failures", failures+1, "err", err)
		pause(ctx, wait)
	}
	return nil //nolint:nilerr // the view's errors were told; ctx has ended
}

// Healthy is nil while the view follows its topic, otherwise an error of kind Unavailable.
func (v *Positions) Healthy() error { return v.state.healthy() }

// Ready waits until the view has caught up. The error, when ctx ends before, is Healthy's.
func (v *Positions) Ready(ctx context.Context) error { return v.state.ready(ctx) }

// Wait implements handlers.Waiting. A token that names a partition which is not there is an error of kind Invalid.
func (v *Positions) Wait(ctx context.Context, view handlers.View, token domain.Token) error {
	if view != handlers.ViewPositions {
		return domain.Wrap(domain.Internal, "wait for a view", fmt.Errorf("%q is not the view of positions", view))
	}
	for _, m := range token.ByPartition() {
		if m.Topic != topics.PlaybackCommands.Name {
			continue
		}
		if err := v.marks.wait(ctx, m.Partition, m.Version); err != nil {
			return err
		}
	}
	return nil
}

// Read says, per partition of the table's topic, up to which offset the view shows it.
func (v *Positions) Read(context.Context) (map[int32]int64, error) {
	v.mu.RLock()
	defer v.mu.RUnlock()
	read := make(map[int32]int64, len(v.stores))
	for p, s := range v.stores {
		read[p] = s.offset.Load() + 1
	}
	return read, nil
}

// Position implements handlers.Positions.
func (v *Positions) Position(_ context.Context, user, movie string) (handlers.Position, bool, error) {
	s, err := v.storeOf(user)
	if err != nil {
		return handlers.Position{}, false, err
	}
	key := domain.Key(user, movie)
	value, err := s.Get(key)
	if err != nil {
		return handlers.Position{}, false, domain.Wrap(domain.Unavailable, "read position", err)
	}
	if value == nil {
		return handlers.Position{}, false, nil
	}
	return v.position(key, value)
}

// maxPositions bounds one list.
const maxPositions = 1000

// Positions implements handlers.Positions; at most 1,000 are listed at once.
func (v *Positions) Positions(ctx context.Context, user, after string, limit int) ([]handlers.Position, error) {
	s, err := v.storeOf(user)
	if err != nil {
		return nil, err
	}
	start, end := domain.Key(user, ""), user+string(rune('/'+1))
	if after != "" {
		start = domain.Key(user, after) + "\x00"
	}
	it, err := s.IteratorWithRange([]byte(start), []byte(end))
	if err != nil {
		return nil, domain.Wrap(domain.Unavailable, "list positions", err)
	}
	defer it.Release()
	var list []handlers.Position
	for limit = min(limit, maxPositions); len(list) < limit && it.Next(); {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		value, _ := it.Value()
		p, ok, err := v.position(string(it.Key()), value)
		if err != nil {
			return nil, err
		}
		if ok {
			list = append(list, p)
		}
	}
	if err := it.Err(); err != nil {
		return nil, domain.Wrap(domain.Unavailable, "list positions", err)
	}
	return list, nil
}

// position reads a value of the table; ok is false where the key holds no report, only dead letters, say.
func (v *Positions) position(key string, value []byte) (p handlers.Position, ok bool, err error) {
	if isLost(value) { // the owner makes it again, soon
		return p, false, domain.Wrap(domain.Unavailable, "read position", fmt.Errorf("key %q: %w", key, errLost))
	}
	t, err := v.options.Codec.DecodePlaybackTable(value)
	if err != nil {
		return p, false, fmt.Errorf("value of key %q in %s: %w", key, topics.PlaybackTable.Name, err)
	}
	if t.State.FirstSeen == 0 && t.State.LastSeen == 0 {
		return p, false, nil
	}
	user, movie, _ := strings.Cut(key, "/")
	return handlers.Position{User: user, Movie: movie, Version: t.Applied, Viewing: v.options.Rules.Viewing(t.State)}, true, nil
}

var errRestoring = errors.New("the table of positions is being restored")

// storeOf is the copy of the partition that all of the user's keys are in.
func (v *Positions) storeOf(user string) (*store, error) {
	v.mu.RLock()
	defer v.mu.RUnlock()
	if v.count > 0 {
		if s := v.stores[domain.Partition(user, v.count)]; s != nil && s.restored.Load() {
			return s, nil
		}
	}
	return nil, domain.Wrap(domain.Unavailable, "positions", errRestoring)
}

func (v *Positions) open(s *store, partition int32) {
	m := v.marks.of(partition)
	m.raise(domain.Version(s.watermark.Load()))
	v.mu.Lock()
	defer v.mu.Unlock()
	v.stores[partition] = s
}

// positionsDir is where the copy lies; see tableDir.
func positionsDir(data string, l layout) (string, error) {
	dir := filepath.Join(data, "positions-"+l.table())
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return "", fmt.Errorf("make the folder of the view: %w", err)
	}
	return dir, nil
}
