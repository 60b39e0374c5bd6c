package projections_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kgo"

	"ugc/domain"
	"ugc/handlers"
	"ugc/projections"
	"ugc/projections/documents"
	"ugc/projections/projectionstest"
	"ugc/schemas"
	"ugc/schemas/topics"
)

// rated is the event of a rating, the n-th command of its partition.
func rated(user, movie string, version domain.Version, score int32) projections.Record {
	p := domain.Partition(user, projectionstest.Partitions)
	f := domain.Fact{ID: domain.NamedID(domain.ID{}, fmt.Sprint(user, movie, version)), User: user, Movie: movie, ReceivedAt: 1_700_000_000_000 + domain.Instant(version), Origin: domain.Origin{Partition: p, Version: version}}
	e := domain.Feedback.Decide(domain.FeedbackState{}, &domain.SetRating{Fact: f, Score: score})
	return projections.Record{Partition: p, Key: f.Key(), Version: version, Value: e}
}

func (s *stage) score(user, movie string) (score int32, ok bool) {
	o, ok, err := documents.NewReader(s.store()).Opinion(s.Context(), domain.RatingKind, user, movie)
	require.NoError(s, err)
	return o.Value, ok
}

func TestBadRecordsAreSetAsideWholeAndOtherKeysGoOn(t *testing.T) {
	s := newStage(t)
	p := domain.Partition("u", projectionstest.Partitions)
	raw := func(key string, value []byte) projections.Record {
		return projections.Record{Partition: p, Key: key, Value: value}
	}
	elsewhere := rated("u", "e", 5, 1)
	elsewhere.Value.(domain.Event).Head().Origin.Partition = p + 1
	unknown := rated("u", "f", 6, 1)
	unknownBytes := s.encode(unknown.Value)
	unknownBytes[3] = 99 // the id of a schema that nobody registered
	mislaid := rated("u", "g", 7, 1)
	mislaid.Key = "u/h"
	s.publish(topics.FeedbackEvents,
		rated("u", "a", 0, 1),                 // 0
		raw("u/a", []byte("not Avro at all")), // 1
		rated("u", "a", 2, 2),                 // 2 waits behind 1
		rated("u", "b", 3, 3),                 // 3
		raw("u/c", nil),                       // 4 no event is empty
		elsewhere,                             // 5
		raw("u/f", unknownBytes),              // 6
		mislaid,                               // 7
		raw("", []byte{0, 0, 0, 0, 1}),        // 8 not even a key
	)
	registry := prometheus.NewRegistry()
	first := s.project(documents.Ratings, func(o *projections.Options) { o.Metrics = projections.NewMetrics(registry) })
	letters := s.letters(7)
	s.reach(documents.Ratings)

	for offset, reason := range map[int64]string{1: "undecodable", 2: "behind", 4: "undecodable", 5: "not_applicable", 6: "unknown_schema", 7: "not_applicable", 8: "not_applicable"} {
		l := letters[place(p, offset)]
		require.NotNil(t, l, "offset %d", offset)
		require.Equal(t, reason, l.Reason, "offset %d: %s", offset, l.Message)
		require.Equal(t, topics.FeedbackEvents.Name, l.Topic)
		require.Equal(t, "projections/ratings", l.Step)
		require.NotEmpty(t, l.Message)
		require.NotZero(t, l.At)
		require.NotZero(t, l.Timestamp)
	}
	require.Equal(t, "not Avro at all", string(letters[place(p, 1)].Value))
	require.Equal(t, "u/a", string(letters[place(p, 1)].Key))
	require.Nil(t, letters[place(p, 4)].Value, "no value is not an empty one")
	require.Equal(t, s.encode(rated("u", "a", 2, 2).Value), letters[place(p, 2)].Value, "ready to be sent again")
	score, _ := s.score("u", "a")
	require.EqualValues(t, 1, score, "what came before the bad record")
	score, _ = s.score("u", "b")
	require.EqualValues(t, 3, score, "another key")
	require.Equal(t, 5, first.Status().Blocked, "what is nobody's key need not be remembered")
	require.True(t, first.Status().Healthy(), "a bad record is no stall")
	require.Eventually(t, func() bool { return gather(t, registry)["ugc_view_blocked_keys"] == 5 }, bound, tick)
	require.Equal(t, 7, int(gather(t, registry)["ugc_view_records_total dead_letter"]))
	require.Equal(t, 2, int(gather(t, registry)["ugc_view_records_total applied"]))
	first.end()

	s.project(documents.Ratings) // it remembers
	s.publish(topics.FeedbackEvents, rated("u", "a", 9, 9), rated("u", "b", 10, 10))
	require.Equal(t, "behind", s.letters(8)[place(p, 9)].Reason)
	s.reach(documents.Ratings)
	score, _ = s.score("u", "a")
	require.EqualValues(t, 1, score)
	score, _ = s.score("u", "b")
	require.EqualValues(t, 10, score)
}

