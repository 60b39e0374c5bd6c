package streams

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"ugc/domain"
	"ugc/handlers"
	"ugc/schemas"
	"ugc/schemas/topics"
)

// healer sees to it that the last record of every key is the right one. Readers tell it of keys that a record took back to an older version; where
// no newer record follows soon, it touches the key, which makes its owner write the right value again. min.compaction.lag.ms leaves a day for that.
type healer struct {
	table string
	touch func(ctx context.Context, keys []string, versions []domain.Version) error
	log   *slog.Logger
	after time.Duration // how long a newer record may take

	count    atomic.Int64 // of suspects, so that the usual answer costs nothing
	mu       sync.Mutex
	suspects map[string]suspect
	dropped  int64
}

type suspect struct {
	kept domain.Version
	due  time.Time
}

// The bounds of healing. Regressions need a crash or a network split and a paused process; even then they are few.
const (
	maxSuspects = 1 << 16
	touchBatch  = 100
	touchEvery  = time.Second      // between batches
	touchAgain  = time.Minute      // for a key that a touch did not settle
	touchWithin = 10 * time.Second // for one batch to be written
	healAfter   = 5 * time.Second
)

func newHealer(table string, log *slog.Logger, touch func(context.Context, []string, []domain.Version) error) *healer {
	return &healer{table: table, touch: touch, log: log, after: healAfter, suspects: make(map[string]suspect)}
}

// regressed says that a record older than the kept version followed it. A reader that reads the same records again reports the same; the next newer
// record settles that.
func (h *healer) regressed(key string, kept domain.Version) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if s, known := h.suspects[key]; known {
		s.kept = max(s.kept, kept)
		h.suspects[key] = s
		return
	}
	if len(h.suspects) >= maxSuspects {
		if h.dropped++; h.dropped == 1 {
			h.log.Error("too many regressed keys to heal at once; start again to find the rest", "table", h.table, "limit", maxSuspects)
		}
		return
	}
	h.suspects[key] = suspect{kept: kept, due: time.Now().Add(h.after)}
	h.count.Store(int64(len(h.suspects)))
}

// foreign says that a record of the table's topic is none of ours. The value that the key has stays.
func (h *healer) foreign(key string, err error) {
	h.log.Error("passed over a record of the table that no program of ours wrote; find out who did", "table", h.table, "key", key, "err", err)
}

// settled says that the key's last record is its newest.
func (h *healer) settled(key string) {
	if h.count.Load() == 0 {
		return
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	delete(h.suspects, key)
	h.count.Store(int64(len(h.suspects)))
}

// due takes the keys that have waited long enough, at most a batch; they come again later unless they are settled by then.
func (h *healer) due(now time.Time) (keys []string, versions []domain.Version) {
	if h.count.Load() == 0 {
		return nil, nil
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	for key, s := range h.suspects {
		if len(keys) == touchBatch {
			break
		}
		if now.Before(s.due) {
			continue
		}
		s.due = now.Add(touchAgain)
		h.suspects[key] = s
		keys, versions = append(keys, key), append(versions, s.kept)
	}
	return keys, versions
}

// Run touches until ctx ends.
func (h *healer) Run(ctx context.Context) error {
	ticker := time.NewTicker(touchEvery)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case now := <-ticker.C:
			h.heal(ctx, now)
		}
	}
}

func (h *healer) heal(ctx context.Context, now time.Time) {
	keys, versions := h.due(now)
	if len(keys) == 0 {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, touchWithin)
	defer cancel()
	if err := h.touch(ctx, keys, versions); err != nil {
		h.log.Warn("touch of regressed keys failed; it is tried again", "table", h.table, "keys", len(keys), "in", touchAgain, "err", err)
		return
	}
	h.log.Info("touched regressed keys", "table", h.table, "keys", len(keys), "first", keys[0])
}

// touchSpace names touches by what they cure, so that the same touch sent twice is the same command.
var touchSpace = domain.NamedID(domain.ID{}, "ugc/touch")

func touchFact(table, user, movie string, v domain.Version, clock handlers.Clock) domain.Fact {
	return domain.Fact{
		ID: domain.NamedID(touchSpace, fmt.Sprintf("%s/%s/%s/%d", table, user, movie, v)), User: user, Movie: movie, ReceivedAt: clock(),
	}
}

// touchCommands touches keys of user/movie through the log of commands.
func touchCommands(table string, log handlers.CommandLog, clock handlers.Clock, command func(domain.Fact) domain.Command) func(context.Context, []string, []domain.Version) error {
	return func(ctx context.Context, keys []string, versions []domain.Version) error {
		commands := make([]domain.Command, len(keys))
		for i, key := range keys {
			user, movie, _ := strings.Cut(key, "/")
			commands[i] = command(touchFact(table, user, movie, versions[i], clock))
		}
		for _, receipt := range log.Append(ctx, commands) {
			if receipt.Err != nil {
				return receipt.Err
			}
		}
		return nil
	}
}

// cannotTouch stands in where there is no log of commands: regressions are then only logged.
func cannotTouch(context.Context, []string, []domain.Version) error {
	return errors.New("no log of commands is given to touch them through")
}

func touchPlayback(f domain.Fact) domain.Command { return &domain.TouchPlayback{Fact: f} }
func touchFeedback(f domain.Fact) domain.Command { return &domain.TouchFeedback{Fact: f} }

// touchMovies touches movies: with an event of no feedback, which their fold passes over.
func touchMovies(opts []kgo.Opt, codec *schemas.Codec, clock handlers.Clock) func(context.Context, []string, []domain.Version) error {
	return func(ctx context.Context, movies []string, versions []domain.Version) error {
		client, err := kgo.NewClient(append(append([]kgo.Opt(nil), opts...), kgo.RequiredAcks(kgo.AllISRAcks()), kgo.RecordPartitioner(byKey))...)
		if err != nil {
			return fmt.Errorf("open producer: %w", err)
		}
		defer client.Close()
		records := make([]*kgo.Record, len(movies))
		for i, movie := range movies {
			fact := touchFact(topics.MoviesTable.Name, "ugc", movie, versions[i], clock)
			fact.Origin.Version = domain.NoVersion
			value, err := codec.EncodeEvent(&domain.FeedbackTouched{
				TouchFeedback: domain.TouchFeedback{Fact: fact}, Change: domain.Change{Verdict: domain.Stale},
			})
			if err != nil {
				return err
			}
			records[i] = &kgo.Record{Topic: topics.MoviesFeedback.Name, Key: []byte(movie), Value: value}
		}
		return client.ProduceSync(ctx, records...).FirstErr()
	}
}

// byKey places records by the one rule of the house.
var byKey = kgo.BasicConsistentPartitioner(func(string) func(*kgo.Record, int) int {
	return func(r *kgo.Record, n int) int { return int(domain.Partition(string(r.Key), int32(n))) }
})
