package projections

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kgo"

	"ugc/domain"
	"ugc/schemas"
	"ugc/schemas/topics"
)

// memory is a sink in memory that keeps the contract, and a process of which may die: what it has written stays.
type memory struct {
	mu      sync.Mutex
	rows    map[string]domain.Version
	marks   map[int32]Watermark
	blocks  map[BlockedKey]bool
	letters map[domain.ID]string // reason by id
	calls   []string
	// trouble is asked before (0) and after (1) each effect, and in the middle of a write with a number of records (2…).
	trouble func(step string, at int) error
	// reject says which records can never be applied.
	reject func(Record) error
}

func newMemory() *memory {
	return &memory{rows: map[string]domain.Version{}, marks: map[int32]Watermark{}, blocks: map[BlockedKey]bool{}, letters: map[domain.ID]string{}}
}

var errAway = domain.Wrap(domain.Unavailable, "store", errors.New("away"))

func (m *memory) effect(step string, do func() error) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.calls = append(m.calls, step)
	if err := m.ask(step, 0); err != nil {
		return err
	}
	if err := do(); err != nil {
		return err
	}
	return m.ask(step, 1)
}

func (m *memory) ask(step string, at int) error {
	if m.trouble == nil {
		return nil
	}
	return m.trouble(step, at)
}

func (m *memory) Write(_ context.Context, batch []Record) error {
	return m.effect("write", func() error {
		bad := map[int]error{}
		for i, r := range batch {
			if m.reject != nil && m.reject(r) != nil {
				bad[i] = m.reject(r)
			}
		}
		if len(bad) > 0 {
			return domain.Wrap(domain.Invalid, "write", &RecordError{Reasons: bad})
		}
		for i, r := range batch {
			if v, ok := m.rows[r.Key]; !ok || r.Version > v {
				m.rows[r.Key] = r.Version
			}
			if err := m.ask("write", 2+i); err != nil {
				return err
			}
		}
		return nil
	})
}

func (m *memory) Advance(_ context.Context, marks map[int32]Watermark) error {
	return m.effect("advance", func() error {
		for p, w := range marks {
			old, ok := m.marks[p]
			if ok {
				w = Watermark{Next: max(w.Next, old.Next), Version: max(w.Version, old.Version)}
			}
			m.marks[p] = w
		}
		return nil
	})
}

func (m *memory) Watermarks(context.Context) (marks map[int32]Watermark, err error) {
	err = m.effect("watermarks", func() error { marks = maps.Clone(m.marks); return nil })
	return marks, err
}

func (m *memory) Block(_ context.Context, keys []BlockedKey) error {
	return m.effect("block", func() error {
		for _, k := range keys {
			m.blocks[k] = true
		}
		return nil
	})
}

func (m *memory) Blocked(context.Context) (keys []BlockedKey, err error) {
	err = m.effect("blocked", func() error {
		for k := range m.blocks {
			keys = append(keys, k)
		}
		return nil
	})
	return keys, err
}

func (m *memory) Send(_ context.Context, letters []*schemas.DeadLetter) error {
	return m.effect("letters", func() error {
		for _, l := range letters {
			m.letters[l.ID] = fmt.Sprintf("%s %d/%d %s", l.Key, l.Partition, l.Offset, l.Reason)
		}
		return nil
	})
}

// idle is a client that talks to nobody: apply needs one to mark commits.
func idle(t testing.TB) *kgo.Client {
	c, err := kgo.NewClient(kgo.SeedBrokers("127.0.0.1:1"))
	require.NoError(t, err)
	t.Cleanup(c.Close)
	return c
}

var quiet = slog.New(slog.DiscardHandler)

// bench is an engine over memory, without Kafka: tests call its parts.
func bench(t require.TestingT, m *memory, client *kgo.Client, set ...func(*Options)) *Engine {
	o := Options{
		View:       View{Name: "v", Source: topics.FeedbackEvents},
		Generation: Generation{View: "v", Number: 1},
		Sink:       m, DeadLetters: m, Codec: schemas.Offline(),
		Kafka:  []kgo.Opt{kgo.SeedBrokers("127.0.0.1:1")},
		Logger: quiet, Grace: time.Second,
	}
	for _, f := range set {
		f(&o)
	}
	e, err := New(o)
	if err == nil {
		e.compareLog = unread
	}
	require.NoError(t, err)
	e.client = client
	return e
}

// good is a record that can be applied; the version is ten times the offset, so that mixing them up shows.
func good(p int32, offset int64, key string) entry {
	r := Record{Partition: p, Offset: offset, Key: key, Version: domain.Version(10 * offset), Value: &domain.LikeSet{}}
	return entry{Record: r, raw: rawOf(r, []byte("v"))}
}

// bad is one that cannot be decoded.
func bad(p int32, offset int64, key string) entry {
	r := Record{Partition: p, Offset: offset, Key: key, Version: domain.NoVersion}
	en := entry{Record: r, raw: rawOf(r, []byte("?"))}
	en.refuse(schemas.ReasonUndecodable, errors.New("not Avro"))
	return en
}

// gone is a tombstone.
func gone(p int32, offset int64, key string) entry {
	r := Record{Partition: p, Offset: offset, Key: key, Version: domain.NoVersion}
	return entry{Record: r, raw: rawOf(r, nil)}
}

func rawOf(r Record, value []byte) *kgo.Record {
	return &kgo.Record{Topic: topics.FeedbackEvents.Name, Partition: r.Partition, Offset: r.Offset, Key: []byte(r.Key), Value: value, Timestamp: time.UnixMilli(1000 + r.Offset)}
}

// unread goes on at the watermarks, where there is no log to compare them with.
func unread(_ context.Context, stored map[int32]Watermark, partitions []int32) (map[int32]resume, error) {
	out := map[int32]resume{}
	for _, p := range partitions {
		out[p] = resume{at: kgo.NewOffset().AtStart(), from: noOffset}
		if w, ok := stored[p]; ok {
			out[p] = at(w.Next)
		}
	}
	return out, nil
}
