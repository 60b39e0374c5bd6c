package kafka_test

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"

	"ugc/deploy/embedded/broker"
	"ugc/deploy/embedded/broker/brokertest"
	"ugc/deploy/real/realtest"
	"ugc/transport/kafka"
	"ugc/transport/kafka/kafkatest"
)

func ensure(t *testing.T, cl *kgo.Client, topics []kafka.Topic, opts ...kafka.EnsureOption) ([]kafka.Change, error) {
	ctx, cancel := context.WithTimeout(t.Context(), kafkatest.Patience)
	defer cancel()
	return kafka.EnsureTopics(ctx, cl, topics, opts...)
}

func TestEnsureTopicsCreatesOnceAndChangesWhatDiffers(t *testing.T) {
	c, err := kfake.NewCluster(kfake.NumBrokers(3))
	require.NoError(t, err)
	defer c.Close()
	cl := kafkatest.Client(t, kafka.Settings{Brokers: c.ListenAddrs()})
	week := map[string]string{"cleanup.policy": "delete", "retention.ms": "604800000"}
	topics := []kafka.Topic{
		{Name: "commands", Partitions: 4, Replication: 3, Configs: map[string]string{"retention.ms": "-1"}},
		{Name: "table", Partitions: 4, Configs: map[string]string{"cleanup.policy": "compact", "min.compaction.lag.ms": "86400000"}},
		{Name: "feed", Partitions: 2, Configs: week},
	}
	dry, err := ensure(t, cl, topics, kafka.DryRun())
	require.NoError(t, err)
	require.Len(t, dry, 3)
	require.Equal(t, "create topic commands: 4 partitions, 3 replicas, retention.ms=-1", dry[0].String())
	require.Empty(t, listed(t, c), "a dry run makes nothing")

	made, err := ensure(t, cl, topics)
	require.NoError(t, err)
	require.Equal(t, dry, made)
	again, err := ensure(t, cl, topics)
	require.NoError(t, err)
	require.Empty(t, again)

	week["retention.ms"] = "1209600000" // longer: nothing goes away
	changed, err := ensure(t, cl, topics)
	require.NoError(t, err)
	require.Equal(t, []kafka.Change{{Topic: "feed", Setting: "retention.ms", From: "604800000", To: "1209600000"}}, changed)
	again, err = ensure(t, cl, topics)
	require.NoError(t, err)
	require.Empty(t, again)
}

func TestEnsureTopicsRefusesWhatWouldLoseRecordsOrOrder(t *testing.T) {
	c, err := kfake.NewCluster(kfake.NumBrokers(1))
	require.NoError(t, err)
	defer c.Close()
	cl := kafkatest.Client(t, kafka.Settings{Brokers: c.ListenAddrs()})
	for name, x := range map[string]struct {
		is, want kafka.Topic
		setting  string
	}{
		"more partitions":      {kafka.Topic{Partitions: 4}, kafka.Topic{Partitions: 12}, "partitions"},
		"fewer partitions":     {kafka.Topic{Partitions: 4}, kafka.Topic{Partitions: 3}, "partitions"},
		"expiry of a table":    {configured("cleanup.policy", "compact"), configured("cleanup.policy", "delete"), "cleanup.policy"},
		"compaction of events": {configured("cleanup.policy", "delete"), configured("cleanup.policy", "compact"), "cleanup.policy"},
		"both":                 {configured("cleanup.policy", "compact"), configured("cleanup.policy", "compact,delete"), "cleanup.policy"},
		"an end to for ever":   {configured("retention.ms", "-1"), configured("retention.ms", "1000"), "retention.ms"},
		"a shorter time":       {configured("retention.ms", "2000"), configured("retention.ms", "1000"), "retention.ms"},
		"a smaller size":       {configured("retention.bytes", "-1"), configured("retention.bytes", "1000"), "retention.bytes"},
	} {
		t.Run(name, func(t *testing.T) {
			x.is.Name, x.want.Name = "t", "t"
			_, err := ensure(t, cl, []kafka.Topic{x.is})
			require.NoError(t, err)
			defer func() {
				_, err := kadm.NewClient(cl).DeleteTopics(t.Context(), "t")
				require.NoError(t, err)
			}()
			_, err = ensure(t, cl, []kafka.Topic{{Name: "not-made-either", Partitions: 1}, x.want})
			var conflict *kafka.TopicConflict
			require.ErrorAs(t, err, &conflict)
			require.Equal(t, "t", conflict.Topic)
			require.Equal(t, x.setting, conflict.Setting)
			require.ErrorContains(t, err, "it should be "+conflict.Want)
			require.Equal(t, []string{"t"}, listed(t, c), "nothing at all is changed")
		})
	}
}

