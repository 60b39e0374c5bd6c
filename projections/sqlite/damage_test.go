package sqlite

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"ugc/domain"
	"ugc/projections/documents"
)

// spoilings are ways in which a file is no longer what was written.
var spoilings = map[string]func(b []byte) []byte{
	"cut":            func(b []byte) []byte { return b[:len(b)/2] },
	"changed header": func(b []byte) []byte { b[3] ^= 0x55; return b },
	"changed pages": func(b []byte) []byte {
		for i := 8 << 10; i < len(b); i += 4096 {
			copy(b[i:], "no page of ours")
		}
		return b
	},
}

func spoil(t *testing.T, path string, how func([]byte) []byte) {
	t.Helper()
	b, err := os.ReadFile(path)
	require.NoError(t, err)
	require.Greater(t, len(b), 64<<10)
	f, err := os.OpenFile(path, os.O_WRONLY, 0) // in place: it may be open
	require.NoError(t, err)
	n := len(b)
	b = how(b)
	_, err = f.WriteAt(b, 0)
	require.NoError(t, err)
	if len(b) < n {
		require.NoError(t, f.Truncate(int64(len(b))))
	}
	require.NoError(t, f.Close())
}

func filled(t *testing.T, o Options) *Store {
	t.Helper()
	s, err := Open(t.Context(), o)
	require.NoError(t, err)
	t.Cleanup(func() { _ = s.Close() })
	require.NoError(t, ratingsOf(t, s).Upsert(t.Context(), bulk(900, 1)))
	_, err = s.writer.Load().ExecContext(t.Context(), "PRAGMA wal_checkpoint(TRUNCATE)")
	require.NoError(t, err)
	return s
}

func TestAFileDamagedAtRestIsSetAsideAndBegunAnew(t *testing.T) {
	for name, how := range spoilings {
		t.Run(name, func(t *testing.T) {
			o := Options{Path: filepath.Join(t.TempDir(), "documents.db"), Heal: true}
			s := filled(t, o)
			require.False(t, s.Healed())
			require.NoError(t, s.Close())
			spoil(t, o.Path, how)

			s, err := Open(t.Context(), o)
			require.NoError(t, err)
			defer func() { _ = s.Close() }()
			require.True(t, s.Healed())
			require.NoError(t, s.Damaged())
			require.FileExists(t, SetAside(o.Path))
			docs, err := ratingsOf(t, s).Scan(t.Context(), "", 1000)
			require.NoError(t, err)
			require.Empty(t, docs)
			require.NoError(t, ratingsOf(t, s).Upsert(t.Context(), bulk(10, 2)))
		})
	}
}

func TestAFileDamagedWhileItIsOpenIsRenewedAndOthersFollow(t *testing.T) {
	o := Options{Path: filepath.Join(t.TempDir(), "documents.db"), Heal: true}
	s := filled(t, o)
	reader, err := Open(t.Context(), Options{Path: o.Path}) // as an edge has it open
	require.NoError(t, err)
	defer func() { _ = reader.Close() }()
	live := reader.Live(documents.Ratings)
	_, ok, err := live.Get(t.Context(), "user-0001", "movie-0010")
	require.NoError(t, err)
	require.True(t, ok)

	g := ratingsOf(t, s)
	spoil(t, o.Path, spoilings["changed pages"])
	_, err = s.writer.Load().ExecContext(t.Context(), "PRAGMA shrink_memory")
	require.NoError(t, err)
	require.Error(t, g.Upsert(t.Context(), bulk(900, 2)))
	require.Error(t, s.Damaged())
	require.NoError(t, s.Renew(t.Context(), s.Damaged()))
	require.NoError(t, s.Damaged())
	require.NoError(t, ratingsOf(t, s).Upsert(t.Context(), bulk(20, 3)))

	d, ok, err := live.Get(t.Context(), "user-0001", "movie-0010")
	require.NoError(t, err)
	require.True(t, ok)
	require.Equal(t, domain.Version(3), d.Version, "it reads the new file")
}

func TestNothingIsWrittenIntoAFileThatWasReplaced(t *testing.T) {
	o := Options{Path: filepath.Join(t.TempDir(), "documents.db"), Heal: true}
	s := filled(t, o)
	g := ratingsOf(t, s)
	require.NoError(t, setAside(o.Path)) // as another process does
	require.Equal(t, domain.Unavailable, domain.KindOf(g.Upsert(t.Context(), bulk(1, 2))))
	require.Error(t, s.Damaged())
	require.NoError(t, s.Renew(t.Context(), nil))
	require.NoError(t, ratingsOf(t, s).Upsert(t.Context(), bulk(1, 2)))
}
