package projections_test

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kadm"

	"ugc/domain"
	"ugc/handlers"
	"ugc/projections"
	"ugc/projections/documents"
	"ugc/projections/projectionstest"
	"ugc/schemas"
	"ugc/schemas/topics"
)

type assertions = assert.CollectT

func place(partition int32, offset int64) string { return fmt.Sprintf("%d/%d", partition, offset) }

// opinions is what a view by user must hold after a history: each register after its last event, worked out without the view.
func opinions(kind domain.OpinionKind, history []projections.Record) map[string]documents.Document {
	want := map[string]documents.Document{}
	for _, r := range history {
		e := r.Value.(domain.FeedbackEvent)
		about, _, _ := e.Opinion()
		o := *e.Changed().After.Of(kind)
		if about != kind && about != 0 || o.Stamp.IsZero() {
			continue
		}
		d := documents.Document{ID: r.Key, User: e.Head().User, Movie: e.Head().Movie, Version: r.Version, Deleted: !o.Set, Added: o.Since, UpdatedAt: o.Stamp.At}
		if kind != domain.BookmarkKind {
			d.Values = []any{int64(o.Value)}
		}
		want[r.Key] = d
	}
	return want
}

func TestEventsBecomeRows(t *testing.T) { newStage(t).becomeRows() }

func (s *stage) becomeRows() {
	t := s.T
	feedback := projectionstest.History(topics.FeedbackEvents, 1, 600)
	movies := projectionstest.History(topics.MoviesTable, 2, 300)
	for _, v := range documents.All() {
		s.project(v)
	}
	s.publish(topics.FeedbackEvents, feedback[:200]...)
	s.publish(topics.MoviesTable, movies...)
	s.publish(topics.FeedbackEvents, feedback[200:]...)
	for _, v := range documents.All() {
		s.reach(v)
	}
	require.Equal(t, opinions(domain.LikeKind, feedback), s.documents(documents.Likes))
	require.Equal(t, opinions(domain.BookmarkKind, feedback), s.documents(documents.Bookmarks))
	require.Equal(t, opinions(domain.RatingKind, feedback), s.documents(documents.Ratings))

	reader := documents.NewReader(s.store())
	newest := map[string]*schemas.Table[domain.MovieState]{}
	for _, r := range movies {
		newest[r.Key] = r.Value.(*schemas.Table[domain.MovieState])
	}
	for movie, table := range newest {
		got, ok, err := reader.Summary(t.Context(), movie)
		require.NoError(t, err)
		require.True(t, ok)
		require.Equal(t, handlers.Summary{Movie: movie, Version: table.Applied, Folded: table.State.Folded, MovieSummary: table.State.Summary}, got)
	}
}

// A process that dies after any of the effects leaves a view that the next one brings to the same end.
func TestDeathAfterEachEffect(t *testing.T) { dyingAfterEachEffect(t, newStage) }

func dyingAfterEachEffect(t *testing.T, newStage func(*testing.T) *stage) {
	history := projectionstest.History(topics.FeedbackEvents, 3, 150)
	errDead := errors.New("this process is dead")
	for _, c := range []struct {
		name string
		arm  func(f *faulty, die func() error)
	}{
		{"before the write", func(f *faulty, die func() error) { f.before = on("write", die) }},
		{"1 after the write", func(f *faulty, die func() error) { f.after = on("write", die) }},
		{"before the watermark", func(f *faulty, die func() error) { f.before = on("advance", die) }},
		{"2 after the watermark, before the commit", func(f *faulty, die func() error) { f.after = on("advance", die) }},
		{"while the watermarks are read", func(f *faulty, die func() error) { f.after = on("watermarks", die) }},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := newStage(t)
			s.publish(topics.FeedbackEvents, history[:100]...)
			dead := make(chan struct{})
			f := &faulty{Sink: documents.Sink(documents.Ratings, s.generation(documents.Ratings))}
			die := func() error {
				select {
				case <-dead:
				default:
					close(dead)
				}
				return errDead // now and for ever: nothing that it does has an effect any more
			}
			c.arm(f, die)
			first := s.project(documents.Ratings, func(o *projections.Options) { o.Sink = f })
			select {
			case <-dead:
			case <-t.Context().Done():
			}
			first.end()

			s.publish(topics.FeedbackEvents, history[100:]...)
			s.project(documents.Ratings)
			s.reach(documents.Ratings)
			require.Equal(t, opinions(domain.RatingKind, history), s.documents(documents.Ratings))
		})
	}
}

