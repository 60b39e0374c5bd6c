package streams

import (
	"context"
	"math/rand/v2"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kgo"

	"ugc/domain"
)

// held is a lane of inputs whose answers the test gives.
type held struct {
	*lane
	promises map[domain.Version]*promise
	sent     []string
	told     []string
}

func newHeld() *held {
	h := &held{promises: map[domain.Version]*promise{}}
	h.lane = newLane(-1, func(r *kgo.Record, _ func(*kgo.Record, error)) { h.sent = append(h.sent, string(r.Key)) })
	return h
}

// outcomes are so many records of an input.
func outcomes(v domain.Version, n int) (records []*kgo.Record) {
	for range n {
		records = append(records, &kgo.Record{Key: versionText(v)})
	}
	return records
}

// mute is a lane whose outcomes go nowhere.
func mute() *lane { return newLane(-1, func(*kgo.Record, func(*kgo.Record, error)) {}) }

// put adds an input with one outcome, and a state or none.
func (h *held) put(v domain.Version, state bool) {
	h.promises[v] = h.add(v, outcomes(v, 1), state, func(err error) {
		word := string(versionText(v))
		if err != nil {
			word += " failed"
		}
		h.told = append(h.told, word)
	})
}

func (h *held) answer(v domain.Version) { h.promises[v].written(nil, nil) }

func TestPromisesAreKeptInTheOrderOfInputs(t *testing.T) {
	h := newHeld()
	for v := range domain.Version(4) {
		h.put(v, false)
	}
	h.answer(2)
	h.answer(1)
	require.Empty(t, h.told, "the first has no answer yet")
	require.Equal(t, domain.NoVersion, h.ackedUpTo())
	h.answer(0)
	require.Equal(t, []string{"0", "1", "2"}, h.told)
	require.Equal(t, domain.Version(2), h.ackedUpTo())
	h.answer(3)
	require.Equal(t, []string{"0", "1", "2", "3"}, h.told)
}

func TestOutcomesLeaveInOrderBehindTheirStates(t *testing.T) {
	h := newHeld()
	h.put(0, true)
	h.put(1, false) // set aside without a state
	h.put(2, true)
	require.Empty(t, h.sent)
	h.wrote(0)
	require.Equal(t, []string{"0", "1"}, h.sent)
	h.wrote(2)
	require.Equal(t, []string{"0", "1", "2"}, h.sent)
	require.Empty(t, h.told, "nothing is answered")
}

func TestNoOutcomeLeavesAfterAFailure(t *testing.T) {
	var l *lane
	sent := 0
	l = newLane(-1, func(*kgo.Record, func(*kgo.Record, error)) {
		sent++
		l.fail(errTest) // as the producer does whose record is refused
	})
	for v := range domain.Version(3) {
		l.add(v, outcomes(v, 1), true, func(error) {})
	}
	l.wrote(2)
	require.Equal(t, 1, sent)
}

// While the outcomes of an input are being emitted, one behind it that has none must not be taken for done and forgotten.
func TestAnInputWithoutOutcomesWaitsForThoseBeforeIt(t *testing.T) {
	var l *lane
	var told []domain.Version
	keep := func(v domain.Version) func(error) { return func(error) { told = append(told, v) } }
	l = newLane(-1, func(r *kgo.Record, then func(*kgo.Record, error)) {
		then(nil, nil) // answered before the emit returns
		if string(r.Key) == "0" {
			require.Equal(t, []domain.Version{0}, told)
		}
	})
	l.add(0, outcomes(0, 1), true, keep(0))
	l.add(1, nil, true, keep(1))
	l.add(2, outcomes(2, 1), true, keep(2))
	l.wrote(2)
	require.Equal(t, []domain.Version{0, 1, 2}, told)
}

// Whoever keeps a promise may hear meanwhile that the next can be kept.
func TestAPromiseIsKeptAfterTheOneThatIsBeingKept(t *testing.T) {
	l, told := mute(), []domain.Version(nil)
	var second *promise
	first := l.add(0, outcomes(0, 1), false, func(error) {
		second.written(nil, nil)
		told = append(told, 0)
	})
	second = l.add(1, outcomes(1, 1), false, func(error) { told = append(told, 1) })
	first.written(nil, nil)
	require.Equal(t, []domain.Version{0, 1}, told)
}

