package streams

import (
	"container/heap"
	"context"
	"fmt"
	"sync"

	"ugc/domain"
)

// watermarks say, per partition, up to which input a table shows everything, and wake those who wait for that. Nobody polls.
//
// The watermark of a partition is the greatest version that the header of one of its table records names, and that header names the newest
// input that the flush which the record ends has written. It is valid because flushes are a prefix of the inputs:
//
//   - An owner of the partition goes through the inputs in order from the group's commit on. A flush holds the newest value of every key that inputs have set since
//     the one before it, and its last record alone has a header. Flushes go one after the other into the table's partition of the same number, with one idempotent
//     producer: where a record with input v in its header stands, the effects of all inputs up to v since the owner's start stand before it or in it.
//   - What lies before its start was committed, and is committed only when its table records are written (rule 6).
//   - A zombie is an owner too: the same holds for its records, wherever they land between those of others.
//   - A key shows the greater version of all its records (rule 5), so nothing that came later takes back what an earlier record showed.
//
// The applied version inside the value would not do: after a crash an owner whose own copy is ahead of the topic sets values again that
// are newer than the input it is at, before those of other keys.
//
// Inputs that were set aside without a state (no key, or a foreign one) have no table record. Nobody holds a token for them.
type watermarks struct {
	mu         sync.Mutex
	partitions map[int32]*watermark
	count      int32         // of partitions, 0 while unknown
	known      chan struct{} // closed when count is
}

type watermark struct {
	mu      sync.Mutex
	version domain.Version
	waiting waiters // the least version first
}

type waiter struct {
	version domain.Version
	reached chan struct{}
	at      int // in the heap, -1 when not
}

func newWatermarks() *watermarks {
	return &watermarks{partitions: make(map[int32]*watermark), known: make(chan struct{})}
}

// size tells how many partitions there are.
func (w *watermarks) size(n int32) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.count == 0 {
		close(w.known)
	}
	w.count = n
}

func (w *watermarks) of(partition int32) *watermark {
	w.mu.Lock()
	defer w.mu.Unlock()
	m := w.partitions[partition]
	if m == nil {
		m = &watermark{version: domain.NoVersion}
		w.partitions[partition] = m
	}
	return m
}

// wait blocks until the partition shows everything up to the version, or ctx ends, which is then the error.
func (w *watermarks) wait(ctx context.Context, partition int32, v domain.Version) error {
	select {
	case <-w.known:
	case <-ctx.Done():
		return ctx.Err()
	}
	w.mu.Lock()
	n := w.count
	w.mu.Unlock()
	if partition < 0 || partition >= n { // or a made-up token would wait, and be remembered, for ever
		return domain.BadToken(fmt.Errorf("there is no partition %d", partition))
	}
	return w.of(partition).wait(ctx, v)
}

// raise lifts the watermark; a lower version changes nothing. It returns the watermark after it.
func (m *watermark) raise(v domain.Version) domain.Version {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.version = max(m.version, v)
	for len(m.waiting) > 0 && m.waiting[0].version <= m.version {
		close(heap.Pop(&m.waiting).(*waiter).reached)
	}
	return m.version
}

func (m *watermark) wait(ctx context.Context, v domain.Version) error {
	m.mu.Lock()
	if m.version >= v {
		m.mu.Unlock()
		return nil
	}
	w := &waiter{version: v, reached: make(chan struct{})}
	heap.Push(&m.waiting, w)
	m.mu.Unlock()
	select {
	case <-w.reached:
		return nil
	case <-ctx.Done():
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if w.at >= 0 {
		heap.Remove(&m.waiting, w.at)
	}
	return ctx.Err()
}

// waiters is a heap by version.
type waiters []*waiter

func (w waiters) Len() int           { return len(w) }
func (w waiters) Less(i, j int) bool { return w[i].version < w[j].version }
func (w waiters) Swap(i, j int)      { w[i], w[j] = w[j], w[i]; w[i].at, w[j].at = i, j }
func (w *waiters) Push(x any)        { x.(*waiter).at = len(*w); *w = append(*w, x.(*waiter)) }
func (w *waiters) Pop() any {
	old := *w
	last := old[len(old)-1]
	old[len(old)-1] = nil
	last.at = -1
	*w = old[:len(old)-1]
	return last
}
