package cli

import (
	"bytes"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestTheLogIsCopiedFromAndToWhatIsNamed(t *testing.T) {
	data := filepath.Join(t.TempDir(), "data")
	t.Setenv("UGC_DATA_DIR", data)
	for _, tc := range []struct {
		args []string
		code int
		says string
	}{
		{[]string{"log", "save"}, exitUsage, "usage: ugc log save DIR"},
		{[]string{"log", "restore", "a", "b"}, exitUsage, "usage: ugc log restore DIR"},
		{[]string{"log", "burn"}, exitUsage, "unknown command"},
		{[]string{"log", "save", t.TempDir()}, exitFailed, "there is no log in " + data},
	} {
		var out, err bytes.Buffer
		require.Equal(t, tc.code, Main("test", append(tc.args, "--env-file", t.TempDir()+"/none"), &out, &err), "%v: %s", tc.args, &err)
		require.Contains(t, err.String(), tc.says)
		require.Empty(t, out.String())
	}
	require.NoDirExists(t, data, "nothing was made")
}
