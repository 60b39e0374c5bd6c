package archive

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"

	"ugc/deploy/embedded/broker/brokertest"
	"ugc/domain"
	"ugc/transport/kafka"
)

var names = []string{"commands.a", "commands.b"}

// registry is one with these schemas.
type registry map[int]string

func (r registry) SchemaByID(_ context.Context, id int) (string, error) {
	if text, ok := r[id]; ok {
		return text, nil
	}
	return "", &domain.Error{Kind: domain.NotFound, Message: "no such schema"}
}

var ours = registry{7: `{"type":"record","name":"R","fields":[]}`, 8: `"string"`}

// world is a broker with the topics, and one client.
type world struct {
	t        *testing.T
	settings []kgo.Opt
	client   *kgo.Client
	adm      *kadm.Client
}

func newWorld(t *testing.T, partitions int32) *world {
	t.Helper()
	return newWorldOn(t, brokertest.Start(t), partitions)
}

func newWorldOn(t *testing.T, broker string, partitions int32) *world {
	t.Helper()
	settings, err := kafka.Settings{Brokers: []string{broker}}.Kgo()
	require.NoError(t, err)
	client, err := kgo.NewClient(append(append([]kgo.Opt{}, settings...), kgo.RecordPartitioner(kgo.ManualPartitioner()))...)
	require.NoError(t, err)
	t.Cleanup(client.Close)
	w := &world{t: t, settings: settings, client: client, adm: kadm.NewClient(client)}
	made, err := w.adm.CreateTopics(t.Context(), partitions, 1, nil, append([]string{"events"}, names...)...)
	require.NoError(t, err)
	require.NoError(t, made.Error())
	return w
}

func (w *world) put(records ...*kgo.Record) {
	w.t.Helper()
	require.NoError(w.t, w.client.ProduceSync(w.t.Context(), records...).FirstErr())
}

// command is a record in the wire format, with this id, where its key belongs among n partitions.
func command(topic, key string, id uint32, body string, n int32) *kgo.Record {
	return &kgo.Record{Topic: topic, Partition: domain.Partition(key, n), Key: []byte(key), Timestamp: time.UnixMilli(1_600_000_000_000 + int64(len(body))),
		Value: append(binary.BigEndian.AppendUint32([]byte{0}, id), body...), Headers: []kgo.RecordHeader{{Key: "ugc-command-id", Value: []byte(body)}}}
}

// fill writes commands of ten users to three partitions, and records that are none.
func (w *world) fill() {
	w.t.Helper()
	for n := range 300 {
		w.put(command(names[n%2], fmt.Sprintf("u%d/m%d", n%10, n%7), 7+uint32(n%2), fmt.Sprint(n), 3))
	}
	for _, r := range []*kgo.Record{
		{Key: nil, Value: nil},
		{Key: []byte{}, Value: []byte{}, Headers: []kgo.RecordHeader{{Key: "twice", Value: nil}, {Key: "twice", Value: []byte{}}, {Key: "", Value: []byte{0, 255}}}},
		{Key: []byte("eve/m"), Value: append([]byte{0, 0, 0, 0, 99}, "of a schema that nobody knows"...)},
		{Key: []byte("eve/m"), Value: []byte("of no schema"), Timestamp: time.UnixMilli(-5)},
		{Key: []byte("eve/large"), Value: bytes.Repeat([]byte("all is well"), 80_000)},
	} {
		r.Topic, r.Partition = names[0], domain.PartitionOf(r.Key, 3)
		w.put(r)
	}
}

func (w *world) save(dir string) (*Manifest, error) { return Save(w.t.Context(), w.saveTo(dir)) }

func (w *world) saveTo(dir string) SaveOptions {
	return SaveOptions{Dir: dir, Topics: names, Kafka: w.settings, Registry: ours, Epoch: 3}
}

func (w *world) restoreFrom(dir string) RestoreOptions {
	return RestoreOptions{Dir: dir, Topics: names, New: append([]string{"events"}, names...), Groups: []string{"processors"}, Kafka: w.settings, Registry: ours, Epoch: 4}
}

