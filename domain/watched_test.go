package domain

import (
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

func TestBeyondTheBoundTheSmallestGapsClose(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var set Intervals
		for range 8 {
			add := rapid.SliceOfN(rapid.Custom(func(t *rapid.T) Interval {
				from := Millis(rapid.IntRange(0, 1_000_000).Draw(t, "start"))
				return Interval{from, from + Millis(rapid.IntRange(1, 300).Draw(t, "length"))}
			}), 50, 120).Draw(t, "add")
			next := set.Union(add...)
			require.LessOrEqual(t, len(next), MaxIntervals)
			require.True(t, next.contains(set), "it only ever grows")
			require.True(t, next.contains(add))
			require.GreaterOrEqual(t, next.Total(), set.Total())
			set = next
		}
	})
	var set Intervals
	for i := range Millis(MaxIntervals) {
		set = set.Union(Interval{i * 1000, i*1000 + 10})
	}
	require.Len(t, set, MaxIntervals)
	set = set.Union(Interval{100_500, 100_510}) // 490 to either neighbour, less than any other gap; of equals the first closes
	require.Len(t, set, MaxIntervals)
	require.True(t, slices.Contains(set, Interval{100_000, 100_510}))
}

func TestTotalOfTheLongestFilm(t *testing.T) {
	const most = Millis(1<<63 - 1)
	require.Equal(t, most-1, Intervals(nil).Union(Interval{0, 5}, Interval{6, most}).Total())
}
