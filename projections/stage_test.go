package projections_test

import (
	"context"
	"log/slog"
	"maps"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"ugc/deploy/embedded/broker/brokertest"
	"ugc/deploy/real/realtest"
	"ugc/domain"
	"ugc/projections"
	"ugc/projections/documents"
	"ugc/projections/projectionstest"
	"ugc/projections/sqlite"
	"ugc/schemas"
	"ugc/schemas/topics"
	"ugc/transport/kafka"
)

const (
	bound = 30 * time.Second // ends as soon as the condition holds
	tick  = 5 * time.Millisecond

	session = 2 * time.Second // of a group member
)

// stage is a broker with the topics of the views, and a document store.
type stage struct {
	*testing.T
	broker string
	real   bool // a broker that others wrote
	client *kgo.Client
	path   string // of the store
	codec  *schemas.Codec
}

func newStage(t *testing.T) *stage { return newStageOver(t, brokertest.Start(t)) }

// newRealStage takes the one broker that others wrote and that all tests share, emptied.
func newRealStage(t *testing.T) *stage {
	s := newStageOver(t, realtest.EmptyBroker(t))
	s.real = true
	return s
}

func newStageOver(t *testing.T, broker string) *stage {
	s := &stage{T: t, broker: broker, path: filepath.Join(t.TempDir(), "documents.db"), codec: schemas.Offline()}
	var err error
	s.client, err = kgo.NewClient(kgo.SeedBrokers(s.broker), kgo.RecordPartitioner(kgo.ManualPartitioner()))
	require.NoError(t, err)
	t.Cleanup(s.client.Close)
	var all []kafka.Topic
	for _, topic := range []topics.Topic{topics.FeedbackCommands, topics.FeedbackEvents, topics.MoviesTable, topics.DeadLetters} {
		all = append(all, kafka.Topic{Name: topic.Name, Partitions: projectionstest.Partitions, Replication: 1})
	}
	_, err = kafka.EnsureTopics(s.Context(), s.client, all)
	require.NoError(t, err)
	return s
}

func (s *stage) admin() *kadm.Client { return kadm.NewClient(s.client) }

// publish writes records to the log as streams do.
func (s *stage) publish(source topics.Topic, records ...projections.Record) {
	s.Helper()
	raw := make([]*kgo.Record, len(records))
	for i, r := range records {
		raw[i] = &kgo.Record{Topic: source.Name, Partition: r.Partition, Key: []byte(r.Key), Value: s.encode(r.Value)}
	}
	require.NoError(s, s.client.ProduceSync(s.Context(), raw...).FirstErr())
}

func (s *stage) encode(value any) (b []byte) {
	var err error
	switch v := value.(type) {
	case domain.Event:
		b, err = s.codec.EncodeEvent(v)
	case *schemas.Table[domain.MovieState]:
		b, err = s.codec.EncodeMoviesTable(v)
	case []byte:
		b = v
	}
	require.NoError(s, err)
	return b
}

// store opens the document store, as one more process.
func (s *stage) store() *sqlite.Store {
	s.Helper()
	store, err := sqlite.Open(s.Context(), sqlite.Options{Path: s.path})
	require.NoError(s, err)
	s.Cleanup(func() { _ = store.Close() })
	return store
}

func (s *stage) generation(v documents.View) documents.Generation {
	s.Helper()
	g, _, err := documents.Open(s.Context(), s.store(), v)
	require.NoError(s, err)
	return g
}

// running is an engine that runs.
type running struct {
	*projections.Engine
	stage *stage
	stop  context.CancelFunc
	ended chan error
}

// project starts an engine for a view; set changes its options. It is stopped when the test ends.
func (s *stage) project(v documents.View, set ...func(*projections.Options)) *running {
	s.Helper()
	o := projections.Options{
		View:       v.View,
		Generation: projections.Generation{View: v.Name, Number: 1},
		Codec:      s.codec,
		Kafka: []kgo.Opt{
			kgo.SeedBrokers(s.broker), kgo.FetchMaxWait(100 * time.Millisecond), kgo.RecordPartitioner(kgo.StickyKeyPartitioner(nil)),
			kgo.SessionTimeout(time.Second), kgo.HeartbeatInterval(100 * time.Millisecond),
		},
		Logger: slog.New(slog.DiscardHandler),
		Grace:  2 * time.Second, LagInterval: 20 * time.Millisecond,
	}
	if s.real { // a process of its own answers later when the machine is busy
		o.Kafka = append(o.Kafka, kgo.SessionTimeout(6*time.Second), kgo.HeartbeatInterval(time.Second), kgo.RebalanceTimeout(8*time.Second))
	}
	for _, f := range set {
		f(&o)
	}
	if o.Sink == nil {
		o.Sink = documents.Sink(v, s.generation(v))
	}
	e, err := projections.New(o)
	require.NoError(s, err)
	ctx, cancel := context.WithCancel(s.Context())
	r := &running{Engine: e, stage: s, stop: cancel, ended: make(chan error, 1)}
	go func() { r.ended <- e.Run(ctx) }()
	s.Cleanup(r.end)
	return r
}

