package streams

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kgo"

	"ugc/domain"
	"ugc/schemas"
	"ugc/schemas/topics"
)

// alone is an owner of one partition whose Kafka is the test, which also says when to flush.
type alone struct {
	*table[domain.FeedbackState]
	rule   rule[domain.FeedbackState, domain.FeedbackCommand]
	topic  []*kgo.Record // of the table, as it was written
	sent   []func()      // outcomes under way: each is written when the test says so
	refuse error         // what is written to the table fails with it
	told   []string      // promises
}

func newAlone(t *testing.T) *alone {
	t.Helper()
	a, g := &alone{rule: feedbackRule()}, group("ugc-feedback")
	out := producerOf(func(_ context.Context, r *kgo.Record, f func(*kgo.Record, error)) {
		if r.Topic != g.Table.Name {
			a.sent = append(a.sent, func() { f(r, nil) })
			return
		}
		if a.refuse != nil {
			f(r, a.refuse)
			return
		}
		r.Offset = int64(len(a.topic))
		stands := *r // the record may be written again
		stands.Headers = slices.Clone(r.Headers)
		a.topic = append(a.topic, &stands)
		f(r, nil)
	})
	out.partitions = map[string]int32{g.Table.Name: partitions}
	for _, o := range g.Outputs {
		out.partitions[o.Topic.Name] = partitions
	}
	run := &incarnation{group: g, out: out, inputs: partitions, metrics: newMetrics(nil).of(g.Name), tables: a, log: quietLog()}
	run.keeper = &keeper{topic: g.Table, codec: schemas.Offline(), log: quietLog(), inputs: 1}
	copy := open(t, t.TempDir())
	require.NoError(t, copy.MarkRecovered())
	t.Cleanup(func() { _ = copy.Close() }) // some tests have broken it
	ctx, cancel := context.WithCancel(t.Context())
	t.Cleanup(cancel)
	p := &partition{ctx: ctx, stop: cancel, lane: out.lane(0, domain.NoVersion)}
	a.table = newOwned(run, p, copy, &a.rule)
	p.keys = a.table
	return a
}

func (a *alone) ends(context.Context, string) (map[int32]int64, error) {
	return map[int32]int64{0: int64(len(a.topic))}, nil
}

func (a *alone) start(context.Context, string, int32) (int64, error) { return 0, nil }

func (a *alone) read(_ context.Context, _ string, _ int32, from, to int64, each func(*kgo.Record) error) error {
	for _, r := range a.topic[from:to] {
		if r == nil { // compacted away
			continue
		}
		if err := each(r); err != nil {
			return err
		}
	}
	return nil
}

// others writes into the table's topic what this owner does not know of.
func (a *alone) others(r kgo.Record) {
	r.Offset = int64(len(a.topic))
	a.topic = append(a.topic, &r)
}

// put sets the value of a key as if that input had been the one that it includes, and promises as much.
func (a *alone) put(key string, v domain.Version, outbox ...schemas.Outcome) {
	value := &schemas.Table[domain.FeedbackState]{Applied: v, Outbox: outbox}
	a.set(&input{origin: domain.Origin{Version: v}, key: key}, value)
	a.part.lane.add(v, nil, true, func(err error) {
		a.told = append(a.told, fmt.Sprint(v, " ", err))
		a.part.stop() // or a write that should have ended by itself would hang the test
	})
}

func newFeedback(v domain.Version) *schemas.Table[domain.FeedbackState] {
	return &schemas.Table[domain.FeedbackState]{Applied: v}
}

// shown is the record of a flush as a reader sees it: key, applied version, and the version that its header names.
func (a *alone) shown(t *testing.T, r *kgo.Record) string {
	t.Helper()
	value, err := a.decode(r.Value)
	require.NoError(t, err)
	return fmt.Sprintf("%s %d %s", r.Key, value.Applied, header(r, topics.HeaderVersion))
}