func TestAPromiseWaitsForTheStateAndForEveryOutcome(t *testing.T) {
	h := newHeld()
	h.put(0, true)
	h.put(1, false) // set aside without a state
	h.put(2, true)
	twice := 0
	p := h.add(3, outcomes(3, 2), true, func(err error) { require.NoError(t, err); twice++ })
	for v := range domain.Version(3) {
		h.answer(v)
	}
	require.Empty(t, h.told)
	require.Equal(t, domain.Version(2), h.ackedUpTo(), "its outcome is written, whatever becomes of its state")
	h.wrote(0)
	require.Equal(t, []string{"0", "1"}, h.told, "the second waits for no state of its own")
	p.written(nil, nil)
	h.wrote(3)
	require.Equal(t, []string{"0", "1", "2"}, h.told)
	require.Zero(t, twice, "one of two outcomes is not a whole")
	require.Equal(t, domain.Version(2), h.ackedUpTo())
	p.written(nil, nil)
	require.Equal(t, 1, twice)
	h.add(4, outcomes(4, 0), true, func(error) { twice++ })
	require.Equal(t, domain.Version(4), h.ackedUpTo(), "nothing to emit is all emitted")
	h.wrote(4)
	require.Equal(t, 2, twice)
}

func TestAfterAFailureNoPromiseIsKept(t *testing.T) {
	h := newHeld()
	for v := range domain.Version(4) {
		h.put(v, false)
	}
	h.answer(0)
	h.answer(3) // written, and still a failure: goka would commit past the one that is not
	h.promises[1].written(nil, errTest)
	require.Equal(t, []string{"0"}, h.told)
	h.fail(errTest)
	require.Equal(t, []string{"0", "1 failed", "2 failed", "3 failed"}, h.told)
	h.put(4, false)
	require.Equal(t, "4 failed", h.told[len(h.told)-1], "what comes after a failure fails at once")
	h.answer(2)
	h.wrote(4)
	require.Len(t, h.told, 5, "no promise is told twice")
	require.ErrorIs(t, h.room(), errTest)
	require.ErrorIs(t, h.waitAcked(4), errTest)
}

// A failure may come while promises are being kept: those that are left are not, though all that they waited for is there.
func TestAFailureStopsPromisesFromBeingKept(t *testing.T) {
	l, told := mute(), []error(nil)
	first := l.add(0, outcomes(0, 1), false, func(err error) {
		told = append(told, err)
		l.fail(errTest)
	})
	for v := range domain.Version(2) {
		l.add(1+v, outcomes(1+v, 0), false, func(err error) { told = append(told, err) })
	}
	first.written(nil, nil)
	require.Equal(t, []error{nil, errTest, errTest}, told)
}

func TestAddingWaitsForRoomAndForNothingElse(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHeld()
		for v := range domain.Version(maxInputs) {
			require.NoError(t, h.room())
			h.put(v, true)
		}
		results := make(chan error, 1)
		wait := func() { go func() { results <- h.room() }() }
		wait()
		h.answer(0)
		synctest.Wait()
		require.Empty(t, results, "as many as may be are under way")
		h.wrote(0)
		require.NoError(t, <-results)

		h.put(maxInputs, true)
		wait()
		synctest.Wait()
		require.Empty(t, results)
		h.fail(errTest)
		require.ErrorIs(t, <-results, errTest)
	})
}

func TestWaitingForAnAcknowledgement(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHeld()
		h.put(5, true)
		results := make(chan error, 1)
		go func() { results <- h.waitAcked(5) }()
		synctest.Wait()
		require.Empty(t, results)
		h.answer(5) // the state does not matter
		require.NoError(t, <-results)

		go func() { results <- h.waitAcked(6) }()
		synctest.Wait()
		require.Empty(t, results)
		h.fail(errTest)
		require.ErrorIs(t, <-results, errTest)
	})
}

// Answers in any order and from anywhere: no promise is told twice, none is forgotten, and all in order; after a failure, too.
func TestAnswersFromManyGoroutines(t *testing.T) {
	for _, failing := range []bool{false, true} {
		l, told := mute(), []domain.Version(nil)
		failures := 0
		const n = 20_000
		var answers, order sync.WaitGroup
		ahead := make(chan domain.Version, maxInputs)
		order.Go(func() {
			for v := range ahead {
				l.wrote(v)
				if failing && v == n/2 {
					l.fail(errTest)
				}
			}
		})
		var mu sync.Mutex
		for v := range domain.Version(n) {
			if l.room() != nil {
				break
			}
			p := l.add(v, outcomes(v, 2), true, func(err error) {
				mu.Lock()
				defer mu.Unlock()
				if told = append(told, v); err != nil {
					failures++
				}
			})
			answers.Go(func() { p.written(nil, nil) })
			answers.Go(func() { p.written(nil, nil) })
			ahead <- v
		}
		close(ahead)
		answers.Wait()
		order.Wait()
		require.IsIncreasing(t, told)
		require.Equal(t, domain.Version(len(told)-1), told[len(told)-1], "none is left out")
		if failing {
			require.GreaterOrEqual(t, len(told), n/2)
		} else {
			require.Len(t, told, n)
			require.Zero(t, failures)
			require.Equal(t, domain.Version(n-1), l.ackedUpTo())
		}
	}
}

