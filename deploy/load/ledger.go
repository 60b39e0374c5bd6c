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
	took    []uint32 // for visits with sent_at: the milliseconds from sent_at to the answer of the accepted attempt, or of the slowest of several
}

func newRecord(v *visit) *record {
	r := &record{fates: make([]fate, len(v.deliveries)), offline: v.manner == Offline}
	if v.manner != Live {
		r.took = make([]uint32, len(v.deliveries))
	}
	return r
}

func (r *record) note(n int, f fate, took uint32) {
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

// write is a delivery as the fold sees it: a command whose fact has a time in a range.
type write struct {
	command domain.Command
	lo, hi  domain.Instant
	certain bool
}

// writes are the deliveries of a visit that were written, or may have been. whole is how long the run took: a bound for attempts without an answer.
func (r *record) writes(v *visit, whole, slack domain.Instant) []write {
	var out []write
	for n, f := range r.fates {
		if f&(accepted|unknown) == 0 {
			continue
		}
		c := v.deliveries[n].Command
		at := c.Head().OccurredAt
		if v.manner == Live {
			out = append(out, write{command: c, lo: at, hi: at, certain: f&accepted != 0})
			continue
		}
		at -= v.clockError
		if f&accepted != 0 {
			out = append(out, write{command: c, lo: at - slack, hi: at + domain.Instant(r.took[n]) + slack, certain: true})
		}
		if f&unknown != 0 {
			out = append(out, write{command: c, lo: at - slack, hi: at + whole + slack})
		}
	}
	return out
}