func TestAFlushWritesTheNewestOfEachKeyAndItsLastRecordNamesTheNewestInput(t *testing.T) {
	a := newAlone(t)
	a.put("u/a", 0)
	a.put("u/b", 1)
	a.put("u/a", 2)
	require.NoError(t, a.flush())
	require.Len(t, a.topic, 2)
	require.Equal(t, []string{"u/a 2 ", "u/b 1 2"}, []string{a.shown(t, a.topic[0]), a.shown(t, a.topic[1])}, "a reader who has the last of them has all")
	require.Equal(t, []string{"0 <nil>", "1 <nil>", "2 <nil>"}, a.told)
	require.Equal(t, string(a.topic[0].Value), get(t, a.copy, "u/a"))
	require.Equal(t, int64(1), a.copy.offset.Load())

	require.NoError(t, a.flush())
	require.Len(t, a.topic, 2, "nothing was set since")
}

// Its outcome may have been lost with the crash that has it come again, and those of the inputs whose values were never written on their own.
func TestAFlushWritesTheOutcomesThatAreNotKnownToBeWritten(t *testing.T) {
	a := newAlone(t)
	a.put("u/a", 2, schemas.Outcome{Version: 0, Event: []byte("x")}, schemas.Outcome{Version: 1, Event: []byte("y")}, schemas.Outcome{Version: 2, Event: []byte("z")})
	a.part.lane.acked = 0 // of the three, the first is known to be written
	require.NoError(t, a.flush())
	value, err := a.decode(a.topic[0].Value)
	require.NoError(t, err)
	require.Equal(t, []schemas.Outcome{{Version: 1, Event: []byte("y")}, {Version: 2, Event: []byte("z")}}, value.Outbox)
}

func TestAFlushThatFailsIsInNoCopyAndKeepsNoPromise(t *testing.T) {
	a := newAlone(t)
	a.put("u/a", 0)
	a.refuse = errTest
	a.write(a.part.ctx)
	require.ErrorIs(t, a.run.failed(), errTest)
	require.Empty(t, get(t, a.copy, "u/a"), "the copy is never ahead of its topic")
	require.Equal(t, []string{"0 " + errTest.Error()}, a.told)
}

func TestACopyThatTakesNothingEndsTheProcessor(t *testing.T) {
	a := newAlone(t)
	require.NoError(t, a.copy.Close())
	a.put("u/a", 0)
	a.write(a.part.ctx)
	require.ErrorContains(t, a.run.failed(), "write to")
	require.Len(t, a.told, 1)
	require.Contains(t, a.told[0], "write to", "nobody is left waiting, and nothing is committed")
}

func TestRecordsAreWaitedForUntilTheLastIsAnswered(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		answers := make(chan func(*kgo.Record, error), 2)
		p := producerOf(func(_ context.Context, _ *kgo.Record, f func(*kgo.Record, error)) { answers <- f })
		defer func() { require.NoError(t, p.Close()) }()
		results := make(chan error, 1)
		go func() { results <- p.emitAll([]*kgo.Record{{Topic: "t"}, {Topic: "t"}}) }()
		first, last := <-answers, <-answers
		last(nil, nil)
		synctest.Wait()
		require.Empty(t, results)
		first(nil, nil)
		require.NoError(t, <-results)
	})
}

// What no copy has yet must not make room for others.
func TestAKeyStaysInMemoryUntilItsCopyHasIt(t *testing.T) {
	for name, begun := range map[string]bool{"set": false, "in a flush": true} {
		t.Run(name, func(t *testing.T) {
			a := newAlone(t)
			for v := range domain.Version(maxSlots) { // the hand moves on from the first
				a.put(fmt.Sprint("u/", v), v)
				if v%maxInputs == maxInputs-1 {
					require.NoError(t, a.flush())
				}
			}
			newest := domain.Version(maxSlots)
			a.put("u/1", newest)
			if begun {
				_, err := a.take()
				require.NoError(t, err)
			}
			a.put("u/another", newest+1)
			require.Len(t, a.slots, maxSlots)
			value, err := a.table.get("u/1")
			require.NoError(t, err)
			require.Equal(t, newest, value.Applied)
		})
	}
}

