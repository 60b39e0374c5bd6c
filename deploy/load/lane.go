package load

import (
	"context"
	"time"

	"ugc/domain"
)

// parcel is what the stream hands to a lane: one delivery, or an offline upload.
type parcel struct {
	deliveries []Delivery
	visit      *visit
	record     *record
	batched    bool
}

// stop is one delivery in a request, and where to note what becomes of it.
type stop struct {
	Delivery
	clockError domain.Instant
	record     *record
	sentAt     domain.Instant // by our clock, of the last attempt
}

// lane sends what some devices have to send, in their order, one request at a time.
type lane struct {
	*run
	in    chan parcel
	batch []stop
	text  []byte
	ids   []domain.ID

	written []domain.Command // what the last answer accepted
}

// linger bounds how long a batch waits to become full.
const linger = 200 * time.Millisecond

// play sends until in is closed. When ctx ends, what is left is not sent.
func (l *lane) play(ctx context.Context) {
	timer := time.NewTimer(linger)
	timer.Stop()
	defer timer.Stop()
	for {
		select {
		case p, open := <-l.in:
			if !open {
				l.flush(ctx)
				return
			}
			if empty := len(l.batch) == 0; l.take(ctx, p) && empty {
				timer.Reset(linger)
			}
		case <-timer.C:
			l.flush(ctx)
		}
	}
}

// take sends a parcel or puts it into the batch, which is true.
func (l *lane) take(ctx context.Context, p parcel) bool {
	stops := make([]stop, len(p.deliveries))
	for i, d := range p.deliveries {
		stops[i] = stop{Delivery: d, clockError: p.visit.clockError, record: p.record}
	}
	if !p.batched || len(stops) > 1 {
		l.send(ctx, stops)
		return false
	}
	if l.batch = append(l.batch, stops...); len(l.batch) < l.o.Batch {
		return true
	}
	l.flush(ctx)
	return false
}

func (l *lane) flush(ctx context.Context) {
	if len(l.batch) > 0 {
		l.send(ctx, l.batch)
		l.batch = l.batch[:0]
	}
}

// The pauses between two attempts.
const (
	firstPause = 50 * time.Millisecond
	lastPause  = 2 * time.Second
)

// send posts deliveries until each is written or refused, or patience ends. Whatever is sent again has the same ids.
func (l *lane) send(ctx context.Context, stops []stop) {
	var tired <-chan time.Time
	pause := firstPause
	for ctx.Err() == nil && !l.gaveUp() {
		var after time.Duration
		if stops, after = l.attempt(ctx, stops); len(stops) == 0 {
			return
		}
		if tired == nil {
			timer := time.NewTimer(l.o.Patience)
			defer timer.Stop()
			tired = timer.C
		}
		next := time.NewTimer(max(pause, after))
		pause = min(2*pause, lastPause)
		select {
		case <-next.C:
			l.retries.Add(1)
			continue
		case <-tired:
		case <-ctx.Done():
		case <-l.hopeless:
		}
		next.Stop()
		break
	}
	for _, s := range stops {
		if s.record.fates[s.N]&unknown != 0 {
			l.ledger.unknown.Add(1)
		} else {
			l.ledger.absent.Add(1)
		}
	}
}

// attempt posts once, notes what became of each delivery, and returns those that are worth another attempt.
func (l *lane) attempt(ctx context.Context, stops []stop) (again []stop, after time.Duration) {
	l.encode(stops)
	began := time.Now()
	a := post(ctx, &l.o, l.text, l.ids)
	ended := time.Now()
	l.written = l.written[:0]
	for i := range stops {
		s := &stops[i]
		switch a.fates[i] {
		case isAccepted:
			s.record.note(s.N, accepted, l.since(s.sentAt), uint32(min(1<<31, max(0, ended.UnixMilli()-int64(s.sentAt)))))
			l.ledger.accepted.Add(1)
			l.played.add(&s.Delivery)
			l.written = append(l.written, s.Command)
			continue
		case isRefused:
			s.record.note(s.N, refused, l.since(s.sentAt), 0)
			l.ledger.refused.Add(1)
			continue
		case isUnknown:
			s.record.note(s.N, unknown, l.since(s.sentAt), 0)
		}
		again = append(again, *s)
	}
	l.learn(a, l.written)
	took := len(l.written) > 0
	if l.heard(took || len(again) == 0, ended); took {
		l.latency[kindOf(stops)].Add(ended.Sub(began))
	}
	return again, a.after
}

// since is a moment in milliseconds since the run began.
func (r *run) since(at domain.Instant) uint32 {
	return uint32(max(0, int64(at)-r.began.UnixMilli()))
}

// encode makes the body of a request: one event as it is, several as an array. sent_at is stamped now, by the device's clock.
func (l *lane) encode(stops []stop) {
	l.text, l.ids = l.text[:0], l.ids[:0]
	now := domain.Instant(time.Now().UnixMilli())
	for i := range stops {
		s := &stops[i]
		s.sentAt = now
		var said domain.Instant
		if s.Manner != Live {
			said = now + s.clockError
		}
		if said != 0 && s.Again {
			said -= retryAge
		}
		if i > 0 {
			l.text = append(l.text, ',')
		} else if len(stops) > 1 {
			l.text = append(l.text, '[')
		}
		l.text = appendEvent(l.text, s.Command, said)
		l.ids = append(l.ids, s.Command.Head().ID)
	}
	if len(stops) > 1 {
		l.text = append(l.text, ']')
	}
}
