package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"time"

	ch "github.com/ClickHouse/clickhouse-go/v2"
	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
	"github.com/google/uuid"

	embedded "ugc/deploy/embedded/clickhouse"
	"ugc/domain"
	"ugc/projections"
	"ugc/projections/clickhouse"
	"ugc/schemas/topics"
)

// clickHouseBlock is how many rows are one INSERT, as in `ugc run`.
const clickHouseBlock = 50_000

func clickHouse() Contest {
	return Contest{
		Name: "clickhouse", What: "playback_events, from the log to the last row in ClickHouse", Unit: "rows", Goal: 0.6, Aim: 0.85, Timeout: 3 * time.Minute,
		Against: "raw native insert of the same rows through clickhouse-go: same engine, table and settings, typed columns ready in memory, 50,000 rows a block, one connection",
		Ours:    Contender{"ugc's projection", projectClickHouse},
		Peer:    Contender{"raw insert", insertClickHouse},
	}
}

func (w *Workplace) playback() (n, viewers int) {
	return int(w.Setting("rows", 1_000_000)), int(w.Setting("viewers", 20_000))
}

// analytics is the embedded engine in a process of its own, with the views' tables.
type analytics struct {
	*clickhouse.Store
	engine *embedded.Engine
	stop   func() error
}

func startAnalytics(ctx context.Context, w *Workplace) (a *analytics, err error) {
	engine, err := embedded.New(embedded.Options{DataDir: filepath.Join(w.Dir, "clickhouse"), Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		return nil, err
	}
	running, stop := context.WithCancel(context.WithoutCancel(ctx))
	ended := make(chan error, 1)
	go func() { ended <- engine.Run(running) }()
	end := func() error { stop(); return <-ended }
	if err := engine.Ready(ctx); err != nil {
		return nil, errors.Join(err, end())
	}
	store, err := clickhouse.Open(clickhouse.Options{Server: engine.ClientOptions(""), Batch: projections.Batching{MaxRecords: clickHouseBlock}})
	if err != nil {
		return nil, errors.Join(err, end())
	}
	a = &analytics{store, engine, func() error { return errors.Join(store.Close(), end()) }}
	if err := store.Init(ctx); err != nil {
		return nil, errors.Join(err, a.stop())
	}
	return a, nil
}

// holds checks that a view has all rows and no other.
func (a *analytics) holds(ctx context.Context, view string, rows int64) error {
	conn, err := a.connect()
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close() }()
	var is uint64
	if err := conn.QueryRow(ctx, "SELECT count() FROM "+view).Scan(&is); err != nil {
		return err
	}
	if is != uint64(rows) {
		return fmt.Errorf("%s has %d rows instead of %d", view, is, rows)
	}
	return nil
}

func (a *analytics) connect() (driver.Conn, error) { return ch.Open(a.engine.ClientOptions("ugc")) }

func projectClickHouse(ctx context.Context, w *Workplace) (s Sample, err error) {
	b, err := w.Backbone(ctx)
	if err != nil {
		return s, err
	}
	rows, err := b.Write(ctx, topics.PlaybackEvents, playback(w.playback()))
	if err != nil {
		return s, err
	}
	a, err := startAnalytics(ctx, w)
	if err != nil {
		return s, err
	}
	defer func() { err = errors.Join(err, a.stop()) }()
	sinks, err := a.Sinks(ctx)
	if err != nil {
		return s, err
	}
	view := a.Views()[0]
	s, err = w.Measure(func() (int64, error) { return rows, b.project(ctx, view, sinks[view.Name], rows) })
	if err != nil {
		return s, err
	}
	return s, a.holds(ctx, view.Name, rows)
}

func insertClickHouse(ctx context.Context, w *Workplace) (s Sample, err error) {
	rows, viewers := w.playback()
	blocks := playbackBlocks(rows, viewers)
	a, err := startAnalytics(ctx, w)
	if err != nil {
		return s, err
	}
	defer func() { err = errors.Join(err, a.stop()) }()
	conn, err := a.connect()
	if err != nil {
		return s, err
	}
	defer func() { err = errors.Join(err, conn.Close()) }()
	s, err = w.Measure(func() (int64, error) {
		for _, b := range blocks {
			if err := b.insert(ctx, conn); err != nil {
				return 0, err
			}
		}
		return int64(rows), nil
	})
	if err != nil {
		return s, err
	}
	return s, a.holds(ctx, "playback_events", int64(rows))
}

// playbackBlock is a block of rows, column by column and ready to be sent.
type playbackBlock struct {
	partition                          []int32
	version                            []uint64
	event                              []uuid.UUID
	user, movie, session, device       []string
	sequence                           []int64
	at, occurredAt, sentAt, receivedAt []time.Time
	kind                               []string
	position, from, duration           []int64
	rate                               []float64
	starts, ends                       [][]int64
	viewedSeconds                      []int64
	verdict                            []string
	newlyWatched                       []int64
}

func playbackBlocks(rows, viewers int) (blocks []*playbackBlock) {
	i := 0
	for e := range playback(rows, viewers) {
		if i%clickHouseBlock == 0 {
			blocks = append(blocks, &playbackBlock{})
		}
		blocks[len(blocks)-1].add(e.(*domain.PlaybackRecorded))
		i++
	}
	return blocks
}

func (b *playbackBlock) add(e *domain.PlaybackRecorded) {
	when := func(i domain.Instant) time.Time { return time.UnixMilli(int64(i)) }
	b.partition, b.version, b.event = append(b.partition, e.Origin.Partition), append(b.version, uint64(e.Origin.Version)), append(b.event, uuid.UUID(e.ID))
	b.user, b.movie, b.session, b.device = append(b.user, e.User), append(b.movie, e.Movie), append(b.session, e.Session), append(b.device, e.Device)
	b.sequence, b.at, b.occurredAt = append(b.sequence, e.Sequence), append(b.at, when(e.At())), append(b.occurredAt, when(e.OccurredAt))
	b.sentAt, b.receivedAt = append(b.sentAt, when(e.SentAt)), append(b.receivedAt, when(e.ReceivedAt))
	b.kind, b.position, b.from = append(b.kind, e.Type.String()), append(b.position, int64(e.Position)), append(b.from, -1)
	b.duration, b.rate = append(b.duration, int64(e.Duration)), append(b.rate, e.Rate)
	b.starts, b.ends = append(b.starts, []int64{}), append(b.ends, []int64{})
	b.viewedSeconds, b.verdict, b.newlyWatched = append(b.viewedSeconds, -1), append(b.verdict, e.Verdict.String()), append(b.newlyWatched, int64(e.NewlyWatched))
}

func (b *playbackBlock) insert(ctx context.Context, conn driver.Conn) error {
	batch, err := conn.PrepareBatch(ctx, `INSERT INTO playback_events__g1 (partition, version, event_id, user_id, movie_id, session_id, device_id, sequence,
		at, occurred_at, sent_at, received_at, type, position_ms, from_ms, duration_ms, rate, reported.start_ms, reported.end_ms, viewed_seconds, verdict, newly_watched_ms)`)
	if err != nil {
		return err
	}
	for i, column := range []any{
		b.partition, b.version, b.event, b.user, b.movie, b.session, b.device, b.sequence,
		b.at, b.occurredAt, b.sentAt, b.receivedAt, b.kind, b.position, b.from, b.duration, b.rate, b.starts, b.ends, b.viewedSeconds, b.verdict, b.newlyWatched,
	} {
		if err := batch.Column(i).Append(column); err != nil {
			return errors.Join(err, batch.Abort())
		}
	}
	return batch.Send()
}
