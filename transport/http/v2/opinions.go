package v2

import (
	"github.com/gofiber/fiber/v2"

	"ugc/domain"
	"ugc/handlers"
	"ugc/transport/http/exchange"
	"ugc/transport/http/problem"
	"ugc/transport/http/wire"
)

// put sets an opinion: 202 with its event_id, or 200 once the views that were waited for show it.
func (r register) put(a *API, c *fiber.Ctx) error {
	p := params{c: c}
	f := handlers.Feedback{User: p.user(exchange.Write), Movie: p.id("movie_id")}
	p.query()
	if p.denied != nil {
		return p.denied
	}
	e, err := readBody(c, r.fields)
	if err != nil {
		return err
	}
	for _, name := range (r.needs &^ e.given &^ e.faulty).names() {
		if len(e.faults) == 0 || e.given|e.faulty != 0 { // nothing more about a body that is no object
			e.wrong(fieldOf(name), name, "required", "must be given")
		}
	}
	f.OccurredAt, f.SentAt = e.fact.OccurredAt, e.fact.SentAt
	return r.once(a, c, &p, f, e, func(f handlers.Feedback, wait handlers.Await) (handlers.Written, error) {
		return r.write(a, c, f, e, wait)
	})
}

// clear takes an opinion back; where there was none it answers the same.
func (r register) clear(a *API, c *fiber.Ctx) error {
	p := params{c: c}
	f := handlers.Feedback{User: p.user(exchange.Write), Movie: p.id("movie_id")}
	p.query()
	if len(exchange.Body(c)) > 0 {
		p.faults = append(p.faults, problem.Fault{Pointer: "", Code: "not_applicable",
			Detail: "DELETE takes no body; to say when it happened, POST /api/v2/events with the type clear_" + r.kind.String()})
	}
	return r.once(a, c, &p, f, &event{at: -1}, func(f handlers.Feedback, wait handlers.Await) (handlers.Written, error) {
		return r.unset(a, c, f, wait)
	})
}

// once writes what the request asks for, unless it has faults or its key was another request's.
func (r register) once(a *API, c *fiber.Ctx, p *params, f handlers.Feedback, e *event,
	write func(handlers.Feedback, handlers.Await) (handlers.Written, error),
) error {
	key, fault := readKey(c)
	if fault != nil {
		p.faults = append(p.faults, *fault)
	}
	e.fact.User, e.fact.Movie = f.User, f.Movie
	var use keyUse
	if key != "" {
		e.named(key)
		use = a.keys.of(c.Method()+" "+r.path, e)
	}
	p.faults, p.beyond = append(p.faults, e.faults...), p.beyond+e.beyond
	if err := p.err(); err != nil {
		return err
	}
	if key != "" && a.keys.elsewhere(use) {
		return &problem.Problem{Kind: problem.Invalid, Faults: []problem.Fault{*errKeyReused}}
	}
	f.ID = e.fact.ID
	wait := readPrefer(c)
	done, err := write(f, handlers.Await{For: a.bounded(wait)})
	if key != "" && written(err) {
		a.keys.keep(use)
	}
	return a.written(c, wait, done, err)
}

// written answers a single write.
func (a *API) written(c *fiber.Ctx, wait prefer, done handlers.Written, err error) error {
	if err != nil {
		p := problem.Of(err)
		if p.Status >= 500 {
			p.More = func(b []byte) []byte { return append(wire.AppendID(append(b, `,"event_id":"`...), done.ID), '"') }
		}
		return p
	}
	c.Set(HeaderToken, done.Token.String())
	status := fiber.StatusAccepted
	if wait.given && done.Shown {
		status = fiber.StatusOK
		a.applied(c, wait)
	}
	b := wire.AppendID([]byte(`{"event_id":"`), done.ID)
	return sendJSON(c, status, append(b, `","status":"accepted"}`...))
}

