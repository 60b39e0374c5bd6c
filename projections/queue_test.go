package projections

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kgo"

	"ugc/schemas/topics"
)

func goods(from, n int) (list []entry) {
	for i := range n {
		list = append(list, good(0, int64(from+i), "k"))
	}
	return list
}

func TestWithoutLingerABatchIsAllThatIsThere(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := newQueue(Batching{}.orDefault())
		began := time.Now()
		require.NoError(t, q.put(t.Context(), goods(0, 1)))
		batch, err := q.take(t.Context())
		require.NoError(t, err)
		require.Len(t, batch, 1)
		require.Zero(t, time.Since(began), "one record does not wait for a second")

		taken := make(chan []entry)
		go func() {
			batch, _ := q.take(t.Context())
			taken <- batch
		}()
		synctest.Wait() // the writer waits
		require.NoError(t, q.put(t.Context(), goods(1, 2)))
		require.Len(t, <-taken, 2)
		require.Zero(t, time.Since(began), "and one who waits is woken")

		for i := range 5 { // what comes while the store is busy goes together
			require.NoError(t, q.put(t.Context(), goods(10+i, 1)))
		}
		batch, err = q.take(t.Context())
		require.NoError(t, err)
		require.Len(t, batch, 5)
	})
}

func TestABatchThatMayWaitGoesBySizeOrTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := newQueue(Batching{MaxRecords: 10, MaxWait: time.Second}.orDefault())
		began := time.Now()
		require.NoError(t, q.put(t.Context(), goods(0, 3)))
		<-time.After(400 * time.Millisecond) // virtual
		require.NoError(t, q.put(t.Context(), goods(3, 3)))
		batch, err := q.take(t.Context())
		require.NoError(t, err)
		require.Len(t, batch, 6)
		require.Equal(t, time.Second, time.Since(began), "counted from the first record, not from the last")

		began = time.Now()
		require.NoError(t, q.put(t.Context(), goods(6, 7)))
		require.NoError(t, q.put(t.Context(), goods(13, 7)))
		batch, err = q.take(t.Context())
		require.NoError(t, err)
		require.Equal(t, goods(6, 10), batch)
		require.Zero(t, time.Since(began), "a full batch does not wait")
		batch, err = q.take(t.Context())
		require.NoError(t, err)
		require.Equal(t, goods(16, 4), batch, "the rest is the next one")
		require.Equal(t, time.Second, time.Since(began), "and its wait counts from when it came")
	})
}

func TestTheBrokerWaitsForAPartOfTheBatchAndTheQueueForTheRest(t *testing.T) {
	for max, broker := range map[time.Duration]time.Duration{
		0: 0, 30 * time.Millisecond: 0, time.Second: 500 * time.Millisecond, time.Minute: 500 * time.Millisecond,
	} {
		b := Batching{MaxWait: max}.orDefault()
		require.Equal(t, broker, b.fetchWait(), max)
		require.Equal(t, max, b.fetchWait()+b.fetched().MaxWait, "no record waits longer than was asked for")
		e := &Engine{o: Options{View: View{Source: topics.FeedbackEvents, Batch: b}, Kafka: []kgo.Opt{kgo.SeedBrokers("127.0.0.1:1")}}}
		client, err := kgo.NewClient(e.clientOptions()...)
		require.NoError(t, err)
		if broker > 0 {
			require.Equal(t, broker, client.OptValue(kgo.FetchMaxWait))
			require.EqualValues(t, leastFetch, client.OptValue(kgo.FetchMinBytes))
		} else {
			require.EqualValues(t, 1, client.OptValue(kgo.FetchMinBytes), "a view that does not wait is told of each record at once")
		}
		client.Close()
	}
}

func TestTheQueueIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		byRecords := newQueue(Batching{MaxRecords: 10}.orDefault())
		byBytes := newQueue(Batching{MaxBytes: 20}.orDefault()) // a record of goods has two bytes
		for _, q := range []*queue{byRecords, byBytes} {
			require.NoError(t, q.put(t.Context(), goods(0, 9)))
			require.NoError(t, q.put(t.Context(), goods(9, 9)), "a chunk goes in whole")
			put := make(chan error, 1)
			go func() { put <- q.put(t.Context(), goods(18, 1)) }()
			synctest.Wait()
			require.Empty(t, put, "a full queue takes no more")
			batch, err := q.take(t.Context())
			require.NoError(t, err)
			require.GreaterOrEqual(t, len(batch), 9)
			require.NoError(t, <-put)

			ctx, cancel := context.WithCancel(t.Context())
			require.NoError(t, q.put(t.Context(), goods(19, 18)))
			go func() { put <- q.put(ctx, goods(37, 1)) }()
			synctest.Wait()
			cancel()
			require.ErrorIs(t, <-put, context.Canceled)
		}
	})
}

func TestOneRecordGreaterThanABatchGoesThrough(t *testing.T) {
	q := newQueue(Batching{MaxBytes: 1}.orDefault())
	require.NoError(t, q.put(t.Context(), goods(0, 2)))
	for range 2 {
		batch, err := q.take(t.Context())
		require.NoError(t, err)
		require.NotEmpty(t, batch)
		if len(batch) == 2 {
			return
		}
	}
}

func TestTakingEndsWithTheContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	q := newQueue(Batching{MaxWait: time.Hour}.orDefault())
	require.NoError(t, q.put(ctx, goods(0, 1)))
	cancel()
	_, err := q.take(ctx)
	require.ErrorIs(t, err, context.Canceled)
}

func TestHeadersCountInABatch(t *testing.T) {
	q := newQueue(Batching{MaxRecords: 1000, MaxBytes: 1 << 20})
	var entries []entry
	for offset := range int64(4) {
		en := good(0, offset, "a")
		en.raw.Headers = []kgo.RecordHeader{{Key: "h", Value: make([]byte, 600<<10)}}
		entries = append(entries, en)
	}
	for i := range entries[:2] {
		require.NoError(t, q.put(t.Context(), entries[i:i+1]))
	}
	require.True(t, q.full())
	batch, _ := q.cut()
	require.Len(t, batch, 2)
	require.Zero(t, q.bytes)
}
