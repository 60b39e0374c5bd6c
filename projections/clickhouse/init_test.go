package clickhouse_test

import (
	"context"
	"slices"
	"testing"

	ch "github.com/ClickHouse/clickhouse-go/v2"
	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
	"github.com/google/uuid"
	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"

	"ugc/domain"
	"ugc/projections"
	"ugc/projections/clickhouse"
	"ugc/projections/projectionstest"
	"ugc/schemas/topics"
)

var allViews = []string{"playback_events", "viewing", "feedback_events", "feedback", "movie_audience", "watch_by_hour", "retention"}

func purposes(plan []clickhouse.Statement) (out []string) {
	for _, st := range plan {
		out = append(out, st.Purpose)
	}
	return out
}

func TestPlanSaysWhatInitWillDoAndDoesNothing(t *testing.T) {
	s, database := closedStore(t, func(o *clickhouse.Options) { o.Compat = true })
	first, err := s.Plan(t.Context())
	require.NoError(t, err)
	require.Zero(t, one[uint64](t, connect(t, ""), "SELECT count() FROM system.databases WHERE name = ?", database), "planning makes nothing")
	require.Equal(t, []string{"database " + database, "database " + database + "_movies", "table ugc_migrations", "table ugc_generations", "table ugc_watermarks", "table ugc_blocked"},
		purposes(first)[:6])
	for _, want := range []string{"table viewing__g1", "remember migration 1", "remember viewing__g1 as live", "view viewing", "view retention", "view " + database + "_movies.movie_viewing_agg"} {
		require.Contains(t, purposes(first), want)
	}
	require.NoError(t, s.Init(t.Context()))
	second, err := s.Plan(t.Context())
	require.NoError(t, err)
	for _, st := range second {
		require.NotContains(t, st.Purpose, "remember", "what was done is not done again")
		require.NotContains(t, st.Purpose, "__g1")
	}
	require.Less(t, len(second), len(first))
}

func TestInitCanBeRepeatedAndKeepsWhatIsThere(t *testing.T) {
	s, database := newStore(t)
	conn := connect(t, database)
	require.NoError(t, live(t, s, "viewing").Write(t.Context(), projectionstest.History(topics.PlaybackEvents, 1, 50)))
	before := one[uint64](t, conn, "SELECT count() FROM viewing")
	require.NotZero(t, before)
	require.NoError(t, s.Init(t.Context()))
	require.Equal(t, before, one[uint64](t, conn, "SELECT count() FROM viewing"))
	require.Equal(t, uint64(1), one[uint64](t, conn, "SELECT count() FROM ugc_migrations"))
	require.Equal(t, uint64(4), one[uint64](t, conn, "SELECT count() FROM ugc_generations"))
}

func TestInitByManyAtOnce(t *testing.T) {
	s, database := closedStore(t)
	var g errgroup.Group
	for range 4 {
		g.Go(func() error { return s.Init(context.WithoutCancel(t.Context())) })
	}
	require.NoError(t, g.Wait())
	for _, view := range allViews {
		require.Zero(t, one[uint64](t, connect(t, database), "SELECT count() FROM "+view), view)
	}
}

func TestInitGoesOnWhereItBrokeOff(t *testing.T) {
	s, database := closedStore(t)
	plan, err := s.Plan(t.Context())
	require.NoError(t, err)
	conn := connect(t, "")
	for _, st := range plan[:len(plan)/2] {
		execute(t, conn, st.SQL)
	}
	require.NoError(t, s.Init(t.Context()))
	for _, view := range allViews {
		require.Zero(t, one[uint64](t, connect(t, database), "SELECT count() FROM "+view), view)
	}
}

func TestADatabaseOfANewerProgramIsLeftAlone(t *testing.T) {
	s, database := newStore(t)
	execute(t, connect(t, database), "INSERT INTO ugc_migrations VALUES (99, 'of the future', now64(3))")
	err := s.Init(t.Context())
	require.Equal(t, domain.Conflict, domain.KindOf(err))
	require.ErrorContains(t, err, "upgrade")
}

