package broker_test

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"ugc/deploy/embedded/broker"
)

const segment = "partitions/t-0/0.dat"

// populate leaves every kind of file: segments and indexes, group and producer logs, and the rest by an orderly end.
func populate(t *testing.T, dir string) {
	b := open(t, dir)
	create(t, b, "t", 1, nil)
	produce(t, b, "t", "a", "1", "b", "2", "c", "3")
	commit(t, b, 3)
	require.NoError(t, b.Close())
}

func TestTornTailsAreCutOffAndWhatFollowsIsKept(t *testing.T) {
	garbage := map[string]func(raw []byte) []byte{
		"one byte":                   func(raw []byte) []byte { return append(raw, 0xff) },
		"zeros":                      func(raw []byte) []byte { return append(raw, make([]byte, 4096)...) },
		"noise":                      func(raw []byte) []byte { return append(raw, bytes.Repeat([]byte{0x5a, 0x00, 0x7f}, 100)...) },
		"half of its own beginning":  func(raw []byte) []byte { return append(raw, raw[:min(len(raw), 70)]...) },
		"its own beginning, changed": func(raw []byte) []byte { return append(append(raw, raw[:len(raw)-1]...), raw[len(raw)-1]^1) },
	}
	for _, file := range []string{segment, "partitions/t-0/0.idx", "groups.log", "pids.log"} {
		for name, spoil := range garbage {
			for _, clean := range []bool{true, false} {
				t.Run(file+"/"+name, func(t *testing.T) {
					dir := t.TempDir()
					populate(t, dir)
					spoilFile(t, dir, file, spoil)
					if !clean {
						require.NoError(t, os.Remove(filepath.Join(dir, "CLEAN")))
					}
					requireAllThere(t, dir, map[int64]string{0: "a=1", 1: "b=2", 2: "c=3"}, 3)
				})
			}
		}
	}
}

func spoilFile(t *testing.T, dir, file string, spoil func([]byte) []byte) {
	path := filepath.Join(dir, file)
	raw, err := os.ReadFile(path)
	require.NoError(t, err)
	require.NotEmpty(t, raw, "%s proves nothing", file)
	require.NoError(t, os.WriteFile(path, spoil(raw), 0o644))
}

// requireAllThere starts twice, because what is appended behind a torn tail is lost only at the start after next.
func requireAllThere(t *testing.T, dir string, want map[int64]string, committed int64) {
	b := open(t, dir)
	require.Equal(t, want, read(t, b, "t"))
	if committed >= 0 {
		require.Equal(t, committed, committedAt(t, b))
	}
	id, epoch := produceAs(t, b, "later", "x")
	commit(t, b, 4)
	at := crash(t, dir)
	require.NoError(t, b.Close())

	b = open(t, at)
	want[int64(len(want))] = "later=x"
	require.EqualValues(t, 3, repeat(t, client(t, b), id, epoch, 0), "the producer is forgotten")
	require.Equal(t, want, read(t, b, "t"))
	require.EqualValues(t, 4, committedAt(t, b))
}

// produceAs returns the producer's numbering too; its first batch has number 0.
func produceAs(t *testing.T, b *broker.Broker, key, value string) (id int64, epoch int16) {
	cl := client(t, b)
	defer cl.Close()
	require.NoError(t, cl.ProduceSync(within(t), &kgo.Record{Topic: "t", Key: []byte(key), Value: []byte(value)}).FirstErr())
	id, epoch, err := cl.ProducerID(within(t))
	require.NoError(t, err)
	return id, epoch
}

func committedAt(t *testing.T, b *broker.Broker) int64 {
	cl := client(t, b)
	defer cl.Close()
	got, err := kadm.NewClient(cl).FetchOffsets(within(t), "g")
	require.NoError(t, err)
	o, ok := got.Lookup("t", 0)
	require.True(t, ok, "the group has no offset")
	return o.At
}

