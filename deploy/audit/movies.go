package audit

import (
	"context"
	"fmt"
	"slices"

	"ugc/deploy/reference"
	"ugc/domain"
	"ugc/schemas/topics"
)

// movies adds up what the feedback partitions say of each movie, and compares it with every stored summary at just the versions that the
// summary itself says are folded into it. A summary is a sum over partitions, so the order in which they are folded plays no part.
type movies struct {
	claims []*movieClaims
	last   map[string][]domain.Origin // per movie, the newest feedback of each partition up to the snapshot
}

// movieClaims are the summaries of one source.
type movieClaims struct {
	check  string
	rows   map[string]*summary
	sheets []*sheet // by the movie's partition
	exempt map[string]bool
}

type summary struct {
	text   string
	folded []domain.Origin
	sum    reference.Summary // of the partitions met so far
	met    int
}

// upTo is the newest command of a partition that the summary says is folded into it.
func (s *summary) upTo(partition int32) domain.Version {
	for _, o := range s.folded {
		if o.Partition == partition {
			return o.Version
		}
	}
	return domain.NoVersion
}

func newMovies(a *audit, partitions int) *movies {
	m := &movies{last: map[string][]domain.Origin{}}
	for _, check := range [...]string{topics.MoviesTable.Name, "movie_summaries"} {
		c := &movieClaims{check: check, rows: map[string]*summary{}, exempt: map[string]bool{}}
		for p := range partitions {
			c.sheets = append(c.sheets, a.sheet(check, int32(p)))
		}
		m.claims = append(m.claims, c)
	}
	m.claims[1].exempt = a.letters.movies
	return m
}

// collect reads the summaries that are stored.
func (m *movies) collect(ctx context.Context, a *audit) error {
	scans := [...]func(context.Context, int32, func(Row) error) error{a.moviesTable, a.rows("movie_summaries").Scan}
	for i, c := range m.claims {
		for p, sh := range c.sheets {
			err := scans[i](ctx, int32(p), func(r Row) error {
				sh.Stored++
				if c.rows[r.Key] != nil {
					sh.found(Difference{Kind: Doubled, Key: r.Key})
					return nil
				}
				c.rows[r.Key] = &summary{text: r.Text, folded: r.Folded}
				return nil
			})
			if err != nil {
				return err
			}
		}
	}
	return nil
}

// fold gives what is to be shown every feedback command of a partition.
func (m *movies) fold(a *audit) func(of *moment, inSnapshot bool) {
	running := map[string]*reference.Summary{}
	return func(of *moment, inSnapshot bool) {
		if a.letters.unfolded[of.Origin] {
			return
		}
		movie := of.feedback.Movie
		sum := running[movie]
		if sum == nil {
			sum = &reference.Summary{}
			running[movie] = sum
		}
		sum.Count(&of.before, &of.known.user.Opinions, of.feedback, of.verdict)
		if inSnapshot {
			m.reached(movie, of.Origin)
		}
		for _, c := range m.claims {
			if s := c.rows[movie]; s != nil && slices.Contains(s.folded, of.Origin) {
				s.sum.Add(sum)
				s.met++
			}
		}
	}
}

func (m *movies) reached(movie string, o domain.Origin) {
	last := m.last[movie]
	for i := range last {
		if last[i].Partition == o.Partition {
			last[i].Version = o.Version
			return
		}
	}
	m.last[movie] = append(last, o)
}

// settle compares once all partitions are folded.
func (m *movies) settle(partitions int32) {
	for _, c := range m.claims {
		for movie, last := range m.last {
			sh := c.sheets[domain.Partition(movie, partitions)]
			if c.exempt[movie] {
				sh.Note = "some movies wait behind dead letters, and are not compared"
				continue
			}
			sh.Accepted++
			s := c.rows[movie]
			if s == nil {
				sh.found(Difference{Kind: Missing, Key: movie, Origin: feedbackPlace(last[0])})
				continue
			}
			for _, o := range last {
				if s.upTo(o.Partition) < o.Version {
					sh.found(Difference{Kind: Older, Key: movie, Is: shownText(s.text), Origin: feedbackPlace(o)})
					break
				}
			}
		}
		for movie, s := range c.rows {
			sh := c.sheets[domain.Partition(movie, partitions)]
			switch should := summaryText(&s.sum, s.sum.Mean()); {
			case c.exempt[movie]:
				continue
			case s.met != len(s.folded) || s.met == 0:
				sh.found(Difference{Kind: Extra, Key: movie, Is: "it says that commands are in it which are not about this movie: " + fmt.Sprint(s.folded)})
			case should != s.text:
				is, should := apart(s.text, should)
				sh.found(Difference{Kind: Different, Key: movie, Is: is, Should: should, Origin: feedbackPlace(s.folded[0])})
			}
			if _, ok := m.last[movie]; !ok && s.met > 0 {
				sh.Accepted++
			}
		}
	}
}

func feedbackPlace(o domain.Origin) string {
	return place{topics.FeedbackCommands.Name, o.Partition, o.Version.Offset()}.String()
}
