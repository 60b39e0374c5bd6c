package audit

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"ugc/deploy/reference"
	"ugc/deploy/reference/translate"
	"ugc/domain"
	"ugc/schemas"
	"ugc/schemas/topics"
	"ugc/streams"
)

func (a *audit) playback() *side {
	s := &side{Group: groupOf(topics.PlaybackCommands), events: topics.PlaybackEvents, judge: judgePlayback, split: splitPlayback, history: "playback_events"}
	s.views = []view{
		a.table(s.Table, func(value []byte) (domain.Version, string, error) {
			t, err := a.o.Codec.DecodePlaybackTable(value)
			if err != nil {
				return 0, "", err
			}
			shown := a.o.Rules.Viewing(t.State) // as the edges show positions
			return t.Applied, playbackStateText(translate.Viewing(&shown),
				translate.Stamp(t.State.Position.Stamp), translate.Stamp(t.State.Resume.Stamp), translate.Stamp(t.State.Duration.Stamp)), nil
		}, func(k *known) string {
			p, _ := k.of()
			v := p.Viewing()
			return playbackStateText(&v, p.Position.Stamp, p.Resume.Stamp, p.Length.Stamp)
		}),
		{
			check: "viewing", scan: a.rows("viewing").Scan, exempt: a.letters.exempt("viewing"),
			leaves: func(m *moment) bool { return m.decided && m.decision.After.FirstSeen != 0 },
			text:   func(m *moment) string { return viewingText(&m.decision.After) },
		},
	}
	return s
}

func playbackStateText(v *reference.Viewing, position, resume, length reference.Stamp) string {
	t := text{[]byte(viewingText(v))}
	t.stamp("position", position)
	t.stamp("resume", resume)
	t.stamp("duration", length)
	return string(t.b)
}

func judgePlayback(k *known, c domain.Command, rules reference.Rules) judged {
	command := c.(domain.PlaybackCommand)
	if k.playback == nil {
		k.playback = &reference.Playback{}
	}
	j := judged{known: k, report: translate.Report(command)}
	j.decision = k.playback.Take(j.report, rules)
	j.row = playbackText(command, j.decision.NewlyWatched, string(j.decision.Verdict))
	j.event = playbackEventText(j.row, &j.decision.After, j.decision.Rules)
	return j
}

func splitPlayback(e domain.Event) (string, reference.Rules, bool) {
	var command domain.PlaybackCommand
	var newly domain.Millis
	switch e := e.(type) {
	case *domain.PlaybackRecorded:
		command, newly = &e.RecordPlayback, e.NewlyWatched
	case *domain.ViewingRecorded:
		command = &e.RecordViewing
	case *domain.PlaybackTouched:
		command = &e.TouchPlayback
	default:
		return "", reference.Rules{}, false
	}
	event := e.(domain.PlaybackEvent)
	rules := translate.DecidedBy(event)
	return playbackEventText(playbackText(command, int64(newly), e.Judged().String()), translate.Viewing(event.Viewed()), rules), rules, true
}

func playbackEventText(row string, after *reference.Viewing, rules reference.Rules) string {
	return row + fieldEnd + viewingText(after) + fieldEnd + rulesText(rules)
}

func (a *audit) feedback() *side {
	s := &side{Group: groupOf(topics.FeedbackCommands), events: topics.FeedbackEvents, judge: judgeFeedback, split: splitFeedback, history: "feedback_events"}
	s.views = []view{
		a.table(s.Table, func(value []byte) (domain.Version, string, error) {
			t, err := a.o.Codec.DecodeFeedbackTable(value)
			if err != nil {
				return 0, "", err
			}
			return t.Applied, registersText(translate.Opinions(&t.State.Opinions)), nil
		}, func(k *known) string {
			_, u := k.of()
			return registersText(&u.Opinions)
		}),
		{
			check: "feedback", scan: a.rows("feedback").Scan, exempt: a.letters.exempt("feedback"),
			leaves: func(m *moment) bool { return m.decided && m.known.user.Opinions != (reference.Opinions{}) },
			text:   func(m *moment) string { return opinionsText(&m.known.user.Opinions) },
		},
	}
	for _, about := range [...]reference.About{reference.Like, reference.Bookmark, reference.Rating} {
		s.views = append(s.views, a.document(string(about)+"s", about))
	}
	return s
}

// document is a view that shows the opinions about one thing.
func (a *audit) document(name string, about reference.About) view {
	return view{
		check: name, scan: a.rows(name).Scan, exempt: a.letters.exempt(name),
		leaves: func(m *moment) bool {
			if !m.decided {
				return false
			}
			o := m.known.user.Of(about)
			return (m.feedback.About == about || m.feedback.About == reference.Nothing) && o.Written
		},
		text: func(m *moment) string {
			o := m.known.user.Of(about)
			return opinionText(m.feedback.User, m.feedback.Movie, !o.There(), o.Since, o.Stamp.At, o.Value, about != reference.Bookmark)
		},
	}
}

