package mongo

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"go.mongodb.org/mongo-driver/bson"
	"go.mongodb.org/mongo-driver/mongo"
	"go.mongodb.org/mongo-driver/mongo/options"

	"ugc/domain"
)

// Operations of a bulk that fail are sent again, so many times and after such pauses; then whoever asked hears of it.
const (
	bulkAttempts = 8
	firstPause   = 5 * time.Millisecond
	lastPause    = 200 * time.Millisecond
)

var unordered = options.BulkWrite().SetOrdered(false)

// bulk sends upserts, unordered, until each is settled. Every one of them is idempotent, so whatever part of an attempt was applied, the rest goes
// again. A duplicate key says that the document is there by now: either what is there is as new, or somebody else made it between the server's search and
// its insert, and is perhaps older. So that upsert goes once more, as an update of what is there; one that then finds nothing to change was stale.
//
// A write concern that is not met is an error of its own, although everything was applied: a failover could take it back. The same bulk again
// has nothing to change by then, and is still not acknowledged before a majority has what it found.
func (s *Store) bulk(ctx context.Context, c *mongo.Collection, models []mongo.WriteModel) error {
	pause := firstPause
	for attempt := 1; ; attempt++ {
		_, err := c.BulkWrite(ctx, models, unordered)
		failure, partly := errors.AsType[mongo.BulkWriteException](err)
		if !partly || failure.WriteConcernError != nil {
			return err
		}
		rest, clean := remaining(models, failure)
		if attempt == bulkAttempts {
			return err
		}
		models = rest
		if clean {
			continue
		}
		if err := sleep(ctx, pause); err != nil {
			return err
		}
		pause = min(2*pause, lastPause)
	}
}

// remaining are the operations that failed, in their order; clean where each of them did by a duplicate key.
func remaining(models []mongo.WriteModel, failure mongo.BulkWriteException) (rest []mongo.WriteModel, clean bool) {
	slices.SortFunc(failure.WriteErrors, func(a, b mongo.BulkWriteError) int { return a.Index - b.Index })
	clean = true
	for _, e := range failure.WriteErrors {
		model := models[e.Index]
		if e.Code == codeDuplicateKey {
			model = update(model)
		} else {
			clean = false
		}
		rest = append(rest, model)
	}
	return rest, clean
}

// update is the same without inserting what is not there.
func update(model mongo.WriteModel) mongo.WriteModel {
	switch m := model.(type) {
	case *mongo.ReplaceOneModel:
		return &mongo.ReplaceOneModel{Filter: m.Filter, Replacement: m.Replacement}
	case *mongo.UpdateOneModel:
		return &mongo.UpdateOneModel{Filter: m.Filter, Update: m.Update}
	}
	return model
}

// persist does what may be done again until the server takes it, a bounded number of times: another process that does the same at the
// same time may be in its way. A server that is away is waited for by whoever asks.
func persist(ctx context.Context, do func() error) error {
	pause := firstPause
	for attempt := 1; ; attempt++ {
		err := do()
		if err == nil || unreachable(err) || mongo.IsTimeout(err) || attempt == bulkAttempts {
			return err
		}
		if kind, _ := judge(err); kind != domain.Unavailable && !answered(err, codeDuplicateKey) {
			return err
		}
		if err := sleep(ctx, pause); err != nil {
			return err
		}
		pause = min(2*pause, lastPause)
	}
}

func sleep(ctx context.Context, d time.Duration) error {
	select {
	case <-time.After(d):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// sorted puts the catalog's updates into the order of their ids, which every writer shares.
func sorted(models []mongo.WriteModel) []mongo.WriteModel {
	id := func(m mongo.WriteModel) string {
		return m.(*mongo.UpdateOneModel).Filter.(bson.D)[0].Value.(string)
	}
	slices.SortFunc(models, func(a, b mongo.WriteModel) int { return strings.Compare(id(a), id(b)) })
	return models
}
