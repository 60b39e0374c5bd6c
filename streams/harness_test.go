package streams

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/IBM/sarama"
	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"ugc/deploy/embedded/broker/brokertest"
	"ugc/deploy/real/realtest"
	"ugc/domain"
	"ugc/schemas"
	"ugc/schemas/topics"
	"ugc/transport/kafka"
)

const (
	partitions = 4
	patience   = 60 * time.Second // for anything that is bound to happen
	tick       = 20 * time.Millisecond
	rejoin     = 8 * time.Second // what a coordinator waits for a member that was killed while it joined; stock is 60 s, all that patience has
)

// cluster is a broker with all topics, and a client of the test's own.
type cluster struct {
	t      testing.TB
	addr   string
	real   bool // a broker that others wrote
	client *kgo.Client
	adm    *kadm.Client
	codec  *schemas.Codec
}

// startCluster lets the test run beside others: most of its time it waits for its broker.
func startCluster(t *testing.T) *cluster {
	t.Helper()
	t.Parallel()
	return joinCluster(t, brokertest.Start(t))
}

// startRealCluster takes the one real broker of all tests, which therefore come one after the other, with all topics made anew.
func startRealCluster(t *testing.T) *cluster {
	t.Helper()
	c := joinCluster(t, realtest.EmptyBroker(t))
	c.real = true
	return c
}

func joinCluster(t testing.TB, addr string) *cluster {
	t.Helper()
	c := &cluster{t: t, addr: addr, codec: schemas.Offline()}
	c.reopen()
	var all []kafka.Topic
	for _, topic := range topics.All() {
		policy := "delete"
		if topic.Keep == topics.Compacted {
			policy = "compact"
		}
		all = append(all, kafka.Topic{Name: topic.Name, Partitions: partitions, Replication: 1, Configs: map[string]string{"cleanup.policy": policy, "retention.ms": "-1"}})
	}
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	_, err := kafka.EnsureTopics(ctx, c.client, all)
	require.NoError(t, err)
	return c
}

// reopen makes the test's own client anew.
func (c *cluster) reopen() {
	c.t.Helper()
	client, err := kgo.NewClient(kgo.SeedBrokers(c.addr), kgo.RecordPartitioner(kgo.ManualPartitioner()), kgo.MetadataMinAge(100*time.Millisecond), kgo.ProducerLinger(0))
	require.NoError(c.t, err)
	c.t.Cleanup(client.Close)
	c.client, c.adm = client, kadm.NewClient(client)
}

// options run against the cluster with a data folder of their own.
func (c *cluster) options(dir string) Options {
	o := options(c.addr, dir)
	if c.real {
		patient(o.Sarama)
	}
	return o
}

// patient are settings for a broker that is a process of its own and answers later when the machine is busy.
func patient(config *sarama.Config) {
	config.Consumer.Group.Session.Timeout, config.Consumer.Group.Heartbeat.Interval = 6*time.Second, time.Second
}

func options(addr, dir string) Options {
	config := sarama.NewConfig()
	config.Version = sarama.V2_8_0_0
	config.Metadata.AllowAutoTopicCreation = false
	config.Consumer.Group.Session.Timeout = 1500 * time.Millisecond
	config.Consumer.Group.Heartbeat.Interval = 200 * time.Millisecond
	config.Consumer.Group.Rebalance.Timeout = rejoin
	config.Consumer.Offsets.AutoCommit.Interval = 100 * time.Millisecond
	return Options{
		Brokers: []string{addr}, Sarama: config, Kgo: []kgo.Opt{kgo.SeedBrokers(addr), kgo.MetadataMinAge(100 * time.Millisecond)},
		Codec: schemas.Offline(), DataDir: dir, lookEvery: 100 * time.Millisecond, Log: quietLog(), StopTimeout: 5 * time.Second,
		Backoff: Backoff{Min: 10 * time.Millisecond, Max: 200 * time.Millisecond},
	}
}

