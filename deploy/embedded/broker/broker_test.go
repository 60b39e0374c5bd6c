package broker_test

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"

	"ugc/deploy/embedded/broker"
)

const patience = 60 * time.Second

var quiet = slog.New(slog.DiscardHandler)

func open(t testing.TB, dir string, change ...func(*broker.Options)) *broker.Broker {
	t.Helper()
	o := broker.Options{DataDir: dir, Addr: "127.0.0.1:0", Logger: quiet}
	for _, c := range change {
		c(&o)
	}
	b, err := broker.Open(o)
	require.NoError(t, err)
	t.Cleanup(func() { b.Close() })
	return b
}

func client(t testing.TB, b *broker.Broker, extra ...kgo.Opt) *kgo.Client {
	t.Helper()
	cl, err := kgo.NewClient(append([]kgo.Opt{kgo.SeedBrokers(b.Addr()), kgo.ProducerLinger(0)}, extra...)...)
	require.NoError(t, err)
	t.Cleanup(cl.Close)
	return cl
}

func within(t testing.TB) context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	t.Cleanup(cancel)
	return ctx
}

func create(t testing.TB, b *broker.Broker, name string, partitions int32, configs map[string]string) {
	t.Helper()
	c := map[string]*string{}
	for k, v := range configs {
		c[k] = &v
	}
	cl := client(t, b)
	defer cl.Close()
	_, err := kadm.NewClient(cl).CreateTopic(within(t), partitions, 1, c, name)
	require.NoError(t, err)
}

// produce writes one record a batch, so that logs have many.
func produce(t testing.TB, b *broker.Broker, topic string, kvs ...string) {
	t.Helper()
	cl := client(t, b, kgo.RecordPartitioner(kgo.ManualPartitioner()))
	defer cl.Close()
	for i := 0; i < len(kvs); i += 2 {
		r := &kgo.Record{Topic: topic, Key: []byte(kvs[i]), Value: []byte(kvs[i+1])}
		if kvs[i+1] == "" {
			r.Value = nil
		}
		require.NoError(t, cl.ProduceSync(within(t), r).FirstErr())
	}
}

// read returns "key=value" by offset of partition 0.
func read(t testing.TB, b *broker.Broker, topic string) map[int64]string {
	t.Helper()
	start, end := bounds(t, b, topic)
	got := map[int64]string{}
	if start == end {
		return got
	}
	cl := client(t, b, kgo.ConsumePartitions(map[string]map[int32]kgo.Offset{topic: {0: kgo.NewOffset().AtStart()}}), kgo.FetchMaxWait(100*time.Millisecond))
	defer cl.Close()
	for last := int64(-1); last < end-1; {
		fs := cl.PollFetches(within(t))
		require.NoError(t, fs.Err())
		fs.EachRecord(func(r *kgo.Record) {
			got[r.Offset] = fmt.Sprintf("%s=%s", r.Key, r.Value)
			last = r.Offset
		})
	}
	return got
}

func bounds(t testing.TB, b *broker.Broker, topic string) (start, end int64) {
	t.Helper()
	cl := client(t, b)
	defer cl.Close()
	adm := kadm.NewClient(cl)
	s, err := adm.ListStartOffsets(within(t), topic)
	require.NoError(t, err)
	e, err := adm.ListEndOffsets(within(t), topic)
	require.NoError(t, err)
	return s[topic][0].Offset, e[topic][0].Offset
}

// crash is what kill -9 at this moment leaves: the files as they are, without an orderly end.
func crash(t testing.TB, dir string) string {
	t.Helper()
	copied := filepath.Join(t.TempDir(), "data")
	require.NoError(t, os.CopyFS(copied, os.DirFS(dir)))
	return copied
}

func TestRestartKeepsTopicsSettingsRecordsAndOffsets(t *testing.T) {
	for name, end := range map[string]func(*testing.T, *broker.Broker, string) string{
		"orderly": func(t *testing.T, b *broker.Broker, dir string) string { require.NoError(t, b.Close()); return dir },
		"killed":  func(t *testing.T, _ *broker.Broker, dir string) string { return crash(t, dir) },
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			b := open(t, dir)
			create(t, b, "topic.with-odd_name", 1, nil)
			create(t, b, "t", 3, map[string]string{"cleanup.policy": "compact", "min.compaction.lag.ms": "86400000"})
			produce(t, b, "t", "k", "1", "k", "2", "other", "3")
			commit(t, b, 2)

			b = open(t, end(t, b, dir))
			adm := kadm.NewClient(client(t, b))
			topics, err := adm.ListTopics(within(t))
			require.NoError(t, err)
			require.Len(t, topics["t"].Partitions, 3)
			configs, err := adm.DescribeTopicConfigs(within(t), "t")
			require.NoError(t, err)
			require.Equal(t, "compact", configOf(configs[0], "cleanup.policy"))
			require.Equal(t, "86400000", configOf(configs[0], "min.compaction.lag.ms"))
			require.Equal(t, map[int64]string{0: "k=1", 1: "k=2", 2: "other=3"}, read(t, b, "t"))
			require.EqualValues(t, 2, committedAt(t, b))
			produce(t, b, "t", "k", "4")
			require.Equal(t, "k=4", read(t, b, "t")[3])
		})
	}
}

