package main

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
	"github.com/valyala/fasthttp"
	"golang.org/x/sync/errgroup"

	"ugc/deploy/load"
	"ugc/domain"
	"ugc/schemas/topics"
)

// flushInterval of the service as it comes, in ms.
const flushInterval = 1000

// visible is how long it takes from the answer to an event until reads show it.
func visible() Contest {
	return Contest{
		Name: "visible", What: "from accepted to visible, at 1,000 single events a second through a whole service", Unit: "events",
		Bounds: []Bound{
			{Figure: "positions p99", Unit: "ms", Goal: 50, Aim: 15},
			{Figure: "documents p99", Unit: "ms", Goal: 50, Aim: 15},
			{Figure: "ClickHouse p99", Unit: "ms", Goal: flushInterval + 250, Aim: flushInterval + 250},
		},
		Ours: Contender{"ugc run", measureVisible},
	}
}

const (
	watchers     = 64                    // connections; each waits for its own answers and reads
	ratingsEvery = 5                     // of a watcher's events
	lookEvery    = 10                    // of a watcher's events is read back
	glance       = 40 * time.Millisecond // between two looks at ClickHouse, and so how much too late it may seem
	shownWithin  = 20 * time.Second
)

// watch sends events at a fixed rate, whatever the service does, and times how long they take to be seen.
type watch struct {
	service *Service
	client  fasthttp.HostClient
	every   time.Duration
	began   time.Time
	warm    time.Time // from then on it counts
	until   time.Time
	next    atomic.Int64
	counted atomic.Int64

	positions, documents, analytics load.Histogram
	late                            load.Histogram // how late events were sent: the pace that was kept

	mu      sync.Mutex
	pending []sent // not seen in ClickHouse yet
}

// sent is an event that was accepted.
type sent struct {
	mark domain.Mark
	at   time.Time
}

func measureVisible(ctx context.Context, w *Workplace) (s Sample, err error) {
	service, err := w.Service(ctx)
	if err != nil {
		return s, err
	}
	analytics, err := service.analytics()
	if err != nil {
		return s, err
	}
	defer func() { _ = analytics.Close() }()
	now := time.Now()
	v := &watch{service: service, every: time.Second / time.Duration(w.Setting("rate", 1000)), began: now, warm: now.Add(3 * time.Second)}
	v.until = v.warm.Add(time.Duration(w.Setting("seconds", 8)) * time.Second)
	v.client = fasthttp.HostClient{Addr: service.Addr, MaxConns: watchers, ReadTimeout: requestWithin, WriteTimeout: requestWithin}
	s, err = w.MeasureProcess(service.process, func() (int64, error) {
		sending, bounded := errgroup.WithContext(ctx)
		done := make(chan struct{})
		for n := range watchers {
			sending.Go(func() error { return v.send(bounded, n) })
		}
		looking, bounded := errgroup.WithContext(ctx)
		looking.Go(func() error { return v.look(bounded, analytics, done) })
		err := sending.Wait()
		close(done)
		if seen := looking.Wait(); err == nil {
			err = seen
		}
		return v.counted.Load(), err
	})
	if err != nil {
		return s, err
	}
	s.Took = v.until.Sub(v.warm)
	s.Figures["sent late p99"] = milliseconds(v.late.Quantile(0.99))
	for name, h := range map[string]*load.Histogram{"positions": &v.positions, "documents": &v.documents, "ClickHouse": &v.analytics} {
		if h.Count() == 0 {
			return s, fmt.Errorf("nothing was seen in %s", name)
		}
		s.Figures[name+" p50"], s.Figures[name+" p99"] = milliseconds(h.Quantile(0.5)), milliseconds(h.Quantile(0.99))
	}
	return s, nil
}