// saved is a folder with what fill writes.
func saved(t *testing.T) string {
	t.Helper()
	w := newWorld(t, 3)
	w.fill()
	dir := filepath.Join(t.TempDir(), "saved")
	m, err := w.save(dir)
	require.NoError(t, err)
	require.EqualValues(t, 305, m.Records())
	return dir
}

// records are all of a topic, each partition's in order.
func (w *world) records(topic string) (all []*kgo.Record) {
	w.t.Helper()
	parts, err := spans(w.t.Context(), w.adm, topic)
	require.NoError(w.t, err)
	for p, part := range parts {
		require.NoError(w.t, read(w.t.Context(), w.settings, topic, int32(p), part, func(r *kgo.Record) error { all = append(all, r); return nil }, func(int64) {}))
	}
	return all
}

// byUser is what each user's records hold, in their order.
func byUser(records []*kgo.Record) map[string][]string {
	out := map[string][]string{}
	for _, r := range records {
		user, _, _ := strings.Cut(string(r.Key), "/")
		out[user] = append(out[user], fmt.Sprintf("%#v %#v %v %d", r.Key, r.Value, r.Headers, r.Timestamp.UnixMilli()))
	}
	return out
}

func (w *world) untouched() {
	w.t.Helper()
	for _, topic := range names {
		require.Empty(w.t, w.records(topic), "nothing was written")
	}
}

func TestARestoredLogIsTheSavedOne(t *testing.T) {
	from, dir := newWorld(t, 3), filepath.Join(t.TempDir(), "new", "folder")
	from.fill()
	stages := map[string]int64{}
	o := from.saveTo(dir)
	o.Progress = func(stage string, done, total int64) { require.LessOrEqual(t, done, total); stages[stage] = done }
	m, err := Save(t.Context(), o)
	require.NoError(t, err)
	require.Equal(t, map[string]int64{"save commands.a": 155, "save commands.b": 305}, stages)
	require.Len(t, m.Files, 6)
	require.Equal(t, []Schema{{7, ours[7]}, {8, ours[8]}}, m.Schemas, "ids that mean nothing are left out")

	to := newWorld(t, 5)
	r, err := Restore(t.Context(), to.restoreFrom(dir))
	require.NoError(t, err)
	require.Zero(t, r.Misplaced)
	for i, topic := range names {
		was, is := from.records(topic), to.records(topic)
		require.Equal(t, byUser(was), byUser(is), "each user's records are what they were, in their order")
		sum := int64(0)
		for p, n := range r.Topics[i].Partitions {
			require.NotZero(t, n, "partition %d", p)
			sum += n
		}
		require.Len(t, is, int(sum))
		for _, rec := range is {
			require.Equal(t, domain.PartitionOf(rec.Key, 5), rec.Partition, "where the house looks for it")
		}
	}
}

func TestWhatLayWhereItDoesNotBelongIsSetAsideAgain(t *testing.T) {
	from, dir := newWorld(t, 3), filepath.Join(t.TempDir(), "saved")
	stray := command(names[0], "ann/heat", 7, "stray", 3)
	stray.Partition = (stray.Partition + 1) % 3
	from.put(stray, command(names[0], "ann/heat", 7, "her own", 3))
	_, err := from.save(dir)
	require.NoError(t, err)
	to := newWorld(t, 5)
	r, err := Restore(t.Context(), to.restoreFrom(dir))
	require.NoError(t, err)
	require.EqualValues(t, 1, r.Misplaced)
	for _, rec := range to.records(names[0]) {
		require.Equal(t, string(rec.Headers[0].Value) == "her own", rec.Partition == domain.Partition("ann/heat", 5))
	}

	to = newWorld(t, 1)
	r, err = Restore(t.Context(), to.restoreFrom(dir))
	require.NoError(t, err)
	require.EqualValues(t, 1, r.Misplaced)
	for _, rec := range to.records(names[0]) {
		require.Equal(t, string(rec.Headers[0].Value) == "her own", string(rec.Key) == "ann/heat", "or it would be decided")
	}
}

