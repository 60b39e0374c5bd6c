package streams

import (
	"context"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kgo"

	"ugc/domain"
)

// held is a producer whose answers the test gives.
type held struct {
	*producer
	mu      sync.Mutex
	answers []func(*kgo.Record, error)
	records []*kgo.Record
	closed  int
}

func newHeld() *held {
	h := &held{}
	h.producer = newProducerOver(func(_ context.Context, r *kgo.Record, f func(*kgo.Record, error)) {
		h.mu.Lock()
		defer h.mu.Unlock()
		h.records, h.answers = append(h.records, r), append(h.answers, f)
	}, func() { h.closed++ }, map[string]int32{"t": partitions})
	return h
}

// put emits one record and tells what became of it.
func (h *held) put(v domain.Version, told *[]string) {
	h.emit(&kgo.Record{Topic: "t", Key: []byte("u/m")}, mark{set: true, Origin: domain.Origin{Partition: 1, Version: v}}, func(_ *kgo.Record, err error) {
		word := string(versionText(v))
		if err != nil {
			word += " failed"
		}
		*told = append(*told, word)
	})
}

func TestPromisesAreKeptInTheOrderOfEmitting(t *testing.T) {
	h, told := newHeld(), []string(nil)
	for v := range domain.Version(4) {
		h.put(v, &told)
	}
	h.answers[2](h.records[2], nil)
	h.answers[1](h.records[1], nil)
	require.Empty(t, told, "the first has no answer yet")
	require.Equal(t, domain.NoVersion, h.ackedUpTo(1))
	h.answers[0](h.records[0], nil)
	require.Equal(t, []string{"0", "1", "2"}, told)
	require.Equal(t, domain.Version(2), h.ackedUpTo(1))
	require.Equal(t, domain.NoVersion, h.ackedUpTo(0), "of another partition nothing is known")
	h.answers[3](h.records[3], nil)
	require.Equal(t, []string{"0", "1", "2", "3"}, told)
}

func TestAfterAFailureEverythingLaterFails(t *testing.T) {
	h, told := newHeld(), []string(nil)
	for v := range domain.Version(4) {
		h.put(v, &told)
	}
	h.answers[3](h.records[3], nil) // written, and still a failure: goka would commit past the one that is not
	h.answers[1](h.records[1], errTest)
	h.answers[2](h.records[2], nil)
	require.Empty(t, told)
	h.put(4, &told)
	require.Equal(t, []string{"4 failed"}, told, "what comes after a known failure fails at once")
	require.Len(t, h.records, 4, "and is not sent")
	h.answers[0](h.records[0], nil)
	require.Equal(t, []string{"4 failed", "0", "1 failed", "2 failed", "3 failed"}, told)
	require.Equal(t, domain.Version(0), h.ackedUpTo(1))
	require.ErrorIs(t, h.failure(), errTest)
}

func TestGokaLearnsTheOffsetOfATableRecord(t *testing.T) {
	h := newHeld()
	var offset int64
	h.EmitWithHeaders("t", "u/m", []byte("v"), map[string][]byte{"h": []byte("x")}).Then(func(err error) { require.NoError(t, err); offset = 1 })
	require.Equal(t, domain.Partition("u/m", partitions), h.records[0].Partition)
	require.Equal(t, []kgo.RecordHeader{{Key: "h", Value: []byte("x")}}, h.records[0].Headers)
	h.answers[0](h.records[0], nil)
	require.Equal(t, int64(1), offset)
}

// The client's own limit would be the wall clock's.
func TestWhatIsNotWrittenInTimeIsGivenUpByTheMonotonicClock(t *testing.T) {
	client, err := kgo.NewClient(append([]kgo.Opt{kgo.RecordDeliveryTimeout(time.Minute)}, producerOpts()...)...)
	require.NoError(t, err)
	defer client.Close()
	require.Zero(t, client.OptValue(kgo.RecordDeliveryTimeout))
	synctest.Test(t, func(t *testing.T) {
		var failures []error
		p := newProducerOver(func(ctx context.Context, r *kgo.Record, f func(*kgo.Record, error)) {
			context.AfterFunc(ctx, func() { f(r, ctx.Err()) })
		}, func() {}, map[string]int32{"t": 1})
		defer func() { require.NoError(t, p.Close()) }()
		began := time.Now()
		p.emit(&kgo.Record{Topic: "t"}, mark{}, func(_ *kgo.Record, err error) { failures = append(failures, err) })
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
		h, told := newHeld(), []string(nil)
		h.emit(r, mark{}, func(_ *kgo.Record, err error) { require.Error(t, err, name); told = append(told, "failed") })
		h.put(1, &told)
		require.Equal(t, []string{"failed", "1 failed"}, told)
		require.Empty(t, h.records)
	}
}

func TestEmittingWaitsForRoomAndForNothingElse(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, told := newHeld(), []string(nil)
		for v := range domain.Version(maxEmissions) {
			h.put(v, &told)
		}
		went := false
		go func() { h.put(maxEmissions, &told); went = true }()
		synctest.Wait()
		require.False(t, went, "as many as may be are under way")
		h.answers[0](h.records[0], nil)
		synctest.Wait()
		require.True(t, went)

		late := false
		go func() { h.put(maxEmissions+1, &told); late = true }()
		synctest.Wait()
		require.False(t, late)
		require.NoError(t, h.Close())
		synctest.Wait()
		require.True(t, late, "closing frees whoever waits")
		require.Equal(t, "8193 failed", told[len(told)-1])
		require.NoError(t, h.Close())
		require.Equal(t, 1, h.closed)
	})
}

func TestWaitingForAnAcknowledgement(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, told := newHeld(), []string(nil)
		h.put(5, &told)
		at := domain.Origin{Partition: 1, Version: 5}
		results := make(chan error, 1)
		go func() { results <- h.waitAcked(at) }()
		synctest.Wait()
		require.Empty(t, results)
		h.answers[0](h.records[0], nil)
		require.NoError(t, <-results)

		at.Version = 6
		go func() { results <- h.waitAcked(at) }()
		synctest.Wait()
		require.Empty(t, results)
		h.fail(errTest)
		require.ErrorIs(t, <-results, errTest)
	})
}

// Many writers and answers in any order: no promise is kept twice, none is forgotten, each writer's are kept in order.
func TestManyWritersKeepTheirOrders(t *testing.T) {
	var answer sync.WaitGroup
	p := newProducerOver(func(_ context.Context, r *kgo.Record, f func(*kgo.Record, error)) { answer.Go(func() { f(r, nil) }) }, func() {},
		map[string]int32{"t": partitions})
	const writers, each = 8, 2000
	var all sync.WaitGroup
	told := make([][]domain.Version, writers)
	for w := range writers {
		all.Go(func() {
			for v := range domain.Version(each) {
				p.emit(&kgo.Record{Topic: "t"}, mark{set: true, Origin: domain.Origin{Partition: int32(w), Version: v}}, func(*kgo.Record, error) {
					told[w] = append(told[w], v)
				})
			}
		})
	}
	all.Wait()
	answer.Wait()
	for w := range writers {
		require.Len(t, told[w], each)
		require.IsIncreasing(t, told[w])
		require.Equal(t, domain.Version(each-1), p.ackedUpTo(int32(w)))
	}
}