// Every length that a last write may have reached when the process was killed.
func TestTruncatedTailsLoseNoMoreThanTheLastWrite(t *testing.T) {
	dir := t.TempDir()
	populate(t, dir)
	require.NoError(t, os.Remove(filepath.Join(dir, "CLEAN")))
	raw, err := os.ReadFile(filepath.Join(dir, segment))
	require.NoError(t, err)
	last := len(raw) - len(raw)/3 // three batches of one size
	for cut := last; cut < len(raw); cut += 7 {
		at := crash(t, dir)
		require.NoError(t, os.Truncate(filepath.Join(at, segment), int64(cut)))
		b := open(t, at)
		require.Equal(t, map[int64]string{0: "a=1", 1: "b=2"}, read(t, b, "t"), "cut at %d of %d", cut, len(raw))
		produce(t, b, "t", "again", "y")
		require.NoError(t, b.Close())
		b = open(t, at)
		require.Equal(t, map[int64]string{0: "a=1", 1: "b=2", 2: "again=y"}, read(t, b, "t"))
		require.NoError(t, b.Close())
	}
	for _, file := range []string{"partitions/t-0/0.idx", "pids.log"} {
		at := crash(t, dir)
		spoilFile(t, at, file, func(raw []byte) []byte { return raw[:len(raw)-3] })
		requireAllThere(t, at, map[int64]string{0: "a=1", 1: "b=2", 2: "c=3"}, 3)
	}
	at := crash(t, dir)
	spoilFile(t, at, "groups.log", func(raw []byte) []byte { return raw[:len(raw)-3] })
	requireAllThere(t, at, map[int64]string{0: "a=1", 1: "b=2", 2: "c=3"}, -1)
}

func TestAFirstBatchThatWasTornLeavesAnEmptyLog(t *testing.T) {
	dir := t.TempDir()
	populate(t, dir)
	require.NoError(t, os.Remove(filepath.Join(dir, "CLEAN")))
	require.NoError(t, os.Truncate(filepath.Join(dir, segment), 20))
	b := open(t, dir)
	require.Empty(t, read(t, b, "t"))
	produce(t, b, "t", "k", "v")
	require.Equal(t, map[int64]string{0: "k=v"}, read(t, b, "t"))
}

func TestDerivedFilesMayBeDamagedOrGone(t *testing.T) {
	for _, file := range []string{"partitions/t-0/snapshot.json", "partitions/t-0/0.idx", "seq_windows.json"} {
		for name, spoil := range map[string]func([]byte) []byte{
			"half":    func(raw []byte) []byte { return raw[:len(raw)/2] },
			"garbage": func([]byte) []byte { return []byte("{]") },
			"empty":   func([]byte) []byte { return nil },
		} {
			t.Run(file+"/"+name, func(t *testing.T) {
				dir := t.TempDir()
				populate(t, dir)
				require.NoError(t, os.Remove(filepath.Join(dir, "CLEAN")))
				spoilFile(t, dir, file, spoil)
				requireAllThere(t, dir, map[int64]string{0: "a=1", 1: "b=2", 2: "c=3"}, 3)
			})
		}
	}
}

// Cutting here would lose acknowledged records without a word.
func TestDamageThatNoCrashExplainsIsRefused(t *testing.T) {
	t.Run("in the middle of a log", func(t *testing.T) {
		dir := t.TempDir()
		populate(t, dir)
		require.NoError(t, os.Remove(filepath.Join(dir, "CLEAN")))
		raw, err := os.ReadFile(filepath.Join(dir, segment))
		require.NoError(t, err)
		second := len(raw) / 3
		require.NoError(t, os.WriteFile(filepath.Join(dir, "partitions/t-0/1.dat"), raw[second:], 0o644))
		require.NoError(t, os.WriteFile(filepath.Join(dir, segment), raw[:second-5], 0o644))
		_, err = broker.Open(broker.Options{DataDir: dir, Addr: "127.0.0.1:0", Logger: quiet})
		require.ErrorContains(t, err, "0.dat is damaged at byte 0")
	})
	t.Run("with whole batches behind it", func(t *testing.T) {
		for _, at := range []int{8, 11, 16, 64} { // in a length, a magic byte, a record
			dir := t.TempDir()
			populate(t, dir)
			require.NoError(t, os.Remove(filepath.Join(dir, "CLEAN")))
			spoilFile(t, dir, segment, func(raw []byte) []byte { raw[len(raw)/3+at] ^= 0x01; return raw })
			_, err := broker.Open(broker.Options{DataDir: dir, Addr: "127.0.0.1:0", Logger: quiet})
			require.ErrorContains(t, err, "0.dat is damaged at byte", "byte %d of the second batch", at)
		}
	})
	t.Run("of a log that ended in order", func(t *testing.T) {
		dir := t.TempDir()
		populate(t, dir)
		spoilFile(t, dir, segment, func(raw []byte) []byte { raw[len(raw)/3+64] ^= 0x01; return raw })
		_, err := broker.Open(broker.Options{DataDir: dir, Addr: "127.0.0.1:0", Logger: quiet})
		require.ErrorContains(t, err, "0.dat is damaged at byte")
	})
	t.Run("of the list of topics", func(t *testing.T) {
		dir := t.TempDir()
		populate(t, dir)
		spoilFile(t, dir, "topics.json", func(raw []byte) []byte { return raw[:len(raw)/2] })
		_, err := broker.Open(broker.Options{DataDir: dir, Addr: "127.0.0.1:0", Logger: quiet})
		require.ErrorContains(t, err, "topics.json is damaged")
		require.FileExists(t, filepath.Join(dir, "CLEAN"), "a refused start leaves the directory as it was")
	})
}

