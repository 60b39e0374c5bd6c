package realtest

import (
	"net"
	"net/url"
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestMongoIsKilledComesBackAndLeavesNothing(t *testing.T) {
	Need(t, mongoScript)
	m, err := startMongo()
	require.NoError(t, err)
	u, err := url.Parse(m.URI())
	require.NoError(t, err)
	answers := func() bool {
		c, err := net.DialTimeout("tcp", u.Host, 5*time.Second)
		if err == nil {
			_ = c.Close()
		}
		return err == nil
	}
	require.True(t, answers())
	for _, who := range []string{"all", "ferretdb", "postgres"} {
		m.Kill(t, who)
		require.Equal(t, who == "postgres", answers())
		m.Restart(t)
		require.True(t, answers())
	}
	require.NoError(t, m.held.release())
	require.False(t, answers())
	_, err = os.Stat(m.held.dir)
	require.ErrorIs(t, err, os.ErrNotExist)
}
