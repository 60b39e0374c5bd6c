package e2e

import (
	"fmt"
	"net"
	"os/exec"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// TestKillsUnderLoad kills the whole program, again and again, while simulated viewers post; they send again with the same
// ids, and compare in the end everything that the service shows with their own fold of what was accepted.
func TestKillsUnderLoad(t *testing.T) {
	const kills, perKill = 3, 2500
	// The viewers need the service where it was; 3 restarts pass between finding the port free and the last use of it.
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	addr := l.Addr().String()
	require.NoError(t, l.Close())
	s := start(t, t.TempDir(), "UGC_HTTP_ADDR="+addr)

	events := (kills + 1) * perKill
	load := exec.Command(binary, "load", "--url", "http://"+addr, "--events", fmt.Sprint(events), "--seed", "4", "--patience", "3m")
	out := &log{}
	load.Env, load.Dir, load.Stdout, load.Stderr = s.env, t.TempDir(), out, out
	require.NoError(t, load.Start())
	ended := make(chan error, 1)
	go func() { ended <- load.Wait() }()
	defer func() { _ = load.Process.Kill() }()

	for n := 1; n <= kills; n++ {
		s.await(fmt.Sprintf("%d events are decided", n*perKill/2), func() bool {
			out, code := s.command("sql", "--format", "csv", "SELECT count() >= "+fmt.Sprint(n*perKill/2)+" FROM playback_events")
			return code == 0 && out[len(out)-2] == '1'
		})
		s.kill()
		s.start()
	}
	select {
	case err := <-ended:
		require.NoError(t, err, "%s", out)
	case <-time.After(4 * time.Minute):
		t.Fatalf("the viewers do not come to an end:\n%s", out)
	}
	require.Contains(t, out.String(), "\n0 differences", "%s", out)
	t.Log(out)

	// Every event is decided once for each time that it stands in the log, and no part of the log is missing from a view.
	require.Equal(t, "0", s.number("SELECT count() - uniqExact(partition, version) FROM playback_events"))
	require.Equal(t, "0", s.number("SELECT sum(1 + max_version - n) FROM (SELECT partition, max(version) AS max_version, count() AS n FROM playback_events GROUP BY partition)"))
}