func TestADamagedFolderIsRefusedBeforeAnythingIsWritten(t *testing.T) {
	whole := saved(t)
	to := newWorld(t, 5)
	flip := func(at int) func(*testing.T, string) {
		return func(t *testing.T, path string) {
			b, err := os.ReadFile(path)
			require.NoError(t, err)
			b[(at+len(b))%len(b)] ^= 4
			require.NoError(t, os.WriteFile(path, b, 0o600))
		}
	}
	remove := func(t *testing.T, path string) { require.NoError(t, os.Remove(path)) }
	text := func(text string) func(*testing.T, string) {
		return func(t *testing.T, path string) { require.NoError(t, os.WriteFile(path, []byte(text), 0o600)) }
	}
	for name, tc := range map[string]struct {
		file string
		harm func(t *testing.T, path string)
		says string
	}{
		"a bit of a file":            {fileName(names[0], 1), flip(-20), names[0] + "-1.avro is damaged"},
		"a length in a file":         {fileName(names[0], 1), flip(1200), names[0] + "-1.avro is damaged"},
		"a file is missing":          {fileName(names[1], 2), remove, names[1] + "-2.avro is missing"},
		"a file is empty":            {fileName(names[1], 2), text(""), names[1] + "-2.avro is damaged"},
		"a bit of the manifest":      {manifestName, flip(40), manifestName + " is damaged"},
		"the manifest is missing":    {manifestName, remove, manifestName + " is missing"},
		"a save that was killed":     {sumsName, remove, "did not come to its end"},
		"a bit of the sums":          {sumsName, flip(3), "is damaged"},
		"sums that are none":         {sumsName, text("hello\n"), "is no sum and name"},
		"sums of files elsewhere":    {sumsName, text(strings.Repeat("ab", 32) + "  ../x\n"), "is no sum and name"},
		"sums that are cut off":      {sumsName, text(""), "does not name " + manifestName},
		"a folder that is not there": {"", func(t *testing.T, path string) { require.NoError(t, os.RemoveAll(path)) }, "it is no copy"},
	} {
		t.Run(name, func(t *testing.T) {
			dir := filepath.Join(t.TempDir(), "copy")
			require.NoError(t, os.CopyFS(dir, os.DirFS(whole)))
			tc.harm(t, filepath.Join(dir, tc.file))
			_, err := Restore(t.Context(), to.restoreFrom(dir))
			require.ErrorContains(t, err, tc.says)
			require.NotErrorIs(t, err, ErrIncomplete)
		})
	}
	to.untouched()
	_, err := Restore(t.Context(), to.restoreFrom(whole))
	require.NoError(t, err)
}

func TestAManifestOfAnotherFormOrLogIsRefused(t *testing.T) {
	for text, says := range map[string]string{
		`{`: "manifest.json", `{"form":2}`: "reads folders of form 1", `{"form":1}`: "no file of the topic commands.a",
		`{"form":1,"files":[{"name":"x-0.avro","topic":"x","partition":0}]}`:                   "the topic x is no command topic",
		`{"form":1,"files":[{"name":"commands.a-1.avro","topic":"commands.a","partition":1}]}`: "cannot be the file of partition 1",
	} {
		_, err := parseManifest([]byte(text), names)
		require.ErrorContains(t, err, says)
	}
}

