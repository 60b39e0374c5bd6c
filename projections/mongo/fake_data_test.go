package mongo

import (
	"cmp"
	"slices"
	"strings"
	"sync"

	"go.mongodb.org/mongo-driver/bson"
	"go.mongodb.org/mongo-driver/bson/primitive"
)

// fakeData is what a fake server holds: collections by name with documents by _id, indexes, shard keys and views.
type fakeData struct {
	data        *sync.Mutex // held for one document at a time, as a MongoDB does
	collections map[string]map[string]bson.M
	indexes     map[string]map[string]bson.M
	shards      map[string]string
	views       map[string]bson.M
}

func newFakeData() fakeData {
	return fakeData{&sync.Mutex{}, map[string]map[string]bson.M{}, map[string]map[string]bson.M{}, map[string]string{}, map[string]bson.M{}}
}

// copied is all documents of a collection now; restore puts them back, as a failover does that loses what came after.
func (f *fakeData) copied(collection string) map[string]bson.M {
	f.data.Lock()
	defer f.data.Unlock()
	c := map[string]bson.M{}
	for id, d := range f.collections[collection] {
		c[id] = d // documents are never changed in place
	}
	return c
}

func (f *fakeData) restore(collection string, documents map[string]bson.M) {
	f.data.Lock()
	defer f.data.Unlock()
	f.collections[collection] = documents
}

func ok(more ...bson.E) bson.D { return append(bson.D(more), bson.E{Key: "ok", Value: 1.0}) }

func refusal(code int32, message string, labels ...string) bson.D {
	d := bson.D{{Key: "ok", Value: 0.0}, {Key: "code", Value: code}, {Key: "errmsg", Value: message}}
	if len(labels) > 0 {
		d = append(d, bson.E{Key: "errorLabels", Value: labels})
	}
	return d
}

func (f *fakeServer) answer(raw bson.Raw) (bson.D, error) {
	first, err := raw.IndexErr(0)
	if err != nil {
		return nil, err
	}
	name := first.Key()
	if slices.Contains([]string{"hello", "isMaster", "ismaster"}, name) {
		return f.hello(), nil
	}
	f.mu.Lock()
	f.log = append(f.log, raw)
	f.mu.Unlock()
	var command bson.M
	if err := bson.Unmarshal(raw, &command); err != nil {
		return nil, err
	}
	hap, hapless := f.next(name)
	if hapless && hap.before != nil {
		hap.before()
	}
	reply := f.do(name, command, raw, hap.applies)
	if hapless && hap.after != nil {
		hap.after()
	}
	switch {
	case hap.cut:
		return nil, errCut
	case hap.reply != nil:
		return hap.reply, nil
	}
	return reply, nil
}

func (f *fakeServer) hello() bson.D {
	d := bson.D{{Key: "ismaster", Value: true}, {Key: "isWritablePrimary", Value: true}, {Key: "helloOk", Value: true},
		{Key: "maxBsonObjectSize", Value: int32(16 << 20)}, {Key: "maxMessageSizeBytes", Value: int32(48_000_000)}, {Key: "maxWriteBatchSize", Value: int32(100_000)},
		{Key: "logicalSessionTimeoutMinutes", Value: int32(30)}, {Key: "minWireVersion", Value: int32(0)}, {Key: "maxWireVersion", Value: int32(21)}}
	if f.sharded {
		return ok(append(d, bson.E{Key: "msg", Value: "isdbgrid"})...)
	}
	return ok(append(d, bson.E{Key: "setName", Value: "rs"}, bson.E{Key: "hosts", Value: bson.A{f.addr}}, bson.E{Key: "me", Value: f.addr})...)
}

func (f *fakeServer) do(name string, command bson.M, raw bson.Raw, applies func(int) bool) bson.D {
	database, _ := command["$db"].(string)
	collection, _ := command[name].(string)
	at := database + "." + collection
	f.data.Lock()
	defer f.data.Unlock()
	switch name {
	case "update":
		return f.update(at, command, applies)
	case "find":
		return cursor(at, f.find(at, command))
	case "aggregate": // countDocuments
		n := len(f.find(at, bson.M{"filter": command["pipeline"].(bson.A)[0].(bson.M)["$match"]}))
		if n == 0 {
			return cursor(at, nil)
		}
		return cursor(at, []bson.M{{"_id": int32(1), "n": int32(n)}})
	case "create":
		if _, there := f.views[at]; there || f.collections[at] != nil {
			return refusal(codeNamespaceExists, "it exists")
		}
		if command["viewOn"] != nil {
			f.views[at] = bson.M{"viewOn": command["viewOn"], "pipeline": command["pipeline"]}
			return ok()
		}
		f.make(at)
	case "collMod":
		f.views[at] = bson.M{"viewOn": command["viewOn"], "pipeline": command["pipeline"]}
	case "createIndexes":
		f.make(at)
		for _, x := range command["indexes"].(bson.A) {
			f.indexes[at][x.(bson.M)["name"].(string)] = x.(bson.M)
		}
	case "listIndexes":
		var all []bson.M
		for _, x := range f.indexes[at] {
			all = append(all, x)
		}
		return cursor(at, all)
	case "listCollections":
		return cursor(database+".$cmd.listCollections", f.list(database+".", command["filter"].(bson.M)["name"].(string)))
	case "shardCollection":
		if !f.sharded {
			return refusal(codeUnknownCommand, "no such command")
		}
		for field := range command["key"].(bson.M) {
			f.shards[collection] = field
		}
		f.make("config.collections")
		f.collections["config.collections"][collection] = bson.M{"_id": collection}
	case "ping", "buildInfo", "endSessions", "enableSharding", "dropDatabase", "killCursors":
	default:
		return refusal(codeUnknownCommand, "no such command: '"+name+"'")
	}
	return ok()
}

