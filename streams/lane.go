package streams

import (
	"sync"

	"github.com/twmb/franz-go/pkg/kgo"

	"ugc/domain"
)

// lane keeps the promises of one input partition: goka may commit an input when its outcomes and the state that includes it are written, and
// those of all inputs before it. goka itself commits an input once its own writes are done, without looking at those before it: it would
// commit N+1 while the write of N failed, and N would be lost. So promises are kept strictly in the order of the inputs, and after
// a failure none is: what goka commits is always a prefix of what was written (DESIGN 6, rule 6).
//
// At most maxInputs are under way; who wants to add another waits for room. A lane belongs to one session; the next one begins with a new one.
type lane struct {
	mu      sync.Mutex
	queue   []*promise // in the order of the inputs; head is the oldest that is not kept
	head    int
	told    int            // the first whose outcomes are not all written; head or later
	acked   domain.Version // the version up to which all outcomes are known to be written
	stored  domain.Version // the version up to which all states are written
	keeping bool           // somebody is keeping promises
	dead    error          // the first failure
	waiting int            // for the lane to move
	moved   chan struct{}  // closed and made anew when it moves, or dies
}

// promise is what goka is told of one input.
type promise struct {
	lane    *lane
	version domain.Version
	left    int // outcomes that are not yet written
	state   bool
	keep    func(error)
}

// maxInputs bounds what is under way in one partition. It is far more than a broker needs to be busy, and little enough to finish while a
// rebalance waits.
const maxInputs = 2048

// newLane begins after floor: the session goes on from the commit, and a commit says that everything before it is written.
func newLane(floor domain.Version) *lane {
	return &lane{acked: floor, stored: floor, moved: make(chan struct{})}
}

// add takes the next input, with so many outcomes to be written, and a state or none. keep is called exactly once, in the order of the inputs, on
// whatever goroutine is the last to be waited for.
func (l *lane) add(v domain.Version, outcomes int, state bool, keep func(error)) *promise {
	p := &promise{lane: l, version: v, left: outcomes, state: state, keep: keep}
	l.mu.Lock()
	if l.dead != nil {
		l.mu.Unlock()
		keep(l.dead)
		return p
	}
	l.queue = append(l.queue, p)
	l.settle() // it may wait for nothing
	return p
}

// written takes the answer to one outcome of the input. A failure is the lane's as well, which has heard of it.
func (p *promise) written(_ *kgo.Record, err error) {
	if err != nil {
		return
	}
	l := p.lane
	l.mu.Lock()
	if p.left--; p.left > 0 {
		l.mu.Unlock()
		return
	}
	l.settle()
}

// wrote says that the states of all inputs up to that version are written.
func (l *lane) wrote(v domain.Version) {
	l.mu.Lock()
	l.stored = max(l.stored, v)
	l.settle()
}

// settle keeps every promise that can be kept. It is called with the lock, and gives it back.
func (l *lane) settle() {
	for l.told < len(l.queue) && l.queue[l.told].left <= 0 {
		l.acked = l.queue[l.told].version
		l.told++
	}
	if l.waiting > 0 {
		l.wake()
	}
	if l.keeping { // whoever is at it sees these too
		l.mu.Unlock()
		return
	}
	l.keeping = true
	for l.head < l.told && l.dead == nil {
		p := l.queue[l.head]
		if p.state && p.version > l.stored {
			break
		}
		l.pop()
		l.mu.Unlock()
		p.keep(nil)
		l.mu.Lock()
	}
	l.keeping = false
	dead := l.dead
	l.mu.Unlock()
	if dead != nil {
		l.abandon()
	}
}

// pop takes the oldest off the queue, whose memory it keeps for reuse.
func (l *lane) pop() {
	l.queue[l.head] = nil
	l.head++
	if l.head == len(l.queue) {
		l.queue, l.told, l.head = l.queue[:0], 0, 0
	} else if l.head >= maxInputs {
		n := copy(l.queue, l.queue[l.head:])
		clear(l.queue[n:])
		l.queue, l.told, l.head = l.queue[:n], l.told-l.head, 0
	}
	if l.waiting > 0 {
		l.wake()
	}
}

// fail breaks every promise that is not kept, and all that are made from now on. The first failure stands.
func (l *lane) fail(err error) {
	l.mu.Lock()
	if l.dead == nil {
		l.dead = err
		l.wake()
	}
	keeping := l.keeping
	l.mu.Unlock()
	if !keeping { // or whoever is at it goes on to this
		l.abandon()
	}
}

func (l *lane) abandon() {
	l.mu.Lock()
	left, dead := l.queue[l.head:], l.dead
	l.queue, l.told, l.head = nil, 0, 0
	l.mu.Unlock()
	for _, p := range left {
		p.keep(dead)
	}
}

func (l *lane) wake() {
	close(l.moved)
	l.moved = make(chan struct{})
}

// ackedUpTo is the version up to which every outcome is known to be written.
func (l *lane) ackedUpTo() domain.Version {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.acked
}

// waitAcked blocks until every outcome up to that version is written, or the lane is dead; both are bounded by the producer's writtenWithin.
// No context ends it: the session that a record came in with may end while its wait is as good as over, and that is no failure.
func (l *lane) waitAcked(v domain.Version) error {
	return l.wait(func() bool { return l.acked >= v })
}

// room blocks until another input may be added, or the lane is dead.
func (l *lane) room() error {
	return l.wait(func() bool { return len(l.queue)-l.head < maxInputs })
}

func (l *lane) wait(until func() bool) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.waiting++
	defer func() { l.waiting-- }()
	for l.dead == nil && !until() {
		moved := l.moved
		l.mu.Unlock()
		<-moved
		l.mu.Lock()
	}
	return l.dead
}
