package schemas

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"

	"golang.org/x/sync/errgroup"

	"ugc/domain"
)

// fullTransitive is the level that every subject is held to: all versions can read each other.
const fullTransitive = "FULL_TRANSITIVE"

// plansAtOnce bounds the calls under way.
const plansAtOnce = 4

// Plan says what New would change in the registry, in the order of All, and changes nothing. Errors are those of New: Conflict for a schema
// that may not follow the registered ones, Unavailable where the registry does not answer.
func Plan(ctx context.Context, o Options) (changes []string, err error) {
	if err := o.Validate(); err != nil {
		return nil, err
	}
	s := start{o: o.withDefaults()}
	var faults [records]error
	var says [records][]string
	var g errgroup.Group
	g.SetLimit(plansAtOnce)
	for r, schema := range list {
		g.Go(func() error {
			says[r], faults[r] = s.plan(ctx, schema)
			return nil
		})
	}
	_ = g.Wait() // every fault is wanted, not the first
	for r := range list {
		changes = append(changes, says[r]...)
		if faults[r] != nil {
			err = errors.Join(err, domain.Wrap(domain.KindOf(faults[r]), list[r].Subject, faults[r]))
		}
	}
	return changes, err
}

func (s *start) plan(ctx context.Context, schema Schema) (changes []string, err error) {
	var texts []string
	err = s.o.try(ctx, func(ctx context.Context) (err error) {
		texts, err = s.o.Registry.Versions(ctx, schema.Subject)
		return err
	})
	if err != nil && domain.KindOf(err) != domain.NotFound {
		return nil, err
	}
	var level string
	err = s.o.try(ctx, func(ctx context.Context) (err error) {
		level, err = s.o.Registry.Compatibility(ctx, schema.Subject)
		return err
	})
	if err != nil && domain.KindOf(err) != domain.NotFound {
		return nil, err
	}
	if level != fullTransitive {
		changes = append(changes, fmt.Sprintf("schema registry: require %s of %s", fullTransitive, schema.Subject))
	}
	for _, text := range texts {
		if sameText(text, schema.Text) {
			return changes, nil
		}
	}
	for i, text := range texts {
		if err := Compatible(schema.Text, text); err != nil {
			return nil, domain.Wrap(domain.Conflict, "plan", fmt.Errorf("this version's schema and registered version %d cannot read each other: %w", i+1, err))
		}
	}
	return append(changes, fmt.Sprintf("schema registry: register version %d of %s", len(texts)+1, schema.Subject)), nil
}

// sameText compares schemas as JSON: a registry may lay them out anew.
func sameText(a, b string) bool {
	var x, y any
	return a == b || json.Unmarshal([]byte(a), &x) == nil && json.Unmarshal([]byte(b), &y) == nil && reflect.DeepEqual(x, y)
}

// CheckRegistry asks the registry whether it still knows what it told at the start. An error does not keep the codec from reading and writing
// today's schemas; records of other versions that it has not met wait until the registry is back.
func (c *Codec) CheckRegistry(ctx context.Context) error {
	if c.writers.o.Registry == nil {
		return nil
	}
	_, err := c.writers.o.Registry.SchemaByID(ctx, int(c.ids[0]))
	if err != nil && c.missed != nil {
		return fmt.Errorf("away since before the start; reading and writing by remembered ids: %w", err)
	}
	return err
}
