package load

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"ugc/domain"
)

// ErrDiffers is the error of a run whose comparison found differences, or whose events the service refused.
var ErrDiffers = errors.New("what the service shows is not what it accepted")

// run is one run: what its parts share.
type run struct {
	o        Options
	stream   *Stream
	ledger   ledger
	latency  [kinds]Histogram // by kind of request
	played   playing
	retries  atomic.Int64
	began    time.Time
	failing  atomic.Int64  // since when nothing was accepted of what was sent, in Unix nanoseconds; 0 while all is well
	hopeless chan struct{} // closed when nothing was accepted for too long
	once     sync.Once

	mu      sync.Mutex
	proof   proof
	reasons map[string]int64 // why requests did not get everything accepted
	faults  []string         // answers that no service may give, the first of them
	faulty  int64            // all of them
}

// giveUpAfter is how long nothing is accepted until the run ends: the service will not come back.
func (o *Options) giveUpAfter() time.Duration { return max(3*o.Patience, 15*time.Second) }

// Run plays the stream, waits until everything is visible, and compares. The result is good also beside an error, as far as the run
// got. The error is ErrDiffers (wrapped) where the comparison found something; others say why the run could not be finished. It blocks until all of it is done or ctx ends.
func Run(ctx context.Context, o Options) (*Result, error) {
	if err := o.Validate(); err != nil {
		return nil, fmt.Errorf("load: %w", err)
	}
	o = o.withDefaults()
	if year := time.Now().Year(); year < 2026 {
		return nil, fmt.Errorf("load: the clock of this machine says that it is %d: set it, because the simulated events must lie in the past", year)
	}
	r := newRun(o)
	defer o.Client.CloseIdleConnections()
	if err := r.probe(ctx); err != nil {
		return nil, fmt.Errorf("load: nothing was sent: %w", err)
	}
	r.began = time.Now()
	stopTelling := r.tell(ctx, func() Progress { return r.progress(Sending, r.ledger.done(), int64(o.Events)) })
	err := r.play(ctx)
	stopTelling()
	result := r.result()
	if err != nil {
		return result, fmt.Errorf("load: %w", err)
	}
	if err := r.compare(ctx, result); err != nil {
		return result, fmt.Errorf("load: %w", err)
	}
	return result, result.verdict()
}

func newRun(o Options) *run {
	return &run{o: o, stream: NewStream(o.Seed, o.Users, o.Movies), began: time.Now(), hopeless: make(chan struct{}), reasons: map[string]int64{}}
}

// probe asks once whether there is a service at all, so that a wrong address does not cost all patience.
func (r *run) probe(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, r.o.Timeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, r.o.URL+"/api/v2/users/"+r.stream.plan.user(0)+"/positions?limit=1", nil)
	if err != nil {
		return err
	}
	r.o.identify(req)
	resp, err := r.o.Client.Do(req)
	if err != nil {
		return fmt.Errorf("%w; is the service running? (make run, or name it with --url)", err)
	}
	_ = resp.Body.Close()
	switch resp.StatusCode {
	case http.StatusServiceUnavailable, http.StatusTooManyRequests:
		return nil // it is one, and may be asked again
	case http.StatusUnauthorized, http.StatusForbidden:
		return fmt.Errorf("%s asks who comes: set UGC_API_KEY to a key with the scopes read and write (ugc key makes one)", r.o.URL)
	}
	if resp.StatusCode/100 == 2 {
		return nil
	}
	return fmt.Errorf("%s answered %s: this is no ugc service", r.o.URL, resp.Status)
}

// play sends the stream: one goroutine reads it and keeps the pace, one for each connection sends.
func (r *run) play(ctx context.Context) error {
	lanes := make([]*lane, r.o.Connections)
	var wg sync.WaitGroup
	for i := range lanes {
		lanes[i] = &lane{run: r, in: make(chan parcel, laneDeliveries)}
		wg.Go(func() { lanes[i].play(ctx) })
	}
	r.dispatch(ctx, lanes)
	for _, l := range lanes {
		close(l.in)
	}
	wg.Wait()
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case r.gaveUp():
		return fmt.Errorf("nothing was accepted for %s (%s): the run was given up after %d of its events", r.o.giveUpAfter(), r.why(), r.ledger.accepted.Load())
	}
	return nil
}

// dispatch hands the stream to the lanes until it has what the options ask for.
func (r *run) dispatch(ctx context.Context, lanes []*lane) {
	left, pace := r.o.Events, pace{rate: r.o.Rate}
	if left == 0 {
		left = maxEvents
	}
	if r.o.Duration > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, r.o.Duration)
		defer cancel()
	}
	for left > 0 {
		deliveries, visit := r.stream.next(left)
		if len(deliveries) == 0 || pace.wait(ctx, len(deliveries)) != nil {
			return
		}
		if visit.record == nil {
			visit.record = newRecord(visit)
		}
		for len(r.ledger.records) <= visit.number {
			r.ledger.records = append(r.ledger.records, nil)
		}
		r.ledger.records[visit.number] = visit.record
		left -= len(deliveries)
		p := parcel{deliveries: deliveries, visit: visit, record: visit.record, batched: float64(visit.batched) >= r.o.Singles*1000}
		select {
		case lanes[visit.lane(len(lanes))].in <- p:
		case <-ctx.Done():
			return
		case <-r.hopeless:
			return
		}
	}
}

// learn keeps the token of an answer that accepted these commands, and why it is not all that was hoped for.
func (r *run) learn(a answer, accepted []domain.Command) {
	if len(accepted) == 0 && a.why == "" {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.proof.add(a.token, accepted)
	if a.fault != "" {
		if r.faulty++; len(r.faults) < maxFaults {
			r.faults = append(r.faults, a.fault)
		}
	}
	if a.why != "" && (len(r.reasons) < 32 || r.reasons[a.why] > 0) {
		r.reasons[a.why]++
	}
}

// heard keeps since when nothing is accepted of what is sent.
func (r *run) heard(took bool, at time.Time) {
	if took {
		r.failing.Store(0)
	} else {
		r.failing.CompareAndSwap(0, at.UnixNano())
	}
}

// gaveUp says whether nothing was accepted for too long.
func (r *run) gaveUp() bool {
	if since := r.failing.Load(); since != 0 && time.Since(time.Unix(0, since)) > r.o.giveUpAfter() {
		r.once.Do(func() { close(r.hopeless) })
	}
	select {
	case <-r.hopeless:
		return true
	default:
		return false
	}
}
