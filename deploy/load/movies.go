package load

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// summary compares what is shown of one movie. It is read with a token that names the movie, and that settles it; only where an answer's token
// left it out, what differs is read again until time is up, because nothing else tells late from lost.
func (c *comparison) summary(ctx context.Context, n uint32) error {
	movie := c.stream.plan.movie(int(n))
	read := reader{o: &c.o, token: c.proof.movies[movie]}
	deadline := time.Now().Add(c.o.Visible)
	for pause := firstPause; ; pause = min(2*pause, lastPause) {
		differences, err := c.look(ctx, &read, movie, c.movie[n])
		if err != nil {
			return err
		}
		if len(differences) == 0 || !c.proof.unnamed[movie] || time.Now().Add(pause).After(deadline) {
			c.keep(differences...)
			return nil
		}
		next := time.NewTimer(pause)
		select {
		case <-ctx.Done():
			next.Stop()
			return ctx.Err()
		case <-next.C:
		}
	}
}

// look reads a summary once and returns how it differs.
func (c *comparison) look(ctx context.Context, read *reader, movie string, t *tally) (out []Difference, err error) {
	differs := func(field string, shown, want any) {
		out = append(out, difference(movie, field, shown, want))
	}
	var shown shownSummary
	err = read.get(ctx, "/api/v2/movies/"+movie, &shown)
	switch {
	case errors.Is(err, errNotFound) && t.rows.lo > 0:
		differs("summary", "nothing", "a summary")
		return out, nil
	case errors.Is(err, errNotFound):
		return nil, nil
	case err != nil:
		return nil, err
	}
	if t.rows.hi == 0 {
		differs("summary", "a summary", "nothing")
		return out, nil
	}
	check := func(field string, n int64, want span) {
		if !want.holds(n) {
			differs(field, n, want)
		}
	}
	check("ratings.count", shown.Ratings.Count, t.ratings)
	check("likes", shown.Likes, t.likes)
	check("dislikes", shown.Dislikes, t.dislikes)
	check("bookmarks", shown.Bookmarks, t.bookmarks)
	if len(shown.Ratings.Histogram) != len(t.histogram) {
		differs("ratings.histogram", shown.Ratings.Histogram, fmt.Sprintf("%d scores", len(t.histogram)))
		return out, nil
	}
	var total, sum int64
	for score, n := range shown.Ratings.Histogram {
		check(fmt.Sprintf("ratings.histogram[%d]", score), n, t.histogram[score])
		total, sum = total+n, sum+n*int64(score)
	}
	check("ratings.count", shown.Ratings.Count, span{total, total})
	if mean := float64(sum) / float64(max(1, total)); (shown.Ratings.Mean == nil) != (total == 0) || shown.Ratings.Mean != nil && abs(*shown.Ratings.Mean-mean) > 1e-9 {
		differs("ratings.mean", deref(shown.Ratings.Mean), mean)
	}
	return out, nil
}

func abs(x float64) float64 { return max(x, -x) }

func deref(x *float64) any {
	if x == nil {
		return "null"
	}
	return *x
}
