package clickhouse

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestTrustIsLostWithoutSpaceForAMark(t *testing.T) {
	dir := t.TempDir()
	stored := filepath.Join(dir, "store", "part")
	store := func() {
		require.NoError(t, os.MkdirAll(filepath.Dir(stored), 0o700))
		require.NoError(t, os.WriteFile(stored, []byte("rows"), 0o600))
	}
	store()
	why, err := trustAgain(dir)
	require.NoError(t, err)
	require.Empty(t, why, "a folder of an older ugc is trusted")
	require.False(t, distrusted(dir))

	require.NoError(t, os.Truncate(trustMark(dir), 0)) // as watchSpace does
	require.True(t, distrusted(dir))
	why, err = trustAgain(dir)
	require.NoError(t, err)
	require.Contains(t, why, "disk was full")
	require.NoFileExists(t, stored)
	require.False(t, distrusted(dir))

	store()
	require.NoError(t, os.WriteFile(oldMark(dir), nil, 0o600))
	why, err = trustAgain(dir)
	require.NoError(t, err)
	require.NotEmpty(t, why)
	require.NoFileExists(t, stored)
	require.False(t, distrusted(dir))
}

func TestACopyThatFollowedLinksIsMadeAnew(t *testing.T) {
	dir := t.TempDir()
	require.NoError(t, os.MkdirAll(filepath.Join(dir, "store", "store", "abc"), 0o700))
	require.NoError(t, os.MkdirAll(filepath.Join(dir, "store", "metadata"), 0o700))
	link := filepath.Join(dir, "store", "metadata", "ugc")
	require.NoError(t, os.Symlink("../store/abc", link))
	why, err := trustAgain(dir)
	require.NoError(t, err)
	require.Empty(t, why)

	require.NoError(t, os.Remove(link))
	require.NoError(t, os.Mkdir(link, 0o700))
	why, err = trustAgain(dir)
	require.NoError(t, err)
	require.Contains(t, why, "cp -a")
	require.NoDirExists(t, filepath.Join(dir, "store"))
}
