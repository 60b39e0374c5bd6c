package domain

import (
	"cmp"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// seen is the plain model of a set of film time: every millisecond on its own.
type seen [64]bool

func (s *seen) add(i Interval) {
	if i.Start < 0 {
		return // not film time: the whole interval is ignored
	}
	for at := i.Start; at < i.End; at++ {
		s[at] = true
	}
}

func stretches() *rapid.Generator[[]Interval] {
	return rapid.SliceOfN(rapid.Custom(func(t *rapid.T) Interval {
		return Interval{Millis(rapid.IntRange(-3, 63).Draw(t, "start")), Millis(rapid.IntRange(-3, 64).Draw(t, "end"))}
	}), 0, 12)
}

func TestUnionIsThatOfSets(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var model seen
		var set Intervals
		for range rapid.IntRange(1, 5).Draw(t, "times") {
			add := stretches().Draw(t, "add")
			kept := slices.Clone(add)
			before, beforeKept := set, slices.Clone(set)
			set = set.Union(add...)
			require.Equal(t, kept, add)
			require.Equal(t, beforeKept, slices.Clone(before))
			for _, i := range add {
				model.add(i)
			}
			var total Millis
			for at, on := range model {
				inside := set.contains([]Interval{{Millis(at), Millis(at) + 1}})
				require.Equal(t, on, inside, "at %d in %v", at, set)
				if on {
					total++
				}
			}
			require.Equal(t, total, set.Total())
			for i, s := range set {
				require.Less(t, s.Start, s.End)
				require.True(t, i == 0 || set[i-1].End < s.Start, "sorted, disjoint, not touching: %v", set)
			}
			require.Equal(t, set, set.Union(set...), "idempotent")
			require.Equal(t, set, set.Union(add...), "idempotent")
		}
	})
}

func TestUnionIsAssociativeAndCommutative(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a, b, c := stretches().Draw(t, "a"), stretches().Draw(t, "b"), stretches().Draw(t, "c")
		one := Intervals(nil).Union(a...).Union(b...).Union(c...)
		require.Equal(t, one, Intervals(nil).Union(c...).Union(a...).Union(b...))
		require.Equal(t, one, Intervals(nil).Union(a...).Union(Intervals(nil).Union(b...).Union(c...)...))
	})
}

func TestBeyondTheBoundTheShortestAreForgotten(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var set, all Intervals
		for range 12 {
			add := rapid.SliceOfN(rapid.Custom(func(t *rapid.T) Interval {
				from := Millis(rapid.IntRange(0, 10_000_000).Draw(t, "start"))
				return Interval{from, from + Millis(rapid.IntRange(1, 300).Draw(t, "length"))}
			}), 200, 300).Draw(t, "add")
			next := set.Union(add...)
			all = unbounded(all, add)
			require.LessOrEqual(t, len(next), MaxIntervals)
			require.True(t, all.contains(next), "nothing is in it that was not watched")
			require.GreaterOrEqual(t, next.Total(), set.Total(), "it never shrinks")
			if len(all) <= MaxIntervals {
				require.Equal(t, all, next)
			}
			set = next
		}
	})
	var set Intervals
	for i := range Millis(MaxIntervals) {
		set = set.Union(Interval{i * 1000, i*1000 + 10})
	}
	require.Len(t, set, MaxIntervals)
	require.Equal(t, set, set.Union(Interval{500, 509}), "it is the shortest itself")
	last := set[MaxIntervals-1]
	set = set.Union(Interval{500, 510})
	require.Len(t, set, MaxIntervals)
	require.Contains(t, set, Interval{500, 510})
	require.NotContains(t, set, last, "the last of equals")

	s := PlaybackState{Watched: set}
	c := &RecordPlayback{Fact: Fact{ID: testID(1), OccurredAt: start, ReceivedAt: start}, Type: FastForward}
	s = fold1(s, c)
	late := &RecordPlayback{Fact: Fact{ID: testID(2), OccurredAt: start - 1, ReceivedAt: start}, Type: FastForward,
		Watched: []Interval{{700, 710}}}
	e := Playback.Decide(s, late).(*PlaybackRecorded)
	require.Equal(t, Applied, e.Verdict, "another stretch is shown, although none is longer")
	require.Zero(t, e.NewlyWatched)
}

// unbounded is the union without a bound, made by sorting.
func unbounded(s Intervals, add []Interval) (out Intervals) {
	all := append(slices.Clone(s), add...)
	slices.SortFunc(all, func(a, b Interval) int { return cmp.Compare(a.Start, b.Start) })
	for _, i := range all {
		if n := len(out); n > 0 && i.Start <= out[n-1].End {
			out[n-1].End = max(out[n-1].End, i.End)
		} else {
			out = append(out, i)
		}
	}
	return out
}

func TestTotalOfTheLongestFilm(t *testing.T) {
	const most = Millis(1<<63 - 1)
	require.Equal(t, most-1, Intervals(nil).Union(Interval{0, 5}, Interval{6, most}).Total())
}
