package e2e

import (
	"context"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"ugc/deploy"
	"ugc/domain"
	"ugc/schemas/topics"
)

// kafka is a client of the running service's log that places records by hand.
func (s *service) kafka(opts ...kgo.Opt) *kgo.Client {
	s.t.Helper()
	for _, setting := range s.env {
		if servers, ok := strings.CutPrefix(setting, "UGC_KAFKA=kafka://"); ok {
			return kafkaAt(s.t, strings.Split(servers, ",")[0], opts...)
		}
	}
	addr, err := deploy.Note(s.dir, deploy.NoteKafka)
	require.NoError(s.t, err)
	return kafkaAt(s.t, addr, opts...)
}

func kafkaAt(t *testing.T, addr string, opts ...kgo.Opt) *kgo.Client {
	t.Helper()
	client, err := kgo.NewClient(append([]kgo.Opt{kgo.SeedBrokers(addr), kgo.RecordPartitioner(kgo.ManualPartitioner())}, opts...)...)
	require.NoError(t, err)
	t.Cleanup(client.Close)
	return client
}

// records are all of a topic, up to its present end.
func (s *service) records(topic topics.Topic) []*kgo.Record {
	s.t.Helper()
	return recordsOf(s.t, s.kafka(kgo.ConsumeTopics(topic.Name)), topic)
}

func recordsOf(t *testing.T, client *kgo.Client, topic topics.Topic) (records []*kgo.Record) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	ends, err := kadm.NewClient(client).ListEndOffsets(ctx, topic.Name)
	require.NoError(t, err)
	require.NoError(t, ends.Error())
	left := map[int32]bool{}
	ends.Each(func(o kadm.ListedOffset) {
		if o.Offset > 0 {
			left[o.Partition] = true
		}
	})
	for len(left) > 0 {
		fetches := client.PollFetches(ctx)
		require.NoError(t, fetches.Err())
		fetches.EachRecord(func(r *kgo.Record) {
			end, _ := ends.Lookup(topic.Name, r.Partition)
			if r.Offset < end.Offset {
				records = append(records, r)
			}
			if r.Offset >= end.Offset-1 {
				delete(left, r.Partition)
			}
		})
	}
	return records
}

func headerOf(r *kgo.Record, name string) string {
	for _, h := range r.Headers {
		if h.Key == name {
			return string(h.Value)
		}
	}
	return ""
}

// partition is where the house puts a key.
func (s *service) partition(key string) int32 {
	s.t.Helper()
	ends, err := kadm.NewClient(s.kafka()).ListEndOffsets(s.t.Context(), topics.PlaybackCommands.Name)
	require.NoError(s.t, err)
	return domain.Partition(key, int32(len(ends[topics.PlaybackCommands.Name])))
}

// inOrder holds the events of every key against the order of its commands (I3): a repetition may come at any time, but the first of each must
// not come before the first of an earlier one.
func (s *service) inOrder() {
	s.t.Helper()
	for _, topic := range []topics.Topic{topics.PlaybackEvents, topics.FeedbackEvents} {
		last, seen := map[string]domain.Version{}, map[string]bool{}
		for _, r := range s.records(topic) {
			text := headerOf(r, topics.HeaderVersion)
			if key := string(r.Key) + " " + text; seen[key] {
				continue
			} else {
				seen[key] = true
			}
			version := versionOf(s.t, text)
			before, known := last[string(r.Key)]
			require.False(s.t, known && version < before, "%s: the event of version %d of %s comes behind that of %d", topic.Name, version, r.Key, before)
			last[string(r.Key)] = version
		}
		require.NotEmpty(s.t, last)
	}
}

func versionOf(t *testing.T, text string) domain.Version {
	t.Helper()
	n, err := strconv.ParseInt(text, 10, 64)
	require.NoError(t, err)
	return domain.Version(n)
}
