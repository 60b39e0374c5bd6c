package deploy

import (
	"os"
	"path/filepath"
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestADataFolderHasOneOwner(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "new", "data")
	first, err := own(dir)
	require.NoError(t, err)
	_, err = own(dir)
	require.ErrorContains(t, err, "is in use by process "+strconv.Itoa(os.Getpid()))
	require.ErrorContains(t, err, "UGC_DATA_DIR")
	require.NoError(t, first.release())
	again, err := own(dir)
	require.NoError(t, err, "a folder that was given up can be had again")
	require.NoError(t, again.release())
}

func TestADataFolderThatCannotBeIsNamed(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	require.NoError(t, os.WriteFile(file, nil, 0o600))
	_, err := own(filepath.Join(file, "data"))
	require.ErrorContains(t, err, "set UGC_DATA_DIR")
}