func commit(t testing.TB, b *broker.Broker, at int64) {
	t.Helper()
	cl := client(t, b)
	defer cl.Close()
	require.NoError(t, kadm.NewClient(cl).CommitAllOffsets(within(t), "g", offsets("t", at)))
}

func offsets(topic string, at int64) kadm.Offsets {
	o := kadm.Offsets{}
	o.Add(kadm.Offset{Topic: topic, At: at, LeaderEpoch: -1})
	return o
}

func configOf(rc kadm.ResourceConfig, name string) string {
	for _, c := range rc.Configs {
		if c.Key == name {
			return c.MaybeValue()
		}
	}
	return ""
}

func TestWhatProductionKafkaWouldNotDo(t *testing.T) {
	b := open(t, t.TempDir())
	cl := client(t, b, kgo.AllowAutoTopicCreation(), kgo.UnknownTopicRetries(0))
	require.ErrorIs(t, cl.ProduceSync(within(t), &kgo.Record{Topic: "made-by-a-typo", Value: []byte("v")}).FirstErr(), kerr.UnknownTopicOrPartition)
	_, err := kadm.NewClient(cl).CreateTopic(within(t), 1, 3, nil, "t")
	require.ErrorIs(t, err, kerr.InvalidReplicationFactor)
	resp, err := kadm.NewClient(cl).CreateTopic(within(t), -1, -1, nil, "defaults")
	require.NoError(t, err)
	require.EqualValues(t, 1, resp.NumPartitions)
}

// kfake's cleaner is not safe against a kill, and its retention empties what should stay.
func TestTheBrokerNeitherCompactsNorForgetsByItself(t *testing.T) {
	b := open(t, t.TempDir())
	described, err := kadm.NewClient(client(t, b)).DescribeBrokerConfigs(within(t), 0)
	require.NoError(t, err)
	settings := map[string]string{}
	for _, resource := range described {
		require.NoError(t, resource.Err)
		for _, c := range resource.Configs {
			settings[c.Key] = c.MaybeValue()
		}
	}
	require.Equal(t, "-1", settings["log.retention.ms"], "topics that do not say how long keep for ever")
	backoff, err := strconv.ParseInt(settings["log.cleaner.backoff.ms"], 10, 64)
	require.NoError(t, err)
	require.Greater(t, time.Duration(backoff)*time.Millisecond, 10*365*24*time.Hour)
}

func TestOpenRefuses(t *testing.T) {
	t.Run("an address that others can reach", func(t *testing.T) {
		for _, addr := range []string{"0.0.0.0:9092", ":9092", "192.168.1.1:9092", "example.com:9092", "127.0.0.1", "127.0.0.1:x", "127.0.0.1:99999"} {
			_, err := broker.Open(broker.Options{DataDir: t.TempDir(), Addr: addr, Logger: quiet})
			require.ErrorContains(t, err, addr)
		}
	})
	t.Run("a port in use, and says what to do", func(t *testing.T) {
		ln, err := net.Listen("tcp", "127.0.0.1:0")
		require.NoError(t, err)
		defer ln.Close()
		dir := t.TempDir()
		_, err = broker.Open(broker.Options{DataDir: dir, Addr: ln.Addr().String(), Logger: quiet})
		require.ErrorContains(t, err, "in use by another program")
		require.ErrorContains(t, err, "UGC_KAFKA")
		open(t, dir) // and leaves nothing locked
	})
	t.Run("a directory that another broker uses", func(t *testing.T) {
		dir := t.TempDir()
		open(t, dir)
		_, err := broker.Open(broker.Options{DataDir: dir, Addr: "127.0.0.1:0", Logger: quiet})
		require.ErrorContains(t, err, "another process uses")
	})
	t.Run("no directory", func(t *testing.T) {
		_, err := broker.Open(broker.Options{})
		require.ErrorContains(t, err, "no data directory")
	})
}

func TestRunEndsWithItsContextAndCloses(t *testing.T) {
	dir := t.TempDir()
	b := open(t, dir, func(o *broker.Options) { o.Sync = true })
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- b.Run(ctx) }()
	create(t, b, "t", 1, nil)
	produce(t, b, "t", "k", "v")
	cancel()
	require.NoError(t, <-done)
	_, err := net.Dial("tcp", b.Addr())
	require.Error(t, err)
	require.FileExists(t, filepath.Join(dir, "CLEAN"))
	b = open(t, dir)
	require.NoFileExists(t, filepath.Join(dir, "CLEAN"))
	require.Equal(t, map[int64]string{0: "k=v"}, read(t, b, "t"))
}