// A producer outside this process sends again what was not answered; the broker must know it, although it was killed.
func TestARepeatedBatchIsKnownAfterACrash(t *testing.T) {
	for name, end := range map[string]func(*testing.T, *broker.Broker, string) string{
		"orderly": func(t *testing.T, b *broker.Broker, dir string) string { require.NoError(t, b.Close()); return dir },
		"killed":  func(t *testing.T, _ *broker.Broker, dir string) string { return crash(t, dir) },
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			b := open(t, dir)
			create(t, b, "t", 1, nil)
			cl := client(t, b, kgo.DefaultProduceTopic("t"))
			for range 7 {
				require.NoError(t, cl.ProduceSync(within(t), kgo.StringRecord("v")).FirstErr())
			}
			id, epoch, err := cl.ProducerID(within(t))
			require.NoError(t, err)

			b = open(t, end(t, b, dir))
			again := client(t, b)
			for seq := int32(2); seq < 7; seq++ { // a broker remembers five
				require.Equal(t, int64(seq), repeat(t, again, id, epoch, seq), "offset of batch %d", seq)
			}
			_, high := bounds(t, b, "t")
			require.EqualValues(t, 7, high, "a repeated batch is there twice")
			require.EqualValues(t, 7, repeat(t, again, id, epoch, 7), "the next one is new")
		})
	}
}

// repeat sends a batch of one record with the producer's numbering and returns the offset that the broker says it has.
func repeat(t *testing.T, cl *kgo.Client, id int64, epoch int16, seq int32) int64 {
	req := kmsg.NewPtrProduceRequest()
	req.Acks, req.TimeoutMillis = -1, 1000
	rt := kmsg.NewProduceRequestTopic()
	rt.Topic = "t"
	rp := kmsg.NewProduceRequestTopicPartition()
	rp.Records = rawBatch(id, epoch, seq)
	rt.Partitions = append(rt.Partitions, rp)
	req.Topics = append(req.Topics, rt)
	meta, err := kadm.NewClient(cl).ListTopics(within(t), "t")
	require.NoError(t, err)
	req.Topics[0].TopicID = meta["t"].ID
	resp, err := req.RequestWith(within(t), cl.Broker(0))
	require.NoError(t, err)
	p := resp.Topics[0].Partitions[0]
	require.Zero(t, p.ErrorCode)
	return p.BaseOffset
}

func TestAnEmptiedLogGoesOnWhereItWas(t *testing.T) {
	dir := t.TempDir()
	b := open(t, dir)
	create(t, b, "t", 1, nil)
	produce(t, b, "t", "a", "1", "b", "2")
	_, err := kadm.NewClient(client(t, b)).DeleteRecords(within(t), offsets("t", 2))
	require.NoError(t, err)
	require.NoError(t, b.Close())
	for range 2 { // the second time from what the first has written
		b = open(t, dir)
		start, end := bounds(t, b, "t")
		require.EqualValues(t, 2, start)
		require.EqualValues(t, 2, end)
		dir = crash(t, dir)
	}
	b = open(t, dir)
	produce(t, b, "t", "c", "3")
	require.Equal(t, map[int64]string{2: "c=3"}, read(t, b, "t"))
}

func TestADeletedTopicDoesNotComeBackInItsNamesake(t *testing.T) {
	dir := t.TempDir()
	populate(t, dir)
	left := crash(t, filepath.Join(dir, "partitions"))
	b := open(t, dir)
	_, err := kadm.NewClient(client(t, b)).DeleteTopics(within(t), "t")
	require.NoError(t, err)
	require.NoError(t, b.Close())
	require.NoError(t, os.CopyFS(filepath.Join(dir, "partitions"), os.DirFS(left))) // killed before the files were gone
	b = open(t, dir)
	create(t, b, "t", 1, nil)
	produce(t, b, "t", "new", "1")
	require.Equal(t, map[int64]string{0: "new=1"}, read(t, b, "t"))
	b = open(t, crash(t, dir))
	require.Equal(t, map[int64]string{0: "new=1"}, read(t, b, "t"))
}
