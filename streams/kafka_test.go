package streams

import (
	"context"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/IBM/sarama"
	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"ugc/deploy/embedded/broker/brokertest"
	"ugc/domain"
	"ugc/handlers"
	"ugc/schemas/topics"
)

func TestSettingsThatExactnessDependsOnWinOverTheCallers(t *testing.T) {
	from := sarama.NewConfig() // starts at the newest offset, assigns by range
	from.Consumer.Return.Errors = false
	c := consumerConfig(from)
	require.Equal(t, sarama.OffsetOldest, c.Consumer.Offsets.Initial)
	require.Equal(t, "copartition", c.Consumer.Group.Rebalance.GroupStrategies[0].Name())
	require.True(t, c.Consumer.Return.Errors)
	require.Equal(t, sarama.OffsetNewest, from.Consumer.Offsets.Initial, "the caller's own is left alone")

	p, err := newProducer([]kgo.Opt{
		kgo.SeedBrokers("127.0.0.1:1"), kgo.RequiredAcks(kgo.LeaderAck()), kgo.DisableIdempotentWrite(), kgo.ProducerLinger(100_000_000), kgo.MaxBufferedRecords(1),
	}, nil)
	require.ErrorContains(t, err, "idempotency", "a client that may double records is refused")
	require.Nil(t, p)

	client, err := kgo.NewClient(append([]kgo.Opt{kgo.SeedBrokers("127.0.0.1:1"), kgo.RequiredAcks(kgo.LeaderAck()), kgo.ProducerLinger(100_000_000)}, producerOpts()...)...)
	require.NoError(t, err)
	defer client.Close()
	require.Equal(t, kgo.AllISRAcks(), client.OptValue(kgo.RequiredAcks))
	require.Zero(t, client.OptValue(kgo.ProducerLinger))
	require.Equal(t, int64(maxBuffered), client.OptValue(kgo.MaxBufferedRecords))
}

// sessions is a group whose sessions end at once, as they do at every rebalance.
type sessions struct {
	sarama.ConsumerGroup
	held, until int
	end         context.CancelFunc
	err         error
}

func (s *sessions) Consume(context.Context, []string, sarama.ConsumerGroupHandler) error {
	if s.held++; s.held == s.until {
		s.end()
		return s.err
	}
	return nil
}

func TestTheNextSessionFollowsARebalanceAtOnce(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	inner := &sessions{until: 3, end: cancel}
	// goka waits 5 s each time Consume returns without an error: so it must not.
	require.NoError(t, (&consumerGroup{ConsumerGroup: inner}).Consume(ctx, nil, nil))
	require.Equal(t, 3, inner.held)

	inner = &sessions{until: 2, end: func() {}, err: errTest}
	require.ErrorIs(t, (&consumerGroup{ConsumerGroup: inner}).Consume(t.Context(), nil, nil), errTest)
}

func TestTopicsAreLookedAtAndNeverMade(t *testing.T) {
	c := startCluster(t)
	ctx := t.Context()
	g := group("ugc-playback")
	opts := c.options(t.TempDir())

	l, err := inspect(ctx, opts.Kgo, g)
	require.NoError(t, err)
	require.Equal(t, int32(partitions), l.partitions[topics.DeadLetters.Name])
	first := l.table()

	remake := func(n int32, policy string) {
		_, err := c.adm.DeleteTopics(ctx, g.Table.Name)
		require.NoError(t, err)
		if n > 0 {
			_, err = c.adm.CreateTopic(ctx, n, 1, map[string]*string{"cleanup.policy": kadm.StringPtr(policy)}, g.Table.Name)
			require.NoError(t, err)
		}
	}
	remake(0, "")
	_, err = inspect(ctx, opts.Kgo, g)
	require.ErrorContains(t, err, "ugc-playback-table is not there")
	require.ErrorContains(t, err, "ugc init")
	tm, err := topicManager(setupConfig(opts.Sarama))(opts.Brokers)
	require.NoError(t, err)
	defer func() { require.NoError(t, tm.Close()) }()
	require.Error(t, tm.EnsureTableExists(g.Table.Name, partitions))
	require.Error(t, tm.EnsureStreamExists(g.Table.Name, partitions))
	require.Error(t, tm.EnsureTopicExists(g.Table.Name, partitions, 1, nil))
	require.Eventually(t, func() bool { // what the test's client knows of topics may be a little old; one that was made would stay
		details, err := c.adm.ListTopics(ctx)
		require.NoError(t, err)
		return !details.Has(g.Table.Name)
	}, patience, tick, "a topic made by goka would have a retention of its choosing")

	remake(2, "compact")
	_, err = inspect(ctx, opts.Kgo, g)
	require.ErrorContains(t, err, "must have the same number")
	require.ErrorContains(t, tm.EnsureTableExists(g.Table.Name, partitions), "has 2 partitions and needs 4")

	remake(partitions, "delete")
	_, err = inspect(ctx, opts.Kgo, g)
	require.ErrorContains(t, err, "states would expire")

	remake(partitions, "compact")
	l, err = inspect(ctx, opts.Kgo, g)
	require.NoError(t, err)
	require.NoError(t, tm.EnsureTableExists(g.Table.Name, partitions))
	require.NotEqual(t, first, l.table(), "the copy of a topic that was made anew is another folder")
}

