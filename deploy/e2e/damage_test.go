package e2e

import (
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// Ways in which a file is no longer what was written.
func cutFile(t *testing.T, path string) {
	t.Helper()
	info, err := os.Stat(path)
	require.NoError(t, err)
	require.NoError(t, os.Truncate(path, info.Size()/2))
}

func changeFile(t *testing.T, path string) {
	t.Helper()
	b, err := os.ReadFile(path)
	require.NoError(t, err)
	b[len(b)/2] ^= 0x40
	f, err := os.OpenFile(path, os.O_WRONLY, 0)
	require.NoError(t, err)
	_, err = f.WriteAt(b, 0)
	require.NoError(t, err)
	require.NoError(t, f.Close())
}

func removeFile(t *testing.T, path string) { t.Helper(); require.NoError(t, os.Remove(path)) }

// partFile is a file with columns of the newest part of a table.
func (s *service) partFile(table string) string {
	s.t.Helper()
	dir := s.number("SELECT path FROM system.parts WHERE database = 'ugc' AND active AND startsWith(table, '" + table + "') ORDER BY rows DESC, name DESC LIMIT 1")
	files, err := filepath.Glob(filepath.Join(dir, "*.bin"))
	require.NoError(s.t, err)
	require.NotEmpty(s.t, files, dir)
	return files[len(files)-1]
}

// made waits until views were found damaged and show everything again.
func (s *service) made(views ...string) {
	s.t.Helper()
	for _, v := range views {
		s.await(v+" is found damaged", func() bool {
			for line := range strings.Lines(s.out.String()) {
				if strings.Contains(line, `"a view is damaged"`) && strings.Contains(line, `"view":"`+v+`"`) {
					return true
				}
			}
			return false
		})
	}
	s.await("no view is damaged", func() bool {
		return !damagedNow(string(s.call(http.MethodGet, "/metrics", "").body))
	})
	s.auditIsCleanWithin("60s")
}

func damagedNow(metrics string) bool {
	for line := range strings.Lines(metrics) {
		if strings.HasPrefix(line, "ugc_view_damaged{") && !strings.HasSuffix(line, " 0\n") {
			return true
		}
	}
	return false
}

// TestDamageAtRestIsSeenAndMadeAnew spoils files of the stores of a service that runs, and of one that was stopped. Each is noticed by itself, said, and
// made again from the events; in the end everything is what the log says.
func TestDamageAtRestIsSeenAndMadeAnew(t *testing.T) {
	s := start(t, t.TempDir())
	s.postForAudit()
	s.auditIsClean()

	changeFile(t, s.partFile("viewing__g"))
	_, code := s.command("sql", "SELECT sum(cityHash64(*)) FROM viewing")
	require.NotZero(t, code, "reading it fails")
	s.made("viewing")

	require.Zero(t, s.stop())
	s.start()
	history, opinions := s.partFile("playback_events__g"), s.partFile("feedback__g")
	require.Zero(t, s.stop())
	cutFile(t, history)
	removeFile(t, opinions)
	s.start()
	s.made("playback_events", "feedback")

	marks := s.partFile("ugc_watermarks")
	require.Zero(t, s.stop())
	changeFile(t, marks)
	cutFile(t, filepath.Join(s.dir, "documents.sqlite"))
	s.start()
	s.made("playback_events", "viewing", "feedback_events", "feedback", "ratings")
	require.FileExists(t, filepath.Join(s.dir, "documents.sqlite.damaged"))
	s.inOrder()
}
