package mongo

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"strconv"

	"go.mongodb.org/mongo-driver/bson"
	"go.mongodb.org/mongo-driver/mongo"
	"go.mongodb.org/mongo-driver/mongo/options"

	"ugc/projections"
	"ugc/projections/documents"
)

// generation is one physical build, for writing and reading.
type generation struct {
	reading
	name projections.Generation
}

func (s *Store) generation(v documents.View, g projections.Generation) *generation {
	return &generation{reading: reading{store: s, codec: newCodec(v), c: s.db.Collection(g.String()), name: g.String()}, name: g}
}

// Upsert implements documents.Generation, by one unordered bulk of guarded replacements. All of it is encoded into one buffer.
func (g *generation) Upsert(ctx context.Context, docs []documents.Document) error {
	if len(docs) == 0 {
		return nil
	}
	ctx, cancel := g.store.bounded(ctx)
	defer cancel()
	models, err := g.upserts(docs)
	if err != nil {
		return err
	}
	return failed("write "+g.name.String(), g.store.bulk(ctx, g.c, models))
}

func (g *generation) upserts(docs []documents.Document) ([]mongo.WriteModel, error) {
	upsert := true
	buffer := make([]byte, 0, len(docs)*g.codec.size)
	ends := make([][2]int, len(docs)) // of the filter and of the document in the buffer, which may move while it grows
	for i := range docs {
		buffer = g.codec.appendFilter(buffer, &docs[i])
		ends[i][0] = len(buffer)
		var err error
		if buffer, err = g.codec.appendDocument(buffer, &docs[i]); err != nil {
			return nil, err
		}
		ends[i][1] = len(buffer)
	}
	replacements := make([]mongo.ReplaceOneModel, len(docs))
	models := make([]mongo.WriteModel, len(docs))
	from := 0
	for i, end := range ends {
		replacements[i] = mongo.ReplaceOneModel{Filter: bson.Raw(buffer[from:end[0]]), Replacement: bson.Raw(buffer[end[0]:end[1]]), Upsert: &upsert}
		models[i] = &replacements[i]
		from = end[1]
	}
	return models, nil
}

// Advance implements documents.Generation: $max never takes a watermark back, whoever writes it when.
func (g *generation) Advance(ctx context.Context, marks map[int32]projections.Watermark) error {
	return g.note(ctx, "advance", watermarks, len(marks), func(add func(id string, change bson.D)) {
		for p, m := range marks {
			add(g.name.String()+"/"+strconv.Itoa(int(p)), bson.D{
				{Key: "$max", Value: bson.D{{Key: "next", Value: m.Next}, {Key: fieldVersion, Value: int64(m.Version)}}},
				{Key: "$setOnInsert", Value: bson.D{{Key: "generation", Value: g.name.String()}, {Key: "partition", Value: int64(p)}}},
			})
		}
	})
}

// Block implements documents.Generation. A key may be any bytes, of any length, so its id is a hash and the key itself is binary.
func (g *generation) Block(ctx context.Context, keys []projections.BlockedKey) error {
	first := make(map[string]projections.BlockedKey, len(keys)) // one operation for each, though a key be named twice
	for _, k := range keys {
		sum := sha256.Sum256([]byte(k.Key))
		id := g.name.String() + "/" + strconv.Itoa(int(k.Partition)) + "/" + hex.EncodeToString(sum[:])
		if known, ok := first[id]; !ok || k.Offset < known.Offset {
			first[id] = k
		}
	}
	return g.note(ctx, "block keys of", blockedKeys, len(first), func(add func(id string, change bson.D)) {
		for id, k := range first {
			add(id, bson.D{
				{Key: "$min", Value: bson.D{{Key: "offset", Value: k.Offset}}},
				{Key: "$setOnInsert", Value: bson.D{{Key: "generation", Value: g.name.String()}, {Key: "partition", Value: int64(k.Partition)}, {Key: "key", Value: []byte(k.Key)}}},
			})
		}
	})
}

// note upserts documents of the catalog by their ids.
func (g *generation) note(ctx context.Context, what, collection string, n int, each func(add func(id string, change bson.D))) error {
	if n == 0 {
		return nil
	}
	ctx, cancel := g.store.bounded(ctx)
	defer cancel()
	upsert := true
	models := make([]mongo.WriteModel, 0, n)
	each(func(id string, change bson.D) {
		models = append(models, &mongo.UpdateOneModel{Filter: bson.D{{Key: fieldID, Value: id}}, Update: change, Upsert: &upsert})
	})
	return failed(what+" "+g.name.String(), g.store.bulk(ctx, g.store.db.Collection(collection), sorted(models)))
}

// Blocked implements documents.Generation.
func (g *generation) Blocked(ctx context.Context) ([]projections.BlockedKey, error) {
	ctx, cancel := g.store.bounded(ctx)
	defer cancel()
	what := "read blocked keys of " + g.name.String()
	cursor, err := g.store.db.Collection(blockedKeys).Find(ctx, below(fieldID, g.name.String()+"/"))
	if err != nil {
		return nil, failed(what, err)
	}
	var rows []struct {
		Key       []byte `bson:"key"`
		Partition int32  `bson:"partition"`
		Offset    int64  `bson:"offset"`
	}
	if err := cursor.All(ctx, &rows); err != nil {
		return nil, failed(what, err)
	}
	keys := make([]projections.BlockedKey, len(rows))
	for i, r := range rows {
		keys[i] = projections.BlockedKey{Key: string(r.Key), Partition: r.Partition, Offset: r.Offset}
	}
	return keys, nil
}

// Watermarks implements documents.Documents.
func (g *generation) Watermarks(ctx context.Context) (map[int32]projections.Watermark, error) {
	ctx, cancel := g.store.bounded(ctx)
	defer cancel()
	return g.store.watermarks(ctx, g.name)
}

// Scan implements documents.Generation. It is the one read that asks every shard: a scan knows no user.
func (g *generation) Scan(ctx context.Context, after string, limit int) ([]documents.Document, error) {
	ctx, cancel := g.store.bounded(ctx)
	defer cancel()
	order := options.Find().SetSort(bson.D{{Key: fieldID, Value: 1}}).SetLimit(int64(limit)).SetBatchSize(int32(min(limit, documents.MaxPage)))
	return g.find(ctx, bson.D{{Key: fieldID, Value: bson.D{{Key: "$gt", Value: after}}}}, order)
}
