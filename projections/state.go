package projections

import (
	"maps"
	"slices"
	"sync"
	"time"

	"ugc/domain"
	"ugc/schemas"
)

// state is what an engine knows of itself; everybody asks it, so it has its own lock and never calls out.
type state struct {
	mu         *sync.Mutex
	running    bool
	stalled    map[string]Stall // by step
	partitions map[int32]*partition
	blocked    map[blockedAt]int64 // offset of the record that could not be applied
	asked      time.Time           // when the store was last asked for blocked
	atHand     []entry
}

type partition struct {
	Watermark
	end   int64     // of the log; -1 until asked
	endAt time.Time // when it was asked for
	allAt time.Time // when the view was last known to show all; zero: not known
	fault error
	until domain.Version // at which the fault is over
}

type blockedAt struct {
	partition int32
	key       string
}

func newState() state {
	return state{mu: &sync.Mutex{}, stalled: map[string]Stall{}, partitions: map[int32]*partition{}, blocked: map[blockedAt]int64{}}
}

func (s *state) start() { s.set(func() { s.running = true }) }

func (s *state) stop() {
	s.set(func() {
		s.running, s.atHand = false, nil
		clear(s.stalled)
		clear(s.partitions)
		clear(s.blocked)
	})
}

func (s *state) set(do func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	do()
}

// stall notes a failed attempt and says whether it is the first.
func (s *state) stall(step string, err error, now time.Time) (first bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	st, known := s.stalled[step]
	if !known {
		st = Stall{Step: step, Since: now}
	}
	st.Err = err
	st.Attempts++
	s.stalled[step] = st
	return !known
}

func (s *state) resume(step string) (since time.Time, stalled bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	st, stalled := s.stalled[step]
	delete(s.stalled, step)
	return st.Since, stalled
}

func (s *state) stalls() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.stalled)
}

func (s *state) assign(p int32, w Watermark, known bool) {
	if !known {
		w.Version = domain.NoVersion
	}
	s.set(func() { s.partitions[p] = &partition{Watermark: w, end: -1} })
}

func (s *state) revoke(p int32) { s.set(func() { delete(s.partitions, p) }) }

func (s *state) assigned() []int32 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Sorted(maps.Keys(s.partitions))
}

func (s *state) fault(p int32, err error) {
	s.set(func() {
		if it, ok := s.partitions[p]; ok {
			it.fault, it.until = err, never
		}
	})
}

// never is a version that no log reaches.
const never = domain.Version(1<<63 - 1)

// faultUntil notes a fault that is over when the partition is read up to a version again.
func (s *state) faultUntil(p int32, err error, until domain.Version) {
	s.set(func() {
		if it, ok := s.partitions[p]; ok {
			it.fault, it.until = err, until
		}
	})
}

func (s *state) advance(marks map[int32]Watermark) {
	s.set(func() {
		for p, m := range marks {
			if it, ok := s.partitions[p]; ok { // else it is another's by now
				it.Next, it.Version = max(it.Next, m.Next), max(it.Version, m.Version)
				if m.Version >= it.until {
					it.fault = nil
				}
			}
		}
	})
}

// ends takes what the log's ends were at a time.
func (s *state) ends(ends map[int32]int64, at time.Time) {
	s.set(func() {
		for p, end := range ends {
			it, ok := s.partitions[p]
			if !ok {
				continue
			}
			it.end, it.endAt = max(it.end, end), at
			if it.Next >= it.end {
				it.allAt = at
			}
		}
	})
}

// read takes the end that came with a fetch: what was read and is not shown yet counts at once.
func (s *state) read(p int32, end int64) {
	s.set(func() {
		if it, ok := s.partitions[p]; ok && end > it.end {
			it.end, it.endAt = end, time.Now()
		}
	})
}

func (s *state) begin(batch []entry) { s.set(func() { s.atHand = batch }) }
func (s *state) end()                { s.set(func() { s.atHand = nil }) }

// isBlocked is asked with the lock held.
func (s *state) isBlocked(e *entry) bool {
	if len(s.blocked) == 0 || e.alone {
		return false
	}
	offset, ok := s.blocked[blockedAt{e.Partition, e.Key}]
	return ok && e.Offset >= offset
}