func TestTombstonesOfATableAreNoEvents(t *testing.T) {
	s := newStage(t)
	movies := projectionstest.History(topics.MoviesTable, 1, 20)
	s.publish(topics.MoviesTable, movies...)
	s.publish(topics.MoviesTable, projections.Record{Partition: 0, Key: "m1", Value: []byte(nil)})
	r := s.project(documents.MovieSummaries)
	s.reach(documents.MovieSummaries)
	require.Zero(t, r.Status().Blocked)
	require.NotEmpty(t, s.documents(documents.MovieSummaries))
}

func TestAStoreThatIsDownKeepsTheMemberAndFillsNoDeadLetters(t *testing.T) {
	s := newStage(t)
	history := projectionstest.History(topics.FeedbackEvents, 8, 300)
	f := &faulty{Sink: documents.Sink(documents.Ratings, s.generation(documents.Ratings))}
	registry := prometheus.NewRegistry()
	r := s.project(documents.Ratings, func(o *projections.Options) { o.Sink, o.Metrics = f, projections.NewMetrics(registry) })
	s.publish(topics.FeedbackEvents, history[:100]...)
	s.reach(documents.Ratings)
	require.EventuallyWithT(t, func(c *assertions) {
		got := gather(c, registry)
		for _, p := range []string{"0", "1", "2"} {
			require.Zero(c, got["ugc_view_lag_events "+p])
			require.Zero(c, got["ugc_view_lag_seconds "+p])
		}
	}, bound, tick)

	away := errors.New("the store is down")
	f.mu.Lock()
	f.before = func(string) error { return away }
	f.mu.Unlock()
	before := time.Now()
	s.publish(topics.FeedbackEvents, history[100:]...)
	require.Eventually(t, func() bool { // longer than a session of this member lasts without a heartbeat
		st := r.Status()
		return len(st.Stalls) == 1 && time.Since(st.Stalls[0].Since) > session+session/4
	}, bound, tick)
	st := r.Status()
	require.False(t, st.Healthy())
	require.Equal(t, "write", st.Stalls[0].Step)
	require.ErrorIs(t, st.Stalls[0].Err, away)
	require.WithinRange(t, st.Stalls[0].Since, before, time.Now())
	require.Len(t, st.Partitions, projectionstest.Partitions, "the member kept its partitions")
	var lag int64
	for _, p := range st.Partitions {
		lag += p.Lag
		require.Greater(t, p.Behind, 24*time.Hour, "the history is years old")
	}
	require.EqualValues(t, 200, lag)
	got := gather(t, registry)
	require.Equal(t, 1, int(got["ugc_view_stalled"]))
	require.Equal(t, 200, int(got["ugc_view_lag_events 0"]+got["ugc_view_lag_events 1"]+got["ugc_view_lag_events 2"]))
	require.Greater(t, got["ugc_view_lag_seconds 0"], 3600.0)
	require.Greater(t, got["ugc_view_errors_total write"], 1.0)

	f.heal()
	s.reach(documents.Ratings)
	require.Eventually(t, func() bool { return r.Status().Healthy() && gather(t, registry)["ugc_view_stalled"] == 0 }, bound, tick)
	require.Equal(t, opinions(domain.RatingKind, history), s.documents(documents.Ratings))
	ends, err := s.admin().ListEndOffsets(t.Context(), topics.DeadLetters.Name)
	require.NoError(t, err)
	for _, p := range ends[topics.DeadLetters.Name] {
		require.Zero(t, p.Offset)
	}
}

// The store has done what it was asked for, but the engine does not hear of it, and does it again.
func TestALostReplyOfTheStoreChangesNothing(t *testing.T) {
	s := newStage(t)
	history := projectionstest.History(topics.FeedbackEvents, 12, 200)
	bad := projections.Record{Partition: 0, Key: "u/bad", Value: []byte("?")}
	s.publish(topics.FeedbackEvents, history[:50]...)
	s.publish(topics.FeedbackEvents, bad)
	s.publish(topics.FeedbackEvents, history[50:]...)
	calls := map[string]int{} // the engine makes one at a time
	f := &faulty{Sink: documents.Sink(documents.Ratings, s.generation(documents.Ratings)), after: func(step string) error {
		if calls[step]++; calls[step]%3 != 0 { // two of three replies
			return domain.Wrap(domain.Unavailable, step, errors.New("the connection broke before the reply came"))
		}
		return nil
	}}
	s.project(documents.Ratings, func(o *projections.Options) { o.Sink = f })
	require.Eventually(t, func() bool {
		seen := f.seen()
		return seen["watermarks"] >= 3 && seen["write"] >= 3 && seen["advance"] >= 3 && seen["block"] >= 3
	}, bound, tick)
	s.reach(documents.Ratings)
	require.Equal(t, opinions(domain.RatingKind, history), s.documents(documents.Ratings))
	require.Len(t, s.letters(1), 1)
}

