package kafkatest

import (
	"bytes"
	"context"
	"fmt"
	"maps"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"ugc/transport/kafka"
)

// Broker is what the house asks of a broker, in the protocol's own terms: topics and their settings, idempotent writes, reads by offset and by
// time, groups. Compaction is a contract of its own, because brokers differ in when they do it.
func Broker(t *testing.T, s kafka.Settings) {
	for name, test := range map[string]func(*testing.T, kafka.Settings){
		"a topic is made as it was asked for, once":                topicIsMade,
		"its settings can be changed one by one":                   settingsChange,
		"what is not there is told, and not made":                  unknownTopics,
		"a deleted topic is gone, and can be made anew":            topicIsDeleted,
		"offsets count from 0 in every partition":                  offsetsCount,
		"a record keeps all that it is made of":                    recordIsKept,
		"every compression can be read":                            compressions,
		"a record that is too large is refused alone":              tooLarge,
		"a batch that is sent twice is there once":                 sentTwice,
		"a batch with a gap before it is refused":                  outOfOrder,
		"many idempotent writers lose, double and reorder nothing": idempotentWriters,
		"a reader may begin anywhere":                              beginAnywhere,
		"a time has an offset":                                     offsetsByTime,
		"a reader that waits is answered when something comes":     longPoll,
		"old records can be deleted":                               deletedRecords,
	} {
		t.Run(name, func(t *testing.T) { test(t, s) })
	}
	Groups(t, s)
}

// within bounds a test.
func within(t testing.TB) context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), Patience)
	t.Cleanup(cancel)
	return ctx
}

func admin(t testing.TB, s kafka.Settings) *kadm.Client { return kadm.NewClient(Client(t, s)) }

// configured makes a topic with settings of its own.
func configured(t testing.TB, s kafka.Settings, partitions int32, configs map[string]string) string {
	t.Helper()
	name := "test." + uuid.NewString()
	_, err := kafka.EnsureTopics(within(t), Client(t, s), []kafka.Topic{{Name: name, Partitions: partitions, Configs: configs}})
	require.NoError(t, err)
	return name
}

// settingsOf reads a topic's settings.
func settingsOf(t testing.TB, s kafka.Settings, topic string) map[string]string {
	t.Helper()
	all, err := admin(t, s).DescribeTopicConfigs(within(t), topic)
	require.NoError(t, err)
	require.Len(t, all, 1)
	require.NoError(t, all[0].Err)
	got := map[string]string{}
	for _, c := range all[0].Configs {
		got[c.Key] = c.MaybeValue()
	}
	return got
}

func topicIsMade(t *testing.T, s kafka.Settings) {
	want := map[string]string{"cleanup.policy": "compact", "retention.ms": "-1", "retention.bytes": "-1", "min.compaction.lag.ms": "86400000"}
	name := configured(t, s, 3, want)
	there, err := admin(t, s).ListTopics(within(t), name)
	require.NoError(t, err)
	require.Len(t, there[name].Partitions, 3)
	got := settingsOf(t, s, name)
	for k, v := range want {
		require.Equal(t, v, got[k], k)
	}
	_, err = admin(t, s).CreateTopic(within(t), 3, 1, nil, name)
	require.ErrorIs(t, err, kerr.TopicAlreadyExists)
}

func settingsChange(t *testing.T, s kafka.Settings) {
	name := configured(t, s, 1, map[string]string{"retention.ms": "1000000", "min.compaction.lag.ms": "7"})
	set := func(op kadm.IncrementalOp, value string) {
		done, err := admin(t, s).AlterTopicConfigs(within(t), []kadm.AlterConfig{{Op: op, Name: "retention.ms", Value: &value}}, name)
		require.NoError(t, err)
		require.NoError(t, done[0].Err)
	}
	set(kadm.SetConfig, "2000000")
	require.Eventually(t, func() bool { return settingsOf(t, s, name)["retention.ms"] == "2000000" }, Patience, 10*time.Millisecond)
	require.Equal(t, "7", settingsOf(t, s, name)["min.compaction.lag.ms"], "others stay")
}