func TestAValueThatCannotBeReadIsNotOverwritten(t *testing.T) {
	a := newAlone(t)
	require.NoError(t, a.copy.Set("u/a", []byte("of a later version")))
	_, err := a.table.get("u/a")
	require.ErrorContains(t, err, "It is not overwritten")
}

// Another member may have written meanwhile, and what runs for a session must not write beside the next one.
func TestASessionKnowsNothingOfTheOneBefore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		run := &incarnation{group: group("ugc-feedback"), out: producerOf(nil)}
		run.assigned([]int32{0})
		p := run.partition(0)
		p.keys, p.lane = "what was known", mute()
		ended := false
		p.wg.Go(func() {
			<-p.ctx.Done()
			time.Sleep(time.Second) //nolint:forbidigo // virtual time
			ended = true
		})
		run.assigned([]int32{0})
		require.True(t, ended)
		require.Nil(t, run.partition(0).keys)
		require.Nil(t, run.partition(0).lane)
		run.assigned(nil)
		require.NoError(t, run.out.Close())
	})
}

func TestACommitIsWaitedForByNoFullOutbox(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var outbox []schemas.Outcome
		for v := range domain.Version(maxOutcomes) {
			outbox = append(outbox, schemas.Outcome{Version: v})
		}
		l := newLane(maxOutcomes, nil)
		results := make(chan error, 1)
		go func() {
			_, err := l.makeRoom("u/m", outbox)
			results <- err
		}()
		synctest.Wait()
		require.Len(t, results, 1, "what was committed before the session began is written")
		l.fail(errTest)
	})
}

func TestAFlushSaysWhereItsRecordsAreToStand(t *testing.T) {
	a := newAlone(t)
	for v := range domain.Version(3) {
		a.put(fmt.Sprint("u/", v), v)
		require.NoError(t, a.flush())
	}
	for i, r := range a.topic {
		require.Equal(t, fmt.Sprint(i), header(r, topics.HeaderPlace))
	}
}

// The value of another owner stands there first: neither is this flush's outcome emitted, nor its input committed.
func TestAFlushBehindAnotherOwnersValueEndsTheProcessor(t *testing.T) {
	for name, placed := range map[string]string{"of this version": "1", "of an earlier version, without a place": ""} {
		t.Run(name, func(t *testing.T) {
			a := newAlone(t)
			a.put("u/a", 0)
			require.NoError(t, a.flush())
			value, err := a.encode(newFeedback(5))
			require.NoError(t, err)
			r := kgo.Record{Key: []byte("u/a"), Value: value}
			if placed != "" {
				r.Headers = []kgo.RecordHeader{{Key: topics.HeaderPlace, Value: []byte(placed)}}
			}
			a.others(r)
			_, err = a.process(t, 1)
			require.NoError(t, err)
			require.ErrorIs(t, a.flush(), errOtherOwner)
			require.Empty(t, a.sent, "no outcome of a decision that lost leaves")
			require.Equal(t, int64(0), a.copy.offset.Load(), "whoever restores this copy reads the other's value")
		})
	}
}

