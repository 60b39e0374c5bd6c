package broker_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kgo"

	"ugc/deploy/embedded/broker"
)

func noLag(o *broker.Options) { o.CompactionLag = -1 }

// updates writes 50 keys again and again, deletes one, and returns what each key should be.
func updates(t *testing.T, b *broker.Broker) map[string]string {
	create(t, b, "t", 1, map[string]string{"cleanup.policy": "compact", "delete.retention.ms": "0"})
	cl := client(t, b)
	defer cl.Close()
	want := map[string]string{}
	for round := range 5 {
		var rs []*kgo.Record
		for k := range 50 {
			key, value := fmt.Sprintf("key-%d", k), fmt.Sprint(round)
			want[key] = value
			rs = append(rs, &kgo.Record{Topic: "t", Key: []byte(key), Value: []byte(value + strings.Repeat(".", 100))})
		}
		require.NoError(t, cl.ProduceSync(within(t), rs...).FirstErr())
	}
	require.NoError(t, cl.ProduceSync(within(t), &kgo.Record{Topic: "t", Key: []byte("key-7")}).FirstErr())
	delete(want, "key-7")
	require.NoError(t, cl.ProduceSync(within(t), &kgo.Record{Topic: "t", Key: []byte("last"), Value: []byte("x")}).FirstErr())
	want["last"] = "x"
	return want
}

func newestOf(records map[int64]string) map[string]string {
	at, got := map[string]int64{}, map[string]string{}
	for o, kv := range records {
		k, v, _ := strings.Cut(kv, "=")
		if prev, ok := at[k]; ok && prev > o {
			continue
		}
		at[k] = o
		if got[k] = strings.TrimRight(v, "."); v == "" {
			delete(got, k)
		}
	}
	return got
}

func TestCompactionKeepsTheNewestOfEachKey(t *testing.T) {
	dir := t.TempDir()
	b := open(t, dir)
	want := updates(t, b)
	before := read(t, b, "t")
	require.NoError(t, b.Close())

	b = open(t, dir, noLag)
	after := read(t, b, "t")
	require.Equal(t, want, newestOf(after))
	require.Len(t, after, len(want), "superseded records and the old deletion are gone")
	for o, kv := range after {
		require.Equal(t, before[o], kv, "offsets never change")
	}
	produce(t, b, "t", "key-1", "new")
	_, end := bounds(t, b, "t")
	require.EqualValues(t, len(before)+1, end)
	require.NoError(t, b.Close())
	b = open(t, crash(t, dir), noLag)
	want["key-1"] = "new"
	require.Equal(t, want, newestOf(read(t, b, "t")))
}

func TestCompactionLeavesAlone(t *testing.T) {
	for name, c := range map[string]struct {
		configs map[string]string
		change  func(*broker.Options)
	}{
		"what is younger than the broker's lag":  {map[string]string{"cleanup.policy": "compact"}, func(*broker.Options) {}},
		"what is younger than the topic's lag":   {map[string]string{"cleanup.policy": "compact", "min.compaction.lag.ms": "86400000"}, noLag},
		"topics that are not compacted":          {map[string]string{"cleanup.policy": "delete", "retention.ms": "-1"}, noLag},
		"old records of compacted topics":        {map[string]string{"cleanup.policy": "compact", "retention.ms": "1"}, func(*broker.Options) {}},
		"partitions with little that superseded": {map[string]string{"cleanup.policy": "compact"}, noLag},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			b := open(t, dir)
			create(t, b, "t", 1, c.configs)
			kvs := []string{"a", "1", "a", "2", "b", "1"}
			if strings.HasPrefix(name, "partitions") {
				kvs = []string{"a", "1", "b", "1", "c", "1", "d", "1", "e", "1", "f", "1", "g", "1", "a", "2", "h", "1"}
			}
			produce(t, b, "t", kvs...)
			require.NoError(t, b.Close())
			b = open(t, dir, c.change)
			require.Len(t, read(t, b, "t"), len(kvs)/2)
		})
	}
}

func TestACopyIsReadyOnceItIsWhole(t *testing.T) {
	dir := t.TempDir()
	b := open(t, dir)
	updates(t, b)
	require.NoError(t, b.Close())
	partition := filepath.Join(dir, "partitions/t-0")
	require.ErrorContains(t, broker.Rewrite(partition, func() {
		info, err := os.Stat(filepath.Join(partition, "0.dat"))
		require.NoError(t, err)
		require.NoError(t, os.Truncate(filepath.Join(partition, "0.dat"), info.Size()-1))
	}), "damaged")
	require.DirExists(t, partition+".new")
	require.NoFileExists(t, partition+".new/READY", "a part of it would take the place of the whole")
}

// Each state is what a kill after that step leaves behind.
func TestKilledInMidCompactionLosesNoKey(t *testing.T) {
	original := t.TempDir()
	b := open(t, original)
	want := updates(t, b)
	require.NoError(t, b.Close())
	compacted := crash(t, original)
	b = open(t, compacted, noLag)
	require.NoError(t, b.Close())

	done := filepath.Join(compacted, "partitions/t-0")
	copyTo := func(t *testing.T, from, to string) { require.NoError(t, os.CopyFS(to, os.DirFS(from))) }
	ready := func(t *testing.T, dir string) {
		require.NoError(t, os.WriteFile(filepath.Join(dir, "READY"), nil, 0o644))
	}
	for name, arrange := range map[string]func(t *testing.T, p string){
		"half of the new segment written": func(t *testing.T, p string) {
			copyTo(t, done, p+".new")
			files, _ := filepath.Glob(p + ".new/*.dat")
			info, err := os.Stat(files[0])
			require.NoError(t, err)
			require.NoError(t, os.Truncate(files[0], info.Size()/2))
		},
		"all written, not yet ready": func(t *testing.T, p string) { copyTo(t, done, p+".new") },
		"ready":                      func(t *testing.T, p string) { copyTo(t, done, p+".new"); ready(t, p+".new") },
		"the old one moved away":     func(t *testing.T, p string) { copyTo(t, done, p+".new"); ready(t, p+".new"); rename(t, p, p+".old") },
		"the new one in place":       func(t *testing.T, p string) { rename(t, p, p+".old"); copyTo(t, done, p); ready(t, p) },
		"the old one partly removed": func(t *testing.T, p string) {
			rename(t, p, p+".old")
			copyTo(t, done, p)
			ready(t, p)
			empty(t, p+".old")
		},
		"only the mark left to remove": func(t *testing.T, p string) { require.NoError(t, os.RemoveAll(p)); copyTo(t, done, p); ready(t, p) },
	} {
		for _, again := range []func(*broker.Options){noLag, func(*broker.Options) {}} {
			t.Run(name, func(t *testing.T) {
				dir := crash(t, original)
				arrange(t, filepath.Join(dir, "partitions/t-0"))
				b := open(t, dir, again)
				require.Equal(t, want, newestOf(read(t, b, "t")))
				left, err := os.ReadDir(filepath.Join(dir, "partitions"))
				require.NoError(t, err)
				require.Len(t, left, 1)
				require.NoFileExists(t, filepath.Join(dir, "partitions/t-0/READY"))
			})
		}
	}
}

func rename(t *testing.T, from, to string) { require.NoError(t, os.Rename(from, to)) }

func empty(t *testing.T, dir string) {
	files, err := filepath.Glob(dir + "/*")
	require.NoError(t, err)
	for _, f := range files {
		require.NoError(t, os.Remove(f))
	}
}