// A topic that loses records already is not mended behind the back of whoever has to know.
func TestEnsureTopicsRefusesATopicThatLosesRecords(t *testing.T) {
	c, err := kfake.NewCluster(kfake.NumBrokers(3))
	require.NoError(t, err)
	defer c.Close()
	cl := kafkatest.Client(t, kafka.Settings{Brokers: c.ListenAddrs()})
	for name, x := range map[string]struct {
		is, want kafka.Topic
		says     string
	}{
		"compacted events":                  {configured("cleanup.policy", "compact"), configured("cleanup.policy", "delete"), "all but the newest record of each key"},
		"events that are compacted as well": {configured("cleanup.policy", "compact,delete"), configured("cleanup.policy", "delete"), "all but the newest record of each key"},
		"a table that expires":              {configured("cleanup.policy", "delete"), configured("cleanup.policy", "compact"), "newest records of keys expire there"},
		"a table that expires as well":      {configured("cleanup.policy", "delete,compact"), configured("cleanup.policy", "compact"), "newest records of keys expire there"},
		"fewer replicas":                    {kafka.Topic{Partitions: 1, Replication: 1}, kafka.Topic{Partitions: 1, Replication: 3}, "topic t has replicas 1, it should be 3"},
	} {
		t.Run(name, func(t *testing.T) {
			x.is.Name, x.want.Name = "t", "t"
			_, err := ensure(t, cl, []kafka.Topic{x.is})
			require.NoError(t, err)
			defer func() {
				_, err := kadm.NewClient(cl).DeleteTopics(t.Context(), "t")
				require.NoError(t, err)
			}()
			for _, options := range [][]kafka.EnsureOption{nil, {kafka.DryRun()}} {
				_, err = ensure(t, cl, []kafka.Topic{{Name: "not-made-either", Partitions: 1}, x.want}, options...)
				require.ErrorContains(t, err, x.says)
				require.Equal(t, []string{"t"}, listed(t, c), "nothing at all is changed")
			}
		})
	}
	_, err = ensure(t, cl, []kafka.Topic{{Name: "four", Partitions: 1, Replication: 4}})
	require.ErrorContains(t, err, "the cluster has fewer brokers")
}

// A retention that is too short is raised while nothing has gone yet; where something has, somebody must know, unless it is made again.
func TestEnsureTopicsRaisesARetentionThatLostNothing(t *testing.T) {
	c, err := kfake.NewCluster(kfake.NumBrokers(1))
	require.NoError(t, err)
	defer c.Close()
	cl := kafkatest.Client(t, kafka.Settings{Brokers: c.ListenAddrs()})
	for setting, short := range map[string]string{"retention.ms": "604800000", "retention.bytes": "1000000"} {
		topic := configured(setting, short)
		topic.Name = "raised." + setting
		_, err := ensure(t, cl, []kafka.Topic{topic})
		require.NoError(t, err)
		topic.Configs[setting] = "-1"
		raised := []kafka.Change{{Topic: topic.Name, Setting: setting, From: short, To: "-1"}}
		dry, err := ensure(t, cl, []kafka.Topic{topic}, kafka.DryRun())
		require.NoError(t, err)
		require.Equal(t, raised, dry)

		require.NoError(t, cl.ProduceSync(t.Context(), &kgo.Record{Topic: topic.Name, Value: []byte("gone")}).FirstErr())
		gone := kadm.Offsets{}
		gone.AddOffset(topic.Name, 0, 1, -1)
		_, err = kadm.NewClient(cl).DeleteRecords(t.Context(), gone)
		require.NoError(t, err)
		_, err = ensure(t, cl, []kafka.Topic{topic})
		require.ErrorContains(t, err, "records are deleted there that must be kept for ever")
		topic.Remade = true
		changed, err := ensure(t, cl, []kafka.Topic{topic})
		require.NoError(t, err)
		require.Equal(t, raised, changed)
	}
}

