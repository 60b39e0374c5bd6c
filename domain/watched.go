package domain

import "slices"

// Interval is a stretch of film, from Start up to and without End, in milliseconds of film.
type Interval struct{ Start, End Millis }

// Intervals is a set of film time: sorted, disjoint, not touching. The zero value is empty.
type Intervals []Interval

// MaxIntervals bounds the set of one state. Beyond it the shortest are forgotten, so that the set never holds film that
// was not watched, and its length never shrinks. (README, "The rules".)
const MaxIntervals = 2048

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
	if s.contains(add) {
		return s
	}
	out := append(make(Intervals, 0, len(s)+len(add)), s...)
	for _, i := range add {
		if i.watchable() {
			out = out.insert(i)
		}
	}
	for len(out) > MaxIntervals {
		out = out.withoutShortest()
	}
	return slices.Clip(out)
}

// equalLong says whether two sets of equal length are equal, the second made of the first: up to the bound a set only
// grows, and at the bound one stretch may take the place of another of its length.
func (s Intervals) equalLong(next Intervals) bool {
	return len(next) < MaxIntervals || slices.Equal(s, next)
}

// watchable says whether an interval is film time at all.
func (i Interval) watchable() bool { return i.Start >= 0 && i.Start < i.End }

// contains says whether each of add lies within one interval of s, or is no film time.
func (s Intervals) contains(add []Interval) bool {
	for _, i := range add {
		if !i.watchable() {
			continue
		}
		if n := s.after(i.Start + 1); n == len(s) || i.Start < s[n].Start || i.End > s[n].End {
			return false
		}
	}
	return true
}

// after is the first interval that ends at or after a moment of the film.
func (s Intervals) after(at Millis) int {
	from := 0
	for to := len(s); from < to; {
		if middle := (from + to) / 2; s[middle].End < at {
			from = middle + 1
		} else {
			to = middle
		}
	}
	return from
}

// insert puts one interval in, joined with all that it touches. It works in place.
func (s Intervals) insert(i Interval) Intervals {
	from := s.after(i.Start)
	to := from
	for ; to < len(s) && s[to].Start <= i.End; to++ {
		i.Start, i.End = min(i.Start, s[to].Start), max(i.End, s[to].End)
	}
	return slices.Replace(s, from, to, i)
}

// withoutShortest forgets the shortest interval, the last of equals. It works in place.
func (s Intervals) withoutShortest() Intervals {
	at := 0
	for i := range s {
		if s[i].End-s[i].Start <= s[at].End-s[at].Start {
			at = i
		}
	}
	return slices.Delete(s, at, at+1)
}
