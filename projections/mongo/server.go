package mongo

import (
	"context"

	"go.mongodb.org/mongo-driver/bson"
	"go.mongodb.org/mongo-driver/mongo"
	"go.mongodb.org/mongo-driver/mongo/options"
)

// The catalog: small collections that are not sharded, each document of them found by its _id.
const (
	schemas     = "ugc_schema"      // one document, the version of all that is here
	generations = "ugc_generations" // which generations there are, and their columns
	liveOnes    = "ugc_live"        // by view, the generation that its stable name is
	watermarks  = "ugc_watermarks"  // by generation and partition
	blockedKeys = "ugc_blocked"     // by generation, partition and key
)

// schemaVersion is of the catalog and of the form of documents. It grows with any change that an older ugc would read or write wrongly.
const schemaVersion = 1

// server is what stands behind the address.
type server struct {
	sharded bool // a router of a sharded cluster
	views   bool // it has read-only views; an engine that only speaks the protocol makes a plain collection in their place
}

// serverFacts asks once, and refuses a database that a newer ugc has written.
func (s *Store) serverFacts(ctx context.Context) (*server, error) {
	s.ready.Lock()
	defer s.ready.Unlock()
	if s.ready.server != nil {
		return s.ready.server, nil
	}
	var hello struct {
		Msg string `bson:"msg"`
	}
	if err := s.command(ctx, "admin", bson.D{{Key: "hello", Value: 1}}, &hello); err != nil {
		return nil, err
	}
	var build bson.M
	if err := s.command(ctx, "admin", bson.D{{Key: "buildInfo", Value: 1}}, &build); err != nil {
		return nil, err
	}
	if err := s.checkSchema(ctx); err != nil {
		return nil, err
	}
	_, gateway := build["ferretdb"]
	s.ready.server = &server{sharded: hello.Msg == "isdbgrid", views: !gateway}
	return s.ready.server, nil
}

func (s *Store) checkSchema(ctx context.Context) error {
	var is struct {
		Version int64 `bson:"version"`
	}
	err := s.db.Collection(schemas).FindOne(ctx, bson.D{{Key: fieldID, Value: "documents"}}).Decode(&is)
	if err == mongo.ErrNoDocuments { //nolint:errorlint // the driver returns it as it is
		return nil
	}
	if err == nil && is.Version > schemaVersion {
		return newer(s.db.Name(), is.Version)
	}
	return err
}

// claim notes our version where there is none.
func (s *Store) claim(ctx context.Context) error {
	return persist(ctx, func() error {
		_, err := s.db.Collection(schemas).UpdateOne(ctx, bson.D{{Key: fieldID, Value: "documents"}},
			bson.D{{Key: "$setOnInsert", Value: bson.D{{Key: "version", Value: int64(schemaVersion)}}}}, options.Update().SetUpsert(true))
		return err
	})
}

// command runs one command of a database on the primary.
func (s *Store) command(ctx context.Context, database string, command bson.D, into any) error {
	r := s.client.Database(database).RunCommand(ctx, command)
	if into == nil {
		return r.Err()
	}
	return r.Decode(into)
}
