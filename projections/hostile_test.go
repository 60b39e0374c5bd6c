package projections_test

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kgo"

	"ugc/domain"
	"ugc/projections"
	"ugc/projections/documents"
	"ugc/projections/projectionstest"
	"ugc/schemas"
	"ugc/schemas/topics"
	"ugc/transport/kafka/kafkatest"
)

// hostile writes records of any size and shape into a partition of a source.
func (s *stage) hostile(source topics.Topic, p int32) kafkatest.Hostile {
	s.Helper()
	return kafkatest.WriteHostile(s, s.broker, source.Name, p, func(name string) string {
		for i := 0; ; i++ {
			key := fmt.Sprint(name, i, "/m")
			if source.CheckKey(key) != nil {
				key = fmt.Sprint(name, i)
			}
			if domain.Partition(key, projectionstest.Partitions) == p {
				return key
			}
		}
	})
}

func TestHostileEventsAreSetAsideInBounds(t *testing.T) { newStage(t).setHostileAside() }

// setHostileAside has every view of feedback events meet hostile records between good ones.
func (s *stage) setHostileAside() {
	p := domain.Partition("u/a", projectionstest.Partitions)
	s.publish(topics.FeedbackEvents, rated("u", "a", 0, 1))
	h := s.hostile(topics.FeedbackEvents, p)
	s.publish(topics.FeedbackEvents, rated("u", "a", domain.Version(h.Written()+1), 9))

	views := []documents.View{documents.Likes, documents.Bookmarks, documents.Ratings}
	var mu sync.Mutex
	blocked := map[string]int{}
	for _, v := range views {
		g := s.generation(v)
		sink := &watched{Sink: documents.Sink(v, g), blocked: func(keys []projections.BlockedKey) {
			mu.Lock()
			defer mu.Unlock()
			for _, k := range keys {
				require.NoError(s, topics.FeedbackEvents.CheckKey(k.Key))
				blocked[v.Name]++
			}
		}}
		s.project(v, func(o *projections.Options) { o.Sink = sink })
	}
	for _, v := range views {
		s.reach(v)
		require.Equal(s, len(h.Poison), blocked[v.Name], v.Name)
	}
	score, _ := s.score("u", "a")
	require.EqualValues(s, 9, score, "the key behind them goes on")
	for _, r := range s.letterRecords(len(views) * h.Written()) {
		require.LessOrEqual(s, len(r.Key)+len(r.Value), schemas.MaxLetterBytes)
		require.LessOrEqual(s, len(r.Key), 2048)
	}
}

func TestATablesNextValueMakesGoodABadOne(t *testing.T) {
	s := newStage(t)
	p := domain.Partition("m", projectionstest.Partitions)
	value := func(key string, version domain.Version) projections.Record {
		state := domain.MovieState{Summary: domain.MovieSummary{Likes: int64(version)}, Folded: []domain.Origin{{Partition: p, Version: version}}}
		return projections.Record{Partition: p, Key: key, Value: &schemas.Table[domain.MovieState]{Applied: version, State: state}}
	}
	h := s.hostile(topics.MoviesTable, p)
	last := string(h.Poison[0].Key)
	s.publish(topics.MoviesTable, value("m", 1), value(last, 2))
	r := s.project(documents.MovieSummaries)
	s.reach(documents.MovieSummaries)
	require.Zero(t, r.Status().Blocked)
	require.Contains(t, s.documents(documents.MovieSummaries), "m")
	require.Contains(t, s.documents(documents.MovieSummaries), last, "each value is whole by itself")
}

// watched is a sink that tells of what is blocked.
type watched struct {
	projections.Sink
	blocked func([]projections.BlockedKey)
}

func (w *watched) Block(ctx context.Context, keys []projections.BlockedKey) error {
	w.blocked(keys)
	return w.Sink.Block(ctx, keys)
}

// letterRecords waits for n dead letters.
func (s *stage) letterRecords(n int) (records []*kgo.Record) {
	s.Helper()
	reader, err := kgo.NewClient(kgo.SeedBrokers(s.broker), kgo.ConsumeTopics(topics.DeadLetters.Name), kgo.FetchMaxWait(100*time.Millisecond))
	require.NoError(s, err)
	defer reader.Close()
	ctx, cancel := context.WithTimeout(s.Context(), bound)
	defer cancel()
	for len(records) < n {
		fetches := reader.PollFetches(ctx)
		require.NoError(s, ctx.Err(), "%d of %d dead letters came", len(records), n)
		fetches.EachRecord(func(r *kgo.Record) { records = append(records, r) })
	}
	return records
}
