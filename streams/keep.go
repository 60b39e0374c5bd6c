package streams

import (
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/lovoo/goka"
	"github.com/lovoo/goka/storage"

	"ugc/domain"
	"ugc/schemas"
	"ugc/schemas/topics"
)

// keeper says which records of a table's topic count, for every reader of it: the restore of an owner, the owner's look
// at what others wrote, and each view.
//
// An owner writes every record with the offset at which it means it to stand, which is right behind all that it has
// read. A record that stands there counts: who wrote it knew everything before it. One that stands elsewhere does
// not: another owner was faster. So all readers agree on one chain of values, also after compaction, and a paused
// process that wakes up and writes late takes nothing back. Records without such an offset are of earlier versions of
// ugc: of two values of a key the one with the greater applied version counts, of equals the first. Tombstones and
// records that hold no value of this table are foreign.
//
// What does not count is passed over. The right value has to be written behind it, or compaction would in the end keep
// just the wrong one: so an owner marks the key in its copy.
type keeper struct {
	topic   topics.Topic
	codec   *schemas.Codec
	log     *slog.Logger
	metrics *groupMetrics // nil: none
	inputs  int32         // partitions, to tell keys of other partitions; 0: a view, which marks nothing

	told logLimit
}

// tableRecord is one record of a table's topic.
type tableRecord struct {
	partition int32
	offset    int64
	key       string
	value     []byte
	placed    string // topics.HeaderPlace, "" for none
}

// verdict on one record.
type judgement uint8

const (
	counts  judgement = iota + 1
	same              // what counts already, once more
	late              // a value of ours that does not count
	foreign           // none of ours
)

// restore gives goka the callback for the records of a topic. copyOf gives the copy of a partition, which goka knows
// under a wrapper; stored, where given, is called after each record that counts is in it.
func (k *keeper) restore(copyOf func(int32) *store, stored func(goka.UpdateContext)) goka.UpdateCallback {
	return func(ctx goka.UpdateContext, _ storage.Storage, key string, value []byte) error {
		s := copyOf(ctx.Partition())
		if s == nil {
			return fmt.Errorf("table %s, partition %d: its copy is not open", k.topic.Name, ctx.Partition())
		}
		r := tableRecord{ctx.Partition(), ctx.Offset(), key, value, string(ctx.Headers()[topics.HeaderPlace])}
		j, err := k.keep(s, r, lostValue)
		if err != nil {
			return fmt.Errorf("table %s, partition %d, offset %d, key %s: %w", k.topic.Name, r.partition, r.offset, schemas.Quote(key), err)
		}
		if stored != nil && (j == counts || j == same) {
			stored(ctx)
		}
		return nil
	}
}

// keep takes one record, the next of its partition, into the store. absent stands for the value of a key that has none
// but records that do not count.
func (k *keeper) keep(s *store, r tableRecord, absent []byte) (judgement, error) {
	if r.key == "" {
		k.passedOver(r, foreign, errNoKey) // and nothing is kept under no key
		return foreign, nil
	}
	kept, err := s.Get(r.key)
	if err != nil {
		return 0, err
	}
	j, why := k.judge(r, kept)
	switch j {
	case counts:
		return j, errors.Join(s.Set(r.key, r.value), s.unmark(r.key))
	case same:
		return j, s.unmark(r.key)
	case 0:
		return j, why
	}
	k.passedOver(r, j, why)
	if k.topic.CheckKey(r.key) != nil || k.inputs > 0 && domain.Partition(r.key, k.inputs) != r.partition {
		return j, nil //nolint:nilerr // no input of the key is ever processed here, and it may be of any length
	}
	kind := markRepair
	if kept == nil {
		if err := s.Set(r.key, absent); err != nil {
			return 0, err
		}
		kept = absent
	}
	if isLost(kept) {
		kind = markLost
	}
	if k.inputs == 0 {
		return j, nil
	}
	return j, s.mark(r.key, kind)
}

var (
	errNoKey     = errors.New("the record has no key")
	errTombstone = errors.New("it is a tombstone, which no program of ours writes")
	errLate      = errors.New("another owner of the partition wrote first")
)

// judge says what the record is, given the value of its key that is kept, nil for none. The error says why it does not
// count, or, with no judgement, why that cannot be said now.
func (k *keeper) judge(r tableRecord, kept []byte) (judgement, error) {
	if r.value == nil {
		return foreign, errTombstone
	}
	applied, err := k.codec.AppliedIn(k.topic, r.value)
	if domain.KindOf(err) == domain.Unavailable && err != nil {
		return 0, err
	}
	if !schemas.Stands(r.placed, r.offset) {
		if err != nil {
			return foreign, err
		}
		return late, errLate
	}
	if err != nil && r.placed != "" {
		return counts, nil // ours, of a version that this one cannot read: it is not overwritten either
	}
	if err != nil {
		return foreign, err
	}
	known, readable := domain.NoVersion, false
	if kept != nil && !isLost(kept) {
		known, err = k.codec.AppliedIn(k.topic, kept)
		readable = err == nil
	}
	if readable && known > applied {
		return late, errLate
	}
	if r.placed != "" {
		return counts, nil
	}
	if readable && known == applied {
		if string(kept) == string(r.value) {
			return same, nil
		}
		return late, errLate
	}
	if err := k.codec.CheckTable(k.topic, r.value); err != nil {
		if domain.KindOf(err) == domain.Unavailable {
			return 0, err
		}
		return foreign, err
	}
	return counts, nil
}

// passedOver tells of a record that does not count.
func (k *keeper) passedOver(r tableRecord, j judgement, why error) {
	if k.metrics != nil {
		k.metrics.passedOver(j)
	}
	if j != foreign {
		k.log.Debug("passed over a late record of the table", "table", k.topic.Name, "partition", r.partition, "offset", r.offset,
			"key", schemas.Quote(r.key))
		return
	}
	if more, ok := k.told.next(time.Now()); ok {
		k.log.Error("passed over a record of the table that no program of ours wrote; find out who did", "table", k.topic.Name,
			"partition", r.partition, "offset", r.offset, "key", schemas.Quote(r.key), "err", why, "not_logged", more)
	}
}

// logLimit lets so many lines pass in a while; others can write millions of records.
type logLimit struct {
	mu      sync.Mutex
	began   time.Time
	n, more int
}

const (
	logsEvery = time.Minute
	logsMost  = 10
)

// next says whether one more line may pass, and how many have not since the last one that did.
func (l *logLimit) next(now time.Time) (more int, ok bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if now.Sub(l.began) >= logsEvery {
		l.began, l.n = now, 0
	}
	if l.n >= logsMost {
		l.more++
		return 0, false
	}
	l.n++
	more, l.more = l.more, 0
	return more, true
}

// headerVersion is the version of the input behind a table record.
func headerVersion(ctx goka.UpdateContext, header string) (domain.Version, bool) {
	return parseVersion(ctx.Headers()[header])
}