// A consumer that was taken for dead has a write under way, and the store takes it only after its successor has written what is newer.
func TestAZombieThatWritesLateChangesNothing(t *testing.T) {
	s := newStage(t)
	history := projectionstest.History(topics.FeedbackEvents, 13, 300)
	s.publish(topics.FeedbackEvents, history[:100]...)
	inner := documents.Sink(documents.Ratings, s.generation(documents.Ratings))
	held := &late{Sink: inner, under: make(chan struct{}), free: make(chan struct{}), done: make(chan error, 2)}
	first := s.project(documents.Ratings, func(o *projections.Options) { o.Sink, o.Grace = held, 100*time.Millisecond })
	<-held.under
	first.end()

	s.publish(topics.FeedbackEvents, history[100:]...)
	s.project(documents.Ratings)
	s.reach(documents.Ratings)
	marks, err := inner.Watermarks(t.Context())
	require.NoError(t, err)
	close(held.free)
	for range 2 { // what it had in hand, and the watermark behind it
		require.NoError(t, <-held.done)
	}
	require.Equal(t, opinions(domain.RatingKind, history), s.documents(documents.Ratings))
	after, err := inner.Watermarks(t.Context())
	require.NoError(t, err)
	require.Equal(t, marks, after)
}

// late is a sink whose first write reaches the store long after its caller gave up.
type late struct {
	projections.Sink
	once        sync.Once
	under, free chan struct{}
	done        chan error
}

func (l *late) Write(ctx context.Context, batch []projections.Record) error {
	l.once.Do(func() {
		go func() {
			<-l.free
			ctx := context.WithoutCancel(ctx)
			l.done <- l.Sink.Write(ctx, batch)
			first := batch[0]
			l.done <- l.Sink.Advance(ctx, map[int32]projections.Watermark{first.Partition: {Next: first.Offset + 1, Version: first.Version}})
		}()
		close(l.under)
	})
	<-ctx.Done()
	return ctx.Err()
}

func TestAStoreThatIsDownAtTheStartIsWaitedFor(t *testing.T) {
	s := newStage(t)
	history := projectionstest.History(topics.FeedbackEvents, 9, 50)
	s.publish(topics.FeedbackEvents, history...)
	f := &faulty{Sink: documents.Sink(documents.Ratings, s.generation(documents.Ratings)), before: func(string) error { return errors.New("not up yet") }}
	r := s.project(documents.Ratings, func(o *projections.Options) { o.Sink = f })
	require.Eventually(t, func() bool {
		st := r.Status()
		return len(st.Stalls) == 1 && st.Stalls[0].Step == "read watermarks" && st.Stalls[0].Attempts > 3
	}, bound, tick)
	f.heal()
	s.reach(documents.Ratings)
	require.Equal(t, opinions(domain.RatingKind, history), s.documents(documents.Ratings))
}

// forgetful is a codec whose registry is away.
type forgetful struct {
	*schemas.Codec
	away atomic.Bool
}

func (f *forgetful) DecodeEvent(b []byte) (domain.Event, error) {
	if f.away.Load() {
		return nil, domain.Wrap(domain.Unavailable, "ask the registry", errors.New("connection refused"))
	}
	return f.Codec.DecodeEvent(b)
}

func TestARegistryThatIsAwayStallsAndFillsNoDeadLetters(t *testing.T) {
	s := newStage(t)
	history := projectionstest.History(topics.FeedbackEvents, 10, 50)
	s.publish(topics.FeedbackEvents, history...)
	codec := &forgetful{Codec: s.codec}
	codec.away.Store(true)
	r := s.project(documents.Ratings, func(o *projections.Options) { o.Codec = codec })
	require.Eventually(t, func() bool {
		st := r.Status()
		return len(st.Stalls) == 1 && st.Stalls[0].Step == "decode" && st.Stalls[0].Attempts > 2
	}, bound, tick)
	codec.away.Store(false)
	s.reach(documents.Ratings)
	require.Zero(t, r.Status().Blocked)
	require.Equal(t, opinions(domain.RatingKind, history), s.documents(documents.Ratings))
}

