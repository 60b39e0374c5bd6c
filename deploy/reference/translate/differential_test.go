package translate

import (
	"encoding/binary"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"ugc/deploy/reference"
	"ugc/domain"
)

// These tests hold the service's deciders and the reference against each other. A difference is a defect in one of three: README, domain, reference.

const began = 1_700_000_000_000

// both are what the two know of one user and movie.
type both struct {
	state    domain.PlaybackState
	playback reference.Playback
	version  domain.Version
}

func (b *both) take(t require.TestingT, c domain.PlaybackCommand, rules domain.PlaybackRules) {
	b.version++
	c.Head().Origin.Version = b.version
	e := rules.Decider().Decide(b.state, c)
	b.state = rules.Decider().Evolve(b.state, e)
	d := b.playback.Take(Report(c), Rules(rules))
	require.Equal(t, string(d.Verdict), e.Judged().String(), "%+v", c)
	shown := *Viewing(e.Viewed())
	if len(shown.Watched) == 0 {
		shown.Watched = d.After.Watched // none, or an empty list of them
	}
	require.Equal(t, d.After, shown, "%+v", c)
	require.Equal(t, d.Rules, Rules(e.DecidedBy()), "%+v", c)
	if recorded, ok := e.(*domain.PlaybackRecorded); ok {
		require.EqualValues(t, d.NewlyWatched, recorded.NewlyWatched, "%+v", c)
	}
}

var otherRules = domain.PlaybackRules{Version: domain.RulesVersion, CompletedReached: 0.5, CompletedWatched: 0.3, ResumeAfter: 7_000, ResumeAfterShare: 0.5}

// drawFact draws times, sequences and ids that meet often.
func drawFact(t *rapid.T) domain.Fact {
	f := domain.Fact{ID: domain.ID{rapid.Byte().Draw(t, "id") % 40}, User: "u", Movie: "m", ReceivedAt: began + domain.Instant(rapid.Int64Range(0, 60).Draw(t, "received"))*1000}
	if rapid.IntRange(0, 3).Draw(t, "placed") > 0 {
		f.Session = rapid.SampledFrom([]string{"a", "b", "c"}).Draw(t, "session")
		f.Sequence = rapid.Int64Range(0, 12).Draw(t, "sequence")
	} else if rapid.IntRange(0, 5).Draw(t, "sequence alone") == 0 {
		f.Sequence = rapid.Int64Range(0, 3).Draw(t, "sequence")
	}
	if rapid.IntRange(0, 2).Draw(t, "dated") > 0 {
		f.OccurredAt = began + domain.Instant(rapid.Int64Range(-20, 80).Draw(t, "occurred"))*1000
		if rapid.Bool().Draw(t, "sent") {
			f.SentAt = began + domain.Instant(rapid.Int64Range(-20, 80).Draw(t, "sent at"))*1000
		}
	}
	return f
}

func drawPlayback(t *rapid.T) domain.PlaybackCommand {
	f := drawFact(t)
	switch rapid.IntRange(0, 19).Draw(t, "kind") {
	case 0:
		return &domain.TouchPlayback{Fact: f}
	case 1, 2:
		return &domain.RecordViewing{Fact: f, ViewedSeconds: rapid.Int64Range(0, 3).Draw(t, "seconds")}
	}
	seconds := func(name string) domain.Millis { return domain.Millis(rapid.Int64Range(0, 70).Draw(t, name)) * 1000 }
	c := &domain.RecordPlayback{Fact: f, Type: domain.ReportType(rapid.IntRange(int(domain.Play), int(domain.End)).Draw(t, "type")), Position: seconds("position")}
	if rapid.Bool().Draw(t, "has from") {
		c.From = domain.Some(seconds("from"))
	}
	if rapid.Bool().Draw(t, "has duration") {
		c.Duration = domain.Millis(rapid.SampledFrom([]int64{1, 30_000, 60_000, 1_300_000}).Draw(t, "duration"))
	}
	c.Rate = rapid.SampledFrom([]float64{0, 1, 0.5, 1.5, 2, 0.1, 16}).Draw(t, "rate")
	for range rapid.IntRange(0, 2).Draw(t, "ranges") {
		start := rapid.Int64Range(0, 60_000).Draw(t, "start")
		c.Watched = append(c.Watched, domain.Interval{Start: domain.Millis(start), End: domain.Millis(start + rapid.Int64Range(1, 9_000).Draw(t, "length"))})
	}
	return c
}

func TestPlaybackIsDecidedAsReadmeSays(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var b both
		rules := []domain.PlaybackRules{domain.PublishedRules, otherRules}
		for range rapid.IntRange(1, 40).Draw(t, "reports") {
			b.take(t, drawPlayback(t), rules[rapid.IntRange(0, 6).Draw(t, "rules")/6])
		}
	})
}