func TestARestoreIsRefusedWhereAnotherLogIs(t *testing.T) {
	dir := saved(t)
	refused := func(o RestoreOptions, says string) {
		t.Helper()
		_, err := Restore(t.Context(), o)
		require.ErrorContains(t, err, says)
		require.NotErrorIs(t, err, ErrIncomplete)
	}
	w := newWorld(t, 5)
	o := w.restoreFrom(dir)
	o.Epoch = 3
	refused(o, "set UGC_KAFKA_EPOCH to 4")
	o = w.restoreFrom(dir)
	o.Registry = registry{8: ours[8]}
	refused(o, "does not know the schema id 7")
	o.Registry = registry{7: ours[8], 8: ours[7]}
	refused(o, "the schema id 8, which is in the records, means another schema")

	member, err := kgo.NewClient(append(append([]kgo.Opt{}, w.settings...), kgo.ConsumerGroup("processors"), kgo.ConsumeTopics(names[0]))...)
	require.NoError(t, err)
	defer member.Close()
	require.Eventually(t, func() bool {
		d, err := w.adm.DescribeGroups(t.Context(), "processors")
		return err == nil && len(d["processors"].Members) == 1
	}, time.Minute, 5*time.Millisecond)
	refused(w.restoreFrom(dir), "group processors has 1 members at work")
	require.NoError(t, member.LeaveGroupContext(t.Context()))
	at := kadm.Offsets{}
	at.Add(kadm.Offset{Topic: names[0], Partition: 2, At: 9})
	require.NoError(t, w.adm.CommitAllOffsets(t.Context(), "processors", at))
	refused(w.restoreFrom(dir), "group processors stands at offset 9 of partition 2 of commands.a")
	_, err = w.adm.DeleteGroups(t.Context(), "processors")
	require.NoError(t, err)

	w.untouched()
	w.put(&kgo.Record{Topic: "events", Value: []byte("of the other log")})
	refused(w.restoreFrom(dir), "topic events is not new: 1 records were written to it\ndelete all topics")
	w.untouched()

	o = newWorld(t, 2).restoreFrom(dir)
	o.Registry = registry{7: `{"fields": [], "type": "record", "name": "R"}`, 8: `"string"`, 9: `"int"`}
	_, err = Restore(t.Context(), o)
	require.NoError(t, err, "a registry may write a schema in its own way")
}

// failing is a file on a disk that is full after so many bytes.
type failing struct {
	file
	left int
}

func (f *failing) Write(p []byte) (int, error) {
	if f.left -= len(p); f.left < 0 {
		return 0, syscall.ENOSPC
	}
	return f.file.Write(p)
}

func (f *failing) Sync() error { return syscall.EIO }

func TestASaveThatCannotWriteLeavesNothing(t *testing.T) {
	w := newWorld(t, 3)
	w.fill()
	for _, broken := range []string{fileName(names[0], 0), fileName(names[1], 2), manifestName, sumsName} {
		for left, want := range map[int]error{100: syscall.ENOSPC, 1 << 30: syscall.EIO} {
			o := w.saveTo(filepath.Join(t.TempDir(), "saved"))
			o.create = func(path string) (file, error) {
				f, err := createFile(path)
				if filepath.Base(path) == broken+".partial" {
					f = &failing{f, left}
				}
				return f, err
			}
			_, err := Save(t.Context(), o)
			require.ErrorIs(t, err, want, broken)
			require.ErrorContains(t, err, "write "+broken)
			require.NoDirExists(t, o.Dir)
			o.create = nil
			_, err = Save(t.Context(), o)
			require.NoError(t, err, "with the disk mended it works")
		}
	}
}

func TestAFolderThatHoldsSomethingIsLeftAlone(t *testing.T) {
	w := newWorld(t, 1)
	dir := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(dir, "holiday.jpg"), nil, 0o600))
	_, err := w.save(dir)
	require.ErrorContains(t, err, "is not empty (holiday.jpg lies in it)")
	require.FileExists(t, filepath.Join(dir, "holiday.jpg"))
	file := filepath.Join(dir, "holiday.jpg", "x")
	_, err = w.save(file)
	require.Error(t, err)
}

func TestAnInterruptedSaveLeavesNothing(t *testing.T) {
	w := newWorld(t, 3)
	w.fill()
	dir := t.TempDir() // it was there, and stays
	o := w.saveTo(dir)
	ctx, cancel := context.WithCancel(t.Context())
	o.Progress = func(stage string, _, _ int64) {
		if stage == "save "+names[1] {
			cancel()
		}
	}
	_, err := Save(ctx, o)
	require.ErrorIs(t, err, context.Canceled)
	left, err := os.ReadDir(dir)
	require.NoError(t, err)
	require.Empty(t, left)
	_, err = w.save(dir)
	require.NoError(t, err)
}

