package domain

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// feedbackCommand reads "10s rate 7 id 3".
func feedbackCommand(t *testing.T, n int, line string) FeedbackCommand {
	w := &words{t: t, rest: strings.Fields(line)}
	at, what := w.next(), w.next()
	if what == "clear" {
		what += " " + w.next()
	}
	score := 0
	if what == "rate" {
		score = w.number(w.next())
	}
	f := w.fact(n, at, func(word string) { t.Fatalf("%q: %q is not known", line, word) })
	f.Origin.Version = Version(n)
	return opinionCommand(t, what, f, int32(score))
}

func opinionCommand(t require.TestingT, what string, f Fact, score int32) FeedbackCommand {
	switch what {
	case "like", "dislike":
		return &SetLike{Fact: f, Dislike: what == "dislike"}
	case "clear like":
		return &ClearLike{Fact: f}
	case "bookmark":
		return &SetBookmark{Fact: f}
	case "clear bookmark":
		return &ClearBookmark{Fact: f}
	case "rate":
		return &SetRating{Fact: f, Score: score}
	case "clear rating":
		return &ClearRating{Fact: f}
	}
	require.Equal(t, "touch", what)
	return &TouchFeedback{Fact: f}
}

func describeOpinions(o *Opinions) string {
	var parts []string
	for k := LikeKind; k <= RatingKind; k++ {
		switch r := o.Of(k); {
		case r.Stamp.IsZero():
		case r.Set:
			parts = append(parts, fmt.Sprintf("%s %d@%s since %d", k, r.Value, since(r.Stamp.At), r.Since))
		default:
			parts = append(parts, fmt.Sprintf("%s none@%s", k, since(r.Stamp.At)))
		}
	}
	return strings.Join(parts, ", ")
}

func TestFeedbackScenarios(t *testing.T) {
	for _, s := range scenarios(t, "testdata/feedback.txt") {
		t.Run(s.name, func(t *testing.T) {
			var state Opinions
			for i, line := range s.given {
				c := feedbackCommand(t, i+1, line)
				require.NoError(t, c.Validate())
				state = Feedback.Evolve(state, Feedback.Decide(state, c))
			}
			c := feedbackCommand(t, len(s.given)+1, s.when)
			require.NoError(t, c.Validate())
			e := Feedback.Decide(state, c)
			require.Equal(t, s.then, e.Judged().String()+"; "+describeOpinions(&e.Changed().After), "testdata/feedback.txt:%d", s.line)
		})
	}
}

var opinionWords = []string{"like", "dislike", "clear like", "bookmark", "clear bookmark", "rate", "clear rating", "touch"}

// opinionsOf draws what one user does to one film, as it stands in the log; versions are set by who folds it.
func opinionsOf(t *rapid.T, user, movie string, most int) []FeedbackCommand {
	out := make([]FeedbackCommand, rapid.IntRange(0, most).Draw(t, "opinions"))
	for i := range out {
		f := Fact{ID: testID(i + 1), User: user, Movie: movie, ReceivedAt: start + Instant(rapid.IntRange(0, 40).Draw(t, "received"))}
		f.OccurredAt = start + Instant(rapid.IntRange(0, 40).Draw(t, "occurred"))
		out[i] = opinionCommand(t, rapid.SampledFrom(opinionWords).Draw(t, "what"), f, int32(rapid.IntRange(0, MaxScore).Draw(t, "score")))
	}
	return out
}

func foldFeedback(t require.TestingT, cmds []FeedbackCommand) (s Opinions, events []FeedbackEvent) {
	for i, c := range cmds {
		c.Head().Origin.Version = Version(i)
		before := s
		e := Feedback.Decide(s, c)
		require.Equal(t, before, s)
		require.Equal(t, e, Feedback.Decide(s, c), "the same arguments give the same event")
		require.Equal(t, before, e.Changed().Before)
		require.Equal(t, *c.Head(), *e.Head())
		s = Feedback.Evolve(s, e)
		require.Equal(t, s, e.Changed().After, "an event says what the state becomes")
		require.Equal(t, s, Feedback.Evolve(s, e), "and does so once")
		if e.Judged() != Applied {
			require.Equal(t, before, s)
		}
		events = append(events, e)
	}
	return s, events
}

func TestAnyOrderAndRepetitionGivesTheSameOpinions(t *testing.T) {
	withoutSince := func(o Opinions) Opinions { // a place in the log is of the log
		o.Like.Since, o.Bookmark.Since, o.Rating.Since = 0, 0, 0
		return o
	}
	rapid.Check(t, func(t *rapid.T) {
		cmds := opinionsOf(t, "u", "m", 20)
		if len(cmds) == 0 {
			return
		}
		once, _ := foldFeedback(t, cmds)
		again := append(append([]FeedbackCommand(nil), cmds...), rapid.SliceOf(rapid.SampledFrom(cmds)).Draw(t, "repeated")...)
		other, _ := foldFeedback(t, rapid.Permutation(again).Draw(t, "order"))
		require.Equal(t, withoutSince(once), withoutSince(other))
	})
}

func TestNamesOfOpinions(t *testing.T) {
	require.Equal(t, []string{"none", "like", "bookmark", "rating", "none"},
		[]string{OpinionKind(0).String(), LikeKind.String(), BookmarkKind.String(), RatingKind.String(), OpinionKind(4).String()})
	require.Nil(t, new(Opinions).Of(0))
}