func quietLog() *slog.Logger {
	if os.Getenv("UGC_TEST_LOG") != "" {
		return slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelDebug}))
	}
	return slog.New(slog.DiscardHandler)
}

// started is something that runs until stop or the end of the test.
type started struct {
	t    testing.TB
	end  context.CancelFunc
	done chan error
	once sync.Once
}

func start(t testing.TB, run func(context.Context) error) *started {
	ctx, cancel := context.WithCancel(context.Background())
	s := &started{t: t, end: cancel, done: make(chan error, 1)}
	go func() { s.done <- run(ctx) }()
	t.Cleanup(s.stop)
	return s
}

func (s *started) stop() {
	s.once.Do(func() {
		s.end()
		select {
		case err := <-s.done:
			require.NoError(s.t, err)
		case <-time.After(patience):
			s.t.Error("it did not stop")
		}
	})
}

func (c *cluster) run(o Options) (*Streams, *started) {
	c.t.Helper()
	s, err := New(o)
	require.NoError(c.t, err)
	running := start(c.t, s.Run)
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	require.NoError(c.t, s.Ready(ctx))
	return s, running
}

func (c *cluster) view(o Options) (*Positions, *started) {
	c.t.Helper()
	v, err := NewPositions(o)
	require.NoError(c.t, err)
	running := start(c.t, v.Run)
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	require.NoError(c.t, v.Ready(ctx))
	return v, running
}

// produce writes records, in order, where the rule of the house puts them unless they name a partition above 0.
func (c *cluster) produce(records ...*kgo.Record) []*kgo.Record {
	c.t.Helper()
	for _, r := range records {
		if r.Partition == 0 {
			r.Partition = domain.Partition(string(r.Key), partitions)
		}
	}
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	require.NoError(c.t, c.client.ProduceSync(ctx, records...).FirstErr())
	return records
}

func (c *cluster) record(cmd domain.Command) *kgo.Record {
	c.t.Helper()
	value, err := c.codec.EncodeCommand(cmd)
	require.NoError(c.t, err)
	return &kgo.Record{
		Topic: topics.Of(cmd).Name, Key: []byte(cmd.Head().Key()), Value: value,
		Headers: []kgo.RecordHeader{
			{Key: topics.HeaderCommandID, Value: []byte(cmd.Head().ID.String())},
			{Key: topics.HeaderTrace, Value: []byte("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01")},
		},
	}
}

func (c *cluster) send(commands ...domain.Command) []*kgo.Record {
	c.t.Helper()
	records := make([]*kgo.Record, len(commands))
	for i, cmd := range commands {
		records[i] = c.record(cmd)
	}
	return c.produce(records...)
}

func markOf(r *kgo.Record) domain.Mark {
	return domain.Mark{Topic: r.Topic, Partition: r.Partition, Version: domain.NewVersion(0, r.Offset)}
}

// ends are the topic's end offsets.
func (c *cluster) ends(topic string) map[int32]int64 {
	c.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	listed, err := c.adm.ListEndOffsets(ctx, topic)
	require.NoError(c.t, err)
	require.NoError(c.t, listed.Error())
	ends := map[int32]int64{}
	listed.Each(func(o kadm.ListedOffset) { ends[o.Partition] = o.Offset })
	return ends
}

// all reads the topic from start to its present end. The last record of a partition is there also where it is compacted.
func (c *cluster) all(topic string) []*kgo.Record {
	c.t.Helper()
	ends, left := c.ends(topic), map[int32]bool{}
	for p, end := range ends {
		if end > 0 {
			left[p] = true
		}
	}
	client, err := kgo.NewClient(kgo.SeedBrokers(c.addr), kgo.ConsumeTopics(topic), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()))
	require.NoError(c.t, err)
	defer client.Close()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	var records []*kgo.Record
	for len(left) > 0 {
		fetched := client.PollFetches(ctx)
		require.NoError(c.t, fetched.Err())
		fetched.EachRecord(func(r *kgo.Record) {
			if r.Offset < ends[r.Partition] {
				records = append(records, r)
			}
			if r.Offset >= ends[r.Partition]-1 {
				delete(left, r.Partition)
			}
		})
	}
	slices.SortFunc(records, func(a, b *kgo.Record) int {
		if a.Partition != b.Partition {
			return int(a.Partition - b.Partition)
		}
		return int(a.Offset - b.Offset)
	})
	return records
}