func judgeFeedback(k *known, c domain.Command, _ reference.Rules) judged {
	command := c.(domain.FeedbackCommand)
	if k.user == nil {
		k.user = &reference.User{}
	}
	j := judged{known: k, feedback: translate.Feedback(command), before: k.user.Opinions}
	j.verdict = k.user.Take(j.feedback)
	j.row = feedbackText(command, string(j.verdict))
	j.event = feedbackEventText(j.row, &j.before, &k.user.Opinions)
	return j
}

func splitFeedback(e domain.Event) (string, reference.Rules, bool) {
	var command domain.FeedbackCommand
	switch e := e.(type) {
	case *domain.LikeSet:
		command = &e.SetLike
	case *domain.LikeCleared:
		command = &e.ClearLike
	case *domain.BookmarkSet:
		command = &e.SetBookmark
	case *domain.BookmarkCleared:
		command = &e.ClearBookmark
	case *domain.RatingSet:
		command = &e.SetRating
	case *domain.RatingCleared:
		command = &e.ClearRating
	case *domain.FeedbackTouched:
		command = &e.TouchFeedback
	default:
		return "", reference.Rules{}, false
	}
	change := e.(domain.FeedbackEvent).Changed()
	row := feedbackText(command, change.Verdict.String())
	return feedbackEventText(row, translate.Opinions(&change.Before), translate.Opinions(&change.After)), reference.Rules{}, true
}

func feedbackEventText(row string, before, after *reference.Opinions) string {
	return row + fieldEnd + "before: " + registersText(before) + fieldEnd + "after: " + registersText(after)
}

// table is a group's table: of each key the record of the greatest applied version counts, as it does when the table is restored.
func (a *audit) table(topic topics.Topic, is func(value []byte) (domain.Version, string, error), should func(*known) string) view {
	return view{
		check: topic.Name,
		scan: func(ctx context.Context, p int32, each func(Row) error) error {
			return scanTable(ctx, a, topic, p, func(key string, value []byte) error {
				applied, text, err := is(value)
				if err != nil {
					return err
				}
				return each(Row{Key: key, Version: applied, Text: text})
			})
		},
		leaves: func(*moment) bool { return true },
		text:   func(m *moment) string { return should(m.known) },
	}
}

// scanTable keeps the newest value of each key, and then gives them all. What is no table value is told and passed over, as by all readers of the table.
func scanTable(ctx context.Context, a *audit, topic topics.Topic, p int32, each func(key string, value []byte) error) error {
	_, ends, err := a.o.Log.Ends(ctx, topic.Name)
	if err != nil {
		return err
	}
	type newest struct {
		applied domain.Version
		value   []byte
		offset  int64
	}
	values := map[string]newest{}
	err = a.o.Log.Read(ctx, topic.Name, p, ends[p], func(r Record) error {
		if r.Late {
			return nil
		}
		if r.Value == nil {
			return nil // a tombstone: nothing of ours writes any, and every reader of the table passes it over
		}
		applied, err := a.o.Codec.AppliedIn(topic, r.Value)
		if unavailable(err) != nil {
			return err
		}
		if err != nil {
			a.unreadable(place{topic.Name, p, r.Offset}, r.Key, err)
			return nil // it is among the differences now
		}
		if old, ok := values[string(r.Key)]; !ok || applied >= old.applied {
			values[string(r.Key)] = newest{applied, r.Value, r.Offset}
		}
		return nil
	})
	if err != nil {
		return err
	}
	for key, v := range values {
		at := place{topic.Name, p, v.offset}
		switch err := each(key, v.value); {
		case domain.KindOf(err) == domain.Invalid, errors.Is(err, schemas.ErrUnknownSchema):
			a.unreadable(at, []byte(key), err)
		case err != nil:
			return fmt.Errorf("record at %s: %w", at, err)
		}
	}
	return nil
}

// moviesTable gives the summaries of the movies' table.
func (a *audit) moviesTable(ctx context.Context, p int32, each func(Row) error) error {
	return scanTable(ctx, a, topics.MoviesTable, p, func(key string, value []byte) error {
		t, err := a.o.Codec.DecodeMoviesTable(value)
		if err != nil || len(t.State.Folded) == 0 { // touched, or all of it in the dead letters
			return err
		}
		s := translate.Summary(&t.State.Summary)
		return each(Row{Key: key, Version: t.Applied, Text: summaryText(s, s.Mean()), Folded: t.State.Folded})
	})
}

// groupOf is the group of the service that reads a topic.
func groupOf(input topics.Topic) streams.Group {
	for _, g := range streams.Topology() {
		if g.Input == input {
			return g
		}
	}
	return streams.Group{Input: input} // Options.Validate has found it missing
}

// stepOf is how a group calls itself in its dead letters.
func stepOf(g streams.Group) string { return "streams/" + strings.TrimPrefix(g.Name, "ugc-") }
