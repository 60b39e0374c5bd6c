package load

import (
	"context"
	"errors"
	"fmt"

	"ugc/domain"
)

// sight compares what is shown of one user with what is expected of it.
type sight struct {
	c     *comparison
	user  string
	pairs map[string]*expected // by movie id
}

func newSight(c *comparison, user string, pairs map[uint32]*expected) *sight {
	s := &sight{c: c, user: user, pairs: make(map[string]*expected, len(pairs))}
	for movie, e := range pairs {
		s.pairs[c.stream.plan.movie(int(movie))] = e
	}
	return s
}

// positions reads the user's whole list and compares each row; of one row also what was watched, stretch by stretch.
func (s *sight) positions(ctx context.Context) error {
	rows, err := list[shownPosition](ctx, &s.c.read, "/api/v2/users/"+s.user+"/positions")
	if err != nil {
		return err
	}
	seen, last := map[string]bool{}, ""
	for i := range rows {
		row := &rows[i]
		key := domain.Key(s.user, row.Movie)
		e := s.pairs[row.Movie]
		switch {
		case row.User != s.user:
			s.c.differ(key, "user_id", row.User, s.user)
		case seen[row.Movie]:
			s.c.differ(key, "position", "twice in the list", "once")
		case row.Movie < last:
			s.c.differ(key, "position", "after "+last, "in the order of movie ids")
		case e == nil || e.playback.hi == 0:
			s.c.differ(key, "position", "a position", "none")
		default:
			s.position(key, row, e)
		}
		seen[row.Movie], last = true, row.Movie
	}
	for movie, e := range s.pairs {
		if e.playback.lo > 0 && !seen[movie] {
			s.c.differ(domain.Key(s.user, movie), "position", "none", "a position")
		}
	}
	if len(rows) == 0 {
		return nil
	}
	return s.ranges(ctx, rows[len(rows)/2].Movie)
}

// position compares one row.
func (s *sight) position(key string, row *shownPosition, e *expected) {
	register := func(field string, value int64, at domain.Instant, want *register) {
		if !want.allows(candidate{set: at != 0, value: value, lo: at}) {
			s.c.differ(key, field, candidate{at != 0, value, at, at}, want)
		}
	}
	register("position_ms", row.Position, row.PositionAt.Instant, &e.position)
	register("resume_ms", row.Resume, row.ResumeAt.Instant, &e.resume)
	s.duration(key, row, e)
	number := func(field string, n int64, want span) {
		if !want.holds(n) {
			s.c.differ(key, field, n, want)
		}
	}
	number("watched_ms", row.WatchedTime, e.watched)
	number("plays", row.Plays, e.plays)
	number("viewed_seconds", row.ViewedSeconds, e.viewed)
	number("completed", count(row.Completed), e.completed)
	number("first_seen_at", int64(row.FirstSeen.Instant), e.first)
	number("last_seen_at", int64(row.LastSeen.Instant), e.last)
}

// duration is a register without a time of its own in the answer.
func (s *sight) duration(key string, row *shownPosition, e *expected) {
	if row.Duration == nil {
		if e.duration.certain {
			s.c.differ(key, "duration_ms", "null", &e.duration)
		}
		return
	}
	for _, c := range e.duration.candidates {
		if c.value == *row.Duration {
			return
		}
	}
	s.c.differ(key, "duration_ms", *row.Duration, &e.duration)
}

// ranges reads one position by itself, which tells what was watched.
func (s *sight) ranges(ctx context.Context, movie string) error {
	e := s.pairs[movie]
	if e == nil || e.watched.lo != e.watched.hi {
		return nil // which stretches are there is not certain
	}
	var row shownPosition
	err := s.c.read.get(ctx, "/api/v2/users/"+s.user+"/positions/"+movie, &row)
	key := domain.Key(s.user, movie)
	if errors.Is(err, errNotFound) {
		s.c.differ(key, "position", "none by itself", "the one that the list shows")
		return nil
	}
	if err != nil {
		return err
	}
	s.position(key, &row, e)
	want := make([][2]int64, len(e.ranges))
	for i, r := range e.ranges {
		want[i] = [2]int64{r.Start, r.End}
	}
	if got := fmt.Sprint(row.Watched); got != fmt.Sprint(want) {
		s.c.differ(key, "watched", got, want)
	}
	return nil
}

var paths = map[domain.OpinionKind]string{domain.LikeKind: "likes", domain.BookmarkKind: "bookmarks", domain.RatingKind: "ratings"}

// opinions reads the user's whole list of one kind and compares each row.
func (s *sight) opinions(ctx context.Context, kind domain.OpinionKind) error {
	rows, err := list[shownOpinion](ctx, &s.c.read, "/api/v2/users/"+s.user+"/"+paths[kind])
	if err != nil {
		return err
	}
	seen := map[string]bool{}
	for i := range rows {
		row := &rows[i]
		key := domain.Key(s.user, row.Movie)
		e := s.pairs[row.Movie]
		got := candidate{set: true, value: row.value(kind), lo: row.UpdatedAt.Instant, hi: row.UpdatedAt.Instant}
		switch {
		case row.User != s.user:
			s.c.differ(key, "user_id", row.User, s.user)
		case seen[row.Movie]:
			s.c.differ(key, kind.String(), "twice in the list", "once")
		case e == nil:
			s.c.differ(key, kind.String(), got, "nothing")
		case !e.opinions[kind].allows(got):
			s.c.differ(key, kind.String(), got, &e.opinions[kind])
		}
		seen[row.Movie] = true
	}
	for movie, e := range s.pairs {
		if !seen[movie] && !e.opinions[kind].allows(candidate{}) {
			s.c.differ(domain.Key(s.user, movie), kind.String(), "nothing", &e.opinions[kind])
		}
	}
	return nil
}

func (o *shownOpinion) value(kind domain.OpinionKind) int64 {
	switch {
	case kind == domain.RatingKind:
		return o.Score
	case kind == domain.LikeKind && !o.Like:
		return int64(domain.DislikeValue)
	}
	return 1 // a like, or a bookmark
}
