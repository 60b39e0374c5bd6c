package load

import (
	"sync/atomic"

	"ugc/domain"
)

// fate is what is known of a delivery, over all attempts to send it. The zero fate: not written, or never sent.
type fate uint8

const (
	accepted fate = 1 << iota // a 2xx said so
	unknown                   // an attempt may have been written: there was no answer, or one that did not know
	refused                   // called invalid; it should never be
)

// record is what the ledger remembers of a visit. Only the lane of the visit's device writes it, and nobody reads it before the lanes
// have ended.
type record struct {
	fates   []fate
	offline bool
	took    []uint32 // for visits whose facts take their time from the sending: the milliseconds from there to the answer of the accepted attempt, or of the slowest of several
	from    []uint32 // for visits without times: when the first attempt was sent, in milliseconds since the run began
}

func newRecord(v *visit) *record {
	r := &record{fates: make([]fate, len(v.deliveries)), offline: v.manner == Offline}
	if v.manner != Live || v.undated {
		r.took = make([]uint32, len(v.deliveries))
	}
	if v.undated {
		r.from = make([]uint32, len(v.deliveries))
	}
	return r
}

// note keeps what became of an attempt that was sent at a moment of the run, and whose answer took so long.
func (r *record) note(n int, f fate, sent, took uint32) {
	if r.from != nil && r.fates[n] == 0 {
		r.from[n] = sent
	}
	if r.from != nil {
		took += sent - r.from[n]
	}
	r.fates[n] |= f
	if f == accepted && r.took != nil {
		r.took[n] = max(r.took[n], took)
	}
}

// ledger is what became of everything.
type ledger struct {
	records []*record // by visit

	accepted atomic.Int64 // deliveries
	unknown  atomic.Int64 // deliveries that were given up with an unknown outcome
	absent   atomic.Int64 // deliveries that were given up and certainly not written
	refused  atomic.Int64
}

func (l *ledger) done() int64 {
	return l.accepted.Load() + l.unknown.Load() + l.absent.Load() + l.refused.Load()
}

// write is a report as the fold sees it: a command whose fact has a time in a range.
type write struct {
	command domain.Command
	lo, hi  domain.Instant
	certain bool
	beaten  bool // feedback without a time that the same device certainly took back later

	first, settled int // among the deliveries of its visit: from which on it may be there, and from which on it is
}

// span of the run, by our clock, and how far the service's clock may be from it.
type ran struct{ began, whole, slack domain.Instant }

// writes are the reports of a visit that were written, or may have been. The first record of an id decides: what is sent again after an answer has
// accepted it counts for nothing, and of what was sent again before that, any may have been the first.
func (r *record) writes(v *visit, run ran) []write {
	var out []write
	at := map[domain.ID]int{}
	for n, f := range r.fates {
		c := v.deliveries[n].Command
		if f&(accepted|unknown) == 0 {
			continue
		}
		lo, told, untold := r.times(v, n, run)
		now := write{command: c, lo: lo, hi: told, certain: f&accepted != 0, first: n, settled: n}
		if f&unknown != 0 {
			now.hi = max(told, untold)
		}
		i, again := at[c.Head().ID]
		if !again {
			at[c.Head().ID] = len(out)
			out = append(out, now)
		} else if w := &out[i]; !w.certain {
			w.lo, w.hi, w.certain, w.settled = min(w.lo, now.lo), max(w.hi, now.hi), now.certain, n
		}
	}
	beat(out)
	return out
}

// times of a delivery's fact: at the earliest, at the latest where its answer accepted it, and where there was none.
func (r *record) times(v *visit, n int, run ran) (lo, accepted, unknown domain.Instant) {
	d := &v.deliveries[n]
	at := d.Command.Head().OccurredAt
	switch {
	case at == 0:
		lo = run.began + domain.Instant(r.from[n]) - run.slack
		return lo, lo + domain.Instant(r.took[n]) + 2*run.slack, run.began + run.whole + run.slack
	case v.manner == Live:
		return at, at, at
	}
	at -= v.clockError
	if d.Again {
		at += retryAge
	}
	return at - run.slack, at + domain.Instant(r.took[n]) + run.slack, at + run.whole + run.slack
}

// beat marks what has no time and was certainly written before something else of its kind: a device sends one after the other, so the order is known.
func beat(writes []write) {
	newest := map[domain.OpinionKind]int{}
	each := func(visit func(w *write, kind domain.OpinionKind)) {
		for n := range writes {
			if c, is := writes[n].command.(domain.FeedbackCommand); is && c.Head().OccurredAt == 0 && writes[n].certain {
				kind, _, _ := c.Opinion()
				visit(&writes[n], kind)
			}
		}
	}
	each(func(w *write, kind domain.OpinionKind) { newest[kind] = max(newest[kind], w.first) })
	each(func(w *write, kind domain.OpinionKind) { w.beaten = w.settled < newest[kind] })
}
