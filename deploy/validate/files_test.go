package validate

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// root is the top of the repository.
const root = "../.."

// read gives a file of the repository.
func read(t *testing.T, path ...string) string {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(append([]string{root}, path...)...))
	require.NoError(t, err)
	return string(b)
}

// settings are the names that the program knows; its own tests hold .env.example against them.
func settings(t *testing.T) map[string]bool {
	t.Helper()
	known := map[string]bool{}
	for _, m := range regexp.MustCompile(`(?m)^#(UGC_[A-Z0-9_]+)=`).FindAllStringSubmatch(read(t, ".env.example"), -1) {
		known[m[1]] = true
	}
	require.Greater(t, len(known), 30)
	return known
}

// onlySettings fails where a UGC_ name is not one that the program would take: it refuses to start over a misspelt one.
func onlySettings(t *testing.T, where string, names []string) {
	t.Helper()
	known := settings(t)
	for _, name := range names {
		if strings.HasPrefix(name, "UGC_") {
			require.True(t, known[name], "%s sets %s, which is no setting of ugc", where, name)
		}
	}
}
