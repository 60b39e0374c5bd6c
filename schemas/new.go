package schemas

import (
	"context"
	"errors"
	"fmt"
	"math"
	"strings"

	"ugc/domain"
)

// New registers every schema, or finds it registered, and requires FULL_TRANSITIVE compatibility of each subject. It does so again at every
// start, which changes nothing.
//
// Without an answer from the registry it starts by the ids in the cache file, if they are all there for exactly today's schemas; Degraded
// then says why, for the caller to log. Errors are *domain.Error: Unavailable without answer and cache; Conflict for schemas that may not follow the
// registered ones, naming each subject and what differs, and for a registry that has given an old schema a new id.
func New(ctx context.Context, o Options) (*Codec, error) {
	if err := o.Validate(); err != nil {
		return nil, err
	}
	o = o.withDefaults()
	cache := openCache(o.CacheFile, o.Registry.Name(), o.Log)
	s := start{o: o, cache: cache}
	ids, err := s.ids(ctx)
	if err != nil {
		return nil, err
	}
	cache.setSubjects(ids)
	c := newCodec(ids, newWriters(o, cache))
	c.missed = s.missed
	return c, nil
}

// Degraded says why the codec runs by remembered ids: the registry did not answer at the start. It is nil where it did. Such a codec
// reads and writes as ever; only schemas of other versions that are not in the cache file are out of reach until the registry is back.
func (c *Codec) Degraded() error { return c.missed }

// start finds the ids of today's schemas.
type start struct {
	o     Options
	cache *cache

	missed error // one call found the registry away: the others need not wait for it too
}

// ids asks for one after the other, always in the same order: a registry that has lost all schemas then gives each its old id again, and records
// that were written with those can still be read.
func (s *start) ids(ctx context.Context) (ids [records]uint32, err error) {
	faults := make([]error, records) // every fault is wanted, not the first
	for r := range list {
		ids[r], faults[r] = s.id(ctx, list[r])
	}
	seen := make(map[uint32]string, records)
	kind := domain.Unavailable
	for r, fault := range faults {
		if fault != nil && domain.KindOf(fault) != domain.Unavailable {
			kind = domain.KindOf(fault)
		}
		if other := seen[ids[r]]; fault == nil && other != "" {
			kind, faults[r] = domain.Internal, fmt.Errorf("the registry gives %s and %s the same id %d", other, list[r].Subject, ids[r])
		}
		seen[ids[r]] = list[r].Subject
	}
	if err := errors.Join(faults...); err != nil {
		return ids, domain.Wrap(kind, "schema registry "+s.o.Registry.Name(), err)
	}
	return ids, nil
}

func (s *start) id(ctx context.Context, schema Schema) (uint32, error) {
	known, remembered := s.cache.subject(schema)
	if s.missed == nil {
		id, err := s.register(ctx, schema)
		switch {
		case err == nil && remembered && id != known:
			return 0, domain.Wrap(domain.Conflict, schema.Subject, fmt.Errorf("the registry gives id %d to a schema that had id %d: it has lost its schemas, and ids in the records "+
				"already written now mean other schemas; restore the registry, or remove %s if the records are gone as well", id, known, s.o.CacheFile))
		case err == nil:
			return id, nil
		case domain.KindOf(err) != domain.Unavailable:
			return 0, err
		}
		s.missed = err
	}
	if remembered {
		return known, nil
	}
	return 0, domain.Wrap(domain.Unavailable, schema.Subject, fmt.Errorf("the registry did not answer and its id is not remembered: start the registry, or check its address: %w", s.missed))
}

// register requires compatibility before it adds a version, so that a subject with laxer rules of its own is held to ours too. Some
// registries know no rules for a subject that has no schema yet.
func (s *start) register(ctx context.Context, schema Schema) (uint32, error) {
	require := func(ctx context.Context) error { return s.o.Registry.RequireCompatibility(ctx, schema.Subject) }
	required := s.o.try(ctx, require)
	if required != nil && domain.KindOf(required) != domain.NotFound {
		return 0, domain.Wrap(domain.KindOf(required), "require compatibility of "+schema.Subject, required)
	}
	var id int
	err := s.o.try(ctx, func(ctx context.Context) (err error) {
		id, err = s.o.Registry.Register(ctx, schema.Subject, schema.Text)
		return err
	})
	switch {
	case domain.KindOf(err) == domain.Conflict && err != nil:
		return 0, domain.Wrap(domain.Conflict, "register "+schema.Subject, s.explain(ctx, schema, err))
	case err != nil:
		return 0, domain.Wrap(domain.KindOf(err), "register "+schema.Subject, err)
	case id <= 0 || id > math.MaxInt32:
		return 0, domain.Wrap(domain.Internal, "register "+schema.Subject, fmt.Errorf("the registry gave the id %d, which is none", id))
	}
	if required != nil {
		if err := s.o.try(ctx, require); err != nil {
			return 0, domain.Wrap(domain.KindOf(err), "require compatibility of "+schema.Subject, err)
		}
	}
	return uint32(id), nil
}

// explain says what differs; registries are often silent about it.
func (s *start) explain(ctx context.Context, schema Schema, refusal error) error {
	var texts []string
	err := s.o.try(ctx, func(ctx context.Context) (err error) {
		texts, err = s.o.Registry.Versions(ctx, schema.Subject)
		return err
	})
	if err != nil {
		return refusal
	}
	var differ []string
	for i, text := range texts {
		if err := Compatible(schema.Text, text); err != nil {
			differ = append(differ, fmt.Sprintf("registered version %d: %v", i+1, err))
		}
	}
	if len(differ) == 0 {
		return refusal
	}
	return fmt.Errorf("this version's schema and the registered ones cannot read each other; %s (%w)", strings.Join(differ, "; "), refusal)
}
