package projections

import (
	"bytes"
	"context"
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kgo"

	"ugc/domain"
	"ugc/schemas"
	"ugc/schemas/topics"
)

func letters(m *memory) (list []string) {
	for _, l := range m.letters {
		list = append(list, l)
	}
	return list
}

func TestEffectsHappenInOrder(t *testing.T) {
	m := newMemory()
	e := bench(t, m, idle(t))
	require.NoError(t, e.apply(t.Context(), t.Context(), []entry{good(0, 0, "a"), bad(0, 1, "b"), good(1, 4, "c")}))
	require.Equal(t, []string{"letters", "block", "write", "advance"}, m.calls)
	require.Equal(t, map[string]domain.Version{"a": 0, "c": 40}, m.rows)
	require.Equal(t, map[int32]Watermark{0: {Next: 2, Version: 0}, 1: {Next: 5, Version: 40}}, m.marks, "a dead letter moves Next alone")
}

func TestReadersAreToldOnceTheStoreHasTheWatermark(t *testing.T) {
	m, told := newMemory(), &Watermarks{}
	told.own("v", 0, domain.NoVersion)
	version := func() domain.Version { v, _, _ := told.watch("v", 0); return v }
	m.trouble = func(step string, _ int) error {
		require.Equal(t, domain.NoVersion, version(), step)
		return nil
	}
	e := bench(t, m, idle(t), func(o *Options) { o.Watermarks = told })
	require.NoError(t, e.apply(t.Context(), t.Context(), []entry{good(0, 3, "a")}))
	require.Equal(t, domain.Version(30), version())
}

func TestTombstonesMoveTheWatermarkAndNothingElse(t *testing.T) {
	m := newMemory()
	e := bench(t, m, idle(t))
	require.NoError(t, e.apply(t.Context(), t.Context(), []entry{gone(0, 3, "a"), gone(0, 4, "b")}))
	require.Equal(t, []string{"advance"}, m.calls)
	require.Equal(t, map[int32]Watermark{0: {Next: 5, Version: domain.NoVersion}}, m.marks)
	require.Empty(t, m.rows)
}

func TestRecordsOfAKeyWaitBehindABadOne(t *testing.T) {
	m := newMemory()
	e := bench(t, m, idle(t))
	batch := []entry{good(0, 0, "a"), bad(0, 1, "a"), good(0, 2, "a"), good(0, 3, "b"), good(1, 2, "a")}
	require.NoError(t, e.apply(t.Context(), t.Context(), batch))
	require.NoError(t, e.apply(t.Context(), t.Context(), []entry{good(0, 4, "a"), good(0, 5, "b")}))
	require.ElementsMatch(t, []string{"a 0/1 undecodable", "a 0/2 behind", "a 0/4 behind"}, letters(m))
	require.Equal(t, map[string]domain.Version{"a": 20, "b": 50}, m.rows, "what came before it, and the same key of another partition, is applied")
	require.Equal(t, map[BlockedKey]bool{{Key: "a", Partition: 0, Offset: 1}: true}, m.blocks)
}

func TestAReplayDoesNotSetAsideWhatCameBeforeTheBadOne(t *testing.T) {
	m := newMemory()
	m.blocks[BlockedKey{Key: "a", Partition: 0, Offset: 1}] = true
	e := bench(t, m, idle(t))
	require.NoError(t, e.loadBlocked(t.Context(), m))
	require.NoError(t, e.apply(t.Context(), t.Context(), []entry{good(0, 0, "a"), bad(0, 1, "a"), good(0, 2, "a")}))
	require.ElementsMatch(t, []string{"a 0/1 undecodable", "a 0/2 behind"}, letters(m))
	require.Equal(t, map[string]domain.Version{"a": 0}, m.rows)
}

func TestAKeyThatWasWaivedGoesOn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMemory()
		e := bench(t, m, idle(t))
		require.NoError(t, e.loadBlocked(t.Context(), m))
		require.NoError(t, e.apply(t.Context(), t.Context(), []entry{bad(0, 1, "a"), good(0, 2, "a")}))
		clear(m.blocks) // as another process does
		require.NoError(t, e.apply(t.Context(), t.Context(), []entry{good(0, 3, "a")}))
		require.Empty(t, m.rows, "the store is not asked with every batch")
		<-time.After(askBlockedAgain) // virtual
		require.NoError(t, e.apply(t.Context(), t.Context(), []entry{good(0, 4, "a")}))
		require.Equal(t, map[string]domain.Version{"a": 40}, m.rows)
		require.Len(t, m.letters, 3)
		e.client.Close()
	})
}