func TestTheViewComesBackSoon(t *testing.T) {
	b, err := reconnect()
	require.NoError(t, err)
	for range 20 { // while the broker is away
		require.LessOrEqual(t, b.Duration(), 5*time.Second)
	}
	b.Reset()
	require.LessOrEqual(t, b.Duration(), time.Second)
}

// A group and a view that are started before their topics are there come up with them.
func TestPartsThatBeganTooEarlyComeUpWithTheirTopics(t *testing.T) {
	t.Parallel()
	addr := brokertest.Start(t)
	o := options(addr, t.TempDir())
	o.Groups = []string{"ugc-playback"}
	s, err := New(o)
	require.NoError(t, err)
	v, err := NewPositions(options(addr, t.TempDir()))
	require.NoError(t, err)
	start(t, s.Run)
	start(t, v.Run)
	for _, part := range []interface{ Healthy() error }{s, v} {
		require.Eventually(t, func() bool { return strings.Contains(part.Healthy().Error(), "is not there") }, patience, tick)
	}
	c := joinCluster(t, addr)
	ctx := bounded(t, patience)
	require.NoError(t, s.Ready(ctx))
	require.NoError(t, v.Ready(ctx))
	c.send(report("u", "m", 1))
	c.committed(group("ugc-playback"))
	c.requireFold()
}

// A restart goes on from the copies below the data folder, and needs nothing from elsewhere.
func TestCopiesLieInTheDataFolder(t *testing.T) {
	c := startCluster(t)
	streamed, viewed := c.options(t.TempDir()), c.options(t.TempDir())
	streamed.Groups = []string{"ugc-playback"}
	token := tokenOf(c.send(report("u", "m", 1))[0])
	_, running := c.run(streamed)
	v, following := c.view(viewed)
	require.NoError(t, v.Wait(bounded(t, patience), handlers.ViewPositions, token))
	c.committed(group("ugc-playback"))
	running.stop()
	following.stop()
	partition := domain.Partition("u/m", partitions)
	for _, pattern := range []string{
		filepath.Join(streamed.DataDir, "streams", "ugc-playback-*"),
		filepath.Join(viewed.DataDir, "positions-*"),
	} {
		dirs, err := filepath.Glob(pattern)
		require.NoError(t, err)
		require.Len(t, dirs, 1, pattern)
		s, err := openStore(dirs[0], topics.PlaybackTable.Name, partition)
		require.NoError(t, err)
		has, err := s.Has("u/m")
		require.NoError(t, err)
		require.True(t, has, "%s is no copy of the table", dirs[0])
		require.NoError(t, s.Close())
	}
}

func TestOptionsSayEverythingThatIsWrong(t *testing.T) {
	_, err := New(Options{Groups: []string{"nobody"}, Epoch: -1, StopTimeout: -1, Backoff: Backoff{Min: 2, Max: 1}})
	for _, part := range []string{"brokers", "sarama", "kgo", "codec", "data folder", `"nobody"`, "epoch", "stop timeout", "back-off"} {
		require.ErrorContains(t, err, part)
	}
	require.Len(t, strings.Split(err.Error(), "\n"), 9)
}

func TestBackoff(t *testing.T) {
	b := Backoff{Random: func() float64 { return 0 }}.orDefault()
	require.Equal(t, "100ms 200ms 3.2s 5s 5s", strings.Join([]string{
		b.wait(0).String(), b.wait(1).String(), b.wait(5).String(), b.wait(6).String(), b.wait(1 << 20).String()}, " "))
	b.Random = func() float64 { return 0.999999 }
	require.InDelta(t, 50e6, b.wait(0), 1e6)
}
