package domain

import (
	"fmt"
	"slices"
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
			var state FeedbackState
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

func foldFeedback(t require.TestingT, cmds []FeedbackCommand) (s FeedbackState, events []FeedbackEvent) {
	for i, c := range cmds {
		c.Head().Origin.Version = Version(i)
		before, seen := s, slices.Clone(s.Seen)
		e := Feedback.Decide(s, c)
		require.Equal(t, e, Feedback.Decide(s, c), "the same arguments give the same event")
		require.Equal(t, before.Opinions, e.Changed().Before)
		require.Equal(t, *c.Head(), *e.Head())
		s = Feedback.Evolve(s, e)
		require.Equal(t, seen, slices.Clone(before.Seen), "arguments are not changed")
		require.Equal(t, s.Opinions, e.Changed().After, "an event says what the state becomes")
		require.Equal(t, s, Feedback.Evolve(s, e), "and does so once")
		if e.Judged() != Applied {
			require.Equal(t, before.Opinions, s.Opinions)
		}
		if e.Judged() == Duplicate {
			require.Equal(t, before, s, "a repetition changes nothing at all")
		}
		events = append(events, e)
	}
	return s, events
}

// withoutSince leaves out the place in the log, which is of the log.
func withoutSince(o Opinions) Opinions {
	o.Like.Since, o.Bookmark.Since, o.Rating.Since = 0, 0, 0
	return o
}

func TestAnyOrderOfDatedOpinionsGivesTheSame(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		cmds := opinionsOf(t, "u", "m", 20)
		if len(cmds) == 0 {
			return
		}
		once, _ := foldFeedback(t, cmds)
		other, _ := foldFeedback(t, rapid.Permutation(cmds).Draw(t, "order"))
		require.Equal(t, withoutSince(once.Opinions), withoutSince(other.Opinions))
	})
}

// A client hears no answer, and sends again: with another sent_at, to an edge with another clock, before or after what
// others say.
func TestRetriedOpinionsChangeNothing(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		cmds := opinionsOf(t, "u", "m", 20)
		for i := range cmds {
			if rapid.Bool().Draw(t, "undated") {
				cmds[i].Head().OccurredAt = 0
			}
		}
		once, _ := foldFeedback(t, cmds)
		var log []FeedbackCommand
		for i, c := range cmds {
			log = append(log, c)
			for range rapid.IntRange(0, 2).Draw(t, "retries") {
				log = append(log, retriedOpinion(t, cmds[rapid.IntRange(0, i).Draw(t, "of")]))
			}
		}
		other, events := foldFeedback(t, log)
		require.Equal(t, withoutSince(once.Opinions), withoutSince(other.Opinions))
		require.Equal(t, once.Seen, other.Seen)
		known := map[ID]bool{}
		for i, e := range events {
			if kind, _, _ := e.Opinion(); kind != 0 {
				require.Equal(t, known[log[i].Head().ID], e.Judged() == Duplicate, "event %d", i)
				known[log[i].Head().ID] = true
			}
		}
	})
}

// retriedOpinion is the same command as it arrives another time.
func retriedOpinion(t *rapid.T, c FeedbackCommand) FeedbackCommand {
	e := newFeedbackEvent(c, Change{}) // a copy of every kind
	f := *e.Head()
	f.ReceivedAt += Instant(rapid.IntRange(-30, 100).Draw(t, "arrives later by"))
	if f.OccurredAt != 0 && rapid.Bool().Draw(t, "says when it is sent") {
		f.SentAt = f.OccurredAt + Instant(rapid.IntRange(0, 50).Draw(t, "sent later by"))
	}
	what := opinionWords[len(opinionWords)-1]
	kind, value, set := c.Opinion()
	switch {
	case kind == RatingKind && set:
		return &SetRating{Fact: f, Score: value}
	case kind == LikeKind && set:
		return &SetLike{Fact: f, Dislike: value == DislikeValue}
	case kind == BookmarkKind && set:
		what = "bookmark"
	case kind != 0:
		what = "clear " + kind.String()
	}
	return opinionCommand(t, what, f, 0)
}

// Where no client gives a time the order of the log decides, whatever the clocks of the edges say.
func TestUndatedOpinionsStandInTheOrderOfTheLog(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		cmds := opinionsOf(t, "u", "m", 20)
		var want [RatingKind + 1]Opinion
		for _, c := range cmds {
			if c.Head().OccurredAt = 0; rapid.IntRange(0, 3).Draw(t, "a clock far ahead") == 0 {
				c.Head().ReceivedAt += 1_000_000
			}
			kind, value, set := c.Opinion()
			want[kind] = Opinion{Set: set, Value: value}
		}
		s, _ := foldFeedback(t, cmds)
		for kind := LikeKind; kind <= RatingKind; kind++ {
			got := s.Of(kind)
			require.Equal(t, want[kind].Set, got.Set)
			if got.Set {
				require.Equal(t, want[kind].Value, got.Value)
			}
		}
	})
}

func TestFeedbackRemembersTheNewestIDs(t *testing.T) {
	var s FeedbackState
	say := func(n int) Verdict {
		c := &SetRating{Fact: Fact{ID: testID(n), User: "u", Movie: "m", ReceivedAt: start + Instant(n)},
			Score: int32(n % 11)}
		e := Feedback.Decide(s, c)
		s = Feedback.Evolve(s, e)
		return e.Judged()
	}
	for n := range MaxSeen {
		require.Equal(t, Applied, say(n))
	}
	require.Equal(t, Duplicate, say(0), "after 999 others")
	require.Equal(t, Applied, say(MaxSeen))
	require.Len(t, s.Seen, MaxSeen)
	require.Equal(t, Duplicate, say(1))
	require.Equal(t, Applied, say(0), "the oldest is forgotten")
}

func TestNamesOfOpinions(t *testing.T) {
	require.Equal(t, []string{"none", "like", "bookmark", "rating", "none"},
		[]string{OpinionKind(0).String(), LikeKind.String(), BookmarkKind.String(), RatingKind.String(), OpinionKind(4).String()})
	require.Nil(t, new(Opinions).Of(0))
}