func (f *fakeServer) make(at string) {
	if f.collections[at] == nil {
		f.collections[at], f.indexes[at] = map[string]bson.M{}, map[string]bson.M{}
	}
}

func (f *fakeServer) list(prefix, name string) (found []bson.M) {
	if f.collections[prefix+name] != nil {
		found = append(found, bson.M{"name": name, "type": "collection", "options": bson.M{}})
	}
	if v := f.views[prefix+name]; v != nil {
		found = append(found, bson.M{"name": name, "type": "view", "options": v})
	}
	return found
}

func cursor(at string, docs []bson.M) bson.D {
	if docs == nil {
		docs = []bson.M{}
	}
	return ok(bson.E{Key: "cursor", Value: bson.D{{Key: "id", Value: int64(0)}, {Key: "ns", Value: at}, {Key: "firstBatch", Value: docs}}})
}

func (f *fakeServer) find(at string, command bson.M) (found []bson.M) {
	filter, _ := command["filter"].(bson.M)
	for _, d := range f.collections[at] {
		if matches(d, filter) {
			found = append(found, d)
		}
	}
	order := bson.M{fieldID: int32(1)}
	if sort, _ := command["sort"].(bson.M); len(sort) > 0 {
		order = sort
	}
	slices.SortFunc(found, func(a, b bson.M) int {
		for field, direction := range order {
			if c := compare(a[field], b[field]); c != 0 {
				return c * int(number(direction))
			}
		}
		return 0
	})
	found = found[min(len(found), int(number(command["skip"]))):]
	if limit := int(number(command["limit"])); limit > 0 {
		found = found[:min(len(found), limit)]
	}
	return found
}

// update does each operation by itself; between two of them others may do theirs.
func (f *fakeServer) update(at string, command bson.M, applies func(int) bool) bson.D {
	var n, changed int32
	var upserted, failed bson.A
	f.make(at)
	for i, x := range command["updates"].(bson.A) {
		if applies != nil && !applies(i) {
			continue
		}
		u := x.(bson.M)
		q, change := u["q"].(bson.M), u["u"].(bson.M)
		if key := f.shards[at]; key != "" {
			if _, whole := q[key].(string); !whole {
				failed = append(failed, bson.M{"index": int32(i), "code": int32(61), "errmsg": "the shard key is not in the query"})
				continue
			}
		}
		id := q[fieldID].(string)
		there := f.collections[at][id]
		switch upsert, _ := u["upsert"].(bool); {
		case there != nil && matches(there, q):
			f.collections[at][id] = changedBy(there, change, false)
			n, changed = n+1, changed+1
		case !upsert:
		case there != nil:
			failed = append(failed, bson.M{"index": int32(i), "code": int32(codeDuplicateKey), "errmsg": "E11000 duplicate key error"})
		default:
			fresh := bson.M{}
			for field, v := range q {
				if _, operator := v.(bson.M); !operator {
					fresh[field] = v
				}
			}
			f.collections[at][id] = changedBy(fresh, change, true)
			n++
			upserted = append(upserted, bson.M{"index": int32(i), "_id": id})
		}
		f.data.Unlock()
		f.data.Lock()
	}
	reply := bson.D{{Key: "n", Value: n}, {Key: "nModified", Value: changed}}
	if upserted != nil {
		reply = append(reply, bson.E{Key: "upserted", Value: upserted})
	}
	if failed != nil {
		reply = append(reply, bson.E{Key: "writeErrors", Value: failed})
	}
	return ok(reply...)
}

// changedBy is a document after an update, or a replacement, that inserts or not.
func changedBy(d, change bson.M, inserts bool) bson.M {
	after := bson.M{fieldID: d[fieldID]}
	replaces := true
	for name := range change {
		replaces = replaces && !strings.HasPrefix(name, "$")
	}
	if replaces {
		for field, v := range change {
			after[field] = v
		}
		return after
	}
	for field, v := range d {
		after[field] = v
	}
	for operator, fields := range change {
		for field, v := range fields.(bson.M) {
			is, there := after[field]
			switch {
			case operator == "$set", operator == "$setOnInsert" && inserts,
				operator == "$max" && (!there || compare(v, is) > 0), operator == "$min" && (!there || compare(v, is) < 0):
				after[field] = v
			}
		}
	}
	return after
}

func matches(d, filter bson.M) bool {
	for field, want := range filter {
		is, there := d[field]
		conditions, operators := want.(bson.M)
		if !operators {
			conditions = bson.M{"$eq": want}
		}
		for operator, v := range conditions {
			c := compare(is, v)
			if holds, known := map[string]bool{"$eq": c == 0, "$ne": c != 0, "$lt": c < 0, "$gt": c > 0, "$gte": c >= 0}[operator]; !known || !holds || !there && operator != "$ne" {
				return false
			}
		}
	}
	return true
}

// compare orders values of one type, strings by their bytes.
func compare(a, b any) int {
	switch x := a.(type) {
	case string:
		y, _ := b.(string)
		return strings.Compare(x, y)
	case bool:
		if x == b {
			return 0
		}
		return 1
	case primitive.DateTime:
		return cmp.Compare(x, b.(primitive.DateTime))
	case nil:
		return -1
	}
	return cmp.Compare(number(a), number(b))
}

func number(v any) int64 {
	switch n := v.(type) {
	case int32:
		return int64(n)
	case int64:
		return n
	case float64:
		return int64(n)
	}
	return 0
}
