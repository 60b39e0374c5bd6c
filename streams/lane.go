package streams

import (
	"sync"

	"github.com/twmb/franz-go/pkg/kgo"

	"ugc/domain"
)

// lane keeps the order of one input partition: of what leaves for the logs, and of what goka may commit. Per input:
//
//  1. its outcomes are emitted when its state, and those of all inputs before it, is written: until then nobody may see
//     what was decided, because another owner might still decide otherwise;
//  2. its promise is kept when its outcomes are written too, and those of all inputs before it.
//
// goka itself commits an input once its own writes are done, without looking at those before it: it would commit N+1
// while the write of N failed, and N would be lost. After a failure nothing is emitted and no promise is kept: what goka
// commits is always a prefix of what was written.
//
// At most maxInputs are under way; who wants to add another waits for room. A lane belongs to one session.
type lane struct {
	emit func(*kgo.Record, func(*kgo.Record, error))

	mu      sync.Mutex
	queue   []*promise // in the order of the inputs; head is the oldest that is not kept
	head    int
	sent    int            // the first whose outcomes are not emitted
	told    int            // the first whose outcomes are not all written; head or later
	acked   domain.Version // the version up to which all outcomes are known to be written
	stored  domain.Version // the version up to which all states are written
	sending bool           // somebody is emitting
	keeping bool           // somebody is keeping promises
	dead    error          // the first failure
	waiting int            // for the lane to move
	moved   chan struct{}  // closed and made anew when it moves, or dies
	hurry   chan struct{}  // somebody waits for the lane to move: a flush should not wait for more
}

// promise is what goka is told of one input.
type promise struct {
	lane     *lane
	version  domain.Version
	outcomes []*kgo.Record // not yet emitted
	left     int           // outcomes that are not yet written
	state    bool
	keep     func(error)
}

// maxInputs bounds what is under way in one partition. It is far more than a broker needs to be busy, and little enough to finish while a
// rebalance waits.
const maxInputs = 2048

// newLane begins after floor: the session goes on from the commit, and a commit says that everything before it is written.
func newLane(floor domain.Version, emit func(*kgo.Record, func(*kgo.Record, error))) *lane {
	return &lane{emit: emit, acked: floor, stored: floor, moved: make(chan struct{}), hurry: make(chan struct{}, 1)}
}

// add takes the next input, with the outcomes to be emitted after its state, or, where it has none, after those of the
// inputs before it. keep is called exactly once, in the order of the inputs, on whatever goroutine is the last to be
// waited for.
func (l *lane) add(v domain.Version, outcomes []*kgo.Record, state bool, keep func(error)) *promise {
	p := &promise{lane: l, version: v, outcomes: outcomes, left: len(outcomes), state: state, keep: keep}
	l.mu.Lock()
	if l.dead != nil {
		l.mu.Unlock()
		keep(l.dead)
		return p
	}
	l.queue = append(l.queue, p)
	l.send()
	l.settle() // it may wait for nothing
	return p
}

// written takes the answer to one outcome of the input. A failure is the lane's as well, which has heard of it. It emits
// nothing: the client that calls it would have to make the room that an emit may wait for.
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

// wrote says that the states of all inputs up to that version are written, and emits their outcomes.
func (l *lane) wrote(v domain.Version) {
	l.mu.Lock()
	l.stored = max(l.stored, v)
	l.send()
	l.settle()
}

// send emits what may leave, one input after the other. It is called with the lock, gives it back while it emits, and
// returns with it.
func (l *lane) send() {
	if l.sending { // whoever is at it sees these too
		return
	}
	l.sending = true
	for l.sent < len(l.queue) && l.dead == nil {
		p := l.queue[l.sent]
		if p.state && p.version > l.stored {
			break
		}
		l.sent++
		if outcomes := p.outcomes; len(outcomes) > 0 {
			p.outcomes = nil
			l.mu.Unlock()
			for _, r := range outcomes {
				l.emit(r, p.written)
			}
			l.mu.Lock()
		}
	}
	l.sending = false
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
	for l.head < l.told && l.head < l.sent && l.dead == nil {
		p := l.queue[l.head] // emitted, so that its state is written
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
		l.queue, l.sent, l.told, l.head = l.queue[:0], 0, 0, 0
	} else if l.head >= maxInputs {
		n := copy(l.queue, l.queue[l.head:])
		clear(l.queue[n:])
		l.queue, l.sent, l.told, l.head = l.queue[:n], l.sent-l.head, l.told-l.head, 0
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
	l.queue, l.sent, l.told, l.head = nil, 0, 0, 0
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
		select {
		case l.hurry <- struct{}{}:
		default:
		}
		<-moved
		l.mu.Lock()
	}
	return l.dead
}
