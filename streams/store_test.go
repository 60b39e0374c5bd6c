package streams

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/syndtr/goleveldb/leveldb"
	ldbstorage "github.com/syndtr/goleveldb/leveldb/storage"
	"github.com/twmb/franz-go/pkg/kgo"
)

func open(t *testing.T, dir string) *store {
	t.Helper()
	s, err := openStore(dir, "table", 3)
	require.NoError(t, err)
	return s
}

func get(t *testing.T, s *store, key string) string {
	t.Helper()
	v, err := s.Get(key)
	require.NoError(t, err)
	return string(v)
}

func TestAStoreKeepsValuesOffsetAndWatermark(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir)
	o, err := s.GetOffset(-3)
	require.NoError(t, err)
	require.Equal(t, int64(-3), o)
	require.NoError(t, s.Set("u/a", []byte("1")))
	require.NoError(t, s.Set("u/b", []byte("2")))
	require.NoError(t, s.Delete("u/b"))
	require.Equal(t, "1", get(t, s, "u/a"), "what is pending is read")
	require.Empty(t, get(t, s, "u/b"))
	require.NoError(t, s.SetOffset(0)) // the first record of a topic counts too
	s.watermark.Store(17)
	require.NoError(t, s.MarkRecovered())
	require.NoError(t, s.Set("u/c", []byte("3")))
	require.NoError(t, s.Delete("u/a"))
	require.NoError(t, s.Close())

	s = open(t, dir)
	defer func() { require.NoError(t, s.Close()) }()
	o, err = s.GetOffset(-3)
	require.NoError(t, err)
	require.Equal(t, int64(0), o)
	require.Equal(t, int64(17), s.watermark.Load())
	require.Empty(t, get(t, s, "u/a"))
	require.Equal(t, "3", get(t, s, "u/c"))
	has, err := s.Has("u/c")
	require.NoError(t, err)
	require.True(t, has)
}

// A crash at any moment must find no offset whose values are missing.
func TestTheOffsetOnDiskNeverRunsAhead(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir)
	for i := range int64(restoringEvery + 10) {
		require.NoError(t, s.Set(fmt.Sprint("k", i), []byte("v")))
		require.NoError(t, s.SetOffset(i))
	}
	require.NoError(t, s.db.Close()) // the end of the process: nothing is said to the store

	s = open(t, dir)
	defer func() { require.NoError(t, s.Close()) }()
	o, err := s.GetOffset(-3)
	require.NoError(t, err)
	require.Positive(t, o, "some of it was saved")
	for i := range o + 1 {
		require.Equal(t, "v", get(t, s, fmt.Sprint("k", i)))
	}
}

func TestTheStoreIteratesOverRangesAndNeverShowsItsOwnRecord(t *testing.T) {
	s := open(t, t.TempDir())
	defer func() { require.NoError(t, s.Close()) }()
	for _, k := range []string{"a/1", "a/2", "ab/1", "b/1"} {
		require.NoError(t, s.Set(k, []byte(k)))
	}
	require.NoError(t, s.SetOffset(5))
	require.NoError(t, s.MarkRecovered())
	list := func(start, limit string) (keys []string) {
		it, err := s.IteratorWithRange([]byte(start), []byte(limit))
		require.NoError(t, err)
		defer it.Release()
		for it.Next() {
			v, err := it.Value()
			require.NoError(t, err)
			require.Equal(t, string(it.Key()), string(v))
			keys = append(keys, string(it.Key()))
		}
		require.NoError(t, it.Err())
		return keys
	}
	require.Equal(t, []string{"a/1", "a/2", "ab/1", "b/1"}, list("", ""))
	require.Equal(t, []string{"a/1", "a/2"}, list("a/", "a0"))
	require.Equal(t, []string{"a/1", "a/2"}, list("a/", ""))
	require.Equal(t, []string{"a/2"}, list("a/1\x00", "a0"))
}

func TestADamagedCopyIsThrownAway(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir)
	require.NoError(t, s.MarkRecovered())
	require.NoError(t, s.Set("k", []byte("v")))
	require.NoError(t, s.SetOffset(9))
	require.NoError(t, s.Close())
	manifests, err := filepath.Glob(filepath.Join(dir, "table.3", "MANIFEST-*"))
	require.NoError(t, err)
	require.NotEmpty(t, manifests)
	for _, m := range manifests {
		require.NoError(t, os.WriteFile(m, []byte("damaged"), 0o600))
	}

	s = open(t, dir)
	defer func() { require.NoError(t, s.Close()) }()
	o, err := s.GetOffset(-3)
	require.NoError(t, err)
	require.Equal(t, int64(-3), o, "restoring starts from the beginning of the topic")
}

func TestACopyHasOneUser(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir)
	defer func() { require.NoError(t, s.Close()) }()
	_, err := openStore(dir, "table", 3)
	require.ErrorContains(t, err, "another process")
}

