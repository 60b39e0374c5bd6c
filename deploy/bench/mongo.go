package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"go.mongodb.org/mongo-driver/bson"
	mongodb "go.mongodb.org/mongo-driver/mongo"
	driver "go.mongodb.org/mongo-driver/mongo/options"

	"ugc/domain"
	"ugc/projections"
	"ugc/projections/documents"
	"ugc/projections/mongo"
)

// mongoBulk is the view as its engine writes it beside the least that anybody could send.
func mongoBulk() Contest {
	return Contest{
		Name: "mongo", What: "MongoDB view written from decided events in bulks of 1,000, with watermarks, one writer", Unit: "documents", Real: true,
		Against: "the driver's unordered bulk write of the same guarded upserts, built before, without watermarks", Goal: 0.8, Aim: 0.95,
		Bounds: []Bound{{Figure: mongoCPU, Unit: "µs", Goal: 15, Aim: 10}},
		Ours:   Contender{"ugc's view", mongoView},
		Peer: Contender{"prebuilt bulk", func(ctx context.Context, w *Workplace) (Sample, error) {
			return mongoPrebuilt(ctx, w, documents.MaxBulk)
		}},
	}
}

// mongoOneByOne is the same beside a writer that sends each document by itself.
func mongoOneByOne() Contest {
	return Contest{
		Name: "mongo-one-by-one", What: "MongoDB view written from decided events, one writer", Unit: "documents", Real: true,
		Against: "the same guarded upserts, built before, one by one", Goal: 5, Aim: 6,
		Ours: Contender{"ugc's view", mongoView},
		Peer: Contender{"one by one", func(ctx context.Context, w *Workplace) (Sample, error) { return mongoPrebuilt(ctx, w, 1) }},
	}
}

// mongoCPU is the time of our own process for a document, driver included; most of the work is the server's.
const mongoCPU = "own CPU"

// mongoRecords is a history of ratings: every document twice, first new, then newer.
func mongoRecords(n int) []projections.Record {
	records := make([]projections.Record, n)
	for i := range records {
		d := i % (n / 2)
		f := domain.Fact{ID: domain.ID{1}, User: fmt.Sprintf("user-%05d", d/20), Movie: fmt.Sprintf("movie-%07d", d), ReceivedAt: 1_700_000_000_000, Origin: domain.Origin{Version: domain.Version(i)}}
		records[i] = projections.Record{Offset: int64(i), Key: f.Key(), Version: f.Origin.Version,
			Value: domain.Feedback.Decide(domain.FeedbackState{}, &domain.SetRating{Fact: f, Score: int32(i % 11)})}
	}
	return records
}

func mongoView(ctx context.Context, w *Workplace) (s Sample, err error) {
	engine, err := startMongo(w)
	if err != nil {
		return s, err
	}
	defer engine.stop(&err)
	store, g, err := engine.view(ctx)
	if err != nil {
		return s, err
	}
	defer func() { _ = store.Close() }()
	sink := documents.Sink(documents.Ratings, g)
	records := mongoRecords(int(w.Setting("documents", 40_000)))
	s, err = w.Measure(func() (int64, error) {
		for at := 0; at < len(records); at += documents.MaxBulk {
			batch := records[at:min(at+documents.MaxBulk, len(records))]
			if err := sink.Write(ctx, batch); err != nil {
				return 0, err
			}
			last := batch[len(batch)-1]
			if err := sink.Advance(ctx, map[int32]projections.Watermark{0: {Next: last.Offset + 1, Version: last.Version}}); err != nil {
				return 0, err
			}
		}
		return int64(len(records)), nil
	})
	if err != nil {
		return s, err
	}
	s.Figures[mongoCPU] = s.CPUPerUnit()
	return s, engine.holds(ctx, g, len(records))
}

// mongoPrebuilt sends upserts that are there before the clock starts, size at a time.
func mongoPrebuilt(ctx context.Context, w *Workplace, size int) (s Sample, err error) {
	engine, err := startMongo(w)
	if err != nil {
		return s, err
	}
	defer engine.stop(&err)
	store, g, err := engine.view(ctx)
	if err != nil {
		return s, err
	}
	defer func() { _ = store.Close() }()
	client, err := mongodb.Connect(ctx, driver.Client().ApplyURI(engine.uri))
	if err != nil {
		return s, err
	}
	defer func() { _ = client.Disconnect(context.WithoutCancel(ctx)) }()
	c := client.Database("ugc").Collection("ratings__g1") // majority is what a MongoDB does unless told otherwise
	n := int(w.Setting("documents", 40_000))
	if size == 1 {
		n /= 8 // of the same mixture
	}
	bulks, err := prebuilt(mongoRecords(n), size)
	if err != nil {
		return s, err
	}
	unordered := driver.BulkWrite().SetOrdered(false)
	s, err = w.Measure(func() (int64, error) {
		for _, bulk := range bulks {
			if _, err := c.BulkWrite(ctx, bulk, unordered); err != nil {
				return 0, err
			}
		}
		return int64(n), nil
	})
	if err != nil {
		return s, err
	}
	return s, engine.holds(ctx, g, n)
}

