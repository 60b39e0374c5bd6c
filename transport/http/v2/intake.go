package v2

import (
	"fmt"
	"sync"
	"unicode/utf8"

	"ugc/domain"
	"ugc/handlers"
	"ugc/transport/http/exchange"
	"ugc/transport/http/problem"
)

// intake is one body of POST /events, read. Intakes are pooled; the commands in them are not.
type intake struct {
	caller   *exchange.Caller // who sends it
	denied   error            // an event is of a user for whom the caller may not write
	single   bool
	key      string             // the request's Idempotency-Key, "" where it has none
	keyed    *event             // the event that it names
	commands []domain.Command   // those without faults of form, in order
	items    []item             // every event, in order
	outcomes []handlers.Outcome // what became of the commands
	out      []byte
	told     int // faults that are kept, of all items
}

// item is one event of a body.
type item struct {
	command int // index among the commands, -1 where it has faults
	faults  []problem.Fault
	beyond  int // how many more there are
}

var intakes = sync.Pool{New: func() any { return new(intake) }}

const (
	keptItems = 256 // a larger intake is left to the collector
	keptBytes = 64 * 1024

	maxTold = 512 // faults; of later events one is kept, for no answer has room for more
)

func (in *intake) release() {
	if cap(in.items) > keptItems || cap(in.out) > keptBytes {
		return
	}
	clear(in.commands)
	clear(in.items)
	*in = intake{commands: in.commands[:0], items: in.items[:0], out: in.out[:0]}
	intakes.Put(in)
}

var errNotUTF8 = &problem.Problem{Kind: problem.Malformed, Detail: "The body is not valid UTF-8."}

var errBatchSize = &problem.Problem{Kind: problem.TooLarge, Detail: "At most 1,000 events are taken at once: send several batches.",
	Faults: []problem.Fault{{Pointer: "", Code: "too_many", Detail: "holds more than 1,000 events"}}}

// read reads a body: one event, or an array of them. src must never change: commands keep parts of it. check stamps a command and says what is
// wrong with it. The error is a problem with the body as a whole.
func (in *intake) read(src string, check func(domain.Command) error) error {
	if !utf8.ValidString(src) {
		return errNotUTF8
	}
	s := scanner{src: src}
	switch s.peek() {
	case '{':
		in.single = true
		in.event(&s, -1, check)
	case '[':
		if in.key != "" {
			return &problem.Problem{Kind: problem.Invalid, Faults: []problem.Fault{*errKeyOfMany}}
		}
		s.at++
		i := 0
		for first := true; s.more(']', &first); i++ {
			if i == handlers.MaxBatch {
				return errBatchSize
			}
			in.event(&s, i, check)
		}
	case 0:
		if s.at >= len(src) {
			return &problem.Problem{Kind: problem.Malformed, Detail: "The body is empty: send one event or an array of them."}
		}
		fallthrough
	default:
		s.skip(0)
	}
	s.end()
	if s.err != nil {
		return malformed(s.err)
	}
	if len(in.items) == 0 {
		return &problem.Problem{Kind: problem.Invalid, Faults: []problem.Fault{{Pointer: "", Code: "wrong_type", Detail: "must be an event, or an array of at least one"}}}
	}
	return nil
}

func malformed(err error) error {
	return &problem.Problem{Kind: problem.Malformed, Detail: fmt.Sprintf("The body is not JSON: %v.", err)}
}

// event reads one event.
func (in *intake) event(s *scanner, at int, check func(domain.Command) error) {
	e := event{at: at, brief: in.told >= maxTold}
	e.read(s, eventFields)
	if s.err != nil {
		return
	}
	if user := e.fact.User; user != "" {
		var err error
		if e.fact.User, err = in.caller.As(user, exchange.Write); err != nil {
			in.denied = err
		}
	}
	if in.key != "" {
		e.named(in.key)
		in.keyed = e.copy()
	}
	it := item{command: -1}
	if e.given != 0 || len(e.faults) == 0 { // not where the value is no object at all
		c := e.command()
		if len(e.faults) > 0 {
			e.judge(check(c))
		} else {
			it.command = len(in.commands)
			in.commands = append(in.commands, c)
		}
	}
	it.faults, it.beyond = e.faults, e.beyond
	in.told += len(e.faults)
	in.items = append(in.items, it)
}
