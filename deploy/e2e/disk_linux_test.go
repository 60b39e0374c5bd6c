package e2e

import (
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"ugc/deploy/faults/faultstest"
)

func freeBytes(t *testing.T, dir string) int64 {
	t.Helper()
	var fs syscall.Statfs_t
	require.NoError(t, syscall.Statfs(dir, &fs))
	return int64(fs.Bavail) * fs.Bsize
}

// leave fills the disk up to so many free bytes; the file it returns is what fills it.
func leave(t *testing.T, dir string, free int64) (ballast string) {
	t.Helper()
	f, err := os.CreateTemp(dir, "ballast")
	require.NoError(t, err)
	defer func() { require.NoError(t, f.Close()) }()
	if err := syscall.Fallocate(int(f.Fd()), 0, 0, max(1, freeBytes(t, dir)-free)); free > 0 {
		require.NoError(t, err)
	} else { // whatever is left at the end goes, too
		chunk := make([]byte, 4096)
		for err == nil {
			_, err = f.Write(chunk)
		}
	}
	return f.Name()
}

// TestAFullDiskIsRefusedAndGoesOnWhenThereIsSpace fills a small file system that holds all data while clients post. Nothing that was accepted is lost; while
// there is too little space writes are refused, plainly and at once, and reads go on; with space again all goes on by itself. When the last byte is gone, the program
// may end, soon, and says why once; started again with space, everything is there.
func TestAFullDiskIsRefusedAndGoesOnWhenThereIsSpace(t *testing.T) {
	const size, reserve = 448 << 20, 256 << 20 // the broker's reserve
	disk := faultstest.SmallDisk(t, size)
	s := start(t, filepath.Join(disk, "data"), "UGC_HTTP_ADDR="+keptAddress(t), "UGC_PUBLISH_TIMEOUT=2m", "UGC_SHUTDOWN_TIMEOUT=2m") // nobody waits for as long
	s.postForAudit()
	s.auditIsClean()
	w := s.witness("witness")
	post := func() answer {
		a, err := s.try(http.MethodPost, "/api/v2/events", `{"type":"viewing","user_id":"ann","movie_id":"heat","viewed_seconds":1}`)
		require.NoError(t, err)
		return a
	}
	for range faultstest.Times(1, 3) {
		ballast := leave(t, disk, reserve/2)
		var refused answer
		s.await("writes are refused", func() bool { refused = post(); return refused.status == http.StatusServiceUnavailable })
		refused = post() // the first one may have been under way
		require.Equal(t, http.StatusServiceUnavailable, refused.status)
		require.NotEmpty(t, refused.header.Get("Retry-After"), "%s", refused.body)
		require.Contains(t, string(refused.body), "Nothing was written")
		ready := s.call(http.MethodGet, "/healthz/ready", "")
		require.Equal(t, http.StatusServiceUnavailable, ready.status)
		require.Contains(t, string(ready.body), "disk full")
		require.Equal(t, http.StatusOK, s.call(http.MethodGet, "/api/v2/users/u1/ratings", "").status, "reads go on")
		require.NoError(t, os.Remove(ballast))
		s.await("writes are taken again", func() bool { return post().status == http.StatusAccepted })
	}
	s.auditIsCleanWithin("10s")

	for range faultstest.Times(1, 3) {
		v := s.playAt(1000, 1, 3000) // so that something is under way
		v.reach(200)
		ballast := leave(t, disk, 0)
		s.await("the program refuses or ends", func() bool {
			select {
			case <-s.done:
				return true
			default:
				a, err := s.try(http.MethodPost, "/api/v2/events", `{"type":"viewing","user_id":"ann","movie_id":"heat","viewed_seconds":1}`)
				return err == nil && a.status == http.StatusServiceUnavailable && strings.Contains(s.out.String(), "refuses writes")
			}
		})
		select {
		case <-s.done:
			require.Equal(t, 1, s.cmd.ProcessState.ExitCode())
			_, last, said := strings.Cut(s.out.String(), "\nugc: ")
			require.True(t, said, s.out.String())
			require.Contains(t, last, "free space or mend the disk, then start again")
			require.NotContains(t, last, "\nstop ", "one cause, said once")
			require.NoError(t, os.Remove(ballast))
			s.start()
		default:
			require.NoError(t, os.Remove(ballast))
		}
		s.await("writes are taken again", func() bool {
			select {
			case <-s.done: // it came to its end a moment later
				s.start()
			default:
			}
			a, err := s.try(http.MethodPost, "/api/v2/events", `{"type":"viewing","user_id":"ann","movie_id":"heat","viewed_seconds":1}`)
			return err == nil && a.status == http.StatusAccepted
		})
		v.agree()
	}
	w.testify(s)
	s.auditIsClean()
	s.inOrder()
}