// send is one connection: it takes the next event in turn, waits for its time, posts it, and reads some of them back.
func (v *watch) send(ctx context.Context, n int) error {
	request, response := fasthttp.AcquireRequest(), fasthttp.AcquireResponse()
	defer fasthttp.ReleaseRequest(request)
	defer fasthttp.ReleaseResponse(response)
	events := newViewer(n, pressure{Feedback: ratingsEvery})
	var body []byte
	for {
		due := v.began.Add(time.Duration(v.next.Add(1)) * v.every)
		if due.After(v.until) {
			return nil
		}
		if err := pause(ctx, time.Until(due)); err != nil {
			return err
		}
		began := time.Now()
		body = events.appendEvent(body[:0])
		request.Reset()
		request.Header.SetMethod(fasthttp.MethodPost)
		request.Header.SetContentType("application/json")
		request.SetRequestURI(v.service.events())
		request.SetBodyRaw(body)
		if err := v.do(request, response, http.StatusAccepted); err != nil {
			return err
		}
		accepted := time.Now()
		token := string(response.Header.Peek("Consistency-Token"))
		counts := due.After(v.warm)
		if counts {
			v.counted.Add(1)
			v.late.Add(began.Sub(due))
		}
		if err := v.remember(token, accepted, counts); err != nil {
			return err
		}
		if events.n%lookEvery >= 2 {
			continue
		}
		if err := v.read(request, response, events, token); err != nil {
			return err
		}
		if counts {
			v.histogram(events.rates()).Add(time.Since(accepted))
		}
	}
}

func (v *watch) histogram(rating bool) *load.Histogram {
	if rating {
		return &v.documents
	}
	return &v.positions
}

// read reads what the last event of the viewer changed, not before its token shows, and checks that it is there.
func (v *watch) read(request *fasthttp.Request, response *fasthttp.Response, events *viewer, token string) error {
	user := (events.n - 1) % events.users
	path, want := "positions", fmt.Sprintf(`"position_ms":%d,`, events.sequence*heartbeat%film)
	if events.rates() {
		path, want = "ratings", fmt.Sprintf(`"score":%d`, events.sequence%11)
	}
	request.Reset()
	request.SetRequestURI(fmt.Sprintf("http://%s/api/v2/users/%s/%s/%s", v.service.Addr, events.user(user), path, movieOf(user)))
	request.Header.Set("Consistency-Token", token)
	request.Header.Set("Prefer", "wait=10")
	if err := v.do(request, response, http.StatusOK); err != nil {
		return err
	}
	if !strings.Contains(string(response.Body()), want) {
		return fmt.Errorf("a read with a token does not show %s: %s", want, response.Body())
	}
	return nil
}

func (v *watch) do(request *fasthttp.Request, response *fasthttp.Response, want int) error {
	err := v.client.DoTimeout(request, response, requestWithin)
	if err == nil && response.StatusCode() != want {
		err = fmt.Errorf("%s %s was answered with %d: %s", request.Header.Method(), request.URI().Path(), response.StatusCode(), response.Body())
	}
	return err
}

// remember keeps a playback event until ClickHouse shows it.
func (v *watch) remember(token string, at time.Time, counts bool) error {
	marks, err := domain.ParseToken(token)
	if err != nil || len(marks) != 1 {
		return fmt.Errorf("the consistency token %q of an event: %w", token, err)
	}
	if counts && marks[0].Topic == topics.PlaybackCommands.Name {
		v.mu.Lock()
		defer v.mu.Unlock()
		v.pending = append(v.pending, sent{marks[0], at})
	}
	return nil
}

// look looks at ClickHouse again and again, until nothing is sent any more and all of it was seen. Rows of a partition arrive in the order of their versions.
func (v *watch) look(ctx context.Context, db driver.Conn, done <-chan struct{}) error {
	var last time.Time
	for {
		sending := true
		select {
		case <-done:
			sending = false
		default:
		}
		left, err := v.lookOnce(ctx, db)
		switch {
		case err != nil:
			return err
		case sending:
			last = time.Now()
		case left == 0:
			return nil
		case time.Since(last) > shownWithin:
			return fmt.Errorf("%d events are not in ClickHouse %s after the last one", left, shownWithin)
		}
		if err := pause(ctx, glance); err != nil {
			return err
		}
	}
}

func (v *watch) lookOnce(ctx context.Context, db driver.Conn) (left int, err error) {
	var rows []struct {
		Partition int32 `ch:"partition"`
		Version   int64 `ch:"version"`
	}
	if err := db.Select(ctx, &rows, "SELECT toInt32(partition) AS partition, toInt64(max(e.version)) AS version FROM playback_events AS e GROUP BY partition"); err != nil {
		return 0, err
	}
	seen := time.Now()
	newest := map[int32]domain.Version{}
	for _, r := range rows {
		newest[r.Partition] = domain.Version(r.Version)
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	kept := v.pending[:0]
	for _, p := range v.pending {
		if shown, ok := newest[p.mark.Partition]; ok && shown >= p.mark.Version {
			v.analytics.Add(seen.Sub(p.at))
		} else {
			kept = append(kept, p)
		}
	}
	v.pending = kept
	return len(kept), nil
}
