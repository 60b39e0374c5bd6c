package streams

import (
	"context"
	"fmt"
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
		a.topic = append(a.topic, r)
		f(r, nil)
	})
	out.partitions = map[string]int32{g.Table.Name: partitions}
	for _, o := range g.Outputs {
		out.partitions[o.Topic.Name] = partitions
	}
	run := &incarnation{group: g, out: out, inputs: partitions, healer: newHealer("t", quietLog(), cannotTouch), metrics: newMetrics(nil).of(g.Name)}
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

// put sets the value of a key as if that input had been the one that it includes, and promises as much.
func (a *alone) put(key string, v domain.Version, outbox ...schemas.Outcome) {
	value := &schemas.Table[domain.FeedbackState]{Applied: v, Outbox: outbox}
	a.set(&input{origin: domain.Origin{Version: v}, key: key}, value)
	a.part.lane.add(v, 0, true, func(err error) {
		a.told = append(a.told, fmt.Sprint(v, " ", err))
		a.part.stop() // or a write that should have ended by itself would hang the test
	})
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
		p.keys, p.lane = "what was known", newLane(3)
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
		l := newLane(maxOutcomes)
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
