package audit

import (
	"math"
	"math/bits"
	"strconv"

	"ugc/domain"
)

// expected adds up what derived views should show, in terms of the domain and by no SQL.
type expected struct {
	movies map[string]*audience
	hours  map[hour]*watched
}

// audience is what there is to know of a movie.
type audience struct {
	viewers, completions                        int64
	watched, plays                              wide
	scores, ratings, likes, dislikes, bookmarks int64
	bar                                         [parts]int64 // viewers who saw any moment of each part
	measured                                    int64        // viewers who saw any of it, where its length is known
}

// parts is how many a film is cut into.
const parts = 20

type hour struct {
	at    int64 // Unix seconds
	movie string
}

type watched struct {
	newly   wide
	viewers int64
}

func newExpected() *expected {
	return &expected{movies: map[string]*audience{}, hours: map[hour]*watched{}}
}

func (x *expected) of(movie string) *audience {
	if x.movies[movie] == nil {
		x.movies[movie] = &audience{}
	}
	return x.movies[movie]
}

// lastHour is the last whole one that a ClickHouse DateTime holds (2106-02-07), in milliseconds.
const lastHour domain.Instant = 4_294_965_599_999

// report counts an event in the hour of its fact. seen remembers who was counted there; a user's events are all in one partition.
func (x *expected) report(e domain.PlaybackEvent, seen map[uint64]bool) {
	head := e.Head()
	h := hour{int64(min(head.At(), lastHour)) / 3_600_000 * 3600, head.Movie}
	w := x.hours[h]
	if w == nil {
		w = &watched{}
		x.hours[h] = w
	}
	if recorded, ok := e.(*domain.PlaybackRecorded); ok {
		w.newly.add(int64(recorded.NewlyWatched))
	}
	if who := hashText(strconv.FormatInt(h.at, 10) + fieldEnd + head.Key()); !seen[who] {
		seen[who] = true
		w.viewers++
	}
}

// viewed replaces what was counted of a user and movie, nil at first.
func (x *expected) viewed(movie string, before, after *domain.Viewing) {
	a := x.of(movie)
	if before == nil {
		a.viewers++
		before = &domain.Viewing{}
	}
	a.watched.replace(int64(before.WatchedTime), int64(after.WatchedTime))
	a.plays.replace(before.Plays, after.Plays)
	a.completions += count(after.Completed) - count(before.Completed)
	for i, sign := range [...]int64{-1, 1} {
		v := [...]*domain.Viewing{before, after}[i]
		any := false
		for p := range parts {
			if saw(v, uint64(p)) {
				a.bar[p] += sign
				any = true
			}
		}
		a.measured += sign * count(any)
	}
}

// saw says whether a viewer saw any moment of a part: whether a watched stretch and the part have some time in common.
func saw(v *domain.Viewing, part uint64) bool {
	if v.Duration <= 0 {
		return false
	}
	for _, w := range v.Watched {
		if times(w.Start, parts).less(times(v.Duration, part+1)) && times(v.Duration, part).less(times(w.End, parts)) {
			return true
		}
	}
	return false
}

// given replaces what was counted of a user's opinions of a movie, nil at first.
func (x *expected) given(movie string, before, after *domain.Opinions) {
	a := x.of(movie)
	if before == nil {
		before = &domain.Opinions{}
	}
	for i, sign := range [...]int64{-1, 1} {
		o := [...]*domain.Opinions{before, after}[i]
		a.ratings += sign * count(o.Rating.Set)
		a.scores += sign * count(o.Rating.Set) * int64(o.Rating.Value)
		a.likes += sign * count(o.Like.Set && o.Like.Value == 1)
		a.dislikes += sign * count(o.Like.Set && o.Like.Value == -1)
		a.bookmarks += sign * count(o.Bookmark.Set)
	}
}

// texts are the rows of each derived view: text by key.
func (x *expected) texts() map[string]map[string]string {
	movies, hours, bars := map[string]string{}, map[string]string{}, map[string]string{}
	for movie, a := range x.movies {
		movies[movie] = a.text()
		for p := range parts {
			if a.measured > 0 {
				bars[movie+"/"+strconv.Itoa(p)] = a.partText(p)
			}
		}
	}
	for h, w := range x.hours {
		var t text
		t.num("newly_watched_ms", w.newly.int())
		t.num("viewers", w.viewers)
		hours[strconv.FormatInt(h.at, 10)+"/"+h.movie] = string(t.b)
	}
	return map[string]map[string]string{"movie_audience": movies, "watch_by_hour": hours, "retention": bars}
}

func (a *audience) text() string {
	var t text
	t.num("viewers", a.viewers)
	t.num("watch_time_ms", a.watched.int())
	t.num("completions", a.completions)
	t.share("completion_rate_bits", a.completions, a.viewers)
	t.num("plays", a.plays.int())
	t.share("mean_rating_bits", a.scores, a.ratings)
	t.num("ratings", a.ratings)
	t.num("likes", a.likes)
	t.num("dislikes", a.dislikes)
	t.num("bookmarks", a.bookmarks)
	return string(t.b)
}

func (a *audience) partText(part int) string {
	var t text
	t.num("viewers", a.bar[part])
	t.num("audience", a.measured)
	t.share("share_bits", a.bar[part], a.measured)
	return string(t.b)
}

// share is compared by its bits, as rate is; of nothing there is none.
func (t *text) share(name string, part, whole int64) {
	t.opt(name, int64(math.Float64bits(float64(part)/float64(max(1, whole)))), whole != 0)
}

func count(is bool) int64 {
	if is {
		return 1
	}
	return 0
}

// wide is a sum of numbers that are not negative, wide enough to hold any number of them.
type wide struct{ hi, lo uint64 }

func times[T ~int64](v T, by uint64) (w wide) {
	w.hi, w.lo = bits.Mul64(uint64(v), by)
	return w
}

func (w *wide) add(v int64) {
	var carry uint64
	w.lo, carry = bits.Add64(w.lo, uint64(v), 0)
	w.hi += carry
}

func (w *wide) replace(before, after int64) {
	w.add(after)
	var borrow uint64
	w.lo, borrow = bits.Sub64(w.lo, uint64(before), 0)
	w.hi -= borrow
}

func (w wide) less(v wide) bool { return w.hi < v.hi || w.hi == v.hi && w.lo < v.lo }

// int stays at the greatest number where the sum is greater.
func (w wide) int() int64 {
	if w.hi > 0 || w.lo > math.MaxInt64 {
		return math.MaxInt64
	}
	return int64(w.lo)
}
