package mongo

import (
	"context"

	"go.mongodb.org/mongo-driver/bson"
	"go.mongodb.org/mongo-driver/mongo"
	"go.mongodb.org/mongo-driver/mongo/options"

	"ugc/projections"
	"ugc/projections/documents"
)

// byUser is the index of lists and counts. What is compared for equality stands first, then the order: a page is one range of it, in
// either direction, however deep.
const byUser = "by_user"

var byUserKeys = bson.D{{Key: fieldUser, Value: 1}, {Key: fieldDeleted, Value: 1}, {Key: fieldAdded, Value: 1}}

// Step is something that makes the server ready for a view. Each can be done again.
type Step struct {
	Purpose string // for people
	do      func(context.Context) error
	done    func(context.Context) (bool, error)
}

// layout is what a generation's collection needs.
func (s *Store) layout(v documents.View, g projections.Generation, is *server) []Step {
	c := s.db.Collection(g.String())
	name := s.db.Name() + "." + g.String()
	steps := []Step{{
		Purpose: "collection " + name,
		do:      func(ctx context.Context) error { return s.createCollection(ctx, g.String()) },
		done:    func(ctx context.Context) (bool, error) { return s.hasCollection(ctx, g.String()) },
	}}
	if is.sharded {
		key := bson.D{{Key: shardKey(v), Value: "hashed"}}
		steps = append(steps, Step{
			Purpose: "shards of " + name + " by {" + shardKey(v) + `: "hashed"}`,
			do:      func(ctx context.Context) error { return s.shard(ctx, c, key) },
			done:    func(ctx context.Context) (bool, error) { return s.isSharded(ctx, name) },
		})
	}
	if v.ByUser {
		steps = append(steps, Step{
			Purpose: "index " + byUser + " of " + name,
			do: func(ctx context.Context) error {
				_, err := c.Indexes().CreateOne(ctx, mongo.IndexModel{Keys: byUserKeys, Options: options.Index().SetName(byUser)})
				return err
			},
			done: func(ctx context.Context) (bool, error) { return hasIndex(ctx, c, byUser) },
		})
	}
	return steps
}

// shardKey is a view's, in every filter of a write.
func shardKey(v documents.View) string {
	if v.ByUser {
		return fieldUser
	}
	return fieldID
}

func (s *Store) createCollection(ctx context.Context, name string) error {
	err := s.db.CreateCollection(ctx, name)
	if answered(err, codeNamespaceExists) {
		return nil
	}
	return err
}

func (s *Store) hasCollection(ctx context.Context, name string) (bool, error) {
	names, err := s.db.ListCollectionNames(ctx, bson.D{{Key: "name", Value: name}})
	return len(names) > 0, err
}

func hasIndex(ctx context.Context, c *mongo.Collection, name string) (bool, error) {
	specs, err := c.Indexes().ListSpecifications(ctx)
	if err != nil {
		return false, err
	}
	for _, s := range specs {
		if s.Name == name {
			return true, nil
		}
	}
	return false, nil
}

// shard spreads a collection over the cluster. The index goes first, or a collection that holds documents would be refused.
func (s *Store) shard(ctx context.Context, c *mongo.Collection, key bson.D) error {
	if _, err := c.Indexes().CreateOne(ctx, mongo.IndexModel{Keys: key}); err != nil {
		return err
	}
	if err := s.command(ctx, "admin", bson.D{{Key: "enableSharding", Value: s.db.Name()}}, nil); err != nil {
		return err
	}
	return s.command(ctx, "admin", bson.D{{Key: "shardCollection", Value: s.db.Name() + "." + c.Name()}, {Key: "key", Value: key}}, nil)
}

// isSharded asks the router's own catalog.
func (s *Store) isSharded(ctx context.Context, name string) (bool, error) {
	n, err := s.client.Database("config").Collection("collections").CountDocuments(ctx, bson.D{{Key: fieldID, Value: name}, {Key: "dropped", Value: bson.D{{Key: "$ne", Value: true}}}})
	return n > 0, err
}
