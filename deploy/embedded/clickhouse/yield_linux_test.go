package clickhouse_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestTheEngineYields reads how nice each thread of the child is: what it stores may wait, what its parent answers may not.
func TestTheEngineYields(t *testing.T) {
	o := options(t.TempDir(), "engine")
	r := startEngine(t, o)
	require.NoError(t, open(t, r.ClientOptions("")).Ping(t.Context()))
	threads, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/stat", childPID(t, o.DataDir)))
	require.NoError(t, err)
	require.Greater(t, len(threads), 10)
	ours := niceness(t, "/proc/self/stat")
	for _, stat := range threads {
		if nice := niceness(t, stat); nice != "" {
			require.NotEqual(t, ours, nice, stat)
		}
	}
}

// niceness is the 19th field of proc_pid_stat(5), "" of a thread that is gone.
func niceness(t *testing.T, path string) string {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		return ""
	}
	_, after, found := strings.Cut(string(b), ") ")
	require.True(t, found, "%s", b)
	return strings.Fields(after)[16]
}