// listed asks with a new client, one that remembers nothing.
func listed(t *testing.T, c *kfake.Cluster) []string {
	cl := kafkatest.Client(t, kafka.Settings{Brokers: c.ListenAddrs()})
	defer cl.Close()
	there, err := kadm.NewClient(cl).ListTopics(t.Context())
	require.NoError(t, err)
	return there.Names()
}

func configured(k, v string) kafka.Topic {
	return kafka.Topic{Partitions: 1, Configs: map[string]string{k: v}}
}

func TestEnsureTopicsJoinsConflictsAndChecksItsInput(t *testing.T) {
	c, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.SeedTopics(2, "a", "b"))
	require.NoError(t, err)
	defer c.Close()
	cl := kafkatest.Client(t, kafka.Settings{Brokers: c.ListenAddrs()})
	_, err = ensure(t, cl, []kafka.Topic{{Name: "a", Partitions: 1}, {Name: "b", Partitions: 1}})
	require.ErrorContains(t, err, "topic a has partitions 2")
	require.ErrorContains(t, err, "topic b has partitions 2")
	_, err = ensure(t, cl, []kafka.Topic{{Name: "c"}})
	require.ErrorContains(t, err, "at least one partition")
	none, err := ensure(t, cl, nil)
	require.NoError(t, err)
	require.Empty(t, none)
}

// A setting that a later version asks for must find its way into topics that are there.
func TestEnsureTopicsAddsASettingToATopicOfTheEmbeddedBroker(t *testing.T) {
	b, err := broker.Open(broker.Options{DataDir: t.TempDir(), Addr: "127.0.0.1:0", Logger: quiet})
	require.NoError(t, err)
	defer b.Close()
	cl := kafkatest.Client(t, kafka.Settings{Brokers: []string{b.Addr()}})
	topic := kafka.Topic{Name: "table", Partitions: 1, Configs: map[string]string{"cleanup.policy": "compact"}}
	_, err = ensure(t, cl, []kafka.Topic{topic})
	require.NoError(t, err)
	topic.Configs["min.compaction.lag.ms"] = "86400000"
	_, err = ensure(t, cl, []kafka.Topic{topic})
	require.NoError(t, err)
	again, err := ensure(t, cl, []kafka.Topic{topic})
	require.NoError(t, err)
	require.Empty(t, again)
}

func TestHealth(t *testing.T) {
	c, err := kfake.NewCluster(kfake.NumBrokers(1))
	require.NoError(t, err)
	h, err := kafka.NewHealth(kafka.Settings{Brokers: c.ListenAddrs()}, 0)
	require.NoError(t, err)
	defer h.Close()
	require.NoError(t, h.Ping(t.Context()))
	addr := c.ListenAddrs()[0]
	c.Close()
	require.Eventually(t, func() bool { return h.Ping(t.Context()) != nil }, kafkatest.Patience, 1)
	require.ErrorContains(t, h.Ping(t.Context()), addr)
}

func TestTopicsOverTheEmbeddedBroker(t *testing.T) {
	kafkatest.Topics(t, kafka.Settings{Brokers: []string{brokertest.Start(t)}})
}

func TestTopicsOverARealBroker(t *testing.T) {
	kafkatest.Topics(t, kafka.Settings{Brokers: []string{realtest.Broker(t)}})
}
