package e2e

import (
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// TestASignalToStopIsAnOrderlyEnd sends each of the signals that ask for it.
func TestASignalToStopIsAnOrderlyEnd(t *testing.T) {
	s := start(t, t.TempDir())
	for n, signal := range []syscall.Signal{syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP} {
		if n > 0 {
			s.start()
		}
		require.NoError(t, s.cmd.Process.Signal(signal))
		select {
		case <-s.done:
		case <-time.After(patience):
			t.Fatalf("%v: the service did not stop", signal)
		}
		require.Zero(t, s.cmd.ProcessState.ExitCode(), "%v: %s", signal, s.out.String())
		require.Contains(t, s.out.String(), "stopped\n", "%v", signal)
		require.FileExists(t, filepath.Join(s.dir, "kafka", "CLEAN"), "%v", signal)
	}
}

// TestAKilledServiceLeavesAFolderThatCanBeRemoved waits for the engine that a killed service leaves behind, as every test does at its end.
func TestAKilledServiceLeavesAFolderThatCanBeRemoved(t *testing.T) {
	dir := t.TempDir()
	t.Run("a test that ends by killing its service", func(t *testing.T) {
		s := start(t, dir)
		engine := s.child()
		s.kill()
		require.Contains(t, s.orphans, engine)
	})
	require.NoError(t, os.RemoveAll(dir))
}
