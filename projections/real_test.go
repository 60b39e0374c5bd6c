package projections_test

import "testing"

// Views are exact over a broker that others wrote, too.
func TestViewsOverARealBroker(t *testing.T) {
	t.Run("events become rows", func(t *testing.T) { newRealStage(t).becomeRows() })
	t.Run("a second engine shares the partitions", func(t *testing.T) { newRealStage(t).share() })
	t.Run("death after each effect", func(t *testing.T) { dyingAfterEachEffect(t, newRealStage) })
	t.Run("hostile events are set aside", func(t *testing.T) { newRealStage(t).setHostileAside() })
}
