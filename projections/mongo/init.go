package mongo

import (
	"context"

	"ugc/projections"
	"ugc/projections/documents"
)

// Plan is what Init would do now, in order; nothing where all is there. It changes nothing.
func (s *Store) Plan(ctx context.Context) ([]Step, error) {
	is, err := s.facts(ctx)
	if err != nil {
		return nil, failed("plan", err)
	}
	var plan []Step
	for _, v := range documents.All() {
		g, live, err := s.current(ctx, v)
		if err != nil {
			return nil, err
		}
		for _, step := range s.layout(v, g, is) {
			done, err := s.check(ctx, step)
			if err != nil {
				return nil, failed("plan "+step.Purpose, err)
			}
			if !done {
				plan = append(plan, step)
			}
		}
		if !live {
			plan = append(plan, Step{Purpose: "view " + v.Name + " as " + g.String()})
		}
	}
	compat, err := s.planCompat(ctx, is)
	return append(plan, compat...), err
}

// Init makes what every view needs: collections, indexes, shards, the first generation. It is safe to repeat and to race.
func (s *Store) Init(ctx context.Context) error {
	is, err := s.facts(ctx)
	if err != nil {
		return failed("prepare", err)
	}
	for _, v := range documents.All() {
		_, g, err := documents.Open(ctx, s, v)
		if err != nil {
			return err
		}
		for _, step := range s.layout(v, g, is) { // also of a generation that somebody made on a plain server, or whose index was dropped
			if err := s.do(ctx, step); err != nil {
				return failed("prepare "+step.Purpose, err)
			}
		}
	}
	compat, err := s.planCompat(ctx, is)
	if err != nil {
		return err
	}
	for _, step := range compat {
		if err := s.do(ctx, step); err != nil {
			return failed("prepare "+step.Purpose, err)
		}
	}
	return nil
}

// current is the live generation of a view, or the one that will be.
func (s *Store) current(ctx context.Context, v documents.View) (g projections.Generation, live bool, err error) {
	builds, err := s.Builds(ctx, v.Name)
	if err != nil {
		return g, false, err
	}
	for _, b := range builds {
		if b.Live {
			return b.Generation, true, nil
		}
	}
	return projections.Generation{View: v.Name, Number: 1}, false, nil
}

func (s *Store) facts(ctx context.Context) (*server, error) {
	ctx, cancel := s.bounded(ctx)
	defer cancel()
	return s.serverFacts(ctx)
}

func (s *Store) check(ctx context.Context, step Step) (bool, error) {
	ctx, cancel := s.bounded(ctx)
	defer cancel()
	return step.done(ctx)
}

func (s *Store) do(ctx context.Context, step Step) error {
	ctx, cancel := s.bounded(ctx)
	defer cancel()
	return persist(ctx, func() error { return step.do(ctx) })
}
