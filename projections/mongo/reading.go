package mongo

import (
	"context"
	"errors"

	"go.mongodb.org/mongo-driver/bson"
	"go.mongodb.org/mongo-driver/mongo"
	"go.mongodb.org/mongo-driver/mongo/options"

	"ugc/domain"
	"ugc/projections"
	"ugc/projections/documents"
)

// reading answers from one collection.
type reading struct {
	store *Store
	codec codec
	c     *mongo.Collection
	name  string
}

// Get implements documents.Documents. Tombstones are told apart here, so that the server finds the document by its id alone.
func (r *reading) Get(ctx context.Context, user, movie string) (documents.Document, bool, error) {
	ctx, cancel := r.store.bounded(ctx)
	defer cancel()
	filter := bson.D{{Key: fieldID, Value: movie}}
	if r.codec.view.ByUser {
		filter = bson.D{{Key: fieldID, Value: domain.Key(user, movie)}, {Key: fieldUser, Value: user}}
	}
	raw, err := r.c.FindOne(ctx, filter).Raw()
	if errors.Is(err, mongo.ErrNoDocuments) {
		return documents.Document{}, false, nil
	}
	if err != nil {
		return documents.Document{}, false, r.failed(err)
	}
	d, err := r.codec.decode(raw)
	if err != nil || d.Deleted {
		return documents.Document{}, false, err
	}
	return d, true, nil
}

// List implements documents.Documents, by one range of the index: Added is unique within a user, so no tie needs a second condition.
func (r *reading) List(ctx context.Context, q documents.Query) ([]documents.Document, error) {
	if err := q.Validate(); err != nil {
		return nil, err
	}
	ctx, cancel := r.store.bounded(ctx)
	defer cancel()
	beyond, order := "$gt", 1
	if q.Newest {
		beyond, order = "$lt", -1
	}
	filter := shown(q.User)
	if q.After.Present {
		filter = append(filter, bson.E{Key: fieldAdded, Value: bson.D{{Key: beyond, Value: int64(q.After.Value)}}})
	}
	return r.find(ctx, filter, options.Find().SetSort(bson.D{{Key: fieldAdded, Value: order}}).
		SetSkip(int64(q.Skip)).SetLimit(int64(q.Limit)).SetBatchSize(int32(q.Limit)))
}

// Count implements documents.Documents.
func (r *reading) Count(ctx context.Context, user string) (int64, error) {
	ctx, cancel := r.store.bounded(ctx)
	defer cancel()
	n, err := r.c.CountDocuments(ctx, shown(user))
	if err != nil {
		return 0, r.failed(err)
	}
	return n, nil
}

// shown finds a user's documents without tombstones.
func shown(user string) bson.D {
	return bson.D{{Key: fieldUser, Value: user}, {Key: fieldDeleted, Value: false}}
}

// find reads a query to its end.
func (r *reading) find(ctx context.Context, filter bson.D, o *options.FindOptions) (docs []documents.Document, err error) {
	cursor, err := r.c.Find(ctx, filter, o)
	if err != nil {
		return nil, r.failed(err)
	}
	defer func() { _ = cursor.Close(context.WithoutCancel(ctx)) }()
	docs = []documents.Document{}
	for cursor.Next(ctx) {
		d, err := r.codec.decode(cursor.Current)
		if err != nil {
			return nil, err
		}
		docs = append(docs, d)
	}
	if err := cursor.Err(); err != nil {
		return nil, r.failed(err)
	}
	return docs, nil
}

func (r *reading) failed(err error) error { return failed("read "+r.name, err) }

// watermarks of a generation; the context is bounded by the caller.
func (s *Store) watermarks(ctx context.Context, g projections.Generation) (map[int32]projections.Watermark, error) {
	what := "read watermarks of " + g.String()
	cursor, err := s.db.Collection(watermarks).Find(ctx, below(fieldID, g.String()+"/"))
	if err != nil {
		return nil, failed(what, err)
	}
	var rows []struct {
		Partition int32 `bson:"partition"`
		Next      int64 `bson:"next"`
		Version   int64 `bson:"version"`
	}
	if err := cursor.All(ctx, &rows); err != nil {
		return nil, failed(what, err)
	}
	marks := make(map[int32]projections.Watermark, len(rows))
	for _, r := range rows {
		marks[r.Partition] = projections.Watermark{Next: r.Next, Version: domain.Version(r.Version)}
	}
	return marks, nil
}
