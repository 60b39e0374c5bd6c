package e2e

import (
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"ugc/deploy/faults/faultstest"
)

// TestTheEngineDiesInMidInsert kills the ClickHouse child at the very moment when it writes a part of an insert, again and again under load. The views
// stall and go on; every row is there once.
func TestTheEngineDiesInMidInsert(t *testing.T) {
	chance := faultstest.Chance(t)
	kills, perKill := faultstest.Times(3, 15), 1500
	s := start(t, t.TempDir(), "UGC_HTTP_ADDR="+keptAddress(t))
	v := s.playAt(float64(perKill), chance.Uint64(), (kills+1)*perKill) // a kill a second: as fast as it goes they would be done after three
	caught, killed := 0, 0
	for n := range kills {
		if !v.reached(n*perKill + chance.IntN(perKill/2)) {
			break // the engine is not in their way: they may be done before it has been killed so often
		}
		killed++
		pid := s.child()
		deadline := time.After(time.Second) // at the end of the load nothing may be inserted any more
		for inserting := false; !inserting; {
			select {
			case <-deadline:
				inserting = true
			default:
				spooled, err := filepath.Glob(filepath.Join(s.dir, "clickhouse", "spool", "*"))
				require.NoError(t, err)
				if inserting = len(spooled) > 0; inserting {
					caught++
				}
			}
		}
		require.NoError(t, syscall.Kill(pid, syscall.SIGKILL))
		s.await("another child runs", func() bool { return s.child() != pid })
	}
	require.GreaterOrEqual(t, killed, kills/2)
	require.NotZero(t, caught, "no kill hit an insert")
	t.Logf("%d of %d kills hit an insert", caught, killed)
	v.agree()
	require.Equal(t, "0", s.number("SELECT count() - uniqExact(partition, version) FROM playback_events")) // which waits for the last child
	s.auditIsClean()
}
