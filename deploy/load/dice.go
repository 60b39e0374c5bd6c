package load

import (
	"math"
	"sort"
)

// dice is splitmix64. The stream must be the same on every machine and with every version of Go, which math/rand does not promise.
type dice struct{ state uint64 }

// throw starts dice that follow from the parts alone.
func throw(parts ...uint64) *dice {
	d := &dice{}
	for _, p := range parts {
		d.state = mix(d.state ^ mix(p))
	}
	return d
}

func mix(x uint64) uint64 {
	x += 0x9e3779b97f4a7c15
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}

func (d *dice) next() uint64 {
	out := mix(d.state)
	d.state += 0x9e3779b97f4a7c15
	return out
}

// below is 0 to n-1; n must be positive. The bias of the remainder is far below anything a simulation can show.
func (d *dice) below(n int64) int64 { return int64(d.next() >> 1 % uint64(n)) }

// between is lo to hi, both included.
func (d *dice) between(lo, hi int64) int64 { return lo + d.below(hi-lo+1) }

// chance is true n times of 1,000.
func (d *dice) chance(n int64) bool { return d.below(1000) < n }

// skew draws ranks by Zipf's law: the chance of rank k is proportional to 1/(k+1)^s.
type skew struct{ sums []uint64 }

// newSkew keeps whole numbers, so that the last bit of a machine's floating point decides nothing.
func newSkew(n int, s float64) *skew {
	sums, sum := make([]uint64, n), uint64(0)
	for k := range sums {
		sum += uint64(math.Pow(float64(k+1), -s)*(1<<32)) + 1
		sums[k] = sum
	}
	return &skew{sums}
}

func (z *skew) draw(d *dice) int {
	x := d.next() % z.sums[len(z.sums)-1]
	return sort.Search(len(z.sums), func(k int) bool { return z.sums[k] > x })
}
