package streams

import (
	"testing"

	"ugc/schemas/topics"
)

// The main job is exact over a broker that others wrote, too: with its coordinator, its idea of a member that is gone, and its logs.
func TestExactnessOverARealBroker(t *testing.T) {
	t.Run("the process is killed", func(t *testing.T) { killing(startRealCluster(t), t.TempDir(), 2) })
	t.Run("partitions move", func(t *testing.T) { moving(startRealCluster(t), t.TempDir) })
	t.Run("inputs come again", func(t *testing.T) {
		dir := t.TempDir()
		again(startRealCluster(t), dir, dir)
	})
	t.Run("inputs come again, to a table that is restored", func(t *testing.T) {
		again(startRealCluster(t), t.TempDir(), t.TempDir())
	})
	t.Run("what is on its way to the table is lost", func(t *testing.T) {
		losing(startRealCluster(t), t.TempDir(), topics.PlaybackTable.Name, many(400), 1)
	})
	t.Run("what is on its way to the events is lost", func(t *testing.T) {
		losing(startRealCluster(t), t.TempDir(), topics.PlaybackEvents.Name, many(400), maxOutcomes)
	})
	t.Run("the process dies before the value is written", func(t *testing.T) { valueFirst(startRealCluster(t), t.TempDir) })
	t.Run("the process dies before the event is written", func(t *testing.T) { eventLost(startRealCluster(t), t.TempDir) })
	t.Run("a first owner writes before a second", func(t *testing.T) { twoOwners(startRealCluster(t), t.TempDir, false) })
	t.Run("a first owner writes after a second", func(t *testing.T) { twoOwners(startRealCluster(t), t.TempDir, true) })
	t.Run("a paused process goes on beside its successor", func(t *testing.T) {
		pausing(startRealCluster(t), t.TempDir, 1)
	})
	t.Run("hostile inputs are set aside", func(t *testing.T) { hostileInputs(startRealCluster(t), group("ugc-feedback"), "ann/heat") })
}
