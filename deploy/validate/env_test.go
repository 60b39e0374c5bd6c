package validate

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// An update of ugc brings variables that a file of passwords made before it lacks.
func TestMakeEnvAddsWhatIsMissing(t *testing.T) {
	dir := t.TempDir()
	require.NoError(t, os.MkdirAll(filepath.Join(dir, "deploy/compose"), 0o755))
	for _, name := range []string{"Makefile", ".env.example", "deploy/compose/env.example"} {
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), []byte(read(t, name)), 0o644))
	}
	env := func() string {
		p := exec.CommandContext(t.Context(), "make", "-s", "env")
		p.Dir = dir
		said, err := p.CombinedOutput()
		require.NoError(t, err, string(said))
		b, err := os.ReadFile(filepath.Join(dir, ".env.local"))
		require.NoError(t, err)
		return string(b)
	}
	whole := env()
	for _, name := range []string{".env", ".env.local"} {
		info, err := os.Stat(filepath.Join(dir, name))
		require.NoError(t, err)
		require.Equal(t, os.FileMode(0o600), info.Mode().Perm(), "%s holds passwords", name)
	}
	names := regexp.MustCompile(`(?m)^[A-Z0-9_]+=`).FindAllString(read(t, "deploy/compose/env.example"), -1)
	require.NotEmpty(t, names)
	require.Equal(t, whole, env(), "what is there stays")

	older := regexp.MustCompile(`(?m)^(METRICS_KEY|METRICS_KEY_SHA256|GRAFANA_PASSWORD)=.*\n`).ReplaceAllString(whole, "")
	require.NoError(t, os.WriteFile(filepath.Join(dir, ".env.local"), []byte(older), 0o600))
	again := env()
	require.True(t, strings.HasPrefix(again, older), "what is there stays")
	for _, name := range names {
		require.Len(t, regexp.MustCompile(`(?m)^`+name).FindAllString(again, -1), 1, name)
	}
	require.NotRegexp(t, `(?m)^(METRICS_KEY|METRICS_KEY_SHA256|GRAFANA_PASSWORD)=$`, again)
}