// committed waits until the group has committed everything in its input.
func (c *cluster) committed(g Group) {
	c.t.Helper()
	require.EventuallyWithT(c.t, func(t *assertT) {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		offsets, err := c.adm.FetchOffsets(ctx, g.Name)
		require.NoError(t, err)
		for p, end := range c.ends(g.Input.Name) {
			if end > 0 {
				o, _ := offsets.Lookup(g.Input.Name, p)
				require.Equal(t, end, o.At)
			}
		}
	}, patience, tick)
}

// rewind makes the group forget its commits, so that every input comes again.
func (c *cluster) rewind(g Group) {
	c.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	require.Eventually(c.t, func() bool { // until the coordinator knows that the members are gone
		offsets := kadm.Offsets{}
		for p := range int32(partitions) {
			offsets.AddOffset(g.Input.Name, p, 0, -1)
		}
		done, err := c.adm.CommitOffsets(ctx, g.Name, offsets)
		return err == nil && done.Error() == nil
	}, patience, tick)
}

func group(name string) Group {
	i := slices.IndexFunc(Topology(), func(g Group) bool { return g.Name == name })
	return Topology()[i]
}

// eventsOf gives the distinct event bytes by version in the topic, and fails where two differ.
func (c *cluster) eventsOf(topic string) map[domain.Origin]domain.Event {
	c.t.Helper()
	values := map[domain.Origin]string{}
	events := map[domain.Origin]domain.Event{}
	for _, r := range c.all(topic) {
		e, err := c.codec.DecodeEvent(r.Value)
		require.NoError(c.t, err)
		o := e.Head().Origin
		if old, ok := values[o]; ok {
			require.Equal(c.t, old, string(r.Value), "two different events of input %v", o)
		}
		values[o], events[o] = string(r.Value), e
		require.Equal(c.t, string(versionText(o.Version)), header(r, topics.HeaderVersion))
	}
	return events
}

// stands says whether a record of a table stands where its owner meant it to.
func stands(r *kgo.Record) bool {
	return header(r, topics.HeaderPlace) == strconv.FormatInt(r.Offset, 10)
}

// unrepaired are the keys of a table of which the last record is not one that counts.
func (c *cluster) unrepaired(topic string) (keys []string) {
	c.t.Helper()
	last := map[string]*kgo.Record{}
	for _, r := range c.all(topic) {
		last[string(r.Key)] = r
	}
	for key, r := range last {
		if key != "" && !stands(r) {
			keys = append(keys, key)
		}
	}
	return keys
}

// repaired waits until the last record of each key of each table counts.
func (c *cluster) repaired() {
	c.t.Helper()
	for _, g := range Topology() {
		require.Eventually(c.t, func() bool { return len(c.unrepaired(g.Table.Name)) == 0 }, patience, tick, g.Table.Name)
	}
}

// tableOf folds the records of the table's topic that count.
func tableOf[S any](c *cluster, topic string, decode func([]byte) (*schemas.Table[S], error)) map[string]*schemas.Table[S] {
	c.t.Helper()
	out := map[string]*schemas.Table[S]{}
	for _, r := range c.all(topic) {
		if header(r, topics.HeaderPlace) != "" && !stands(r) {
			continue
		}
		t, err := decode(r.Value)
		if err != nil && !stands(r) {
			continue // foreign
		}
		require.NoError(c.t, err)
		if old := out[string(r.Key)]; old == nil || old.Applied <= t.Applied {
			out[string(r.Key)] = t
		}
	}
	return out
}