func prebuilt(records []projections.Record, size int) (bulks [][]mongodb.WriteModel, err error) {
	for at := 0; at < len(records); at += size {
		var docs []documents.Document
		for _, r := range records[at:min(at+size, len(records))] {
			d, _, err := documents.Ratings.Apply(r)
			if err != nil {
				return nil, err
			}
			docs = append(docs, d)
		}
		var bulk []mongodb.WriteModel
		for _, d := range documents.Coalesce(docs) {
			filter, err1 := bson.Marshal(bson.D{{Key: "_id", Value: d.ID}, {Key: "user_id", Value: d.User}, {Key: "version", Value: bson.D{{Key: "$lt", Value: int64(d.Version)}}}})
			document, err2 := bson.Marshal(bson.D{{Key: "user_id", Value: d.User}, {Key: "movie_id", Value: d.Movie}, {Key: "version", Value: int64(d.Version)}, {Key: "deleted", Value: d.Deleted},
				{Key: "added", Value: int64(d.Added)}, {Key: "updated_at", Value: time.UnixMilli(int64(d.UpdatedAt))}, {Key: "score", Value: d.Values[0]}})
			if err := errors.Join(err1, err2); err != nil {
				return nil, err
			}
			bulk = append(bulk, mongodb.NewReplaceOneModel().SetFilter(bson.Raw(filter)).SetReplacement(bson.Raw(document)).SetUpsert(true))
		}
		bulks = append(bulks, bulk)
	}
	return bulks, nil
}

// mongoEngine is a server of its own for one measurement.
type mongoEngine struct {
	uri  string
	in   io.Closer
	cmd  *exec.Cmd
	said *tail
}

const mongoScript = "deploy/real/mongo.sh"

// startMongo holds a fresh engine by its script, which ends it when this process does.
func startMongo(w *Workplace) (*mongoEngine, error) {
	if _, err := os.Stat(mongoScript); err != nil {
		return nil, fmt.Errorf("%w: run this in the root of the repository", err)
	}
	e := &mongoEngine{cmd: exec.Command("bash", mongoScript, "run", filepath.Join(w.Dir, "mongo")), said: &tail{}}
	e.cmd.Env = append(os.Environ(), "UGC_REAL_MONGO_PORT=0")
	e.cmd.Stderr = e.said
	e.cmd.WaitDelay = time.Second
	in, err := e.cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	out, err := e.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := e.cmd.Start(); err != nil {
		return nil, err
	}
	e.in = in
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		_ = in.Close()
		return nil, fmt.Errorf("start a MongoDB engine (make real installs it): %w%s", errors.Join(err, e.cmd.Wait()), e.said)
	}
	u, err := url.Parse(strings.TrimSpace(line))
	if err != nil {
		return nil, err
	}
	u.Path = "/ugc"
	e.uri = u.String()
	return e, nil
}

func (e *mongoEngine) stop(err *error) {
	_ = e.in.Close()
	if end := e.cmd.Wait(); *err == nil && end != nil {
		*err = fmt.Errorf("stop the MongoDB engine: %w%s", end, e.said)
	}
}

// view makes the collection that both contenders write, with its index.
func (e *mongoEngine) view(ctx context.Context) (*mongo.Store, documents.Generation, error) {
	store, err := mongo.Open(ctx, mongo.Options{URI: e.uri})
	if err != nil {
		return nil, nil, err
	}
	g, _, err := documents.Open(ctx, store, documents.Ratings)
	if err != nil {
		return nil, nil, errors.Join(err, store.Close())
	}
	return store, g, nil
}

// holds checks that what was measured is what is there: every document once, at its newest version.
func (e *mongoEngine) holds(ctx context.Context, g documents.Generation, written int) error {
	n, after := 0, ""
	for {
		page, err := g.Scan(ctx, after, documents.MaxPage)
		if err != nil {
			return err
		}
		for _, d := range page {
			if d.Version < domain.Version(written/2) {
				return fmt.Errorf("%s is at version %d: its newer one is lost", d.ID, d.Version)
			}
		}
		if n += len(page); len(page) == 0 {
			break
		}
		after = page[len(page)-1].ID
	}
	if n != written/2 {
		return fmt.Errorf("%d documents are there, %d should be", n, written/2)
	}
	return nil
}
