package projections

import (
	"context"
	"sync"
	"time"

	"ugc/domain"
)

// queue holds decoded records between the reader and the writer, in order, a batch of them and a chunk at most. It is what lets a batch grow
// while the store is busy and go out at once when it is idle.
type queue struct {
	Batching
	filled, drained chan struct{} // at most one signal waits in each

	mu      sync.Mutex
	chunks  []chunk
	records int
	bytes   int
}

// chunk is what came at one time.
type chunk struct {
	entries []entry
	at      time.Time
}

func newQueue(b Batching) *queue {
	return &queue{Batching: b, filled: make(chan struct{}, 1), drained: make(chan struct{}, 1)}
}

func (q *queue) clear() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.chunks, q.records, q.bytes = nil, 0, 0
}

// put waits until the queue is less than full, or until ctx ends, which is the error. A chunk goes in whole, so keep chunks small.
func (q *queue) put(ctx context.Context, entries []entry) error {
	for {
		q.mu.Lock()
		if !q.full() {
			q.chunks = append(q.chunks, chunk{entries: entries, at: time.Now()})
			q.records += len(entries)
			q.bytes += bytesOf(entries)
			q.mu.Unlock()
			signal(q.filled)
			return nil
		}
		q.mu.Unlock()
		select {
		case <-q.drained:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

func (q *queue) full() bool { return q.records >= q.MaxRecords || q.bytes >= q.MaxBytes }

// take waits until a batch is due and gives it, at least one record, or until ctx ends, which is the error; what is queued then stays.
func (q *queue) take(ctx context.Context) ([]entry, error) {
	timer := time.NewTimer(time.Hour)
	defer timer.Stop()
	for {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		batch, wait := q.cut()
		if len(batch) > 0 {
			signal(q.drained)
			return batch, nil
		}
		timer.Reset(wait)
		select {
		case <-q.filled:
		case <-timer.C:
		case <-ctx.Done():
		}
	}
}

// cut takes what is due now, and else says how long to wait for it.
func (q *queue) cut() (batch []entry, wait time.Duration) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.records == 0 {
		return nil, time.Hour // until something comes
	}
	if left := q.MaxWait - time.Since(q.chunks[0].at); left > 0 && !q.full() {
		return nil, left
	}
	size := 0
	for len(q.chunks) > 0 && len(batch) < q.MaxRecords && size < q.MaxBytes {
		c := &q.chunks[0]
		n := min(len(c.entries), q.MaxRecords-len(batch))
		if batch == nil && n == len(c.entries) {
			batch = c.entries
		} else {
			if batch == nil || cap(batch) == len(batch) { // once: a batch that grows by and by is copied over and over
				batch = append(make([]entry, 0, min(q.records, q.MaxRecords)), batch...)
			}
			batch = append(batch, c.entries[:n]...)
		}
		size += bytesOf(c.entries[:n])
		if c.entries = c.entries[n:]; len(c.entries) > 0 {
			break
		}
		q.chunks[0] = chunk{}
		q.chunks = q.chunks[1:]
	}
	q.records -= len(batch)
	q.bytes -= size
	return batch, 0
}

// oldest is the time of arrival of the first queued record of each partition.
func (q *queue) oldest(into map[int32]domain.Instant) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for _, c := range q.chunks {
		oldest(c.entries, into)
	}
}

func oldest(entries []entry, into map[int32]domain.Instant) {
	for i := range entries {
		if _, ok := into[entries[i].Partition]; !ok {
			into[entries[i].Partition] = entries[i].arrived()
		}
	}
}

func bytesOf(entries []entry) (n int) {
	for i := range entries {
		n += entries[i].bytes()
	}
	return n
}

// bytes is all of the record: its headers may be the most of it.
func (en *entry) bytes() int {
	n := len(en.raw.Value) + len(en.raw.Key)
	for i := range en.raw.Headers {
		n += len(en.raw.Headers[i].Key) + len(en.raw.Headers[i].Value) + headerBytes
	}
	return n
}

// headerBytes is what a header takes beside its bytes.
const headerBytes = 40

func signal(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}
