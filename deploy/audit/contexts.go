package audit

import (
	"context"
	"errors"
	"fmt"

	"ugc/domain"
	"ugc/schemas"
	"ugc/schemas/topics"
)

func (a *audit) playback() *side[domain.PlaybackState, domain.PlaybackCommand, domain.PlaybackEvent] {
	type m = moment[domain.PlaybackState, domain.PlaybackEvent]
	codec := a.o.Codec
	s := &side[domain.PlaybackState, domain.PlaybackCommand, domain.PlaybackEvent]{
		name: "playback", group: "ugc-playback", commands: topics.PlaybackCommands, events: topics.PlaybackEvents, table: topics.PlaybackTable,
		decider: a.o.Rules.Decider(),
		normal: func(s domain.PlaybackState) (domain.PlaybackState, error) {
			return again(s, codec.EncodePlaybackTable, codec.DecodePlaybackTable)
		},
		eventText: func(e domain.PlaybackEvent) string { return playbackEventText(e) + fieldEnd + viewingText(e.Viewed()) },
		history:   "playback_events", historyText: playbackEventText,
	}
	s.views = []view[domain.PlaybackState, domain.PlaybackEvent]{
		tableView[domain.PlaybackState, domain.PlaybackEvent](a, s.table, codec.DecodePlaybackTable, s.normal),
		{
			check: "viewing", scan: a.o.Views["viewing"].Scan, exempt: a.letters.views["viewing"],
			leaves: func(m *m) bool { return m.decided && m.event.Viewed().FirstSeen != 0 },
			text:   func(m *m) string { return viewingText(m.event.Viewed()) },
		},
	}
	return s
}

func (a *audit) feedback() *side[domain.FeedbackState, domain.FeedbackCommand, domain.FeedbackEvent] {
	type m = moment[domain.FeedbackState, domain.FeedbackEvent]
	codec := a.o.Codec
	s := &side[domain.FeedbackState, domain.FeedbackCommand, domain.FeedbackEvent]{
		name: "feedback", group: "ugc-feedback", commands: topics.FeedbackCommands, events: topics.FeedbackEvents, table: topics.FeedbackTable,
		decider: domain.Feedback,
		normal: func(s domain.FeedbackState) (domain.FeedbackState, error) {
			return again(s, codec.EncodeFeedbackTable, codec.DecodeFeedbackTable)
		},
		eventText: func(e domain.FeedbackEvent) string {
			c := e.Changed()
			return feedbackEventText(e) + fieldEnd + "before=" + jsonText(c.Before) + fieldEnd + "after=" + jsonText(c.After)
		},
		history: "feedback_events", historyText: feedbackEventText,
	}
	s.views = []view[domain.FeedbackState, domain.FeedbackEvent]{
		tableView[domain.FeedbackState, domain.FeedbackEvent](a, s.table, codec.DecodeFeedbackTable, s.normal),
		{
			check: "feedback", scan: a.o.Views["feedback"].Scan, exempt: a.letters.views["feedback"],
			leaves: func(m *m) bool { return m.decided && m.event.Changed().After != (domain.Opinions{}) },
			text:   func(m *m) string { return opinionsText(&m.event.Changed().After) },
		},
	}
	for _, kind := range [...]domain.OpinionKind{domain.LikeKind, domain.BookmarkKind, domain.RatingKind} {
		name := kind.String() + "s"
		s.views = append(s.views, view[domain.FeedbackState, domain.FeedbackEvent]{
			check: name, scan: a.o.Views[name].Scan, exempt: a.letters.views[name],
			leaves: func(m *m) bool {
				if !m.decided {
					return false
				}
				about, _, _ := m.event.Opinion()
				return (about == kind || about == 0) && !m.event.Changed().After.Of(kind).Stamp.IsZero()
			},
			text: func(m *m) string {
				o, head := m.event.Changed().After.Of(kind), m.event.Head()
				added := domain.Version(0)
				if o.Set {
					added = o.Since
				}
				return opinionText(head.User, head.Movie, !o.Set, added, o.Stamp.At, int64(o.Value), kind != domain.BookmarkKind)
			},
		})
	}
	return s
}

// again is a state as it is once it was written and read: empty lists and absent ones become the same.
func again[S any](s S, encode func(*schemas.Table[S]) ([]byte, error), decode func([]byte) (*schemas.Table[S], error)) (S, error) {
	b, err := encode(&schemas.Table[S]{State: s})
	if err != nil {
		return s, err
	}
	t, err := decode(b)
	if err != nil {
		return s, err
	}
	return t.State, nil
}

// tableView is a group's table: of each key the record of the greatest applied version counts, as it does when the table is restored.
func tableView[S, E any](a *audit, topic topics.Topic, decode func([]byte) (*schemas.Table[S], error), normal func(S) (S, error)) view[S, E] {
	return view[S, E]{
		check: topic.Name,
		scan: func(ctx context.Context, p int32, each func(Row) error) error {
			return scanTable(ctx, a, topic, p, func(key string, value []byte) error {
				t, err := decode(value)
				if err != nil {
					return err
				}
				return each(Row{Key: key, Version: t.Applied, Text: stateText(t.State)})
			})
		},
		leaves: func(*moment[S, E]) bool { return true },
		text: func(m *moment[S, E]) string {
			s, err := normal(m.state)
			if err != nil {
				return "cannot be written: " + err.Error()
			}
			return stateText(s)
		},
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
		if r.Value == nil {
			delete(values, string(r.Key))
			return nil
		}
		applied, err := schemas.AppliedOf(r.Value)
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
		return each(Row{Key: key, Version: t.Applied, Text: summaryText(&t.State.Summary, t.State.Summary.Mean()), Folded: t.State.Folded})
	})
}

// sources are the topics that the views read.
func sources() map[string]topics.Topic {
	return map[string]topics.Topic{
		"playback_events": topics.PlaybackEvents, "viewing": topics.PlaybackEvents,
		"feedback_events": topics.FeedbackEvents, "feedback": topics.FeedbackEvents,
		"likes": topics.FeedbackEvents, "bookmarks": topics.FeedbackEvents, "ratings": topics.FeedbackEvents,
		"movie_summaries": topics.MoviesTable,
	}
}