func on(step string, do func() error) func(string) error {
	dead := false
	return func(at string) error {
		if dead || at == step {
			dead = true
			return do()
		}
		return nil
	}
}

func TestNothingIsCommittedThatTheStoreDoesNotKnow(t *testing.T) {
	s := newStage(t)
	s.publish(topics.FeedbackEvents, projectionstest.History(topics.FeedbackEvents, 3, 100)...)
	f := &faulty{Sink: documents.Sink(documents.Likes, s.generation(documents.Likes))}
	away := errors.New("no watermark today")
	f.before = func(step string) error {
		if step == "advance" {
			return away
		}
		return nil
	}
	first := s.project(documents.Likes, func(o *projections.Options) { o.Sink = f })
	require.Eventually(t, func() bool { return f.seen()["advance"] > 2 }, bound, tick)
	first.end() // which commits what is marked
	require.Empty(t, s.committed(documents.Likes))

	f.heal()
	second := s.project(documents.Likes, func(o *projections.Options) { o.Sink = f })
	s.reach(documents.Likes)
	second.end()
	marks, err := f.Watermarks(t.Context())
	require.NoError(t, err)
	committed := s.committed(documents.Likes)
	for p, m := range marks {
		require.Equal(t, m.Next, committed[p], "for those who watch lag")
	}
}

func (s *stage) committed(v documents.View) map[int32]int64 {
	offsets, err := s.admin().FetchOffsets(s.Context(), projections.Generation{View: v.Name, Number: 1}.Group())
	require.NoError(s, err)
	committed := map[int32]int64{}
	offsets.Each(func(o kadm.OffsetResponse) {
		if o.At >= 0 {
			committed[o.Partition] = o.At
		}
	})
	return committed
}

func TestAStoreThatWasLostIsFilledAgain(t *testing.T) {
	s := newStage(t)
	history := projectionstest.History(topics.FeedbackEvents, 4, 200)
	s.publish(topics.FeedbackEvents, history...)
	first := s.project(documents.Ratings)
	s.reach(documents.Ratings)
	first.end()
	require.NotEmpty(t, s.committed(documents.Ratings), "the group believes that all is done")

	s.path += ".new"
	s.project(documents.Ratings)
	s.reach(documents.Ratings)
	require.Equal(t, opinions(domain.RatingKind, history), s.documents(documents.Ratings))
}

func TestASecondEngineSharesThePartitions(t *testing.T) { newStage(t).share() }

// share has a second engine come, and the first one go.
func (s *stage) share() {
	t := s.T
	history := projectionstest.History(topics.FeedbackEvents, 5, 400)
	first := s.project(documents.Ratings)
	s.publish(topics.FeedbackEvents, history[:100]...)
	s.reach(documents.Ratings)
	second := s.project(documents.Ratings)
	require.Eventually(t, func() bool {
		a, b := len(first.Status().Partitions), len(second.Status().Partitions)
		return a > 0 && b > 0 && a+b == projectionstest.Partitions
	}, bound, tick)
	s.publish(topics.FeedbackEvents, history[100:250]...)
	s.reach(documents.Ratings)
	first.end()
	s.publish(topics.FeedbackEvents, history[250:]...)
	s.reach(documents.Ratings)
	require.Len(t, second.Status().Partitions, projectionstest.Partitions, "the other one takes over")
	require.Equal(t, opinions(domain.RatingKind, history), s.documents(documents.Ratings))
}

