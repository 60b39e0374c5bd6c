package e2e

import (
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestBadConfigurationIsAUsageError(t *testing.T) {
	out, code := runCommand(t, []string{"UGC_HTTP_ADR=x", "UGC_LOG_LEVEL=loud"}, "run")
	require.Equal(t, 2, code, out)
	require.Contains(t, out, "did you mean UGC_HTTP_ADDR?")
	require.Contains(t, out, `UGC_LOG_LEVEL="loud"`)
}

func TestBadCommandLinesAreUsageErrors(t *testing.T) {
	for _, line := range [][]string{{"rum"}, {"run", "--fast"}, {"import", "movielens"}, {"run", "now"}, {"sql"}} {
		out, code := runCommand(t, nil, line...)
		require.Equal(t, 2, code, "%v: %s", line, out)
		require.Contains(t, out, "ugc: ", "%v", line)
	}
}

func TestCommandsThatShow(t *testing.T) {
	out, code := runCommand(t, []string{"UGC_KAFKA_SASL=PLAIN", "UGC_KAFKA_USER=me", "UGC_KAFKA_PASSWORD=hidden"}, "config")
	require.Zero(t, code, out)
	require.Contains(t, out, "UGC_KAFKA_PASSWORD=********")
	require.NotContains(t, out, "hidden")
	out, code = runCommand(t, nil, "topology")
	require.Zero(t, code, out)
	for _, name := range []string{"ugc.playback.commands.v1", "ugc.feedback.events.v1", "ugc-movies-table", "movie_audience", "ratings"} {
		require.Contains(t, out, name)
	}
	out, code = runCommand(t, nil, "version")
	require.Zero(t, code)
	require.Contains(t, out, "ugc ")
}

func TestQueriesNeedARunningService(t *testing.T) {
	out, code := runCommand(t, environ(t, t.TempDir()), "sql", "SELECT 1")
	require.Equal(t, 1, code)
	require.Contains(t, out, "ugc run")
}

// TestReadmeIsTrue runs the README's own lines, in order, against a service.
func TestReadmeIsTrue(t *testing.T) {
	readme, err := os.ReadFile("../../README.md")
	require.NoError(t, err)
	s := start(t, t.TempDir())
	script, found := strings.CutPrefix(between(string(readme), "<!-- tried by the tests: begin -->", "<!-- tried by the tests: end -->"), "\n")
	require.True(t, found, "the README marks the lines that are tried")
	lines := blocks(script)
	require.GreaterOrEqual(t, len(lines), 8)
	for _, block := range lines {
		block = strings.ReplaceAll(block, "127.0.0.1:8000", s.addr)
		block = strings.ReplaceAll(block, "./ugc ", binary+" ")
		out, code := s.shell(block)
		require.Zero(t, code, "%s\n%s", block, out)
		require.NotContains(t, out, "application/problem+json", block)
		t.Logf("%s\n%s", block, out)
	}
	require.Equal(t, http.StatusOK, s.call(http.MethodGet, "/api/v2/docs", "").status)
}

// TestReadmeListsEverySetting compares the README's table with what the program says of itself.
func TestReadmeListsEverySetting(t *testing.T) {
	readme, err := os.ReadFile("../../README.md")
	require.NoError(t, err)
	out, code := runCommand(t, nil, "config", "--reference")
	require.Zero(t, code)
	require.Contains(t, string(readme), out, "paste the output of `ugc config --reference` into the README")
	example, err := os.ReadFile("../../.env.example")
	require.NoError(t, err)
	for line := range strings.Lines(out) {
		if name, ok := strings.CutPrefix(line, "| `UGC_"); ok {
			require.Contains(t, string(example), "UGC_"+strings.SplitN(name, "`", 2)[0]+"=", "every setting is in .env.example")
		}
	}
}

func between(s, begin, end string) string {
	_, s, _ = strings.Cut(s, begin)
	s, _, _ = strings.Cut(s, end)
	return s
}

// blocks are the shell blocks of a Markdown text.
func blocks(s string) (out []string) {
	for {
		_, rest, found := strings.Cut(s, "```sh\n")
		if !found {
			return out
		}
		block, rest, _ := strings.Cut(rest, "```")
		out, s = append(out, block), rest
	}
}

func TestDataThatStandsInTheWay(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	require.NoError(t, os.WriteFile(file, nil, 0o600))
	out, code := runCommand(t, environ(t, filepath.Join(file, "data")), "run")
	require.Equal(t, 1, code)
	require.Contains(t, out, "UGC_DATA_DIR")
}