func unknownTopics(t *testing.T, s kafka.Settings) {
	name := "test." + uuid.NewString()
	cl := Client(t, s, kgo.UnknownTopicRetries(0))
	require.ErrorIs(t, cl.ProduceSync(within(t), &kgo.Record{Topic: name, Value: []byte("v")}).FirstErr(), kerr.UnknownTopicOrPartition)
	there, err := kadm.NewClient(cl).ListTopics(within(t), name)
	require.NoError(t, err)
	require.ErrorIs(t, there[name].Err, kerr.UnknownTopicOrPartition)
}

func topicIsDeleted(t *testing.T, s kafka.Settings) {
	name := configured(t, s, 1, nil)
	produce(t, s, &kgo.Record{Topic: name, Value: []byte("old")})
	gone, err := admin(t, s).DeleteTopics(within(t), name)
	require.NoError(t, err)
	require.NoError(t, gone[name].Err)
	_, err = kafka.EnsureTopics(within(t), Client(t, s), []kafka.Topic{{Name: name, Partitions: 2}})
	require.NoError(t, err)
	require.Empty(t, flat(Read(t, s, name)))
	produce(t, s, &kgo.Record{Topic: name, Value: []byte("new")})
	require.Equal(t, "new", string(Read(t, s, name)[0][0].Value))
}

// produce writes records into the partitions that they name.
func produce(t testing.TB, s kafka.Settings, records ...*kgo.Record) {
	t.Helper()
	cl := Client(t, s, kgo.RecordPartitioner(kgo.ManualPartitioner()), kgo.ProducerBatchCompression(kgo.NoCompression()))
	defer cl.Close()
	require.NoError(t, cl.ProduceSync(within(t), records...).FirstErr())
}

func numbered(topic string, partition int32, from, to int) (records []*kgo.Record) {
	for i := from; i < to; i++ {
		records = append(records, &kgo.Record{Topic: topic, Partition: partition, Value: fmt.Append(nil, i)})
	}
	return records
}

func offsetsCount(t *testing.T, s kafka.Settings) {
	topic := Topic(t, s, 3)
	for p := range int32(3) {
		for round := range 3 {
			records := numbered(topic, p, round*10, round*10+10)
			produce(t, s, records...)
			for i, r := range records {
				require.EqualValues(t, round*10+i, r.Offset)
			}
		}
	}
	ends, err := admin(t, s).ListEndOffsets(within(t), topic)
	require.NoError(t, err)
	for p := range int32(3) {
		end, _ := ends.Lookup(topic, p)
		require.EqualValues(t, 30, end.Offset)
	}
	for _, records := range Read(t, s, topic) {
		for i, r := range records {
			require.EqualValues(t, i, r.Offset)
			require.Equal(t, fmt.Sprint(i), string(r.Value))
		}
	}
}

func recordIsKept(t *testing.T, s kafka.Settings) {
	topic := Topic(t, s, 1)
	at := time.UnixMilli(1_700_000_000_123)
	sent := []*kgo.Record{
		{Topic: topic, Key: []byte("k"), Value: []byte("v"), Timestamp: at, Headers: []kgo.RecordHeader{{Key: "a", Value: []byte{0, 1, 255}}, {Key: "a", Value: []byte("twice")}, {Key: "empty"}}},
		{Topic: topic, Key: []byte("k"), Value: nil},
		{Topic: topic, Key: nil, Value: []byte{}},
		{Topic: topic, Key: []byte{}, Value: []byte("ü\x00")},
	}
	produce(t, s, sent...)
	got := Read(t, s, topic)[0]
	require.Len(t, got, len(sent))
	require.Equal(t, at, got[0].Timestamp)
	for i, r := range got {
		require.Equal(t, sent[i].Key, r.Key, "key %d: no key and an empty one differ", i)
		require.Equal(t, sent[i].Value, r.Value, "value %d: a deletion and an empty value differ", i)
		require.Len(t, r.Headers, len(sent[i].Headers))
	}
	require.Equal(t, "twice", string(got[0].Headers[1].Value))
}

