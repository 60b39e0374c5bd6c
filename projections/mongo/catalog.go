package mongo

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"time"

	"go.mongodb.org/mongo-driver/bson"
	"go.mongodb.org/mongo-driver/mongo"
	"go.mongodb.org/mongo-driver/mongo/options"

	"ugc/domain"
	"ugc/projections"
	"ugc/projections/documents"
)

// entry is a generation in the catalog.
type entry struct {
	ID      string `bson:"_id"` // its physical name
	View    string `bson:"view"`
	Number  int64  `bson:"number"`
	Columns string `bson:"columns"`
}

// pointer is what a stable name stood for a moment ago.
type pointer struct {
	number int
	until  time.Time
}

func newer(database string, version int64) error {
	return fault(domain.Conflict, "the database %s was written by a newer ugc (schema %d, this one knows %d): start that one, or name another database in UGC_DOCUMENTS to build the views anew",
		database, version, schemaVersion)
}

// Create implements documents.Store: first the collection with its indexes and shards, then the entry in the catalog, so that
// whatever is in the catalog is complete.
func (s *Store) Create(ctx context.Context, v documents.View, number int) error {
	ctx, cancel := s.bounded(ctx)
	defer cancel()
	g := projections.Generation{View: v.Name, Number: number}
	what := "create " + g.String()
	is, err := s.serverFacts(ctx)
	if err != nil {
		return failed(what, err)
	}
	switch err := s.checkShape(ctx, v, g); {
	case err == nil:
		return nil
	case domain.KindOf(err) != domain.NotFound:
		return failed(what, err)
	}
	if err := s.claim(ctx); err != nil {
		return failed(what, err)
	}
	for _, step := range s.layout(v, g, is) {
		if err := persist(ctx, func() error { return step.do(ctx) }); err != nil {
			return failed(what+": "+step.Purpose, err)
		}
	}
	err = persist(ctx, func() error {
		_, err := s.db.Collection(generations).UpdateOne(ctx, bson.D{{Key: fieldID, Value: g.String()}},
			bson.D{{Key: "$setOnInsert", Value: bson.D{{Key: "view", Value: g.View}, {Key: "number", Value: int64(g.Number)}, {Key: "columns", Value: shape(v)}}}},
			options.Update().SetUpsert(true))
		return err
	})
	if err != nil {
		return failed(what, err)
	}
	return failed(what, s.checkShape(ctx, v, g)) // somebody may have been faster, with other columns
}

// checkShape says NotFound where the generation was never created and Conflict where its columns are others.
func (s *Store) checkShape(ctx context.Context, v documents.View, g projections.Generation) error {
	var is entry
	err := s.db.Collection(generations).FindOne(ctx, bson.D{{Key: fieldID, Value: g.String()}}).Decode(&is)
	switch {
	case errors.Is(err, mongo.ErrNoDocuments):
		return fault(domain.NotFound, "there is no %s", g)
	case err != nil:
		return err
	case is.Columns != shape(v):
		return fault(domain.Conflict, "%s has the columns (%s), this ugc wants (%s): rebuild the view", g, is.Columns, shape(v))
	}
	return nil
}

// Generation implements documents.Store.
func (s *Store) Generation(ctx context.Context, v documents.View, number int) (documents.Generation, error) {
	ctx, cancel := s.bounded(ctx)
	defer cancel()
	g := projections.Generation{View: v.Name, Number: number}
	if _, err := s.serverFacts(ctx); err != nil {
		return nil, failed("open "+g.String(), err)
	}
	if err := s.checkShape(ctx, v, g); err != nil {
		return nil, failed("open "+g.String(), err)
	}
	return s.generation(v, g), nil
}

// Builds implements documents.Store.
func (s *Store) Builds(ctx context.Context, view string) ([]documents.Build, error) {
	ctx, cancel := s.bounded(ctx)
	defer cancel()
	what := "list generations of " + view
	cursor, err := s.db.Collection(generations).Find(ctx, below(fieldID, view+"__g"))
	if err != nil {
		return nil, failed(what, err)
	}
	var entries []entry
	if err := cursor.All(ctx, &entries); err != nil {
		return nil, failed(what, err)
	}
	live, err := s.readLive(ctx, view)
	if err != nil && domain.KindOf(err) != domain.NotFound {
		return nil, failed(what, err)
	}
	builds := make([]documents.Build, 0, len(entries))
	for _, e := range entries {
		if e.View == view {
			builds = append(builds, documents.Build{Generation: projections.Generation{View: view, Number: int(e.Number)}, Live: int(e.Number) == live})
		}
	}
	slices.SortFunc(builds, func(a, b documents.Build) int { return cmp.Compare(a.Number, b.Number) })
	return builds, nil
}

// SetLive implements documents.Store: one write of one document, so that there is no moment between.
func (s *Store) SetLive(ctx context.Context, g projections.Generation) error {
	ctx, cancel := s.bounded(ctx)
	defer cancel()
	what := "make " + g.String() + " live"
	n, err := s.db.Collection(generations).CountDocuments(ctx, bson.D{{Key: fieldID, Value: g.String()}})
	if err != nil {
		return failed(what, err)
	}
	if n == 0 {
		return fault(domain.NotFound, "there is no %s", g)
	}
	err = persist(ctx, func() error {
		_, err := s.db.Collection(liveOnes).UpdateOne(ctx, bson.D{{Key: fieldID, Value: g.View}},
			bson.D{{Key: "$set", Value: bson.D{{Key: "number", Value: int64(g.Number)}}}}, options.Update().SetUpsert(true))
		return err
	})
	s.forget(g.View)
	if err == nil {
		err = s.followLive(ctx, g)
	}
	return failed(what, err)
}

// readLive asks the catalog; NotFound before the first SetLive.
func (s *Store) readLive(ctx context.Context, view string) (int, error) {
	var is struct {
		Number int64 `bson:"number"`
	}
	err := s.db.Collection(liveOnes).FindOne(ctx, bson.D{{Key: fieldID, Value: view}}).Decode(&is)
	if errors.Is(err, mongo.ErrNoDocuments) {
		return 0, fault(domain.NotFound, "%s has no live generation yet", view)
	}
	return int(is.Number), err
}

// liveNumber is the generation that readers of a stable name see now, as this process knows it.
func (s *Store) liveNumber(ctx context.Context, view string) (int, error) {
	asked := time.Now()
	s.live.Lock()
	p, known := s.live.known[view]
	swaps := s.live.swaps
	s.live.Unlock()
	if known && asked.Before(p.until) {
		return p.number, nil
	}
	number, err := s.readLive(ctx, view)
	if err != nil {
		return 0, err
	}
	s.live.Lock()
	defer s.live.Unlock()
	if s.live.swaps == swaps { // a swap of our own in between knows better
		s.live.known[view] = pointer{number: number, until: asked.Add(liveFor)}
	}
	return number, nil
}

func (s *Store) forget(view string) {
	s.live.Lock()
	defer s.live.Unlock()
	delete(s.live.known, view)
	s.live.swaps++
}

// below finds what is named by a prefix, in order, by a range of the index.
func below(field, prefix string) bson.D {
	end := []byte(prefix)
	end[len(end)-1]++
	return bson.D{{Key: field, Value: bson.D{{Key: "$gte", Value: prefix}, {Key: "$lt", Value: string(end)}}}}
}
