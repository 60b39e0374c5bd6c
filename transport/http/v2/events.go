package v2

import (
	"github.com/gofiber/fiber/v2"

	"ugc/domain"
	"ugc/handlers"
	"ugc/transport/http/exchange"
	"ugc/transport/http/problem"
	"ugc/transport/http/wire"
)

// postEvents takes what clients report, one event or up to 1,000.
//
//	one event      202 accepted · 422 invalid · 503 not written
//	an array       202 every valid event is written, and there is one at least; the answer says of each what became of it
//	               422 all are invalid · 503 a valid one is not written: sending the whole batch again with the event_ids of the answer is safe
//
// With Prefer: wait=n it is 200 in place of 202 once every view shows what was written.
func (a *API) postEvents(c *fiber.Ctx) error {
	if err := wantJSON(c); err != nil {
		return err
	}
	wait := readPrefer(c)
	in := intakes.Get().(*intake)
	defer in.release()
	in.caller = exchange.CallerOf(c)
	var fault *problem.Fault
	if in.key, fault = readKey(c); fault != nil {
		return &problem.Problem{Kind: problem.Invalid, Faults: []problem.Fault{*fault}}
	}
	if err := in.read(string(exchange.Body(c)), a.record.Check); err != nil { // a copy: Fiber uses its buffer again
		return err
	}
	if in.denied != nil { // of none of the events anything is written
		return in.denied
	}
	var done handlers.Recorded
	if len(in.commands) > 0 {
		var use keyUse
		if in.key != "" {
			if use = a.keys.of("POST events", in.keyed); a.keys.elsewhere(use) {
				return &problem.Problem{Kind: problem.Invalid, Faults: []problem.Fault{*errKeyReused}}
			}
		}
		var err error
		if done, err = a.record.Handle(exchange.Context(c), in.commands, a.bounded(wait)); err != nil {
			return err
		}
		in.outcomes = done.Outcomes
		if in.key != "" && written(in.outcomes[0].Err) {
			a.keys.keep(use)
		}
	}
	tally := in.judge()
	if tally.accepted > 0 {
		c.Set(HeaderToken, done.Token.String())
	}
	switch {
	case tally.failed != nil:
		return in.refuse(problem.Of(tally.failed))
	case tally.accepted == 0:
		return in.refuse(&problem.Problem{Kind: problem.Invalid})
	}
	status := fiber.StatusAccepted
	if wait.given && done.Shown {
		status = fiber.StatusOK
		a.applied(c, wait)
	}
	in.out = in.append(in.out[:0], tally)
	c.Set(fiber.HeaderContentType, fiber.MIMEApplicationJSON)
	c.Status(status).Response().SetBody(in.out) // copies; Send would not, and in.out is pooled
	return nil
}

// tally counts what became of the events of a body.
type tally struct {
	accepted, invalid, unavailable int
	failed                         error // of one that was not written; an uncertain one rather than another
}

// judge looks at the outcomes and puts the faults that the rules found to the items they belong to.
func (in *intake) judge() (t tally) {
	for i := range in.items {
		it := &in.items[i]
		if it.command < 0 {
			t.invalid++
			continue
		}
		err := in.outcomes[it.command].Err
		if err == nil {
			t.accepted++
			continue
		}
		switch kind := domain.KindOf(err); kind {
		case domain.Invalid, domain.TooLarge:
			t.invalid++
			it.faults = in.faultsOf(i, err)
		default:
			t.unavailable++
			if t.failed == nil || kind == domain.Uncertain {
				t.failed = err
			}
		}
	}
	return t
}

func (in *intake) faultsOf(i int, err error) []problem.Fault {
	e := event{at: i}
	if in.single {
		e.at = -1
	}
	e.judge(err)
	if len(e.faults) == 0 {
		code, p := "invalid", problem.Of(err)
		if p.Kind.Code == problem.TooLarge.Code {
			code = "too_large"
		}
		e.fault("", code, p.Detail)
	}
	return e.faults
}

// refuse is a problem with what became of each event of a batch; the faults of a single one are the problem's own.
func (in *intake) refuse(p *problem.Problem) error {
	if in.single {
		p.Faults, p.Beyond = in.items[0].faults, in.items[0].beyond
		if id, ok := in.id(0); ok && p.Status >= 500 {
			p.More = func(b []byte) []byte { return append(wire.AppendID(append(b, `,"event_id":"`...), id), '"') }
		}
		return p
	}
	items := in.appendItems(nil) // not pooled: the problem is written after the intake is given back
	p.More = func(b []byte) []byte { return append(append(b, `,"items":`...), items...) }
	return p
}

func (in *intake) id(i int) (domain.ID, bool) {
	if in.items[i].command < 0 {
		return domain.ID{}, false
	}
	return in.outcomes[in.items[i].command].ID, true
}

// append appends the answer to a body of which something was written.
func (in *intake) append(b []byte, t tally) []byte {
	if in.single {
		left := problem.FaultBytes
		return in.appendItem(b, 0, &left)
	}
	b = appendInt(append(b, `{"accepted":`...), int64(t.accepted))
	b = appendInt(append(b, `,"invalid":`...), int64(t.invalid))
	return append(in.appendItems(append(b, `,"items":`...)), '}')
}

func (in *intake) appendItems(b []byte) []byte {
	left := problem.FaultBytes
	b = append(b, '[')
	for i := range in.items {
		if i > 0 {
			b = append(b, ',')
		}
		b = in.appendItem(b, i, &left)
	}
	return append(b, ']')
}

func (in *intake) appendItem(b []byte, i int, left *int) []byte {
	b = append(b, '{')
	if id, ok := in.id(i); ok {
		b = append(wire.AppendID(append(b, `"event_id":"`...), id), `",`...)
	}
	if it := in.items[i]; it.faults != nil {
		b = append(b, `"status":"invalid",`...)
		return append(problem.AppendFaults(b, it.faults, it.beyond, left), '}')
	}
	switch err := in.outcomes[in.items[i].command].Err; {
	case err == nil:
		return append(b, `"status":"accepted"}`...)
	case domain.KindOf(err) == domain.Uncertain:
		return append(b, `"status":"unavailable","errors":[{"pointer":"","code":"uncertain","detail":"may or may not be written; send it again with this event_id"}]}`...)
	}
	return append(b, `"status":"unavailable","errors":[{"pointer":"","code":"unavailable","detail":"is not written; send it again"}]}`...)
}