func compressions(t *testing.T, s kafka.Settings) {
	topic := Topic(t, s, 1)
	value := bytes.Repeat([]byte("the same again "), 1000)
	for _, codec := range []kgo.CompressionCodec{kgo.NoCompression(), kgo.GzipCompression(), kgo.SnappyCompression(), kgo.Lz4Compression(), kgo.ZstdCompression()} {
		cl := Client(t, s, kgo.ProducerBatchCompression(codec))
		require.NoError(t, cl.ProduceSync(within(t), &kgo.Record{Topic: topic, Value: value}).FirstErr())
	}
	got := Read(t, s, topic)[0]
	require.Len(t, got, 5)
	for _, r := range got {
		require.Equal(t, value, r.Value)
	}
}

func tooLarge(t *testing.T, s kafka.Settings) {
	topic := Topic(t, s, 1)
	cl := Client(t, s, kgo.ProducerBatchMaxBytes(8<<20), kgo.ProducerBatchCompression(kgo.NoCompression()))
	require.NoError(t, cl.ProduceSync(within(t), &kgo.Record{Topic: topic, Value: make([]byte, kafka.MaxMessageBytes-1024)}).FirstErr(), "the house's largest")
	err := cl.ProduceSync(within(t), &kgo.Record{Topic: topic, Value: make([]byte, 3<<20)}).FirstErr()
	require.ErrorIs(t, err, kerr.MessageTooLarge)
	require.NoError(t, cl.ProduceSync(within(t), &kgo.Record{Topic: topic, Value: []byte("small")}).FirstErr())
	require.Len(t, Read(t, s, topic)[0], 2)
}

// send writes one raw batch of an idempotent producer and gives the offset and the broker's verdict.
func send(t testing.TB, s kafka.Settings, topic string, producer int64, epoch int16, seq int32) (int64, error) {
	t.Helper()
	req := kmsg.NewPtrProduceRequest()
	req.Acks, req.TimeoutMillis = -1, 10_000
	rp := kmsg.NewProduceRequestTopicPartition()
	rp.Records = batch(producer, epoch, seq)
	rt := kmsg.NewProduceRequestTopic()
	rt.Topic, rt.Partitions = topic, []kmsg.ProduceRequestTopicPartition{rp}
	// A version that names topics and not their ids.
	req.Topics = []kmsg.ProduceRequestTopic{rt}
	resp, err := Client(t, s, kgo.MaxVersions(upTo(9)), kgo.RequestRetries(0)).Request(within(t), req)
	require.NoError(t, err)
	p := resp.(*kmsg.ProduceResponse).Topics[0].Partitions[0]
	return p.BaseOffset, kerr.ErrorForCode(p.ErrorCode)
}

// producerID asks for the number of a new idempotent producer.
func producerID(t testing.TB, s kafka.Settings) (int64, int16) {
	t.Helper()
	req := kmsg.NewPtrInitProducerIDRequest()
	req.TransactionTimeoutMillis = 10_000
	req.ProducerID, req.ProducerEpoch = -1, -1
	resp, err := req.RequestWith(within(t), Client(t, s))
	require.NoError(t, err)
	require.NoError(t, kerr.ErrorForCode(resp.ErrorCode))
	return resp.ProducerID, resp.ProducerEpoch
}

func sentTwice(t *testing.T, s kafka.Settings) {
	topic := Topic(t, s, 1)
	id, epoch := producerID(t, s)
	for seq := range int32(5) {
		at, err := send(t, s, topic, id, epoch, seq)
		require.NoError(t, err)
		require.EqualValues(t, seq, at)
	}
	for _, seq := range []int32{4, 2} { // a broker remembers the last five
		_, err := send(t, s, topic, id, epoch, seq)
		if err != nil {
			require.ErrorIs(t, err, kerr.DuplicateSequenceNumber)
		}
	}
	require.Len(t, Read(t, s, topic)[0], 5)
}

