package main

import (
	"context"
	"encoding/json"
	"fmt"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/google/uuid"
	"github.com/valyala/fasthttp"

	"ugc/deploy/load"
)

// pressure is what the load generator shall do: as much as it can over so many connections, each of which waits for its answer.
type pressure struct {
	URL         string        `json:"url"`
	Connections int           `json:"connections"`
	Batch       int           `json:"batch"`              // events in a request; 1: an event by itself, not an array
	Users       int64         `json:"users,omitempty"`    // of each connection, 50
	Feedback    int64         `json:"feedback,omitempty"` // every so many-th event is a rating; 0: none
	Warm        time.Duration `json:"warm"`               // before anything is counted
	For         time.Duration `json:"for"`
}

// relief is what it found.
type relief struct {
	Events   int64         `json:"events"` // accepted while it was counted
	Took     time.Duration `json:"took"`
	P50      time.Duration `json:"p50"`
	P99      time.Duration `json:"p99"`
	Accepted int64         `json:"accepted"` // in all
}

// generator sends events over many connections.
type generator struct {
	pressure
	client   fasthttp.HostClient
	accepted atomic.Int64
	latency  atomic.Pointer[load.Histogram]
	hold     atomic.Bool // nothing is sent for the moment
	stop     atomic.Bool
	failed   chan error // the first failure
}

const requestWithin = 20 * time.Second

// runLoad is the process: it says an empty object when it is warm, and a relief at the end. Any answer but 202 is a failure.
func runLoad(ctx context.Context, argument json.RawMessage, say func(any) error) error {
	var p pressure
	if err := json.Unmarshal(argument, &p); err != nil {
		return err
	}
	g, err := newGenerator(p)
	if err != nil {
		return err
	}
	defer g.start()()
	if err := g.wait(ctx, g.Warm); err != nil {
		return err
	}
	if err := say(struct{}{}); err != nil {
		return err
	}
	counted := new(load.Histogram)
	g.latency.Store(counted)
	before, began := g.accepted.Load(), time.Now()
	if err := g.wait(ctx, g.For); err != nil {
		return err
	}
	after, took := g.accepted.Load(), time.Since(began)
	return say(relief{Events: after - before, Took: took, P50: counted.Quantile(0.5), P99: counted.Quantile(0.99), Accepted: after})
}

func newGenerator(p pressure) (*generator, error) {
	var at fasthttp.URI
	if err := at.Parse(nil, []byte(p.URL)); err != nil {
		return nil, err
	}
	g := &generator{pressure: p, failed: make(chan error, 1)}
	g.client = fasthttp.HostClient{Addr: string(at.Host()), MaxConns: p.Connections, ReadTimeout: requestWithin, WriteTimeout: requestWithin, NoDefaultUserAgentHeader: true}
	g.latency.Store(new(load.Histogram))
	return g, nil
}

// start begins to send; stop ends that and returns when every answer is there. Stopping again does nothing.
func (g *generator) start() (stop func()) {
	var all sync.WaitGroup
	for n := range g.Connections {
		all.Go(func() { g.send(n) })
	}
	return func() {
		g.stop.Store(true)
		all.Wait()
	}
}