// mayBeBlocked says whether the batch holds a key that was blocked when the store was asked, and that was before then.
func (s *state) mayBeBlocked(batch []entry, then time.Time) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.asked.After(then) {
		return false
	}
	for i := range batch {
		if s.isBlocked(&batch[i]) {
			return true
		}
	}
	return false
}

// judge refuses what must wait behind a refused record, and gives the keys that are blocked from now on. It is one step: what the store says meanwhile, which
// does not know these keys yet, must not let a later record of the batch pass.
func (s *state) judge(batch []entry) (keys []BlockedKey) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for i := range batch {
		en := &batch[i]
		if en.refused == nil && s.isBlocked(en) {
			en.refuse(schemas.ReasonBehind, errBehind)
		}
		if en.refused == nil || en.sent || en.alone {
			continue
		}
		if key := en.blockedKey(); s.blockLocked(key) {
			keys = append(keys, key)
		}
	}
	return keys
}

// block says whether the key was not blocked yet.
func (s *state) block(k BlockedKey) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.blockLocked(k)
}

func (s *state) blockLocked(k BlockedKey) bool {
	at := blockedAt{k.Partition, k.Key}
	if first, ok := s.blocked[at]; ok && first <= k.Offset {
		return false
	}
	s.blocked[at] = k.Offset
	return true
}

func (s *state) setBlocked(keys []BlockedKey, now time.Time) {
	s.set(func() {
		s.asked = now
		clear(s.blocked)
		for _, k := range keys {
			s.blocked[blockedAt{k.Partition, k.Key}] = k.Offset
		}
	})
}

// Status is how a projection is doing.
type Status struct {
	Generation Generation
	Running    bool
	Stalls     []Stall           // steps that fail and are tried again; none while all is well
	Partitions []PartitionStatus // those assigned to this engine, in order
	Blocked    int               // keys that wait behind dead letters
}

// Stall is a step that fails for now.
type Stall struct {
	Step     string // read watermarks, decode, dead letters, block, write, advance
	Since    time.Time
	Attempts int
	Err      error // of the last attempt
}

// PartitionStatus is how far one partition is.
type PartitionStatus struct {
	Partition int32
	Watermark Watermark
	End       int64         // of the log when last asked, -1 when not yet
	Lag       int64         // records from the watermark to the end; -1 while the end is not known
	Behind    time.Duration // no record that is not shown yet is older; 0 where there is none, -1 while that is not known
	Fault     error         // why it cannot go on without a person
}

// Healthy is false while a step is stalled or a partition needs a person.
func (s Status) Healthy() bool {
	return s.Running && len(s.Stalls) == 0 && !slices.ContainsFunc(s.Partitions, func(p PartitionStatus) bool { return p.Fault != nil })
}

// Status is a snapshot; it never waits for a store or a broker.
func (e *Engine) Status() Status {
	waiting := map[int32]domain.Instant{}
	s := &e.state
	s.mu.Lock()
	defer s.mu.Unlock()
	oldest(s.atHand, waiting)
	e.queue.oldest(waiting)
	status := Status{Generation: e.o.Generation, Running: s.running, Blocked: len(s.blocked)}
	status.Stalls = slices.SortedFunc(maps.Values(s.stalled), func(a, b Stall) int { return a.Since.Compare(b.Since) })
	for _, p := range slices.Sorted(maps.Keys(s.partitions)) {
		it := s.partitions[p]
		ps := PartitionStatus{Partition: p, Watermark: it.Watermark, End: it.end, Lag: -1, Behind: -1, Fault: it.fault}
		if it.end >= 0 && time.Since(it.endAt) < knownFor*e.o.LagInterval {
			ps.Lag = max(0, it.end-it.Next)
		}
		at, read := waiting[p]
		switch {
		case read:
			ps.Behind = max(0, time.Duration(e.o.Now()-at)*time.Millisecond)
		case ps.Lag == 0:
			ps.Behind = 0
		case ps.Lag > 0 && !it.allAt.IsZero(): // they came since, and were not read yet
			ps.Behind = time.Since(it.allAt)
		}
		status.Partitions = append(status.Partitions, ps)
	}
	return status
}
