package mongo

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
	"go.mongodb.org/mongo-driver/bson"
	"go.mongodb.org/mongo-driver/event"

	"ugc/projections/documents"
)

// watcher looks at every command that a store sends: it must be one that a sharded cluster takes and can route.
type watcher struct {
	mu     sync.Mutex
	seen   map[string]int
	newest map[string]bson.Raw
	faults map[string]bool
}

func watch() *watcher {
	return &watcher{seen: map[string]int{}, newest: map[string]bson.Raw{}, faults: map[string]bool{}}
}

func (w *watcher) monitor() *event.CommandMonitor {
	return &event.CommandMonitor{Started: func(_ context.Context, e *event.CommandStartedEvent) {
		w.mu.Lock()
		defer w.mu.Unlock()
		w.seen[e.CommandName]++
		w.newest[e.CommandName] = append(bson.Raw(nil), e.Command...)
		for _, fault := range inspect(e.CommandName, e.DatabaseName, e.Command) {
			w.faults[e.CommandName+": "+fault] = true
		}
	}}
}

// last is the newest command of a name.
func (w *watcher) last(name string) bson.Raw {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.newest[name]
}

// check fails for everything that would not do on a sharded cluster, and where nothing was seen.
func (w *watcher) check(t *testing.T) {
	t.Helper()
	w.mu.Lock()
	defer w.mu.Unlock()
	require.Empty(t, w.faults)
	for _, name := range []string{"update", "find"} {
		require.NotZero(t, w.seen[name], "%s was watched", name)
	}
	t.Logf("commands: %v", w.seen)
}

// inspect says what is wrong with a command.
func inspect(name, database string, command bson.Raw) (faults []string) {
	bad := func(format string, args ...any) { faults = append(faults, fmt.Sprintf(format, args...)) }
	for _, field := range []string{"txnNumber", "startTransaction", "autocommit"} {
		if _, err := command.LookupErr(field); err == nil && field != "txnNumber" { // a retryable write has a number and is no transaction
			bad("is part of a transaction: %s", field)
		}
	}
	collection, _ := command.Lookup(name).StringValueOK()
	switch name {
	case "update":
		inspectUpdate(collection, command, bad)
		inspectWriteConcern(command, bad)
	case "find":
		if level, _ := command.Lookup("readConcern", "level").StringValueOK(); level != "majority" {
			bad("reads with read concern %q", level)
		}
		inspectFind(collection, command, bad)
	case "aggregate":
		inspectAggregate(database, collection, command, bad)
	case "create", "createIndexes":
		inspectWriteConcern(command, bad)
	case "hello", "buildInfo", "ping", "listCollections", "listIndexes", "dropDatabase", "endSessions", "getMore", "killCursors", "explain", "enableSharding", "shardCollection", "collMod":
	default:
		bad("is no command that the store needs")
	}
	return faults
}

// shardKeyOf is the key of a view's collection; "" for the catalog, which is not sharded.
func shardKeyOf(collection string) string {
	for _, v := range documents.All() {
		if strings.HasPrefix(collection, v.Name+"__g") {
			return shardKey(v)
		}
	}
	return ""
}

func inspectUpdate(collection string, command bson.Raw, bad func(string, ...any)) {
	if ordered, ok := command.Lookup("ordered").BooleanOK(); ok && ordered && len(documentsIn(command.Lookup("updates"))) > 1 {
		bad("is an ordered bulk")
	}
	updates := documentsIn(command.Lookup("updates"))
	if len(updates) > documents.MaxBulk {
		bad("has %d operations", len(updates))
	}
	last := ""
	for _, u := range updates {
		filter := u.Lookup("q").Document()
		id, ok := filter.Lookup(fieldID).StringValueOK()
		if !ok {
			bad("does not name _id: %s", filter)
		}
		if len(updates) > 1 && id <= last {
			bad("is not sorted by _id with one operation for each: %q after %q", id, last)
		}
		last = id
		if key := shardKeyOf(collection); key != "" {
			if _, ok := filter.Lookup(key).StringValueOK(); !ok {
				bad("does not name the shard key: %s", filter)
			}
			if _, ok := filter.Lookup(fieldVersion, "$lt").Int64OK(); !ok {
				bad("is not guarded by the version: %s", filter)
			}
		}
		if _, pipeline := u.Lookup("u").ArrayOK(); pipeline {
			bad("updates by a pipeline")
		}
		if multi, _ := u.Lookup("multi").BooleanOK(); multi {
			bad("updates many")
		}
		if _, err := u.LookupErr("hint"); err == nil {
			bad("hints")
		}
	}
}

func inspectWriteConcern(command bson.Raw, bad func(string, ...any)) {
	if w, _ := command.Lookup("writeConcern", "w").StringValueOK(); w != "majority" {
		bad("is acknowledged by %s", command.Lookup("writeConcern"))
	}
}

func inspectFind(collection string, command bson.Raw, bad func(string, ...any)) {
	filter, _ := command.Lookup("filter").DocumentOK()
	key := shardKeyOf(collection)
	if _, err := filter.LookupErr(key); key != "" && err != nil {
		// A scan of everything in order goes to all shards, on purpose.
		if _, err := filter.LookupErr(fieldID, "$gt"); err != nil {
			bad("of %s does not name the shard key: %s", collection, filter)
		}
	}
	if key == "" {
		if _, err := filter.LookupErr(fieldID); err != nil {
			bad("of %s does not find by _id: %s", collection, filter)
		}
	}
	if _, err := filter.LookupErr("$where"); err == nil {
		bad("runs code")
	}
}

func inspectAggregate(database, collection string, command bson.Raw, bad func(string, ...any)) {
	if database == "config" {
		return
	}
	for i, stage := range documentsIn(command.Lookup("pipeline")) {
		elements, _ := stage.Elements()
		name := elements[0].Key()
		if !slices.Contains([]string{"$match", "$group"}, name) {
			bad("has a stage %s", name)
		}
		if key := shardKeyOf(collection); i == 0 && key != "" {
			if _, err := stage.LookupErr("$match", key); err != nil {
				bad("of %s does not name the shard key: %s", collection, stage)
			}
		}
	}
}

func documentsIn(array bson.RawValue) (docs []bson.Raw) {
	a, ok := array.ArrayOK()
	if !ok {
		return nil
	}
	values, _ := a.Values()
	for _, v := range values {
		docs = append(docs, v.Document())
	}
	return docs
}