func TestAFailedWriteIsToldAndForgetsNothing(t *testing.T) {
	s := open(t, t.TempDir())
	require.NoError(t, s.MarkRecovered())
	require.NoError(t, s.Set("k", []byte("v")))
	require.NoError(t, s.db.Close())
	require.Error(t, s.SetOffset(saveEvery))
	require.Equal(t, "v", get(t, s, "k"), "readers go on")
	require.Error(t, s.Close())
	require.NoError(t, s.Close(), "closing again does nothing")
	require.Error(t, s.Set("k", []byte("w")))
}

func recordsAt(offset int64, keys ...string) (records []*kgo.Record) {
	for i, key := range keys {
		records = append(records, &kgo.Record{Key: []byte(key), Value: []byte(key), Offset: offset + int64(i)})
	}
	return records
}

func TestTheFirstRecordOfATopicIsInTheCopy(t *testing.T) {
	s := open(t, t.TempDir())
	defer func() { require.NoError(t, s.Close()) }()
	require.NoError(t, s.MarkRecovered())
	require.NoError(t, s.wrote(recordsAt(0, "u/a")))
	require.Equal(t, int64(0), s.offset.Load())
}

// Readers never miss what was set, nor see it go back, while it moves from memory to disk.
func TestReadersSeeEveryWriteWhileItMovesToTheDisk(t *testing.T) {
	s := open(t, t.TempDir())
	defer func() { require.NoError(t, s.Close()) }()
	require.NoError(t, s.MarkRecovered())
	var set atomic.Int64
	done := make(chan struct{})
	var readers sync.WaitGroup
	for range 2 {
		readers.Go(func() {
			for last := int64(0); ; {
				least := set.Load()
				v, _ := strconv.ParseInt(get(t, s, "k"), 10, 64)
				if v < max(last, least) {
					t.Errorf("%d was read after %d", v, max(last, least))
					return
				}
				last = v
				select {
				case <-done:
					return
				default:
				}
			}
		})
	}
	for i := range int64(2000) {
		require.NoError(t, s.Set("k", strconv.AppendInt(nil, i, 10)))
		set.Store(i)
		if i%3 == 0 {
			require.NoError(t, s.flush())
		}
	}
	close(done)
	readers.Wait()
}

// slowDisk holds the next write of a database back until the test says how it ends.
type slowDisk struct {
	ldbstorage.Storage
	hold atomic.Bool
	held chan struct{}
	ends chan error
}

func (d *slowDisk) Create(fd ldbstorage.FileDesc) (ldbstorage.Writer, error) {
	w, err := d.Storage.Create(fd)
	return &slowFile{w, d}, err
}

type slowFile struct {
	ldbstorage.Writer
	disk *slowDisk
}

func (f *slowFile) Write(b []byte) (int, error) {
	if f.disk.hold.CompareAndSwap(true, false) {
		f.disk.held <- struct{}{}
		if err := <-f.disk.ends; err != nil {
			return 0, err
		}
	}
	return f.Writer.Write(b)
}

// Nor while the disk is slow, nor after it failed.
func TestReadersSeeAWriteThatIsOnItsWayAndNoneOlder(t *testing.T) {
	for name, end := range map[string]error{"it ends well": nil, "it fails": errTest} {
		t.Run(name, func(t *testing.T) {
			d := &slowDisk{Storage: ldbstorage.NewMemStorage(), held: make(chan struct{}), ends: make(chan error)}
			db, err := leveldb.Open(d, nil)
			require.NoError(t, err)
			s, err := newStore("copy", db)
			require.NoError(t, err)
			defer func() { _ = s.Close() }() // it fails where the disk has failed
			require.NoError(t, s.MarkRecovered())
			require.NoError(t, s.Set("u/a", []byte("1")))
			require.NoError(t, s.Set("u/b", []byte("1")))
			d.hold.Store(true)
			flushed := make(chan error, 1)
			go func() { flushed <- s.flush() }()
			select {
			case <-d.held:
			case err := <-flushed:
				require.FailNow(t, "nothing was written", "%v", err)
			}
			during := get(t, s, "u/a")
			setting := s.Set("u/b", []byte("2"))
			newer := get(t, s, "u/b")
			d.ends <- end
			require.ErrorIs(t, <-flushed, end)
			require.NoError(t, setting, "nobody waits for the disk")
			require.Equal(t, "1", during)
			require.Equal(t, "2", newer)
			require.Equal(t, "1", get(t, s, "u/a"))
			require.Equal(t, "2", get(t, s, "u/b"), "what was set meanwhile stays")
		})
	}
}

// A copy that began empty passes over the disk for keys that it has not seen; not where it has, nor where it went on from what was there.
func TestRestoringFindsWhatIsThere(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir)
	require.NoError(t, s.Set("u/a", []byte("1")))
	require.NoError(t, s.flush())
	require.Equal(t, "1", get(t, s, "u/a"), "on disk, and seen")
	require.Empty(t, get(t, s, "u/b"))
	require.NoError(t, s.Close())

	s = open(t, dir) // without an offset: the process died at its first batch, or sooner
	defer func() { require.NoError(t, s.Close()) }()
	require.Equal(t, "1", get(t, s, "u/a"))

	full := newSeen()
	full.full = true
	require.True(t, full.maybe("anything"), "what was not remembered must be looked up")
}