// get shows one opinion.
func (r register) get(a *API, c *fiber.Ctx) error {
	p := params{c: c}
	user, movie := p.user(exchange.Read), p.id("movie_id")
	p.query()
	see := a.atLeast(&p)
	if err := p.err(); err != nil {
		return err
	}
	o, err := a.opinions.One(exchange.Context(c), r.kind, user, movie, see)
	if err != nil {
		return err
	}
	return sendJSON(c, fiber.StatusOK, r.append(nil, o))
}

// list shows a user's opinions of one kind, newest first.
func (r register) list(a *API, c *fiber.Ctx) error {
	p := params{c: c}
	user := p.user(exchange.Read)
	query := p.query("after", "limit")
	after, limit := p.cursor(query), p.limit(query)
	see := a.atLeast(&p)
	if err := p.err(); err != nil {
		return err
	}
	items, more, err := a.opinions.After(exchange.Context(c), r.kind, user, after, limit, see)
	if err != nil {
		return err
	}
	b := []byte(`{"items":[`)
	for i, o := range items {
		if i > 0 {
			b = append(b, ',')
		}
		b = r.append(b, o)
	}
	next := ""
	if more {
		next = encodeCursor(items[len(items)-1].Added)
	}
	return sendJSON(c, fiber.StatusOK, appendNext(append(b, ']'), Prefix+"/users/", user, "/"+r.path, next, limit))
}

func (r register) append(b []byte, o handlers.Opinion) []byte {
	b = appendPair(b, o.User, o.Movie)
	b = r.show(b, o.Value)
	return append(appendInstant(append(b, `,"updated_at":`...), o.UpdatedAt), '}')
}

func appendPair(b []byte, user, movie string) []byte {
	b = wire.AppendString(append(b, `{"user_id":`...), user)
	return wire.AppendString(append(b, `,"movie_id":`...), movie)
}

// appendNext appends where a list goes on, null at its end, and closes the page.
func appendNext(b []byte, before, user, behind, after string, limit int) []byte {
	if after == "" {
		return append(b, `,"next":null}`...)
	}
	link := wire.AppendEscaped([]byte(before), user, wire.Segment)
	link = append(append(link, behind...), "?after="...)
	link = appendInt(append(wire.AppendEscaped(link, after, wire.QueryValue), "&limit="...), int64(limit))
	return append(wire.AppendString(append(b, `,"next":`...), string(link)), '}')
}

func sendJSON(c *fiber.Ctx, status int, body []byte) error {
	c.Set(fiber.HeaderContentType, fiber.MIMEApplicationJSON)
	return c.Status(status).Send(body)
}

// getMovie shows what all users together think of a movie.
func (a *API) getMovie(c *fiber.Ctx) error {
	p := params{c: c}
	movie := p.id("movie_id")
	p.query()
	see := a.atLeast(&p)
	if err := p.err(); err != nil {
		return err
	}
	s, err := a.summary.Handle(exchange.Context(c), movie, see)
	if err != nil {
		return err
	}
	return sendJSON(c, fiber.StatusOK, appendSummary(nil, s))
}

func appendSummary(b []byte, s handlers.Summary) []byte {
	b = wire.AppendString(append(b, `{"movie_id":`...), s.Movie)
	b = appendInt(append(b, `,"ratings":{"count":`...), s.Ratings)
	b = append(b, `,"mean":`...)
	if s.Ratings > 0 {
		b = appendFloat(b, s.Mean())
	} else {
		b = append(b, "null"...)
	}
	b = append(b, `,"histogram":[`...)
	for score := range domain.MaxScore + 1 {
		if score > 0 {
			b = append(b, ',')
		}
		b = appendInt(b, s.Histogram[score])
	}
	b = appendInt(append(b, `]},"likes":`...), s.Likes)
	b = appendInt(append(b, `,"dislikes":`...), s.Dislikes)
	b = appendInt(append(b, `,"bookmarks":`...), s.Bookmarks)
	return append(appendInstant(append(b, `,"updated_at":`...), s.UpdatedAt), '}')
}
