package load

import (
	"math/bits"
	"sync/atomic"
	"time"
)

// Histogram counts durations in buckets that grow with them, 32 to each doubling: a percentile is at most 1/32 too great, from a microsecond to
// hours, in a fixed 10 KiB. Adding is safe for concurrent use.
type Histogram struct {
	buckets [octaves * perOctave]atomic.Int64
	n       atomic.Int64
	max     atomic.Int64
}

const (
	perOctaveBits = 5
	perOctave     = 1 << perOctaveBits
	octaves       = 36
)

// Add counts one duration.
func (h *Histogram) Add(d time.Duration) {
	us := max(0, d.Microseconds())
	h.buckets[bucket(uint64(us))].Add(1)
	h.n.Add(1)
	for {
		old := h.max.Load()
		if us <= old || h.max.CompareAndSwap(old, us) {
			return
		}
	}
}

// Count is how many were added.
func (h *Histogram) Count() int64 { return h.n.Load() }

// Max is the greatest, to the microsecond.
func (h *Histogram) Max() time.Duration { return time.Duration(h.max.Load()) * time.Microsecond }

// Quantile is the duration that the share q of all, 0 to 1, does not exceed; 0 where nothing was added.
func (h *Histogram) Quantile(q float64) time.Duration {
	n := h.Count()
	if n == 0 {
		return 0
	}
	rank := max(1, min(n, int64(q*float64(n)+0.999999)))
	for i := range h.buckets {
		if rank -= h.buckets[i].Load(); rank <= 0 {
			return min(time.Duration(upper(i))*time.Microsecond, h.Max())
		}
	}
	return h.Max()
}

// bucket of a number: exact below perOctave, then by its highest bits.
func bucket(us uint64) int {
	if us < perOctave {
		return int(us)
	}
	shift := bits.Len64(us) - perOctaveBits - 1
	return min(octaves*perOctave-1, shift<<perOctaveBits+int(us>>shift))
}

// upper is the greatest number in a bucket.
func upper(i int) uint64 {
	if i < 2*perOctave {
		return uint64(i)
	}
	shift := i>>perOctaveBits - 1
	return (uint64(i&(perOctave-1)|perOctave)+1)<<shift - 1
}
