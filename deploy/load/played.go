package load

import (
	"fmt"
	"sync/atomic"

	"ugc/domain"
)

// The kinds of requests, which take differently long.
const (
	single = iota
	batched
	upload
	kinds
)

func kindOf(stops []stop) int {
	switch {
	case stops[0].Manner == Offline:
		return upload
	case len(stops) > 1:
		return batched
	}
	return single
}

// usual is the kind of request that progress tells of.
func (r *run) usual() int {
	if r.latency[single].Count() > 0 {
		return single
	}
	return batched
}

// Played counts accepted deliveries by what they were, and the visits that they belong to.
type Played struct {
	Visits, Offline                            int64 // all, and those that were recorded offline and uploaded at once
	Reports, Viewed, Bookmarks, Likes, Ratings int64
	Repeated, Late                             int64 // of them: sent before, and sent after what happened later
}

// String is one line.
func (p Played) String() string {
	all := max(1, p.Reports+p.Viewed+p.Bookmarks+p.Likes+p.Ratings)
	return fmt.Sprintf("%d visits, %d of them uploaded from offline: %d reports, %d of viewed seconds, %d of bookmarks, %d of likes, %d of ratings; %.1f %% repeated, %.1f %% late",
		p.Visits, p.Offline, p.Reports, p.Viewed, p.Bookmarks, p.Likes, p.Ratings, 100*float64(p.Repeated)/float64(all), 100*float64(p.Late)/float64(all))
}

// playing is Played while it grows; any goroutine may add.
type playing struct{ reports, viewed, bookmarks, likes, ratings, repeated, late atomic.Int64 }

func (p *playing) add(d *Delivery) {
	switch c := d.Command.(type) {
	case *domain.RecordPlayback:
		p.reports.Add(1)
	case *domain.RecordViewing:
		p.viewed.Add(1)
	case domain.FeedbackCommand:
		switch kind, _, _ := c.Opinion(); kind {
		case domain.BookmarkKind:
			p.bookmarks.Add(1)
		case domain.LikeKind:
			p.likes.Add(1)
		case domain.RatingKind:
			p.ratings.Add(1)
		}
	}
	if d.Again {
		p.repeated.Add(1)
	}
	if d.Late {
		p.late.Add(1)
	}
}

func (p *playing) counts(records []*record) Played {
	out := Played{Reports: p.reports.Load(), Viewed: p.viewed.Load(), Bookmarks: p.bookmarks.Load(), Likes: p.likes.Load(), Ratings: p.ratings.Load(),
		Repeated: p.repeated.Load(), Late: p.late.Load()}
	for _, r := range records {
		if r != nil {
			out.Visits++
			if r.offline {
				out.Offline++
			}
		}
	}
	return out
}