func TestAnEngineRunsAgain(t *testing.T) {
	s := newStage(t)
	history := projectionstest.History(topics.FeedbackEvents, 6, 60)
	s.publish(topics.FeedbackEvents, history[:30]...)
	r := s.project(documents.Ratings)
	s.reach(documents.Ratings)
	r.end()
	require.False(t, r.Status().Running)
	require.Empty(t, r.Status().Partitions)

	s.publish(topics.FeedbackEvents, history[30:]...)
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error)
	go func() { ended <- r.Run(ctx) }()
	s.reach(documents.Ratings)
	require.True(t, r.Status().Healthy())
	cancel()
	require.NoError(t, <-ended)
	require.Equal(t, opinions(domain.RatingKind, history), s.documents(documents.Ratings))
}

func TestALogThatLostItsEndIsSaid(t *testing.T) {
	s := newStage(t)
	history := projectionstest.History(topics.FeedbackEvents, 7, 60)
	s.publish(topics.FeedbackEvents, history...)
	g := s.generation(documents.Ratings)
	require.NoError(t, g.Advance(t.Context(), map[int32]projections.Watermark{0: {Next: 1_000_000, Version: 1_000_000}}))
	r := s.project(documents.Ratings)
	require.EventuallyWithT(t, func(c *assertions) {
		st := r.Status()
		require.False(c, st.Healthy())
		require.Len(c, st.Partitions, projectionstest.Partitions)
		for _, p := range st.Partitions {
			if p.Partition == 0 {
				require.ErrorContains(c, p.Fault, "rebuild the view")
			} else {
				require.NoError(c, p.Fault)
				require.Zero(c, p.Lag, "the others go on")
				require.Equal(c, p.End, p.Watermark.Next)
			}
		}
	}, bound, tick)
}

func TestOptionsNameEveryFault(t *testing.T) {
	_, err := projections.New(projections.Options{View: projections.View{Batch: projections.Batching{MaxRecords: -1}}})
	for _, what := range []string{"must have a name", "nobody knows how to read", "generation", "sink", "codec", "kafka", "-1 records"} {
		require.ErrorContains(t, err, what)
	}
}

func gather(t require.TestingT, r *prometheus.Registry) map[string]float64 {
	families, err := r.Gather()
	require.NoError(t, err)
	values := map[string]float64{}
	for _, f := range families {
		for _, m := range f.Metric {
			name := f.GetName()
			for _, l := range m.Label {
				if l.GetName() != "view" && l.GetName() != "generation" {
					name += " " + l.GetValue()
				}
			}
			values[name] = m.GetGauge().GetValue() + m.GetCounter().GetValue() + float64(m.GetHistogram().GetSampleCount())
		}
	}
	return values
}

// A log that lost its end and has grown again holds other records where the view stopped, or none. The view goes back, and shows everything.
func TestAViewGoesBackWhereTheLogIsNotWhatItHasSeen(t *testing.T) {
	for name, next := range map[string]func(end int64) int64{
		"the log ends before it":    func(int64) int64 { return 1_000_000 },
		"the record is a newer one": func(end int64) int64 { return end },
	} {
		t.Run(name, func(t *testing.T) {
			s := newStage(t)
			history := projectionstest.History(topics.FeedbackEvents, 11, 200)
			s.publish(topics.FeedbackEvents, history...)
			ends, err := s.admin().ListEndOffsets(t.Context(), topics.FeedbackEvents.Name)
			require.NoError(t, err)
			marks := map[int32]projections.Watermark{}
			for _, r := range history { // the oldest of each partition is all that the view has seen
				if _, ok := marks[r.Partition]; !ok {
					end, _ := ends.Lookup(topics.FeedbackEvents.Name, r.Partition)
					marks[r.Partition] = projections.Watermark{Next: next(end.Offset), Version: r.Version}
				}
			}
			require.NoError(t, s.generation(documents.Ratings).Advance(t.Context(), marks))
			metrics := prometheus.NewRegistry()
			r := s.project(documents.Ratings, func(o *projections.Options) { o.Metrics = projections.NewMetrics(metrics) })
			require.EventuallyWithT(t, func(c *assertions) {
				require.True(c, r.Status().Healthy())
				require.Equal(c, opinions(domain.RatingKind, history), s.documents(documents.Ratings))
			}, bound, tick)
			require.InDelta(t, projectionstest.Partitions, gather(t, metrics)["ugc_view_went_back_total"], 0)
		})
	}
}
