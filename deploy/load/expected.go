package load

import (
	"math"
	"slices"

	"ugc/deploy/reference"
	"ugc/domain"
)

// span is a number that lies between two bounds, both included.
type span struct{ lo, hi int64 }

func (s span) holds(n int64) bool { return s.lo <= n && n <= s.hi }

// candidate is a value that a register may hold, and the range of its time. A register that was cleared holds the candidate with set false.
type candidate struct {
	set    bool
	value  int64
	lo, hi domain.Instant
}

// register is every value that may have won. It may also never have been written, where nothing that was is certain.
type register struct {
	candidates []candidate
	certain    bool
}

// allows says whether the register may show this; at 0: nothing is shown.
func (r register) allows(shown candidate) bool {
	if !shown.set {
		return !r.certain || slices.ContainsFunc(r.candidates, func(c candidate) bool { return !c.set })
	}
	return slices.ContainsFunc(r.candidates, func(c candidate) bool {
		return c.set && c.value == shown.value && c.lo <= shown.lo && shown.lo <= c.hi
	})
}

// add keeps a write that may have won against the greatest stamp that is certainly there.
func (r *register) add(w write, least reference.Stamp, set bool, value int64) {
	if w.mayWin(least) {
		r.candidates = append(r.candidates, candidate{set: set, value: value, lo: max(w.lo, domain.Instant(least.At)), hi: w.hi})
	}
}

// expected is what may be shown of one user and one movie.
type expected struct {
	playback span // rows: 0 or 1
	feedback bool // something was certainly said

	position, resume, duration register
	watched, plays, viewed     span
	completed                  span // 0 or 1
	first, last                span
	ranges                     []reference.Range // what was watched, where that is certain
	exact                      bool              // nothing is uncertain

	opinions [4]register // by domain.OpinionKind
}

// expect folds all writes about one user and one movie. Where some are uncertain it folds those that are certain, at their earliest, and all
// that may be, at their latest: everything that only grows lies between the two.
func (j judge) expect(writes []write) expected {
	low := j.over(writes, certainly, earliest)
	high := low
	e := expected{exact: !slices.ContainsFunc(writes, write.blurred)}
	if !e.exact {
		high = j.over(writes, perhaps, latest)
	}
	a, b := low.playback.Viewing(), high.playback.Viewing()
	e.ranges = a.Watched
	e.watched = span{a.WatchedTime, b.WatchedTime}
	e.plays = span{a.Plays, b.Plays}
	e.viewed = span{a.ViewedSeconds, b.ViewedSeconds}
	e.completed = span{count(a.Completed), count(b.Completed)}
	e.playback = span{count(a.LastSeen != 0), count(b.LastSeen != 0)}
	e.first, e.last = seen(writes)
	e.registers(j, writes, &low)
	return e
}

// seen is between what the film can have been seen first, and last.
func seen(writes []write) (first, last span) {
	first, last = span{math.MaxInt64, math.MaxInt64}, span{}
	for _, w := range writes {
		if _, is := w.command.(domain.PlaybackCommand); !is {
			continue
		}
		first.lo, last.hi = min(first.lo, int64(w.lo)), max(last.hi, int64(w.hi))
		if w.certain {
			first.hi, last.lo = min(first.hi, int64(w.hi)), max(last.lo, int64(w.lo))
		}
	}
	return first, last
}

func count(b bool) int64 {
	if b {
		return 1
	}
	return 0
}

// registers finds what may have won in each.
func (e *expected) registers(j judge, writes []write, low *fold) {
	p, opinions := &low.playback, &low.feedback.Opinions
	e.position.certain, e.resume.certain, e.duration.certain = p.Position.Written, p.Resume.Written, p.Length.Written
	for kind, about := range abouts {
		written := opinions.Of(about).Written
		e.opinions[kind].certain = written
		e.feedback = e.feedback || written
	}
	for _, w := range writes {
		switch c := w.command.(type) {
		case domain.FeedbackCommand:
			if kind, value, set := c.Opinion(); !w.beaten {
				e.opinions[kind].add(w, opinions.Of(abouts[kind]).Stamp, set, int64(value))
			}
		case *domain.RecordPlayback:
			if !w.mayWin(p.Position.Stamp) && !w.mayWin(p.Resume.Stamp) && !w.mayWin(p.Length.Stamp) {
				continue
			}
			var alone fold // which registers does this report write?
			j.apply(&alone, c, w.lo)
			for _, r := range [...]struct {
				to            *register
				written, have *reference.Register
			}{
				{&e.position, &alone.playback.Position, &p.Position}, {&e.resume, &alone.playback.Resume, &p.Resume},
				{&e.duration, &alone.playback.Length, &p.Length},
			} {
				if r.written.Written {
					r.to.add(w, r.have.Stamp, true, r.written.Value)
				}
			}
		}
	}
}

// abouts are the opinions, as the service and as the reference call them.
var abouts = map[domain.OpinionKind]reference.About{
	domain.LikeKind: reference.Like, domain.BookmarkKind: reference.Bookmark, domain.RatingKind: reference.Rating,
}

// tally is what may be shown of one movie: the sum over all users.
type tally struct {
	histogram                        [domain.MaxScore + 1]span
	ratings                          span
	likes, dislikes, bookmarks, rows span
}

// add counts what one user may think of the movie.
func (t *tally) add(e *expected) {
	rating, like, bookmark := &e.opinions[domain.RatingKind], &e.opinions[domain.LikeKind], &e.opinions[domain.BookmarkKind]
	for score := range t.histogram {
		t.histogram[score].count(rating, func(c candidate) bool { return c.set && c.value == int64(score) })
	}
	t.ratings.count(rating, func(c candidate) bool { return c.set })
	t.likes.count(like, func(c candidate) bool { return c.set && c.value == int64(domain.LikeValue) })
	t.dislikes.count(like, func(c candidate) bool { return c.set && c.value == int64(domain.DislikeValue) })
	t.bookmarks.count(bookmark, func(c candidate) bool { return c.set })
	t.rows.lo += count(e.feedback)
	t.rows.hi += count(len(rating.candidates)+len(like.candidates)+len(bookmark.candidates) > 0)
}

// count adds one to the bounds that a register must and may reach.
func (s *span) count(r *register, is func(candidate) bool) {
	all, some := r.certain, false
	for _, c := range r.candidates {
		all, some = all && is(c), some || is(c)
	}
	s.lo += count(all)
	s.hi += count(some)
}