func TestBlockedKeysAreReadOnceForManyBatches(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMemory()
		e := bench(t, m, idle(t))
		require.NoError(t, e.apply(t.Context(), t.Context(), []entry{bad(0, 1, "a")}))
		for i := range int64(100) {
			require.NoError(t, e.apply(t.Context(), t.Context(), []entry{good(0, 2+i, "a")}))
		}
		reads := 0
		for _, call := range m.calls {
			if call == "blocked" {
				reads++
			}
		}
		require.LessOrEqual(t, reads, 1)
		require.Len(t, m.letters, 101)
		e.client.Close()
	})
}

// An assignment may read the store's blocked keys while a batch is judged.
func TestWhatTheStoreSaysLetsNoRecordPassABadOne(t *testing.T) {
	s := newState()
	done := make(chan struct{})
	var all sync.WaitGroup
	defer func() { close(done); all.Wait() }()
	all.Go(func() {
		for {
			select {
			case <-done:
				return
			default:
				s.setBlocked(nil, time.Time{})
			}
		}
	})
	for range 2000 {
		batch := []entry{bad(0, 1, "a"), good(0, 2, "a")}
		s.judge(batch)
		require.Equal(t, schemas.ReasonBehind, batch[1].reason)
	}
}

func TestARecordThatIsRefusedAloneBlocksNobody(t *testing.T) {
	m := newMemory()
	e := bench(t, m, idle(t))
	stray, next := bad(0, 1, "a"), good(0, 2, "a")
	stray.alone, next.alone = true, true
	require.NoError(t, e.apply(t.Context(), t.Context(), []entry{stray, next}))
	require.ElementsMatch(t, []string{"a 0/1 undecodable"}, letters(m))
	require.Equal(t, map[string]domain.Version{"a": 20}, m.rows)
	require.Empty(t, m.blocks)
}
func TestRecordsThatTheSinkRefusesAreSetAside(t *testing.T) {
	m := newMemory()
	m.reject = func(r Record) error {
		if r.Version == 10 || r.Version == 50 {
			return errors.New("no such column")
		}
		return nil
	}
	e := bench(t, m, idle(t))
	batch := []entry{good(0, 0, "a"), good(0, 1, "a"), good(0, 2, "a"), good(0, 3, "b"), gone(0, 4, "b"), good(0, 5, "c")}
	require.NoError(t, e.apply(t.Context(), t.Context(), batch))
	require.ElementsMatch(t, []string{"a 0/1 not_applicable", "a 0/2 behind", "c 0/5 not_applicable"}, letters(m))
	require.Equal(t, map[string]domain.Version{"a": 0, "b": 30}, m.rows)
	require.Equal(t, Watermark{Next: 6, Version: 30}, m.marks[0])
}

func TestAnErrorThatNamesNobodyStalls(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMemory()
		reasons := []map[int]error{{}, {7: errors.New("?")}, {-1: errors.New("?")}}
		m.trouble = func(step string, at int) error {
			if step == "write" && at == 0 && len(reasons) > 0 {
				r := reasons[0]
				reasons = reasons[1:]
				return &RecordError{Reasons: r}
			}
			return nil
		}
		e := bench(t, m, idle(t))
		require.NoError(t, e.apply(t.Context(), t.Context(), []entry{good(0, 0, "a")}))
		require.Empty(t, m.letters)
		require.Equal(t, []string{"write", "write", "write", "write", "advance"}, m.calls)
		e.client.Close()
	})
}

func TestAStoreThatIsAwayStallsAndLosesNothing(t *testing.T) {
	for _, step := range []string{"letters", "block", "write", "advance"} {
		t.Run(step, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				m := newMemory()
				away := true
				m.trouble = func(s string, at int) error {
					if s == step && at == 0 && away {
						return errAway
					}
					return nil
				}
				e := bench(t, m, idle(t))
				e.state.start()
				began := time.Now()
				done := make(chan error)
				go func() {
					done <- e.apply(t.Context(), t.Context(), []entry{good(0, 0, "a"), bad(0, 1, "b")})
				}()
				<-time.After(time.Minute) // virtual
				s := e.Status()
				require.False(t, s.Healthy())
				require.Len(t, s.Stalls, 1)
				require.ErrorIs(t, s.Stalls[0].Err, errAway)
				require.WithinDuration(t, began, s.Stalls[0].Since, 0, "since the first failure")
				require.Equal(t, 1+6+10, s.Stalls[0].Attempts, "100 ms, 200 ms … 3.2 s, then every 5 s: neither a storm nor a long silence")

				m.mu.Lock()
				away = false
				m.mu.Unlock()
				require.NoError(t, <-done)
				require.Empty(t, e.Status().Stalls)
				require.Equal(t, map[string]domain.Version{"a": 0}, m.rows)
				require.Equal(t, Watermark{Next: 2, Version: 0}, m.marks[0])
				require.Equal(t, []string{"b 0/1 undecodable"}, letters(m), "and nothing else became a dead letter")
				e.client.Close()
			})
		})
	}
}