func outOfOrder(t *testing.T, s kafka.Settings) {
	topic := Topic(t, s, 1)
	id, epoch := producerID(t, s)
	_, err := send(t, s, topic, id, epoch, 0)
	require.NoError(t, err)
	_, err = send(t, s, topic, id, epoch, 2)
	require.ErrorIs(t, err, kerr.OutOfOrderSequenceNumber)
	_, err = send(t, s, topic, id, epoch, 1)
	require.NoError(t, err)
	require.Len(t, Read(t, s, topic)[0], 2)
}

func idempotentWriters(t *testing.T, s kafka.Settings) {
	const writers, each = 8, 500
	topic := Topic(t, s, 2)
	failed := make(chan error, writers*each)
	clients := make([]*kgo.Client, writers)
	for w := range clients {
		clients[w] = Client(t, s, kgo.RecordPartitioner(kgo.ManualPartitioner()))
		for n := range each {
			clients[w].Produce(within(t), &kgo.Record{Topic: topic, Partition: int32(w % 2), Key: fmt.Append(nil, w), Value: fmt.Append(nil, n)}, func(_ *kgo.Record, err error) { failed <- err })
		}
	}
	for range writers * each {
		require.NoError(t, <-failed)
	}
	next := map[string]int{}
	for _, records := range Read(t, s, topic) {
		for _, r := range records {
			require.Equal(t, fmt.Sprint(next[string(r.Key)]), string(r.Value), "of writer %s", r.Key)
			next[string(r.Key)]++
		}
	}
	require.Len(t, next, writers)
}

// from reads partition 0 from an offset until it has what is wanted.
func from(t testing.TB, s kafka.Settings, topic string, o kgo.Offset, want int) (values []string) {
	t.Helper()
	cl := Client(t, s, kgo.ConsumePartitions(map[string]map[int32]kgo.Offset{topic: {0: o}}))
	for len(values) < want {
		fs := cl.PollFetches(within(t))
		require.NoError(t, fs.Err())
		fs.EachRecord(func(r *kgo.Record) { values = append(values, string(r.Value)) })
	}
	return values
}

func beginAnywhere(t *testing.T, s kafka.Settings) {
	topic := Topic(t, s, 1)
	produce(t, s, numbered(topic, 0, 0, 100)...)
	require.Equal(t, "0", from(t, s, topic, kgo.NewOffset().AtStart(), 100)[0])
	require.Equal(t, "57", from(t, s, topic, kgo.NewOffset().At(57), 43)[0])
	require.Equal(t, "97", from(t, s, topic, kgo.NewOffset().AtEnd().Relative(-3), 3)[0])
	require.Equal(t, "0", from(t, s, topic, kgo.NewOffset().At(1000), 100)[0], "beyond the end: from the start again, so that nothing is missed")
}

func offsetsByTime(t *testing.T, s kafka.Settings) {
	topic := Topic(t, s, 1)
	began := time.UnixMilli(1_700_000_000_000)
	for i := range 5 {
		produce(t, s, &kgo.Record{Topic: topic, Value: []byte("v"), Timestamp: began.Add(time.Duration(i) * time.Hour)})
	}
	for hours, want := range map[float64]int64{-1: 0, 0: 0, 0.5: 1, 3: 3} {
		at, err := admin(t, s).ListOffsetsAfterMilli(within(t), began.Add(time.Duration(hours*float64(time.Hour))).UnixMilli(), topic)
		require.NoError(t, err)
		got, _ := at.Lookup(topic, 0)
		require.Equal(t, want, got.Offset, "the first record at or after %v h", hours)
	}
}

func longPoll(t *testing.T, s kafka.Settings) {
	topic := Topic(t, s, 1)
	cl := Client(t, s, kgo.ConsumePartitions(map[string]map[int32]kgo.Offset{topic: {0: kgo.NewOffset().AtStart()}}), kgo.FetchMaxWait(20*time.Second))
	began := time.Now()
	came := make(chan *kgo.Record, 1)
	go func() { came <- cl.PollFetches(within(t)).Records()[0] }()
	produce(t, s, &kgo.Record{Topic: topic, Value: []byte("v")})
	select {
	case <-came:
		require.Less(t, time.Since(began), 15*time.Second, "not at the end of the wait")
	case <-time.After(Patience):
		t.Fatal("nothing came")
	}
}

