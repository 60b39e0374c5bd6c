package domain

import "slices"

// Interval is a stretch of film, from Start up to and without End, in milliseconds of film.
type Interval struct{ Start, End Millis }

// Intervals is a set of film time: sorted, disjoint, not touching. The zero value is empty.
type Intervals []Interval

// MaxIntervals bounds the set of one state. Beyond it the smallest gaps close, which counts them as watched: with 256 stretches
// of one film the gaps are seconds, and a bounded state is worth more. (DESIGN 7.)
const MaxIntervals = 256

// Total is the length of the set: unique watched time.
func (s Intervals) Total() Millis {
	var sum Millis
	for _, i := range s {
		sum += i.End - i.Start
	}
	return sum
}

// Union is s and add together, as a new set; neither is changed. Empty and backward intervals in add are ignored.
// Below MaxIntervals a union is commutative, associative and idempotent, so reports may come in any order and again.
func (s Intervals) Union(add ...Interval) Intervals {
	add = slices.DeleteFunc(slices.Clone(add), func(i Interval) bool { return i.End <= i.Start || i.Start < 0 })
	if len(add) == 0 || s.contains(add) {
		return s
	}
	all := make(Intervals, 0, len(s)+len(add))
	all = append(append(all, s...), add...)
	slices.SortFunc(all, func(a, b Interval) int {
		switch {
		case a.Start < b.Start:
			return -1
		case a.Start > b.Start:
			return 1
		}
		return 0
	})
	out := all[:1]
	for _, i := range all[1:] {
		if last := &out[len(out)-1]; i.Start <= last.End {
			last.End = max(last.End, i.End)
		} else {
			out = append(out, i)
		}
	}
	for len(out) > MaxIntervals {
		out = out.closeSmallestGap()
	}
	return slices.Clip(out)
}

// contains says whether every one of add lies within one interval of s.
func (s Intervals) contains(add []Interval) bool {
	for _, i := range add {
		n, _ := slices.BinarySearchFunc(s, i.Start, func(e Interval, start Millis) int {
			if e.End <= start {
				return -1
			}
			return 1
		})
		if n == len(s) || i.Start < s[n].Start || i.End > s[n].End {
			return false
		}
	}
	return true
}

// closeSmallestGap joins the two neighbours with the least film between them, the first of equals. It works in place.
func (s Intervals) closeSmallestGap() Intervals {
	at := 0
	for i := 1; i < len(s)-1; i++ {
		if s[i+1].Start-s[i].End < s[at+1].Start-s[at].End {
			at = i
		}
	}
	s[at].End = s[at+1].End
	return slices.Delete(s, at+1, at+2)
}
