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
	judge
	byUser map[uint32][]int // visits of which something was sent
	ran    ran

	users atomic.Int64
	mu    sync.Mutex
	movie map[uint32]*tally
	to    *Result
}

// ran is the time of the run so far.
func (r *run) ran() ran {
	return ran{domain.Instant(r.began.UnixMilli()), domain.Instant(time.Since(r.began).Milliseconds()), domain.Instant(r.o.ClockSlack.Milliseconds())}
}

// compare waits until every view shows everything, then reads and compares all users and all movies that the stream has touched.
func (r *run) compare(ctx context.Context, to *Result) error {
	c := &comparison{run: r, read: reader{o: &r.o, token: r.proof.all}, judge: newJudge(r.o.Rules), byUser: map[uint32][]int{},
		ran: r.ran(), movie: map[uint32]*tally{}, to: to}
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

// await reads once from each view of single users with the token of everything that was accepted. Summaries are waited for movie by movie.
func (c *comparison) await(ctx context.Context) error {
	stop := c.tell(ctx, func() Progress { return c.progress(Waiting, 0, 0) })
	defer stop()
	bounded, cancel := context.WithTimeout(ctx, c.o.Visible)
	defer cancel()
	began := time.Now()
	user := "/api/v2/users/" + c.stream.plan.user(0)
	for _, path := range []string{user + "/positions", user + "/likes", user + "/bookmarks", user + "/ratings"} {
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
	for _, n := range c.byUser[user] {
		v := c.stream.plan.visit(n)
		writes[uint32(v.movie)] = append(writes[uint32(v.movie)], c.ledger.records[n].writes(v, c.ran)...)
	}
	out := make(map[uint32]*expected, len(writes))
	for movie, w := range writes {
		e := c.expect(w)
		out[movie] = &e
	}
	return out
}

// differ keeps a difference.
func (c *comparison) differ(key, field string, shown, want any) {
	c.keep(difference(key, field, shown, want))
}

func difference(key, field string, shown, want any) Difference {
	return Difference{Key: key, Field: field, Shown: text(shown), Expected: text(want)}
}

// keep keeps differences; beyond a bound they are only counted.
func (c *comparison) keep(differences ...Difference) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, d := range differences {
		c.to.differ(d)
	}
}
