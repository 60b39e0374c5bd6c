package reference

import (
	"hash/maphash"
	"math"
	"math/bits"
	"strconv"
)

// Derived adds up what the views that ClickHouse derives must show.
type Derived struct {
	Movies map[string]*Audience
	Hours  map[Hour]*Watched
}

// Audience is a row of movie_audience, and of each twentieth of the film a row of retention.
type Audience struct {
	Viewers, Completions                        int64
	WatchTime, Plays                            Wide
	Scores, Ratings, Likes, Dislikes, Bookmarks int64
	Saw                                         [Parts]int64 // viewers who saw any moment of each part
	Measured                                    int64        // viewers who saw any of it, where its length is known
}

// Parts is how many a film is cut into.
const Parts = 20

// Hour is the key of a row of watch_by_hour.
type Hour struct {
	At    int64 // Unix seconds
	Movie string
}

// Watched is a row of watch_by_hour.
type Watched struct {
	Newly   Wide
	Viewers int64
}

// NewDerived is of nothing.
func NewDerived() *Derived {
	return &Derived{Movies: map[string]*Audience{}, Hours: map[Hour]*Watched{}}
}

func (x *Derived) of(movie string) *Audience {
	if x.Movies[movie] == nil {
		x.Movies[movie] = &Audience{}
	}
	return x.Movies[movie]
}

// lastHour is the last whole one that a ClickHouse DateTime holds (2106-02-07), in milliseconds.
const lastHour = 4_294_965_599_999

// Seats are who was counted in which hour, as fingerprints.
type Seats map[uint64]bool

var seatSeed = maphash.MakeSeed()

// Report counts a report in the hour of its fact. A user's reports share their seats.
func (x *Derived) Report(r *Report, newly int64, seats Seats) {
	h := Hour{min(r.At(), lastHour) / 3_600_000 * 3600, r.Movie}
	w := x.Hours[h]
	if w == nil {
		w = &Watched{}
		x.Hours[h] = w
	}
	w.Newly.add(newly)
	if who := maphash.String(seatSeed, strconv.FormatInt(h.At, 10)+"/"+r.User+"/"+r.Movie); !seats[who] {
		seats[who] = true
		w.Viewers++
	}
}

// Viewed replaces what was counted of a user and movie, nil at first.
func (x *Derived) Viewed(movie string, before, after *Viewing) {
	a := x.of(movie)
	if before == nil {
		a.Viewers++
		before = &Viewing{}
	}
	a.WatchTime.replace(before.WatchedTime, after.WatchedTime)
	a.Plays.replace(before.Plays, after.Plays)
	a.Completions += count(after.Completed) - count(before.Completed)
	for i, sign := range [...]int64{-1, 1} {
		v := [...]*Viewing{before, after}[i]
		any := false
		for p := range Parts {
			if v.saw(uint64(p)) {
				a.Saw[p] += sign
				any = true
			}
		}
		a.Measured += sign * count(any)
	}
}

// saw says whether any moment of a part was watched: whether a watched stretch and the part have some time in common.
func (v *Viewing) saw(part uint64) bool {
	if v.Duration <= 0 {
		return false
	}
	for _, w := range v.Watched {
		if times(w.Start, Parts).less(times(v.Duration, part+1)) && times(v.Duration, part).less(times(w.End, Parts)) {
			return true
		}
	}
	return false
}

// Given replaces what was counted of a user's opinions of a movie, nil at first.
func (x *Derived) Given(movie string, before, after *Opinions) {
	a := x.of(movie)
	if before == nil {
		before = &Opinions{}
	}
	for i, sign := range [...]int64{-1, 1} {
		var s Summary
		o := [...]*Opinions{before, after}[i]
		s.add(o, 1)
		a.Ratings += sign * s.Ratings
		a.Scores += sign * s.Ratings * o.Rating.Value
		a.Likes += sign * s.Likes
		a.Dislikes += sign * s.Dislikes
		a.Bookmarks += sign * s.Bookmarks
	}
}

func count(is bool) int64 {
	if is {
		return 1
	}
	return 0
}

// Wide is a sum of numbers that are not negative, wide enough to hold any number of them.
type Wide struct{ hi, lo uint64 }

func times(v int64, by uint64) (w Wide) {
	w.hi, w.lo = bits.Mul64(uint64(v), by)
	return w
}

func (w *Wide) add(v int64) {
	var carry uint64
	w.lo, carry = bits.Add64(w.lo, uint64(v), 0)
	w.hi += carry
}

func (w *Wide) replace(before, after int64) {
	w.add(after)
	var borrow uint64
	w.lo, borrow = bits.Sub64(w.lo, uint64(before), 0)
	w.hi -= borrow
}

func (w Wide) less(v Wide) bool { return w.hi < v.hi || w.hi == v.hi && w.lo < v.lo }

// Int stays at the greatest number where the sum is greater.
func (w Wide) Int() int64 {
	if w.hi > 0 || w.lo > math.MaxInt64 {
		return math.MaxInt64
	}
	return int64(w.lo)
}
