package streams

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

func open(t *testing.T, dir string) *store {
	t.Helper()
	s, err := openStore(dir, "table", 3, func(err error) { t.Errorf("unexpected failure: %v", err) })
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
	_, err := openStore(dir, "table", 3, nil)
	require.ErrorContains(t, err, "another process")
}

func TestAFailedWriteIsTold(t *testing.T) {
	var told error
	s, err := openStore(t.TempDir(), "table", 3, func(err error) { told = err })
	require.NoError(t, err)
	require.NoError(t, s.MarkRecovered())
	require.NoError(t, s.db.Close())
	require.Error(t, s.Set("k", []byte("v")))
	require.Error(t, told, "while goka stops, its SetValue goes on as if nothing had happened")
}
