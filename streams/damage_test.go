package streams

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/syndtr/goleveldb/leveldb/util"
)

// changed flips a bit in the middle of the largest file of a copy that has such a name.
func changed(t *testing.T, dir, pattern string) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, "table.3", pattern))
	require.NoError(t, err)
	var largest []byte
	path := ""
	for _, f := range files {
		b, err := os.ReadFile(f)
		require.NoError(t, err)
		if len(b) > len(largest) {
			largest, path = b, f
		}
	}
	require.Greater(t, len(largest), 1<<10, "%v", files)
	largest[len(largest)/2] ^= 0x10
	f, err := os.OpenFile(path, os.O_WRONLY, 0)
	require.NoError(t, err)
	_, err = f.WriteAt(largest, 0)
	require.NoError(t, err)
	require.NoError(t, f.Close())
}

// filledCopy holds as many bytes as are asked for, in keys k0 to k<n-1>, and offset n.
func filledCopy(t *testing.T, dir string, bytes int) (n int) {
	t.Helper()
	s := open(t, dir)
	require.NoError(t, s.MarkRecovered())
	random := rand.New(rand.NewPCG(1, 2))
	for size := 0; size < bytes; n++ {
		value := make([]byte, 500)
		for i := range value {
			value[i] = byte(random.Uint32())
		}
		require.NoError(t, s.Set(fmt.Sprint("k", n), value))
		size += len(value)
		if n%100 == 0 {
			require.NoError(t, s.flush())
		}
	}
	require.NoError(t, s.SetOffset(int64(n)))
	require.NoError(t, s.Close())
	return n
}

// TestACopyThatIsDamagedInUseIsThrownAway reads every key: one of them cannot be read. Whoever opened the copy is told once, and the next one begins anew.
func TestACopyThatIsDamagedInUseIsThrownAway(t *testing.T) {
	dir := t.TempDir()
	n := filledCopy(t, dir, 12<<20)
	s := open(t, dir) // what the journal holds becomes tables
	require.NoError(t, s.db.CompactRange(util.Range{}))
	require.NoError(t, s.Close())
	changed(t, dir, "*.ldb")

	s = open(t, dir)
	told := 0
	s.spoilt = func(error) { told++ }
	require.NoError(t, s.MarkRecovered())
	failed := 0
	for i := range n {
		if _, err := s.Get(fmt.Sprint("k", i)); err != nil {
			require.True(t, corrupted(err), "%v", err)
			failed++
		}
	}
	require.NotZero(t, failed, "no checksum was compared")
	require.Equal(t, 1, told)
	require.NoError(t, s.Close())

	s = open(t, dir)
	defer func() { require.NoError(t, s.Close()) }()
	o, err := s.GetOffset(-3)
	require.NoError(t, err)
	require.Equal(t, int64(-3), o, "it is made anew from the beginning of the topic")
}

// TestADamagedJournalIsNotPassedOver changes a value that is in no table yet: LevelDB as it comes would leave it out and show the later ones.
func TestADamagedJournalIsNotPassedOver(t *testing.T) {
	dir := t.TempDir()
	n := filledCopy(t, dir, 1<<20)
	changed(t, dir, "*.log")
	s := open(t, dir)
	defer func() { require.NoError(t, s.Close()) }()
	o, err := s.GetOffset(-3)
	require.NoError(t, err)
	require.NotEqual(t, int64(n), o, "it does not call itself complete")
	require.Equal(t, int64(-3), o)
}
