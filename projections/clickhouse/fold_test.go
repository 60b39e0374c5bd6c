package clickhouse_test

import (
	"math"
	"math/big"
	"slices"

	"ugc/domain"
	"ugc/projections"
)

// What every view must show, computed by brute force from the events alone.

type pair struct{ user, movie string }

func pairOf(e domain.Event) pair { return pair{e.Head().User, e.Head().Movie} }

// newest is the event of the greatest version of each pair.
func newest[E domain.Event](records []projections.Record) map[pair]E {
	out := map[pair]E{}
	for _, r := range records {
		e := r.Value.(E)
		if old, ok := out[pairOf(e)]; !ok || old.Head().Origin.Version < e.Head().Origin.Version {
			out[pairOf(e)] = e
		}
	}
	return out
}

type audience struct {
	viewers, completions, ratings, likes, dislikes, bookmarks uint64
	watched, plays                                            int64
	completionRate, meanRating                                *float64
}

func add(a, b int64) int64 {
	if a > math.MaxInt64-b {
		return math.MaxInt64
	}
	return a + b
}

func foldAudience(h history) map[string]audience {
	out := map[string]audience{}
	for p, e := range newest[domain.PlaybackEvent](h.playback) {
		v := e.Viewed()
		if v.FirstSeen == 0 {
			continue
		}
		a := out[p.movie]
		a.viewers++
		a.watched, a.plays = add(a.watched, int64(v.WatchedTime)), add(a.plays, v.Plays)
		if v.Completed {
			a.completions++
		}
		out[p.movie] = a
	}
	scores := map[string]int64{}
	for p, e := range newest[domain.FeedbackEvent](h.feedback) {
		o := e.Changed().After
		if o == (domain.Opinions{}) {
			continue
		}
		a := out[p.movie]
		if o.Rating.Set {
			a.ratings++
			scores[p.movie] += int64(o.Rating.Value)
		}
		if o.Like.Set && o.Like.Value > 0 {
			a.likes++
		}
		if o.Like.Set && o.Like.Value < 0 {
			a.dislikes++
		}
		if o.Bookmark.Set {
			a.bookmarks++
		}
		out[p.movie] = a
	}
	for movie, a := range out {
		if a.viewers > 0 {
			a.completionRate = ratio(float64(a.completions), float64(a.viewers))
		}
		if a.ratings > 0 {
			a.meanRating = ratio(float64(scores[movie]), float64(a.ratings))
		}
		out[movie] = a
	}
	return out
}

func ratio(a, b float64) *float64 {
	v := a / b
	return &v
}

type hourOfMovie struct {
	hour  int64 // Unix seconds
	movie string
}

type watch struct {
	newly   int64
	viewers uint64
}

func hourOf(t domain.Instant) int64 { return int64(min(t, 4294965599999)) / 3_600_000 * 3_600 }

func foldHours(h history) map[hourOfMovie]watch {
	out, users := map[hourOfMovie]watch{}, map[hourOfMovie]map[string]bool{}
	for _, r := range h.playback {
		f := r.Value.(domain.Event).Head()
		at := hourOfMovie{hourOf(f.At()), f.Movie}
		w := out[at]
		switch e := r.Value.(type) {
		case *domain.PlaybackRecorded:
			w.newly = add(w.newly, int64(e.NewlyWatched))
		case *domain.PlaybackTouched:
			continue
		}
		if users[at] == nil {
			users[at] = map[string]bool{}
		}
		users[at][f.User] = true
		w.viewers = uint64(len(users[at]))
		out[at] = w
	}
	return out
}

// seen are the viewers of each part of a movie, and how many there are in all.
type seen struct {
	parts    [20]uint64
	audience uint64
}

func foldRetention(h history) map[string]seen {
	out := map[string]seen{}
	for p, e := range newest[domain.PlaybackEvent](h.playback) {
		v := e.Viewed()
		if v.Duration <= 0 {
			continue
		}
		s, any := out[p.movie], false
		for part := range s.parts {
			if slices.ContainsFunc(v.Watched, func(i domain.Interval) bool { return overlaps(i, v.Duration, int64(part)) }) {
				s.parts[part]++
				any = true
			}
		}
		if any {
			s.audience++
			out[p.movie] = s
		}
	}
	return out
}

// overlaps says whether an interval has a moment in [length*part/20, length*(part+1)/20), in numbers that do not overflow.
func overlaps(i domain.Interval, length domain.Millis, part int64) bool {
	times := func(a, b int64) *big.Int { return new(big.Int).Mul(big.NewInt(a), big.NewInt(b)) }
	return times(int64(i.Start), 20).Cmp(times(int64(length), part+1)) < 0 && times(int64(i.End), 20).Cmp(times(int64(length), part)) > 0
}
