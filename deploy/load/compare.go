package load

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"ugc/domain"
)

// comparison holds what the service shows against the fold of what it accepted.
type comparison struct {
	*run
	read reader
	deciders
	byUser map[uint32][]int // visits of which something was sent
	whole  domain.Instant   // how long the run took

	users atomic.Int64
	mu    sync.Mutex
	movie map[uint32]*tally
	to    *Result
}

// compare waits until every view shows everything, then reads and compares all users and all movies that the stream has touched.
func (r *run) compare(ctx context.Context, to *Result) error {
	c := &comparison{run: r, read: reader{o: &r.o, token: r.token.String()}, deciders: newDeciders(r.o.Rules), byUser: map[uint32][]int{},
		whole: domain.Instant(time.Since(r.began).Milliseconds()), movie: map[uint32]*tally{}, to: to}
	for n, record := range r.ledger.records {
		if record != nil {
			user := r.stream.plan.bookings[n].user
			c.byUser[user] = append(c.byUser[user], n)
		}
	}
	if err := c.await(ctx); err != nil {
		return err
	}
	stop := r.tell(ctx, func() Progress { return r.progress(Comparing, c.users.Load(), int64(len(c.byUser))) })
	defer stop()
	began := time.Now()
	g, gctx := errgroup.WithContext(ctx)
	g.SetLimit(r.o.Readers)
	for _, user := range sorted(c.byUser) {
		if gctx.Err() != nil {
			break
		}
		g.Go(func() error {
			defer c.users.Add(1)
			return c.user(gctx, user)
		})
	}
	if err := g.Wait(); err != nil {
		return fmt.Errorf("compare: %w", err)
	}
	g, gctx = errgroup.WithContext(ctx)
	g.SetLimit(r.o.Readers)
	for _, movie := range sorted(c.movie) {
		if gctx.Err() != nil {
			break
		}
		g.Go(func() error { return c.summary(gctx, movie) })
	}
	if err := g.Wait(); err != nil {
		return fmt.Errorf("compare: %w", err)
	}
	to.Users, to.Movies, to.Compared = len(c.byUser), len(c.movie), time.Since(began)
	return ctx.Err()
}

func sorted[V any](m map[uint32]V) []uint32 {
	keys := make([]uint32, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}

// await reads once from each view with the token of everything that was accepted.
func (c *comparison) await(ctx context.Context) error {
	stop := c.tell(ctx, func() Progress { return c.progress(Waiting, 0, 0) })
	defer stop()
	bounded, cancel := context.WithTimeout(ctx, c.o.Visible)
	defer cancel()
	began := time.Now()
	for _, path := range []string{"/api/v2/users/" + c.user0() + "/positions", "/api/v2/users/" + c.user0() + "/likes", "/api/v2/users/" + c.user0() + "/bookmarks",
		"/api/v2/users/" + c.user0() + "/ratings", "/api/v2/movies/" + c.stream.plan.movie(0)} {
		var any struct{}
		err := c.read.get(bounded, path, &any)
		switch {
		case err == nil || errors.Is(err, errNotFound):
		case ctx.Err() != nil:
			return ctx.Err()
		default:
			return fmt.Errorf("what was accepted is not visible after %s: %w", c.o.Visible, err)
		}
	}
	c.to.Visible = time.Since(began)
	return nil
}

func (c *comparison) user0() string { return c.stream.plan.user(0) }

// user compares all that is shown of one user, and adds what the user thinks to the movies.
func (c *comparison) user(ctx context.Context, n uint32) error {
	pairs := c.expectations(n)
	user := c.stream.plan.user(int(n))
	see := newSight(c, user, pairs)
	if err := see.positions(ctx); err != nil {
		return err
	}
	for kind := domain.LikeKind; kind <= domain.RatingKind; kind++ {
		if err := see.opinions(ctx, kind); err != nil {
			return err
		}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	for movie, e := range pairs {
		t := c.movie[movie]
		if t == nil {
			t = &tally{}
			c.movie[movie] = t
		}
		t.add(e)
		c.to.Pairs++
		if !e.exact {
			c.to.Blurred++
		}
	}
	return nil
}

// expectations makes the user's part of the stream again and folds what was written of it, by movie.
func (c *comparison) expectations(user uint32) map[uint32]*expected {
	writes := map[uint32][]write{}
	slack := domain.Instant(c.o.ClockSlack.Milliseconds())
	for _, n := range c.byUser[user] {
		v := c.stream.plan.visit(n)
		writes[uint32(v.movie)] = append(writes[uint32(v.movie)], c.ledger.records[n].writes(v, c.whole, slack)...)
	}
	out := make(map[uint32]*expected, len(writes))
	for movie, w := range writes {
		e := c.expect(w)
		out[movie] = &e
	}
	return out
}

// summary compares what is shown of one movie.
func (c *comparison) summary(ctx context.Context, n uint32) error {
	t, movie := c.movie[n], c.stream.plan.movie(int(n))
	var shown shownSummary
	err := c.read.get(ctx, "/api/v2/movies/"+movie, &shown)
	switch {
	case errors.Is(err, errNotFound) && t.rows.lo > 0:
		c.differ(movie, "summary", "nothing", "a summary")
		return nil
	case errors.Is(err, errNotFound):
		return nil
	case err != nil:
		return err
	}
	if t.rows.hi == 0 {
		c.differ(movie, "summary", "a summary", "nothing")
		return nil
	}
	check := func(field string, n int64, want span) {
		if !want.holds(n) {
			c.differ(movie, field, n, want)
		}
	}
	check("ratings.count", shown.Ratings.Count, t.ratings)
	check("likes", shown.Likes, t.likes)
	check("dislikes", shown.Dislikes, t.dislikes)
	check("bookmarks", shown.Bookmarks, t.bookmarks)
	if len(shown.Ratings.Histogram) != len(t.histogram) {
		c.differ(movie, "ratings.histogram", shown.Ratings.Histogram, fmt.Sprintf("%d scores", len(t.histogram)))
		return nil
	}
	var total, sum int64
	for score, n := range shown.Ratings.Histogram {
		check(fmt.Sprintf("ratings.histogram[%d]", score), n, t.histogram[score])
		total, sum = total+n, sum+n*int64(score)
	}
	check("ratings.count", shown.Ratings.Count, span{total, total})
	if mean := float64(sum) / float64(max(1, total)); (shown.Ratings.Mean == nil) != (total == 0) || shown.Ratings.Mean != nil && abs(*shown.Ratings.Mean-mean) > 1e-9 {
		c.differ(movie, "ratings.mean", deref(shown.Ratings.Mean), mean)
	}
	return nil
}

func abs(x float64) float64 { return max(x, -x) }

func deref(x *float64) any {
	if x == nil {
		return "null"
	}
	return *x
}

// differ keeps a difference; beyond a bound they are only counted.
func (c *comparison) differ(key, field string, shown, want any) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.to.differ(Difference{Key: key, Field: field, Shown: text(shown), Expected: text(want)})
}
