package kafka

import (
	"sync/atomic"

	"github.com/ThreeDotsLabs/watermill/message"
	"github.com/twmb/franz-go/pkg/kgo"
	"go.opentelemetry.io/otel/trace"

	"ugc/domain"
)

// flight is one batch on its way. The publishing goroutine fills it, the client settles its entries, and the last settled entry wakes
// the publishing goroutine: no goroutine and no channel per message.
type flight struct {
	topic   string
	entries []entry
	cost    int64
	release func(int64) // gives the reserved room back; nil where none was reserved
	end     func()      // of the records' context; nil where none was handed over
	left    atomic.Int32
	done    chan struct{}
	one     [1]entry // room for the entry of a batch of one, which most are
}

type entry struct {
	f       *flight
	msg     *message.Message
	rec     kgo.Record
	err     error // valid once settled
	settled atomic.Bool
}

// minCost stands for what a message needs besides its bytes, so that the bound on bytes bounds the number of messages too.
const minCost = 1 << 10

func (p *Publisher) newFlight(topic string, msgs []*message.Message, span trace.Span) *flight {
	f := &flight{topic: topic, done: make(chan struct{})}
	if f.entries = f.one[:]; len(msgs) > 1 {
		f.entries = make([]entry, len(msgs))
	}
	var sendable int32
	for i, msg := range msgs {
		e := &f.entries[i]
		e.f, e.msg = f, msg
		if err := p.marshal.into(below(span, msg), &e.rec, topic, msg); err != nil {
			e.err = fail(domain.Invalid, "not sent", err)
			e.settled.Store(true)
			continue
		}
		f.cost += max(size(&e.rec), minCost)
		sendable++
	}
	f.cost = min(f.cost, p.opts.MaxInFlight) // a batch greater than all the room has it to itself
	f.left.Store(sendable)
	return f
}

// settle is the client's promise: it is called once for every record that was handed over.
func (e *entry) settle(_ *kgo.Record, err error) {
	if err != nil {
		e.err = classify(err)
	}
	e.settled.Store(true)
	e.f.finish(1)
}

// abandon settles every message that could have been sent but was not.
func (f *flight) abandon(err error) {
	var n int32
	for i := range f.entries {
		if e := &f.entries[i]; !e.settled.Load() {
			e.err = err
			e.settled.Store(true)
			n++
		}
	}
	f.finish(n)
}

func (f *flight) finish(n int32) {
	if n > 0 && f.left.Add(-n) == 0 {
		if f.release != nil {
			f.release(f.cost)
		}
		if f.end != nil {
			f.end()
		}
		close(f.done)
	}
}

// report says how the flight stands, given why it was not waited for to its end, nil where it was. An entry that is not settled
// belongs to the client and is not touched.
func (f *flight) report(why error) error {
	var failed []Failure
	for i := range f.entries {
		switch e := &f.entries[i]; {
		case !e.settled.Load():
			failed = append(failed, Failure{i, e.msg, fail(domain.Uncertain, "not confirmed, it may or may not be written", why)})
		case e.err != nil:
			failed = append(failed, Failure{i, e.msg, e.err})
		default:
			setPosition(e.msg, &e.rec)
		}
	}
	if failed == nil {
		return nil
	}
	return &BatchError{Topic: f.topic, Total: len(f.entries), Failed: failed}
}

func size(rec *kgo.Record) int64 {
	n := len(rec.Key) + len(rec.Value)
	for _, h := range rec.Headers {
		n += len(h.Key) + len(h.Value)
	}
	return int64(n)
}