func TestAnInterruptedRestoreIsToldAndNotTakenForAWholeOne(t *testing.T) {
	dir := saved(t)
	w := newWorld(t, 5)
	ctx, cancel := context.WithCancel(t.Context())
	o := w.restoreFrom(dir)
	o.Progress = func(stage string, done, _ int64) {
		if stage == "check files" {
			w.untouched()
		} else if done > 0 {
			cancel()
		}
	}
	_, err := Restore(ctx, o)
	require.ErrorIs(t, err, context.Canceled)
	require.ErrorIs(t, err, ErrIncomplete)
	require.ErrorContains(t, err, "of 305 records")
	require.NotEmpty(t, w.records(names[0]))
	_, err = Restore(t.Context(), w.restoreFrom(dir))
	require.ErrorContains(t, err, "is not new")

	_, err = w.adm.DeleteTopics(t.Context(), names...)
	require.NoError(t, err)
	_, err = w.adm.CreateTopics(t.Context(), 5, 1, nil, names...)
	require.NoError(t, err)
	_, err = Restore(t.Context(), w.restoreFrom(dir))
	require.NoError(t, err)
}

func TestABrokerThatGoesAwayEndsARestoreInTime(t *testing.T) {
	cluster, err := kfake.NewCluster(kfake.NumBrokers(1))
	require.NoError(t, err)
	defer cluster.Close()
	w := newWorldOn(t, cluster.ListenAddrs()[0], 5)
	o := w.restoreFrom(saved(t))
	o.stall = 200 * time.Millisecond
	o.Progress = func(stage string, done, _ int64) {
		if stage != "check files" && done > 0 {
			cluster.Close()
		}
	}
	_, err = Restore(t.Context(), o)
	require.ErrorIs(t, err, ErrIncomplete)
	require.ErrorContains(t, err, "the broker did not confirm records within 200ms")
	require.Equal(t, domain.Unavailable, domain.KindOf(err))
}

func TestOnlyCommittedRecordsAreSaved(t *testing.T) {
	w := newWorld(t, 1)
	in := func(end kgo.TransactionEndTry, body string) *kgo.Client {
		t.Helper()
		client, err := kgo.NewClient(append(append([]kgo.Opt{}, w.settings...), kgo.TransactionalID(body), kgo.RecordPartitioner(kgo.ManualPartitioner()))...)
		require.NoError(t, err)
		t.Cleanup(client.Close)
		require.NoError(t, client.BeginTransaction())
		require.NoError(t, client.ProduceSync(t.Context(), command(names[0], "ann/heat", 7, body, 1)).FirstErr())
		if body != "open" {
			require.NoError(t, client.EndTransaction(t.Context(), end))
		}
		return client
	}
	in(kgo.TryCommit, "committed")
	in(kgo.TryAbort, "aborted")
	m, err := w.save(filepath.Join(t.TempDir(), "saved"))
	require.NoError(t, err)
	require.EqualValues(t, 1, m.Records())
	require.EqualValues(t, 4, m.Files[0].Next, "two records, and the end of each transaction")

	open := in(kgo.TryCommit, "open")
	_, err = w.save(filepath.Join(t.TempDir(), "saved"))
	require.ErrorContains(t, err, "a transaction of another program is open since offset 4")
	require.NoError(t, open.EndTransaction(t.Context(), kgo.TryCommit))
	m, err = w.save(filepath.Join(t.TempDir(), "saved"))
	require.NoError(t, err)
	require.EqualValues(t, 2, m.Records())
}

func TestWithoutTheRegistryNothingIsSavedOrRestored(t *testing.T) {
	dir := saved(t)
	w := newWorld(t, 3)
	w.fill()
	away := broken{errors.New("away")}
	o := w.saveTo(filepath.Join(t.TempDir(), "saved"))
	o.Registry = away
	_, err := Save(t.Context(), o)
	require.ErrorContains(t, err, "what the schema id")
	o.Registry = registry{}
	_, err = Save(t.Context(), o)
	require.ErrorContains(t, err, "knows none of the schema ids")
	require.NoDirExists(t, o.Dir)
	to := newWorld(t, 3)
	r := to.restoreFrom(dir)
	r.Registry = away
	_, err = Restore(t.Context(), r)
	require.ErrorIs(t, err, away.error)
	to.untouched()
}

type broken struct{ error }

func (b broken) SchemaByID(context.Context, int) (string, error) { return "", b.error }
