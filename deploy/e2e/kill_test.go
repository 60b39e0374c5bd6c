package e2e

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"ugc/deploy/faults/faultstest"
)

// TestKillsUnderLoad kills the whole program at random moments, also while it starts, while simulated viewers post; they send again with the same
// ids. In the end everything that the service shows is what the viewers' own fold says (I1, I5), every state and every event is the pure fold of the commands
// in the log (I2, I6), events of a key are in order (I3), and what was answered with 2xx is in the log once, anything else at most once (I1, I5).
func TestKillsUnderLoad(t *testing.T) {
	chance := faultstest.Chance(t)
	kills, perKill := faultstest.Times(3, 20), faultstest.Times(2500, 1500)
	s := start(t, t.TempDir(), "UGC_HTTP_ADDR="+keptAddress(t))
	w := s.witness("witness")
	v := s.play(chance.Uint64(), (kills+1)*perKill)
	starting := 0
	for n := range kills {
		v.reach(n*perKill + perKill/4 + chance.IntN(perKill/2))
		s.kill()
		if chance.IntN(3) == 0 {
			starting++
			s.launch()
			s.moment(time.Duration(chance.IntN(1500)) * time.Millisecond)
			s.kill()
		}
		s.start()
	}
	t.Logf("%d kills under load, %d more while the program started", kills, starting)
	v.agree()
	w.testify(s)
	s.auditIsClean()
	s.inOrder()
	require.Equal(t, "0", s.number("SELECT count() - uniqExact(partition, version) FROM playback_events"))
}

// moment lets some time pass, or the service end: a random moment is a condition of its own.
func (s *service) moment(d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-s.done:
	}
}