func producerOf(write writer) *producer {
	return newProducerOver(write, func() {}, map[string]int32{"t": partitions})
}

func TestARecordGoesToThePartitionOfItsKey(t *testing.T) {
	p := producerOf(func(_ context.Context, r *kgo.Record, f func(*kgo.Record, error)) { f(r, nil) })
	for range 50 {
		key := string(versionText(domain.Version(rand.Int64()))) + "/m"
		p.emit(&kgo.Record{Topic: "t", Key: []byte(key)}, func(r *kgo.Record, err error) {
			require.NoError(t, err)
			require.Equal(t, domain.Partition(key, partitions), r.Partition)
		})
	}
}

func TestTheFirstFailureOfAProducerFailsEveryLane(t *testing.T) {
	var answers []func(*kgo.Record, error)
	closed := 0
	p := newProducerOver(func(_ context.Context, _ *kgo.Record, f func(*kgo.Record, error)) { answers = append(answers, f) },
		func() { closed++ }, map[string]int32{"t": partitions})
	var told []error
	keep := func(err error) { told = append(told, err) }
	a, b := p.lane(0, -1), p.lane(1, -1)
	one := func() []*kgo.Record { return []*kgo.Record{{Topic: "t"}} }
	a.add(0, one(), false, keep)
	b.add(0, one(), false, keep)
	answers[1](nil, errTest)
	require.Len(t, told, 2)
	require.ErrorIs(t, told[0], errTest)
	require.ErrorIs(t, context.Cause(p.ctx), errTest, "what runs for it ends")
	answers[0](nil, nil)
	require.Len(t, told, 2)

	p.emit(&kgo.Record{Topic: "t"}, func(_ *kgo.Record, err error) { require.ErrorIs(t, err, errTest) })
	require.Len(t, answers, 2, "what comes after a failure is not sent")
	p.lane(2, -1).add(0, outcomes(0, 1), false, keep)
	require.Len(t, told, 3, "a lane that begins then is dead")
	require.NoError(t, p.Close())
	require.NoError(t, p.Close())
	require.Equal(t, 1, closed)
	require.ErrorIs(t, p.failure(), errTest)
}

// The client's own limit would be the wall clock's.
func TestWhatIsNotWrittenInTimeIsGivenUpByTheMonotonicClock(t *testing.T) {
	client, err := kgo.NewClient(append([]kgo.Opt{kgo.RecordDeliveryTimeout(time.Minute)}, producerOpts()...)...)
	require.NoError(t, err)
	defer client.Close()
	require.Zero(t, client.OptValue(kgo.RecordDeliveryTimeout))
	synctest.Test(t, func(t *testing.T) {
		var failures []error
		p := producerOf(func(ctx context.Context, r *kgo.Record, f func(*kgo.Record, error)) {
			context.AfterFunc(ctx, func() { f(r, ctx.Err()) })
		})
		defer func() { require.NoError(t, p.Close()) }()
		began := time.Now()
		p.emit(&kgo.Record{Topic: "t"}, func(_ *kgo.Record, err error) { failures = append(failures, err) })
		<-p.ctx.Done()
		synctest.Wait()
		require.Equal(t, []error{errNotWritten}, failures)
		require.GreaterOrEqual(t, time.Since(began), writtenWithin)
		require.LessOrEqual(t, time.Since(began), writtenWithin+sharedFor)
	})
}

func TestWhatCannotBeWrittenFailsBeforeAnythingLaterIsSent(t *testing.T) {
	for name, r := range map[string]*kgo.Record{
		"too large": {Topic: "t", Key: []byte("k"), Value: make([]byte, 1<<20)}, "unknown topic": {Topic: "x", Key: []byte("k")},
	} {
		sent := 0
		p := producerOf(func(_ context.Context, r *kgo.Record, f func(*kgo.Record, error)) { sent++; f(r, nil) })
		require.Error(t, p.emitAll([]*kgo.Record{r, {Topic: "t", Key: []byte("k")}}), name)
		require.Zero(t, sent)
	}
}

// goka has nothing to write: it would not wait for what was written before.
func TestGokaIsRefusedToWrite(t *testing.T) {
	p := producerOf(nil)
	told := false
	p.Emit("t", "k", nil).Then(func(err error) { require.ErrorIs(t, err, errNotGokas); told = true })
	require.True(t, told)
}
