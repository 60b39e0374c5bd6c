// Package mongo keeps document views in MongoDB, sharded or not, through the official driver.
//
// Every view by user is sharded by {user_id: "hashed"}, the others by {_id: "hashed"}. Ids are deterministic, so a document's id and its shard
// follow from the same fact, and an id is unique in the cluster although only shards see to that. Writes are guarded upserts of single documents in
// unordered bulks; they need no transactions, change streams, pipeline updates or $lookup, and every filter of a write names _id and the shard key.
//
// Writes are acknowledged by a majority with their journals, reads see what a majority has, both from the primary. So what was acknowledged survives
// a failover, and a watermark that is read is never taken back: an engine that goes on from it skips nothing.
package mongo

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"go.mongodb.org/mongo-driver/event"
	"go.mongodb.org/mongo-driver/mongo"
	"go.mongodb.org/mongo-driver/mongo/options"
	"go.mongodb.org/mongo-driver/mongo/readconcern"
	"go.mongodb.org/mongo-driver/mongo/readpref"
	"go.mongodb.org/mongo-driver/mongo/writeconcern"

	"ugc/domain"
	"ugc/projections/documents"
)

// Bounds where Options and the address name none.
const (
	defaultTimeout  = 10 * time.Second
	selectionWithin = 5 * time.Second // to find a primary: an election takes longer, and whoever asked tries again
	connectWithin   = 5 * time.Second
	closeWithin     = 5 * time.Second
	// liveFor is how long a stable name is believed: another process's swap is followed within it.
	liveFor = 500 * time.Millisecond
)

const defaultDatabase = "ugc"

// Options say where the server is. Only URI has no working zero value.
type Options struct {
	// URI is mongodb:// or mongodb+srv://, with the database as its path; "ugc" when it has none. Its read and write concerns and its read
	// preference are not used: what the store promises does not stand with others.
	URI     string
	Timeout time.Duration // of every call, at the server too; 10 s when 0
	// Monitor is told of every command. For tests.
	Monitor *event.CommandMonitor
}

// Validate says everything that is wrong with the options, and no password.
func (o Options) Validate() error {
	var errs []error
	if !strings.HasPrefix(o.URI, "mongodb://") && !strings.HasPrefix(o.URI, "mongodb+srv://") {
		errs = append(errs, errors.New("address: must be mongodb://user:password@host:port/database"))
	}
	if o.Timeout < 0 || o.Timeout > time.Minute {
		errs = append(errs, fmt.Errorf("time-out: %s, must be at most 1m, or 0 for the default", o.Timeout))
	}
	return errors.Join(errs...)
}

// Store is one client of one database. It is safe for concurrent use.
type Store struct {
	client  *mongo.Client
	db      *mongo.Database
	timeout time.Duration

	ready struct { // what the server is, once it has answered
		sync.Mutex
		server *server
	}
	live struct {
		sync.Mutex
		known map[string]pointer
		swaps int // of our own
	}
}

var _ documents.Store = (*Store)(nil)

// Open makes a client. It connects in the background: a server that is away is no error here, but one of kind Unavailable of every call until it is back.
func Open(ctx context.Context, o Options) (*Store, error) {
	if err := o.Validate(); err != nil {
		return nil, fmt.Errorf("MongoDB options: %w", err)
	}
	if o.Timeout == 0 {
		o.Timeout = defaultTimeout
	}
	client := options.Client().SetAppName("ugc").SetConnectTimeout(connectWithin).SetServerSelectionTimeout(selectionWithin).ApplyURI(o.URI).
		SetTimeout(o.Timeout).SetRetryWrites(true).SetRetryReads(true).SetMonitor(o.Monitor)
	if err := client.Validate(); err != nil {
		return nil, domain.Wrap(domain.Invalid, "the address of MongoDB is wrong", err)
	}
	c, err := mongo.Connect(ctx, client)
	if err != nil {
		return nil, failed("connect", err)
	}
	s := &Store{client: c, timeout: o.Timeout}
	s.live.known = map[string]pointer{}
	journal := true
	s.db = c.Database(databaseOf(o.URI), options.Database().
		SetReadPreference(readpref.Primary()).
		SetReadConcern(readconcern.Majority()).
		SetWriteConcern(&writeconcern.WriteConcern{W: "majority", Journal: &journal, WTimeout: o.Timeout}))
	return s, nil
}

// databaseOf is the path of an address, as the driver reads it.
func databaseOf(uri string) string {
	_, rest, _ := strings.Cut(uri, "://")
	_, path, _ := strings.Cut(rest, "/")
	if name, _, _ := strings.Cut(path, "?"); name != "" {
		return name
	}
	return defaultDatabase
}

// Close ends the store. Calls that are under way end with an error.
func (s *Store) Close() error {
	ctx, cancel := context.WithTimeout(context.Background(), closeWithin)
	defer cancel()
	if err := s.client.Disconnect(ctx); err != nil && !errors.Is(err, mongo.ErrClientDisconnected) {
		return failed("close", err)
	}
	return nil
}

// Ping says whether the primary answers, with kind Unavailable where it does not.
func (s *Store) Ping(ctx context.Context) error {
	ctx, cancel := s.bounded(ctx)
	defer cancel()
	if err := s.client.Ping(ctx, readpref.Primary()); err != nil {
		return domain.Wrap(domain.Unavailable, "ping documents", err)
	}
	return nil
}

// bounded gives a call the store's own deadline where its caller's is later or none.
func (s *Store) bounded(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeout(ctx, s.timeout)
}