func TestStoppingEndsAStallAndBoundsTheAttemptAtHand(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMemory()
		m.trouble = func(step string, _ int) error {
			if step == "write" {
				return errAway
			}
			return nil
		}
		e := bench(t, m, idle(t))
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error)
		go func() { done <- e.writeAll(ctx) }()
		require.NoError(t, e.queue.put(ctx, []entry{good(0, 0, "a")}))
		<-time.After(10 * time.Second)
		cancel()
		require.ErrorIs(t, <-done, context.Canceled)
		require.Empty(t, m.marks, "what was not written is not marked")
		e.client.Close()
	})
}

// slow is a sink whose writes take as long as they may.
type slow struct {
	*memory
	writing chan struct{}
	free    chan struct{}
}

func (s slow) Write(ctx context.Context, batch []Record) error {
	close(s.writing)
	select {
	case <-s.free:
		return s.memory.Write(ctx, batch)
	case <-ctx.Done():
		return ctx.Err()
	}
}

func TestTheBatchAtHandIsFinishedWithinGrace(t *testing.T) {
	for _, c := range []struct {
		name  string
		frees bool
	}{{"it finishes", true}, {"it does not, and is given up", false}} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				m := newMemory()
				s := slow{m, make(chan struct{}), make(chan struct{})}
				e := bench(t, m, idle(t), func(o *Options) { o.Sink = s })
				ctx, cancel := context.WithCancel(t.Context())
				done := make(chan error)
				go func() { done <- e.writeAll(ctx) }()
				require.NoError(t, e.queue.put(ctx, []entry{good(0, 0, "a")}))
				<-s.writing
				cancel()
				began := time.Now()
				if c.frees {
					close(s.free)
				}
				require.ErrorIs(t, <-done, context.Canceled)
				if c.frees {
					require.Equal(t, Watermark{Next: 1, Version: 0}, m.marks[0], "written and marked after the stop")
				} else {
					require.Empty(t, m.marks)
					require.Equal(t, e.o.Grace, time.Since(began))
				}
				e.client.Close()
			})
		})
	}
}

func TestAnAssignmentThatIsTakenBackLeavesNoStall(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMemory()
		m.trouble = func(string, int) error { return errAway }
		e := bench(t, m, idle(t))
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error)
		go func() {
			_, err := e.assigned(ctx, map[string]map[int32]kgo.Offset{"t": offsets(2)})
			done <- err
		}()
		<-time.After(time.Minute) // virtual
		require.Len(t, e.Status().Stalls, 1)
		cancel()
		require.ErrorIs(t, <-done, context.Canceled)
		require.Empty(t, e.Status().Stalls)
		require.Empty(t, e.Status().Partitions)
		e.client.Close()
	})
}

func TestADeadLetterIsTheRecordWhole(t *testing.T) {
	e := bench(t, newMemory(), idle(t), func(o *Options) { o.Now = func() domain.Instant { return 77 } })
	en := bad(2, 5, "u/m")
	en.raw.Headers = []kgo.RecordHeader{{Key: "traceparent", Value: []byte("00-1")}, {Key: "traceparent", Value: nil}}
	l := e.letter(&en)
	require.Equal(t, &schemas.DeadLetter{
		ID: l.ID, Topic: topics.FeedbackEvents.Name, Partition: 2, Offset: 5, Timestamp: 1005, Key: []byte("u/m"), Value: []byte("?"),
		Headers: []schemas.Header{{Key: "traceparent", Value: []byte("00-1")}, {Key: "traceparent"}},
		Step:    "projections/v", Reason: "undecodable", Message: "not Avro", At: 77,
	}, l)
	require.False(t, l.ID.IsZero())
	require.Equal(t, l.ID, e.letter(&en).ID, "the same record is the same letter")
	other := bad(2, 6, "u/m")
	require.NotEqual(t, l.ID, e.letter(&other).ID)

	en.raw.Key = bytes.Repeat([]byte("k"), 600<<10)
	en.raw.Value = make([]byte, 5<<20)
	en.raw.Headers = []kgo.RecordHeader{{Key: "h", Value: make([]byte, 1<<20)}}
	l = e.letter(&en)
	value, err := schemas.Offline().EncodeDeadLetter(l)
	require.NoError(t, err)
	require.Less(t, len(l.RecordKey())+len(value), schemas.MaxLetterBytes, "a letter must fit into a record")
	require.Empty(t, l.Headers)
	for _, cut := range []string{"the key to ", "the value to ", "the headers to 0 of 1"} {
		require.Contains(t, l.Message, cut)
	}
}