func header(r *kgo.Record, key string) string {
	for _, h := range r.Headers {
		if h.Key == key {
			return string(h.Value)
		}
	}
	return ""
}

// report is a playback command; n makes it one of its own.
func report(user, movie string, n int) *domain.RecordPlayback {
	return &domain.RecordPlayback{
		Fact: domain.Fact{ID: domain.NamedID(domain.ID{1}, fmt.Sprint(user, "/", movie, "/", n)), User: user, Movie: movie,
			Session: "s", Sequence: int64(n + 1), OccurredAt: domain.Instant(1_700_000_000_000 + n*10_000), ReceivedAt: domain.Instant(1_800_000_000_000 + n)},
		Type: domain.Heartbeat, Position: domain.Millis(n * 10_000), Duration: 3_600_000,
	}
}

func rating(user, movie string, n int, score int32) *domain.SetRating {
	return &domain.SetRating{
		Fact: domain.Fact{ID: domain.NamedID(domain.ID{2}, fmt.Sprint(user, "/", movie, "/", n)), User: user, Movie: movie,
			OccurredAt: domain.Instant(1_700_000_000_000 + n), ReceivedAt: domain.Instant(1_800_000_000_000 + n)},
		Score: score,
	}
}

// pureFold is what must become of the records, by nothing but the decider.
func pureFold(t testing.TB, codec *schemas.Codec, records []*kgo.Record) (map[string]domain.PlaybackState, map[domain.Origin]domain.Event) {
	t.Helper()
	states, events := map[string]domain.PlaybackState{}, map[domain.Origin]domain.Event{}
	for _, r := range records {
		cmd, err := codec.DecodeCommand(r.Value)
		require.NoError(t, err)
		c := cmd.(domain.PlaybackCommand)
		c.Head().Origin = domain.Origin{Partition: r.Partition, Version: domain.NewVersion(0, r.Offset)}
		e := domain.Playback.Decide(states[string(r.Key)], c)
		states[string(r.Key)] = domain.Playback.Evolve(states[string(r.Key)], e)
		events[c.Head().Origin] = e
	}
	return states, events
}

// requireFold compares what is in Kafka with the pure fold of the commands that are in Kafka.
func (c *cluster) requireFold() {
	c.t.Helper()
	states, events := pureFold(c.t, c.codec, c.all(topics.PlaybackCommands.Name))
	want, got := normal(c, events), normal(c, c.eventsOf(topics.PlaybackEvents.Name))
	for o := range want { // not require.Equal: it would print thousands of lines
		_, ok := got[o]
		require.True(c.t, ok, "the command %v, which becomes a %T, has no event", o, events[o])
		require.True(c.t, want[o] == got[o], "the event of %v is not what its command becomes", o)
	}
	require.Equal(c.t, len(want), len(got), "commands and events") //nolint:testifylint // Len would print thousands of lines
	table := tableOf(c, topics.PlaybackTable.Name, c.codec.DecodePlaybackTable)
	require.Len(c.t, table, len(states))
	for key, want := range states { // not require.Equal: it would print thousands of lines
		require.True(c.t, viewed(want) == viewed(table[key].State), "the state of %s is not the fold of its commands", key)
	}
}

func viewed(s domain.PlaybackState) string { return fmt.Sprintf("%+v", s) }

// normal is the events as bytes: nil and empty slices are the same on the wire.
func normal(c *cluster, events map[domain.Origin]domain.Event) map[domain.Origin]string {
	out := make(map[domain.Origin]string, len(events))
	for o, e := range events {
		b, err := c.codec.EncodeEvent(e)
		require.NoError(c.t, err)
		out[o] = string(b)
	}
	return out
}

var errTest = errors.New("as the test wants it")
