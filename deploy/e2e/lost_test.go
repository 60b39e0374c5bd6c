package e2e

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"ugc/deploy/faults/faultstest"
)

// TestALogThatLostItsEndGrowsAgain takes the last command out of the log, which a power cut may do, and goes on. Every accepted command counts, once.
func TestALogThatLostItsEndGrowsAgain(t *testing.T) {
	s := start(t, t.TempDir())
	viewing := func(n int) {
		a := s.call(http.MethodPost, "/api/v2/events", fmt.Sprintf(`[{"type":"viewing","viewed_seconds":100,"event_id":%q,"user_id":"ann","movie_id":"heat"}]`, id(n)))
		require.Equal(t, http.StatusAccepted, a.status, "%s", a.body)
	}
	for n := range 20 {
		viewing(n)
	}
	s.auditIsClean()
	for round := range faultstest.Times(1, 4) {
		s.kill()
		cut := 0
		segments, err := filepath.Glob(filepath.Join(s.dir, "kafka", "partitions", "ugc.playback.commands.v1-*", "*.dat"))
		require.NoError(t, err)
		for _, f := range segments {
			if info, err := os.Stat(f); err == nil && info.Size() > 0 {
				require.NoError(t, os.Truncate(f, info.Size()-1))
				cut++
			}
		}
		require.Equal(t, 1, cut)
		s.start()
		for n := range 40 {
			viewing(100 + 40*round + n)
		}
		want := fmt.Sprint(20 + 40*(round+1))
		s.await("all are shown", func() bool { return s.number("SELECT count() FROM playback_events") == want })
		s.auditIsClean()
		require.Equal(t, want+"00", s.number("SELECT max(viewed_seconds) FROM viewing"))
	}
}
