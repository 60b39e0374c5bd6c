package reference

import (
	"cmp"
	"slices"
)

// Range is what lies from Start, inclusive, to End, exclusive.
type Range struct{ Start, End int64 }

// ranges are separate and in order: no two overlap or touch.
type ranges []Range

// with is the union of the ranges and one more.
func (s ranges) with(r Range) ranges {
	if r.End <= r.Start {
		return s
	}
	from, _ := slices.BinarySearchFunc(s, r.Start, func(old Range, at int64) int { return cmp.Compare(old.End, at) })
	to := from
	for to < len(s) && s[to].Start <= r.End {
		r.Start, r.End = min(r.Start, s[to].Start), max(r.End, s[to].End)
		to++
	}
	return slices.Replace(slices.Clone(s), from, to, r)
}

// length of all ranges together.
func (s ranges) length() (sum int64) {
	for _, r := range s {
		sum += r.End - r.Start
	}
	return sum
}

// MostStretches of film are kept of one user and movie.
const MostStretches = 2048

// longest are the longest stretches that may be kept; the shortest are forgotten, and of equally short ones the last in the film.
func (s ranges) longest() ranges {
	if len(s) <= MostStretches {
		return s
	}
	kept := slices.Clone(s)
	slices.SortStableFunc(kept, func(a, b Range) int { return cmp.Compare(b.End-b.Start, a.End-a.Start) })
	kept = kept[:MostStretches]
	slices.SortFunc(kept, func(a, b Range) int { return cmp.Compare(a.Start, b.Start) })
	return kept
}
