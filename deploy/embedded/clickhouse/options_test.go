package clickhouse

import (
	"bytes"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

func TestOptionsReportEveryError(t *testing.T) {
	_, err := New(Options{MemoryBytes: 1, Threads: -1, StopTimeout: -1, BackOff: -1})
	for _, what := range []string{"no data directory", "memory of 1 bytes", "threads", "stop time-out", "back-off"} {
		require.ErrorContains(t, err, what)
	}
	_, err = New(Options{DataDir: t.TempDir()})
	require.NoError(t, err)
}

func TestChildOptionsSurviveTheCommandLine(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.StringN(1, 40, 100)
		number := rapid.IntRange(0, 1<<30)
		o := ChildOptions{
			DataDir: text.Draw(t, "data"), Socket: text.Draw(t, "socket"), Library: text.Draw(t, "library"),
			MemoryBytes: rapid.Int64Min(0).Draw(t, "memory"), Threads: number.Draw(t, "threads"), NoFsync: rapid.Bool().Draw(t, "no fsync"),
			Drain: time.Duration(rapid.Int64Min(0).Draw(t, "drain")), Lifeline: number.Draw(t, "lifeline"), Report: number.Draw(t, "report"),
		}
		back, err := ParseChild(o.Args())
		require.NoError(t, err)
		require.Equal(t, o, back)
	})
}

func TestParseChildReportsEveryError(t *testing.T) {
	_, err := ParseChild([]string{"--threads=-1", "--socket=" + strings.Repeat("x", 108)})
	for _, what := range []string{"--data", "--lib", "107 bytes", "negative"} {
		require.ErrorContains(t, err, what)
	}
	_, err = ParseChild([]string{"--nope"})
	require.ErrorContains(t, err, "nope")
	_, err = ParseChild([]string{"--data=a", "--socket=b", "--lib=c", "more"})
	require.ErrorContains(t, err, `"more"`)
}

func TestSocketPathFitsTheKernel(t *testing.T) {
	for _, length := range []int{10, maxSocketPath - len(socketName) - 1, maxSocketPath - len(socketName), 300} {
		dir := "/" + strings.Repeat("d", length-1)
		path, remove, err := socketPath(dir)
		require.NoError(t, err)
		require.LessOrEqual(t, len(path), maxSocketPath)
		beside := filepath.Dir(path) == dir
		require.Equal(t, length+1+len(socketName) <= maxSocketPath, beside)
		if !beside {
			info, err := os.Stat(filepath.Dir(path))
			require.NoError(t, err)
			require.Equal(t, os.FileMode(0o700), info.Mode().Perm())
		}
		remove()
		require.NoFileExists(t, filepath.Dir(path))
	}
}

func TestRelayLogsLines(t *testing.T) {
	var log bytes.Buffer
	r := &relay{logger: slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
		if a.Key == slog.TimeKey {
			return slog.Attr{}
		}
		return a
	}}))}
	for _, part := range []string{greeting + "a file\none\ntw", "o\n\n", strings.Repeat("x", 2*maxLine), strings.Repeat("y", maxLine) + "\nthree", "\n"} {
		n, err := r.Write([]byte(part))
		require.NoError(t, err)
		require.Equal(t, len(part), n)
	}
	long := strings.Repeat("x", maxLine)
	var want strings.Builder
	for _, line := range []string{"one", "two", long, "three"} {
		fmt.Fprintf(&want, "level=WARN msg=\"clickhouse engine says\" line=%s\n", line)
	}
	require.Equal(t, want.String(), log.String())
	require.Equal(t, "one | two | "+long+" | three", r.tail())
	for i := range 10 {
		fmt.Fprintln(r, i)
	}
	require.Equal(t, "5 | 6 | 7 | 8 | 9", r.tail())
}

func TestConfigIsEscaped(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "a<b>&c")
	require.NoError(t, os.MkdirAll(dir, 0o700))
	path, err := writeConfig(ChildOptions{DataDir: dir, MemoryBytes: 1 << 29})
	require.NoError(t, err)
	b, err := os.ReadFile(path)
	require.NoError(t, err)
	for _, line := range []string{"a&lt;b&gt;&amp;c/engine.log</log>", "<max_server_memory_usage>536870912</max_server_memory_usage>", "<fsync_after_insert>1</fsync_after_insert>"} {
		require.Contains(t, string(b), line)
	}
}