// wait waits while it sends, and ends early when that failed.
func (g *generator) wait(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case err := <-g.failed:
		return err
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// send is one connection.
func (g *generator) send(n int) {
	request, response := fasthttp.AcquireRequest(), fasthttp.AcquireResponse()
	defer fasthttp.ReleaseRequest(request)
	defer fasthttp.ReleaseResponse(response)
	request.Header.SetMethod(fasthttp.MethodPost)
	request.Header.SetContentType("application/json")
	request.SetRequestURI(g.URL)
	v := newViewer(n, g.pressure)
	var body []byte
	for !g.stop.Load() {
		if g.hold.Load() {
			_ = pause(context.Background(), 10*time.Millisecond)
			continue
		}
		body = v.appendBody(body[:0], g.Batch)
		request.SetBodyRaw(body)
		began := time.Now()
		err := g.client.DoTimeout(request, response, requestWithin)
		if err == nil && response.StatusCode() != fasthttp.StatusAccepted {
			err = fmt.Errorf("an event was answered with %d: %s", response.StatusCode(), response.Body())
		}
		if err != nil {
			select {
			case g.failed <- err:
			default:
			}
			return
		}
		g.latency.Load().Add(time.Since(began))
		g.accepted.Add(int64(g.Batch))
	}
}

// viewer makes the reports of one connection: users who watch one film each, a heartbeat every ten seconds of it. Consecutive reports are of different users, so
// that they spread over the partitions.
type viewer struct {
	id       [16]byte
	hex      [36]byte
	name     int64
	users    int64
	feedback int64
	n        int64
	sequence int64
}

const (
	usersOfViewer = 50
	heartbeat     = 10_000 // ms
	film          = 7_200_000
	firstNight    = 1_767_225_600_000 // in January 2026
)

func newViewer(n int, p pressure) *viewer {
	v := &viewer{id: uuid.New(), name: int64(n), users: p.Users, feedback: p.Feedback}
	if v.users == 0 {
		v.users = usersOfViewer
	}
	return v
}

func (v *viewer) appendBody(b []byte, batch int) []byte {
	if batch == 1 {
		return v.appendEvent(b)
	}
	for i := range batch {
		b = append(b, "[,"[min(i, 1)])
		b = v.appendEvent(b)
	}
	return append(b, ']')
}

func (v *viewer) appendEvent(b []byte) []byte {
	user := v.n % v.users
	if user == 0 {
		v.sequence++
	}
	v.n++
	for i := range 6 { // a name of its own for every event, without the cost of chance
		v.id[15-i] = byte(v.n >> (8 * i))
	}
	rating := v.rates()
	at := v.sequence * heartbeat
	hexUUID(&v.hex, v.id)
	b = append(append(append(b, `{"type":"`...), eventType(rating)...), `","event_id":"`...)
	b = append(b, v.hex[:]...)
	b = append(append(b, `","user_id":"`...), v.user(user)...)
	b = append(append(b, `","movie_id":"`...), movieOf(user)...)
	b = strconv.AppendInt(append(b, `","occurred_at":`...), firstNight+at, 10)
	if rating {
		return append(strconv.AppendInt(append(b, `,"score":`...), v.sequence%11, 10), '}')
	}
	b = strconv.AppendInt(append(b, `,"sent_at":`...), firstNight+at+40, 10)
	b = strconv.AppendInt(append(b, `,"session_id":"living-room-`...), at/film, 10)
	b = strconv.AppendInt(append(b, `","device_id":"tv","sequence":`...), v.sequence, 10)
	b = strconv.AppendInt(append(b, `,"position_ms":`...), at%film, 10)
	b = strconv.AppendInt(append(b, `,"duration_ms":`...), film, 10)
	return append(b, '}')
}

// rates says whether the newest event is a rating.
func (v *viewer) rates() bool { return v.feedback > 0 && v.n%v.feedback == 0 }

// user names one of the viewer's users.
func (v *viewer) user(n int64) string { return "user-" + strconv.FormatInt(v.name*v.users+n, 10) }

// movieOf is the film that a user watches.
func movieOf(user int64) string { return "tt" + strconv.FormatInt(1_000_000+(user*7919)%500, 10) }

func eventType(rating bool) string {
	if rating {
		return "rating"
	}
	return "heartbeat"
}

// hexUUID writes an id in its usual form.
func hexUUID(to *[36]byte, id [16]byte) {
	const digits = "0123456789abcdef"
	at := 0
	for i, c := range id {
		if i == 4 || i == 6 || i == 8 || i == 10 {
			to[at] = '-'
			at++
		}
		to[at], to[at+1] = digits[c>>4], digits[c&15]
		at += 2
	}
}
