package domain

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// feedbackLogs draws the feedback log of a film: partitions with the events of several users each, in the order of their versions, and
// what all users think at the end.
func feedbackLogs(t *rapid.T) (logs [][]FeedbackEvent, users []Opinions) {
	for p := range rapid.IntRange(1, 3).Draw(t, "partitions") {
		var log []FeedbackEvent
		for u := range rapid.IntRange(1, 3).Draw(t, "users") {
			opinions, events := foldFeedback(t, opinionsOf(t, string(rune('a'+u)), "m", 8))
			users = append(users, opinions.Opinions)
			log = append(log, events...)
		}
		for at, from := range rapid.Permutation(seq(len(log))).Draw(t, "order") {
			_ = from
			log[at].Head().Origin = Origin{Partition: int32(p), Version: Version(3 * at)}
		}
		logs = append(logs, log)
	}
	return logs, users
}

func seq(n int) []int {
	out := make([]int, n)
	for i := range out {
		out[i] = i
	}
	return out
}

// recount counts from scratch what users think at the end.
func recount(users []Opinions) (m MovieSummary) {
	for _, o := range users {
		if o.Rating.Set {
			m.Ratings++
			m.Histogram[o.Rating.Value]++
		}
		if o.Like.Set && o.Like.Value > 0 {
			m.Likes++
		}
		if o.Like.Set && o.Like.Value < 0 {
			m.Dislikes++
		}
		if o.Bookmark.Set {
			m.Bookmarks++
		}
	}
	return m
}

func TestASummaryIsWhatARecountGives(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		logs, users := feedbackLogs(t)
		want := recount(users)
		total := 0
		for _, log := range logs {
			total += len(log)
			for _, e := range log {
				if e.Judged() == Applied {
					want.UpdatedAt = max(want.UpdatedAt, e.Head().ReceivedAt)
				}
			}
		}
		// Partitions come in any mixture; now and then one comes again from an older point on, as after a crash.
		next := make([]int, len(logs))
		var s MovieState
		for step := 0; ; step++ {
			var open []int
			for p := range logs {
				if next[p] < len(logs[p]) {
					open = append(open, p)
				}
			}
			if len(open) == 0 {
				break
			}
			p := rapid.SampledFrom(open).Draw(t, "partition")
			e := logs[p][next[p]]
			before, kept := s, slices.Clone(s.Folded)
			folded := FoldMovie(s, e)
			require.Equal(t, kept, slices.Clone(before.Folded), "the argument is not changed")
			s = folded
			require.GreaterOrEqual(t, s.FoldedUpTo(int32(p)), e.Head().Origin.Version)
			require.True(t, slices.IsSortedFunc(s.Folded, func(a, b Origin) int { return int(a.Partition - b.Partition) }))
			require.Equal(t, s, FoldMovie(s, e), "folded once")
			if next[p]++; step < 3*total && rapid.IntRange(0, 3).Draw(t, "crash") == 0 {
				next[p] = rapid.IntRange(0, next[p]).Draw(t, "again from")
			}
		}
		require.Equal(t, want, s.Summary)
	})
}

func TestFoldMovie(t *testing.T) {
	rate := func(version Version, before, after Opinion) FeedbackEvent {
		return &RatingSet{SetRating: SetRating{Fact: Fact{ReceivedAt: start, Origin: Origin{Partition: 5, Version: version}}},
			Change: Change{Verdict: Applied, Before: Opinions{Rating: before}, After: Opinions{Rating: after}}}
	}
	seven, nine := Opinion{Set: true, Value: 7}, Opinion{Set: true, Value: 9}
	s := FoldMovie(MovieState{}, rate(0, Opinion{}, seven))
	require.Equal(t, MovieSummary{Ratings: 1, Histogram: [MaxScore + 1]int64{7: 1}, UpdatedAt: start}, s.Summary)
	require.Equal(t, 7.0, s.Summary.Mean())
	require.Equal(t, Version(0), s.FoldedUpTo(5))
	require.Equal(t, NoVersion, s.FoldedUpTo(4))

	s = FoldMovie(s, rate(8, seven, nine))
	require.Equal(t, [MaxScore + 1]int64{9: 1}, s.Summary.Histogram)
	require.Equal(t, s, FoldMovie(s, rate(8, seven, nine)), "again")
	require.Equal(t, s, FoldMovie(s, rate(0, Opinion{}, seven)), "an older one")

	touch := rate(NoVersion, Opinion{}, seven)
	require.Equal(t, s, FoldMovie(s, touch), "a touch of the film itself")
	require.Equal(t, MovieState{}, FoldMovie(MovieState{}, touch), "a touch of the film itself")

	stale := rate(9, Opinion{}, seven)
	stale.Changed().Verdict = Stale
	next := FoldMovie(s, stale)
	require.Equal(t, s.Summary, next.Summary, "a stale event moves nothing")
	require.Equal(t, Version(9), next.FoldedUpTo(5), "but was seen")

	require.Zero(t, MovieSummary{}.Mean())
	require.Equal(t, 5.0, MovieSummary{Ratings: 4, Histogram: [MaxScore + 1]int64{0: 1, 5: 2, 10: 1}}.Mean())
}
