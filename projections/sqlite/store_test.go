package sqlite

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"ugc/projections/documents"
	"ugc/projections/documents/documentstest"
)

func openAt(t testing.TB, path string) *Store {
	t.Helper()
	s, err := Open(t.Context(), Options{Path: path})
	require.NoError(t, err)
	t.Cleanup(func() { _ = s.Close() })
	return s
}

func TestStoreKeepsTheContract(t *testing.T) {
	documentstest.Run(t, func(t *testing.T) func() documents.Store {
		folder := filepath.Join(t.TempDir(), "a b & 100% #odd? ü;c")
		require.NoError(t, os.Mkdir(folder, 0o700))
		path := filepath.Join(folder, "documents.db")
		return func() documents.Store { return openAt(t, path) }
	})
}