// end stops the engine and waits for it; twice is once.
func (r *running) end() {
	r.stop()
	select {
	case err := <-r.ended:
		require.NoError(r.stage, err)
		r.ended <- nil
	case <-time.After(bound):
		require.Fail(r.stage, "the engine does not stop")
	}
}

// reach waits until the stored watermarks are the ends of the log.
func (s *stage) reach(v documents.View) {
	s.Helper()
	ends, err := s.admin().ListEndOffsets(s.Context(), v.Source.Name)
	require.NoError(s, err)
	want := map[int32]int64{}
	ends.Each(func(o kadm.ListedOffset) {
		if o.Offset > 0 {
			want[o.Partition] = o.Offset
		}
	})
	g := s.generation(v)
	require.EventuallyWithT(s, func(c *assertions) {
		marks, err := g.Watermarks(s.Context())
		require.NoError(c, err)
		next := map[int32]int64{}
		for p, m := range marks {
			next[p] = m.Next
		}
		require.Equal(c, want, next)
	}, bound, tick)
}

func (s *stage) documents(v documents.View) map[string]documents.Document {
	s.Helper()
	docs, err := s.generation(v).Scan(s.Context(), "", 100_000)
	require.NoError(s, err)
	byID := map[string]documents.Document{}
	for _, d := range docs {
		byID[d.ID] = d
	}
	return byID
}

// letters waits for n dead letters and gives them by "partition/offset".
func (s *stage) letters(n int) map[string]*schemas.DeadLetter {
	s.Helper()
	reader, err := kgo.NewClient(kgo.SeedBrokers(s.broker), kgo.ConsumeTopics(topics.DeadLetters.Name), kgo.FetchMaxWait(100*time.Millisecond))
	require.NoError(s, err)
	defer reader.Close()
	ctx, cancel := context.WithTimeout(s.Context(), bound)
	defer cancel()
	got := map[string]*schemas.DeadLetter{}
	for len(got) < n {
		fetches := reader.PollFetches(ctx)
		require.NoError(s, ctx.Err(), "%d of %d dead letters came: %v", len(got), n, got)
		fetches.EachRecord(func(r *kgo.Record) {
			l, err := s.codec.DecodeDeadLetter(r.Value)
			require.NoError(s, err)
			require.Equal(s, l.Key, r.Key)
			got[place(l.Partition, l.Offset)] = l
		})
	}
	return got
}

// faulty is a sink between an engine and its store, where a test decides what happens.
type faulty struct {
	projections.Sink
	mu sync.Mutex
	// before and after decide over each call, by step; an error takes the place of the call or of its outcome.
	before, after func(step string) error
	steps         map[string]int
}

func (f *faulty) do(step string, call func() error) error {
	f.mu.Lock()
	before, after := f.before, f.after
	if f.steps == nil {
		f.steps = map[string]int{}
	}
	f.steps[step]++
	f.mu.Unlock()
	if before != nil {
		if err := before(step); err != nil {
			return err
		}
	}
	if err := call(); err != nil {
		return err
	}
	if after != nil {
		return after(step)
	}
	return nil
}

func (f *faulty) heal() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.before, f.after = nil, nil
}

func (f *faulty) seen() map[string]int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return maps.Clone(f.steps)
}

func (f *faulty) Watermarks(ctx context.Context) (m map[int32]projections.Watermark, err error) {
	err = f.do("watermarks", func() error { m, err = f.Sink.Watermarks(ctx); return err })
	return m, err
}

func (f *faulty) Write(ctx context.Context, batch []projections.Record) error {
	return f.do("write", func() error { return f.Sink.Write(ctx, batch) })
}

func (f *faulty) Advance(ctx context.Context, marks map[int32]projections.Watermark) error {
	return f.do("advance", func() error { return f.Sink.Advance(ctx, marks) })
}

func (f *faulty) Block(ctx context.Context, keys []projections.BlockedKey) error {
	return f.do("block", func() error { return f.Sink.Block(ctx, keys) })
}