func deletedRecords(t *testing.T, s kafka.Settings) {
	topic := Topic(t, s, 1)
	produce(t, s, numbered(topic, 0, 0, 10)...)
	offsets := kadm.Offsets{}
	offsets.AddOffset(topic, 0, 4, -1)
	done, err := admin(t, s).DeleteRecords(within(t), offsets)
	require.NoError(t, err)
	require.NoError(t, done.Error())
	starts, err := admin(t, s).ListStartOffsets(within(t), topic)
	require.NoError(t, err)
	start, _ := starts.Lookup(topic, 0)
	require.EqualValues(t, 4, start.Offset)
	require.Equal(t, []string{"4", "5", "6", "7", "8", "9"}, from(t, s, topic, kgo.NewOffset().AtStart(), 6))
}

// Compaction is the contract of a compacted topic that nobody has to wait a day for: of each key the newest record stays, in its place, and a
// deletion is seen as one; a topic whose lag has not passed keeps everything. compact makes the broker compact what it has now, or waits until it does.
func Compaction(t *testing.T, s kafka.Settings, compact func(compacted func(topic string) bool, topic string) kafka.Settings) {
	soon := map[string]string{"cleanup.policy": "compact", "retention.ms": "-1", "segment.bytes": "1048576", "min.cleanable.dirty.ratio": "0.01", "min.compaction.lag.ms": "0"}
	later := maps.Clone(soon)
	later["min.compaction.lag.ms"] = "86400000"
	one, other := configured(t, s, 1, soon), configured(t, s, 1, later)
	const keys, rounds = 50, 60
	pad := strings.Repeat("x", 1000)
	var records []*kgo.Record
	want := map[string]string{}
	for n := range rounds * keys {
		k := fmt.Sprint("k", n%keys)
		want[k] = fmt.Sprintf("%d %s", n, pad)
		records = append(records, &kgo.Record{Key: []byte(k), Value: []byte(want[k])})
	}
	records = append(records, &kgo.Record{Key: []byte("k0")}) // deleted
	want["k0"] = ""
	// The last segment of a log is never compacted: something has to stand behind what the test looks at.
	for n := range 1200 {
		k := fmt.Sprint("last", n)
		want[k] = pad
		records = append(records, &kgo.Record{Key: []byte(k), Value: []byte(pad)})
	}
	for _, topic := range []string{one, other} {
		for _, r := range records {
			r.Topic = topic
		}
		produce(t, s, records...)
	}
	s = compact(func(topic string) bool { return len(Keep(t, s, topic)) < len(records)-rounds*keys/2 }, one)

	last := map[string]string{}
	for _, r := range Keep(t, s, one) {
		last[string(r.Key)] = string(r.Value)
		require.Equal(t, string(records[r.Offset].Key), string(r.Key), "offset %d", r.Offset)
		require.Equal(t, string(records[r.Offset].Value), string(r.Value), "offset %d", r.Offset)
	}
	require.Len(t, last, len(want))
	for k, v := range want {
		require.True(t, last[k] == v, "the newest value of %s", k)
	}
	require.Len(t, Keep(t, s, other), len(records), "younger than the lag")
}

// Keep is what a compacted topic of one partition still holds.
func Keep(t testing.TB, s kafka.Settings, topic string) (records []*kgo.Record) {
	t.Helper()
	ends, err := admin(t, s).ListEndOffsets(within(t), topic)
	require.NoError(t, err)
	end, _ := ends.Lookup(topic, 0)
	cl := Client(t, s, kgo.ConsumePartitions(map[string]map[int32]kgo.Offset{topic: {0: kgo.NewOffset().AtStart()}}))
	defer cl.Close()
	for next := int64(0); next < end.Offset; {
		fs := cl.PollFetches(within(t))
		require.NoError(t, fs.Err())
		fs.EachRecord(func(r *kgo.Record) { records, next = append(records, r), r.Offset+1 })
	}
	return records
}