func TestFeedbackIsDecidedAsReadmeSays(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		users := map[string]*reference.User{}
		states := map[string]domain.FeedbackState{}
		var movie domain.MovieState
		var summary reference.Summary
		for n := range rapid.IntRange(1, 60).Draw(t, "opinions") {
			f := drawFact(t)
			f.User = rapid.SampledFrom([]string{"u", "v"}).Draw(t, "user")
			f.Origin.Version = domain.Version(n)
			c := rapid.SampledFrom([]domain.FeedbackCommand{
				&domain.SetLike{Fact: f}, &domain.SetLike{Fact: f, Dislike: true}, &domain.ClearLike{Fact: f}, &domain.SetBookmark{Fact: f}, &domain.ClearBookmark{Fact: f},
				&domain.SetRating{Fact: f, Score: int32(n % 11)}, &domain.ClearRating{Fact: f}, &domain.TouchFeedback{Fact: f},
			}).Draw(t, "command")
			if users[f.User] == nil {
				users[f.User] = &reference.User{}
			}
			u := users[f.User]
			before := u.Opinions
			verdict := u.Take(Feedback(c))
			e := domain.Feedback.Decide(states[f.User], c)
			states[f.User] = domain.Feedback.Evolve(states[f.User], e)
			require.Equal(t, string(verdict), e.Judged().String(), "%+v", c)
			require.Equal(t, &before, Opinions(&e.Changed().Before), "%+v", c)
			require.Equal(t, &u.Opinions, Opinions(&e.Changed().After), "%+v", c)
			summary.Count(&before, &u.Opinions, Feedback(c), verdict)
			movie = domain.FoldMovie(movie, e)
			require.Equal(t, &summary, Summary(&movie.Summary), "%+v", c)
			require.InDelta(t, summary.Mean(), movie.Summary.Mean(), 0)
		}
	})
}

// The bounds of memory, each reached and passed by reports that come again after it.
func TestMemoryIsBoundedAsReadmeSays(t *testing.T) {
	id := func(n int) (id domain.ID) { binary.BigEndian.PutUint64(id[8:], uint64(n)); return id }
	report := func(n int, session string, sequence int64) *domain.RecordPlayback {
		return &domain.RecordPlayback{
			Fact: domain.Fact{ID: id(n), User: "u", Movie: "m", Session: session, Sequence: sequence, OccurredAt: began + domain.Instant(sequence)*1000, ReceivedAt: began + 1<<30},
			Type: domain.Heartbeat, Position: domain.Millis(sequence) * 1000,
		}
	}
	for name, script := range map[string]func(take func(domain.PlaybackCommand)){
		"ids": func(take func(domain.PlaybackCommand)) {
			for n := range 1100 {
				take(&domain.RecordViewing{Fact: report(n, "", 0).Fact, ViewedSeconds: 1})
				take(&domain.RecordViewing{Fact: report(n-n%7*150, "", 0).Fact, ViewedSeconds: 1})
			}
		},
		"sessions": func(take func(domain.PlaybackCommand)) {
			for n := range 4600 {
				take(report(n, fmt.Sprint("s", n), 1))
				if n > 4000 {
					take(report(n, fmt.Sprint("s", n-4094+n%5), 2)) // of one that is just still, or just not remembered
				}
			}
		},
		"many sessions twice": func(take func(domain.PlaybackCommand)) {
			for n := range 6000 {
				take(report(n, fmt.Sprint("s", n%2500), int64(1+n/2500)))
			}
		},
		"old sessions among the newest 200": func(take func(domain.PlaybackCommand)) {
			for n := range 210 {
				take(report(n, fmt.Sprint("s", n), 1))
			}
			for n := range 4200 {
				take(report(n, "long", int64(n+1)))
			}
			for n := range 210 {
				take(report(n, fmt.Sprint("s", n), 1))
				take(report(n, fmt.Sprint("s", n), 2))
			}
		},
		"gaps in one session": func(take func(domain.PlaybackCommand)) {
			for n := range 4200 {
				take(report(n, "s", int64(2*n+2)))
			}
			for n := range 4200 {
				take(report(n, "s", int64(2*n+1)))
			}
		},
		"gaps in many sessions": func(take func(domain.PlaybackCommand)) {
			for n := range 5000 {
				take(report(n, fmt.Sprint("s", n%50), int64(2*(n/50)+2)))
			}
			for n := range 5000 {
				take(report(n, fmt.Sprint("s", n%50), int64(2*(n/50)+1+n%2)))
			}
		},
		"stretches of film": func(take func(domain.PlaybackCommand)) {
			for n := range 2200 {
				c := report(n, "", 0)
				start := domain.Millis(n*7919%2200) * 100
				c.Watched = []domain.Interval{{Start: start, End: start + 10 + domain.Millis(n%9)}}
				take(c)
			}
			for n := range 300 {
				c := report(3000+n, "", 0)
				c.Watched = []domain.Interval{{Start: domain.Millis(n) * 700, End: domain.Millis(n)*700 + 15}, {Start: domain.Millis(n) * 5, End: domain.Millis(n)*5 + 2}}
				take(c)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var b both
			script(func(c domain.PlaybackCommand) { b.take(t, c, domain.PublishedRules) })
		})
	}
}