func TestDeadLettersThatCannotBeWrittenStallTheView(t *testing.T) {
	s := newStage(t)
	_, err := s.admin().DeleteTopics(t.Context(), topics.DeadLetters.Name)
	require.NoError(t, err)
	p := domain.Partition("u", projectionstest.Partitions)
	s.publish(topics.FeedbackEvents, projections.Record{Partition: p, Key: "u/a", Value: []byte("?")}, rated("u", "b", 1, 5))
	r := s.project(documents.Ratings, func(o *projections.Options) { o.Attempt = 300 * time.Millisecond })
	require.Eventually(t, func() bool {
		st := r.Status()
		return len(st.Stalls) == 1 && st.Stalls[0].Step == "dead letters"
	}, bound, tick)
	_, ok := s.score("u", "b")
	require.False(t, ok, "nothing is passed over before it is set aside")

	_, err = s.admin().CreateTopics(t.Context(), 1, 1, nil, topics.DeadLetters.Name)
	require.NoError(t, err)
	require.Len(t, s.letters(1), 1)
	s.reach(documents.Ratings)
	score, _ := s.score("u", "b")
	require.EqualValues(t, 5, score)
}

func TestAWriteIsSeenTheMomentItsWatermarkIsStored(t *testing.T) {
	s := newStage(t)
	f := &faulty{Sink: documents.Sink(documents.Ratings, s.generation(documents.Ratings))}
	marked, free := make(chan struct{}), make(chan struct{})
	first := sync.OnceFunc(func() { close(marked); <-free })
	f.before = func(step string) error {
		if step == "advance" {
			first()
		}
		return nil
	}
	w := &projections.Watermarks{}
	reader := documents.NewReader(s.store())
	here := projections.NewVisibility(w, reader, projections.Shown{View: handlers.ViewRatings, Source: topics.FeedbackEvents, Stored: s.store().Live(documents.Ratings).Watermarks})
	elsewhere := projections.NewVisibility(&projections.Watermarks{}, reader, projections.Shown{View: handlers.ViewRatings, Source: topics.FeedbackEvents, Stored: s.store().Live(documents.Ratings).Watermarks})
	r := s.project(documents.Ratings, func(o *projections.Options) { o.Sink, o.Watermarks = f, w })
	require.Eventually(t, func() bool { return len(r.Status().Partitions) == projectionstest.Partitions }, bound, tick)

	record := rated("u", "m", 0, 8)
	token := domain.Token{}.Add(domain.Mark{Topic: topics.FeedbackCommands.Name, Partition: record.Partition, Version: 0, Movie: "m"})
	ctx, cancel := context.WithTimeout(t.Context(), bound)
	defer cancel()
	seen := make(chan error, 2)
	for _, v := range []*projections.Visibility{here, elsewhere} {
		go func() { seen <- v.Wait(ctx, handlers.ViewRatings, token) }()
	}
	s.publish(topics.FeedbackEvents, record) // one record, and no more come: nothing lingers
	<-marked
	require.Empty(t, seen, "not before the watermark")
	close(free)
	for range 2 {
		require.NoError(t, <-seen)
	}
	score, ok := s.score("u", "m")
	require.True(t, ok)
	require.EqualValues(t, 8, score)
}

func TestASummaryIsSeenWhenTheCommandIsFoldedIn(t *testing.T) {
	s := newStage(t)
	w := &projections.Watermarks{}
	movies := projectionstest.History(topics.MoviesTable, 11, 40)
	s.project(documents.MovieSummaries, func(o *projections.Options) { o.Watermarks = w })
	v := projections.NewVisibility(w, documents.NewReader(s.store()))
	ctx, cancel := context.WithTimeout(t.Context(), bound)
	defer cancel()
	last := movies[len(movies)-1]
	folded := last.Value.(*schemas.Table[domain.MovieState]).State.Folded
	var token domain.Token
	for _, o := range folded {
		token = token.Add(domain.Mark{Topic: topics.FeedbackCommands.Name, Partition: o.Partition, Version: o.Version, Movie: last.Key})
	}
	seen := make(chan error, 1)
	go func() { seen <- v.Wait(ctx, handlers.ViewSummaries, token) }()
	s.publish(topics.MoviesTable, movies...)
	require.NoError(t, <-seen)
	got, ok, err := documents.NewReader(s.store()).Summary(t.Context(), last.Key)
	require.NoError(t, err)
	require.True(t, ok)
	require.Equal(t, folded, got.Folded)
}

func TestABrokerThatIsAwayIsWaitedForAndTheStopIsBounded(t *testing.T) {
	s := newStage(t)
	r := s.project(documents.Ratings, func(o *projections.Options) {
		o.Kafka = []kgo.Opt{kgo.SeedBrokers("127.0.0.1:1"), kgo.DialTimeout(100 * time.Millisecond)}
		o.Grace = 300 * time.Millisecond
	})
	require.Eventually(t, func() bool { return r.Status().Running }, bound, tick)
	r.end()
}
