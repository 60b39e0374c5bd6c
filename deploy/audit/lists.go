package audit

import (
	"errors"
	"fmt"

	"ugc/deploy/reference"
	"ugc/projections"
	"ugc/projections/clickhouse"
	"ugc/projections/documents"
	"ugc/schemas/topics"
	"ugc/streams"
)

// Service is what a service runs on. An audit takes its lists from there, so that nothing new can be left out.
type Service struct {
	Groups  []streams.Group
	Topics  []topics.Topic
	Views   []projections.View
	Derived map[string][]string // by view, the stored views behind it
}

// Running is the service of this program.
func Running() Service {
	s := Service{Groups: streams.Topology(), Topics: topics.All(), Views: clickhouse.Stored(), Derived: clickhouse.DerivedFrom()}
	for _, v := range documents.All() {
		s.Views = append(s.Views, projections.View{Name: v.Name, Source: v.Source})
	}
	return s
}

// ViewNames are the stored views.
func (s Service) ViewNames() (names []string) {
	for _, v := range s.Views {
		names = append(names, v.Name)
	}
	return names
}

// checked says everything of the service that the audit has no check for.
func (s Service) checked() error {
	a := &audit{letters: &letters{}}
	topic, group, view := map[string]bool{topics.DeadLetters.Name: true}, map[string]bool{}, map[string]bool{"movie_summaries": true}
	for _, g := range []streams.Group{a.playback().Group, a.feedback().Group, groupOf(topics.MoviesFeedback)} {
		group[g.Name], topic[g.Input.Name], topic[g.Table.Name] = true, true, true
		for _, o := range g.Outputs {
			topic[o.Topic.Name] = true
		}
	}
	for _, side := range []*side{a.playback(), a.feedback()} {
		view[side.history] = true
		for _, v := range side.views {
			view[v.check] = true
		}
	}
	derived := derivedTexts(reference.NewDerived())
	var errs []error
	lacks := func(is bool, what, name string) {
		if !is {
			errs = append(errs, fmt.Errorf("there is no check for the %s %s", what, name))
		}
	}
	for _, g := range s.Groups {
		lacks(group[g.Name], "group", g.Name)
	}
	for _, t := range s.Topics {
		lacks(topic[t.Name], "topic", t.Name)
	}
	for _, v := range s.Views {
		lacks(view[v.Name], "view", v.Name)
	}
	for name, from := range s.Derived {
		lacks(derived[name] != nil, "derived view", name)
		for _, stored := range from {
			lacks(view[stored], "view", stored)
		}
	}
	return errors.Join(errs...)
}