func TestBeforeInit(t *testing.T) {
	s, _ := closedStore(t)
	require.NoError(t, s.Ping(t.Context()))
	for _, ask := range []func() error{
		func() error { _, err := s.Live(t.Context()); return err },
		func() error { _, err := s.Sinks(t.Context()); return err },
	} {
		err := ask()
		require.Equal(t, domain.Unavailable, domain.KindOf(err))
		require.ErrorContains(t, err, "run `ugc init`")
	}
}

func TestViewsAsValues(t *testing.T) {
	s, err := clickhouse.Open(clickhouse.Options{Server: &ch.Options{Addr: []string{"127.0.0.1:1"}}})
	require.NoError(t, err)
	defer func() { require.NoError(t, s.Close()) }()
	var names []string
	for _, v := range s.Views() {
		names = append(names, v.Name)
		require.Positive(t, v.Batch.MaxRecords)
		require.Positive(t, v.Batch.MaxWait)
	}
	require.Equal(t, allViews, slices.Concat(names, clickhouse.Derived()))
}

func TestGenerations(t *testing.T) {
	s, database := newStore(t)
	conn := connect(t, database)
	ctx := t.Context()
	first, second := projections.Generation{View: "viewing", Number: 1}, projections.Generation{View: "viewing", Number: 2}
	shown := func() uint64 { return one[uint64](t, conn, "SELECT count() FROM viewing") }
	audience := func() uint64 { return one[uint64](t, conn, "SELECT sum(viewers) FROM movie_audience") }
	sinks := map[projections.Generation]projections.Sink{}
	for _, g := range []projections.Generation{first, second} {
		require.NoError(t, s.CreateGeneration(ctx, g))
		require.NoError(t, s.CreateGeneration(ctx, g), "safe to repeat")
		sink, err := s.Sink(g)
		require.NoError(t, err)
		sinks[g] = sink
	}
	require.NoError(t, sinks[second].Write(ctx, projectionstest.History(topics.PlaybackEvents, 1, 80)))
	require.NoError(t, sinks[second].Advance(ctx, map[int32]projections.Watermark{1: {Next: 5, Version: 4}}))
	require.NoError(t, sinks[second].Block(ctx, []projections.BlockedKey{{Key: "u/m", Offset: 3}}))
	require.Zero(t, shown(), "readers see nothing of a generation that is being built")
	there, err := s.Generations(ctx, "viewing")
	require.NoError(t, err)
	require.Equal(t, []projections.Generation{first, second}, there)

	require.NoError(t, s.Swap(ctx, second))
	require.NotZero(t, shown())
	require.Equal(t, shown(), audience(), "and so does what derives from it")
	numbers, err := s.Live(ctx)
	require.NoError(t, err)
	require.Equal(t, second, numbers["viewing"])
	require.NoError(t, s.Init(ctx))
	require.NotZero(t, shown(), "Init keeps the live generation")

	require.NoError(t, s.Swap(ctx, first), "a rollback")
	require.Zero(t, shown())
	require.NoError(t, s.Swap(ctx, second))
	require.NotZero(t, shown(), "and forth again")

	require.Equal(t, domain.Conflict, domain.KindOf(s.DropGeneration(ctx, second)), "the live one stays")
	require.Equal(t, domain.NotFound, domain.KindOf(s.Swap(ctx, projections.Generation{View: "viewing", Number: 9})))
	require.NoError(t, s.Swap(ctx, first))
	require.NoError(t, s.DropGeneration(ctx, second))
	require.NoError(t, s.DropGeneration(ctx, second), "safe to repeat")
	marks, err := sinks[second].Watermarks(ctx)
	require.NoError(t, err)
	require.Empty(t, marks, "its watermarks went with it")
	blocked, err := sinks[second].Blocked(ctx)
	require.NoError(t, err)
	require.Empty(t, blocked)
}

