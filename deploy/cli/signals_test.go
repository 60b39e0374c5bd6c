package cli

import (
	"os/signal"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestAHangUpAsksToStop(t *testing.T) {
	require.False(t, signal.Ignored(syscall.SIGHUP), "run without nohup")
	require.Contains(t, stopSignals(), syscall.SIGHUP)
	signal.Ignore(syscall.SIGHUP) // as nohup does
	defer signal.Reset(syscall.SIGHUP)
	require.NotContains(t, stopSignals(), syscall.SIGHUP)
}