// A late write, a foreign one, a tombstone: the flush that meets them is written again behind them, and so are their keys.
func TestAFlushBehindRecordsThatDoNotCountIsWrittenAgain(t *testing.T) {
	a := newAlone(t)
	a.put("u/a", 3)
	a.put("u/b", 4)
	require.NoError(t, a.flush())
	old, err := a.encode(newFeedback(1))
	require.NoError(t, err)
	a.others(kgo.Record{Key: []byte("u/a"), Value: old, Headers: []kgo.RecordHeader{{Key: topics.HeaderPlace, Value: []byte("0")}}})
	a.others(kgo.Record{Key: []byte("u/b")})
	a.others(kgo.Record{Key: []byte("u/new"), Value: []byte("?")})
	_, err = a.process(t, 5)
	require.NoError(t, err)
	require.NoError(t, a.flush())
	require.Equal(t, "6", header(a.topic[len(a.topic)-1], topics.HeaderPlace), "behind 2 of its own, 3 of others, and itself once")
	require.Len(t, a.sent, 2)
	require.NoError(t, a.flush(), "woken for the marks")
	last := map[string]string{}
	for i, r := range a.topic {
		last[string(r.Key)] = "wrong"
		if header(r, topics.HeaderPlace) == fmt.Sprint(i) {
			value, err := a.decode(r.Value)
			require.NoError(t, err)
			last[string(r.Key)] = fmt.Sprint(value.Applied)
		}
	}
	require.Equal(t, map[string]string{"u/a": "3", "u/b": "4", "u/m": "5", "u/new": "-1"}, last)
	require.Zero(t, a.copy.marks.Load())
	require.Equal(t, int64(len(a.topic)-1), a.copy.offset.Load())
}

func TestAnIdleOwnerRepairsWhatItHearsOf(t *testing.T) {
	a := newAlone(t)
	a.put("u/a", 3)
	require.NoError(t, a.flush())
	<-a.wake // of the put
	a.others(kgo.Record{Key: []byte("u/a")})
	a.hear(int64(len(a.topic)))
	require.Len(t, a.wake, 1)
	require.NoError(t, a.lookAround(2))
	require.Equal(t, int64(1), a.copy.offset.Load(), "it has read the record, and marked the key")
	require.NoError(t, a.flush())
	require.Len(t, a.topic, 3)
	require.Equal(t, "2", header(a.topic[2], topics.HeaderPlace))
	require.Equal(t, "u/a 3 3", a.shown(t, a.topic[2]))
}

// What was compacted away before it was read may have counted.
func TestAGapThatWasCompactedEndsTheProcessor(t *testing.T) {
	a := newAlone(t)
	a.put("u/a", 3)
	require.NoError(t, a.flush())
	a.topic = append(a.topic, nil)
	require.ErrorIs(t, a.lookAround(2), errOtherOwner)
}

// The topic lost its end, and the copy knows more: it is thrown away, or it would pass over what is written there now.
func TestACopyThatKnowsMoreThanItsTopicIsThrownAway(t *testing.T) {
	a := newAlone(t)
	a.put("u/a", 3)
	require.NoError(t, a.flush())
	a.topic = nil
	a.put("u/a", 4)
	require.ErrorIs(t, a.flush(), errShorter)
	require.NoError(t, a.copy.Close())
	require.NoDirExists(t, a.copy.path)
}

// Nothing is left of a key's records but foreign ones: a right one may have been compacted away.
func TestALostValueIsRebuiltFromTheInputs(t *testing.T) {
	var inputs []input
	for i := range 4 {
		cmd := rating("u", fmt.Sprint("m", i%2), i, int32(i))
		value, err := schemas.Offline().EncodeCommand(cmd)
		require.NoError(t, err)
		inputs = append(inputs, input{origin: domain.Origin{Version: domain.Version(i)}, key: cmd.Key(), value: value})
	}
	for name, tc := range map[string]struct {
		start, commit, applied int64
		blocked                bool
	}{
		"up to the commit": {0, 3, 2, false}, "nothing is committed": {0, 0, -1, false}, "the log does not reach back": {1, 3, 2, true},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(inputs)
			w.begin = tc.start
			w.table = append(w.table, written{key: "u/m0", value: "?"})
			w.commit = int(tc.commit)
			o := w.owner(t, newDisk())
			defer o.die(t, false)
			value, err := o.table.get("u/m0")
			require.NoError(t, err)
			require.Equal(t, []any{domain.Version(tc.applied), tc.blocked}, []any{value.Applied, value.Blocked})
			tables, _ := o.under(t)
			require.Equal(t, 1, tables, "and written behind the foreign record")
			if tc.applied >= 0 && !tc.blocked {
				require.EqualValues(t, 2, value.State.Rating.Value)
			}
		})
	}
}