// A swap that died between catalog and views is finished by Init.
func TestInitFinishesASwap(t *testing.T) {
	s, database := newStore(t)
	conn := connect(t, database)
	g := projections.Generation{View: "viewing", Number: 2}
	require.NoError(t, s.CreateGeneration(t.Context(), g))
	sink, err := s.Sink(g)
	require.NoError(t, err)
	require.NoError(t, sink.Write(t.Context(), projectionstest.History(topics.PlaybackEvents, 1, 20)))
	execute(t, conn, "INSERT INTO ugc_generations VALUES ('viewing', 2, 2, now64(3))")
	require.NoError(t, s.Init(t.Context()))
	require.NotZero(t, one[uint64](t, conn, "SELECT count() FROM viewing"))
	require.NotZero(t, one[uint64](t, conn, "SELECT count() FROM retention"))
}

func TestCompatibilitySchema(t *testing.T) {
	s, database := newStore(t, func(o *clickhouse.Options) { o.Compat = true })
	conn := connect(t, database+"_movies")
	user, movie := uuid.MustParse("0198c0de-0000-7000-8000-000000000001"), uuid.MustParse("0198c0de-0000-7000-8000-00000000000a")
	fact := func(user string, offset int64) domain.Fact {
		return domain.Fact{ID: domain.ID{byte(offset)}, User: user, Movie: movie.String(), ReceivedAt: march, Origin: domain.Origin{Version: domain.Version(offset)}}
	}
	var state domain.PlaybackState
	var batch []projections.Record
	for i, c := range []domain.PlaybackCommand{
		&domain.RecordViewing{Fact: fact(user.String(), 1), ViewedSeconds: 30},
		&domain.RecordPlayback{Fact: fact(user.String(), 2), Type: domain.Pause, Position: 90_000},
		&domain.RecordViewing{Fact: fact(user.String(), 3), ViewedSeconds: 12},
	} {
		e := domain.Playback.Decide(state, c)
		state = domain.Playback.Evolve(state, e)
		batch = append(batch, record(e, int64(i)))
	}
	batch = append(batch, record(domain.Playback.Decide(domain.PlaybackState{}, &domain.RecordPlayback{Fact: fact("17", 4), Type: domain.Play, Position: 5}), 4))
	require.NoError(t, live(t, s, "viewing").Write(t.Context(), batch))
	rating := domain.Feedback.Decide(domain.FeedbackState{}, &domain.SetRating{Fact: fact(user.String(), 5), Score: 8})
	require.NoError(t, live(t, s, "feedback").Write(t.Context(), []projections.Record{record(rating, 0)}))

	type viewed struct {
		user, movie uuid.UUID
		seconds     int64
	}
	require.Equal(t, []viewed{{user, movie, 42}}, scan(t, conn, func(r driver.Rows, v *viewed) error { return r.Scan(&v.user, &v.movie, &v.seconds) },
		"SELECT user_id, movie_id, sumMerge(viewed_seconds) FROM movie_viewing_agg GROUP BY user_id, movie_id"), "as readers of movies_ugc ask for it")
	require.Equal(t, []string{"90000 8", "5 0"}, scan(t, conn, func(r driver.Rows, v *string) error { return r.Scan(v) },
		"SELECT concat(toString(movie_frame), ' ', toString(rating)) FROM views_progress ORDER BY movie_frame DESC"))
	require.Equal(t, int64(17), one[int64](t, conn, "SELECT user_id FROM views_progress WHERE movie_frame = 5"))
	require.Equal(t, []string{"created DateTime('UTC')", "id UInt64", "movie_frame Int64", "movie_id UUID", "rating Float64", "user_id Int64"},
		scan(t, conn, func(r driver.Rows, v *string) error { return r.Scan(v) }, "SELECT concat(name, ' ', type) FROM system.columns WHERE database = currentDatabase() AND table = 'views_progress' ORDER BY name"))
}
