package deploy

import (
	"testing"

	"github.com/stretchr/testify/require"

	"ugc/schemas/topics"
)

func TestTopicsKeepWhatExactnessNeeds(t *testing.T) {
	for _, topic := range topics.All() {
		one, three := settingsOf(topic, 1), settingsOf(topic, 3)
		require.NotContains(t, one, "min.insync.replicas", "one replica can't be two")
		require.Equal(t, "2", three["min.insync.replicas"], topic.Name)
		require.Equal(t, "-1", one["retention.bytes"])
		switch topic.Keep {
		case topics.Compacted:
			require.Equal(t, "compact", one["cleanup.policy"])
			require.Equal(t, "86400000", one["min.compaction.lag.ms"], "a day to heal a key that went back")
		default:
			require.Equal(t, "delete", one["cleanup.policy"])
		}
		require.Equal(t, "false", one["unclean.leader.election.enable"], topic.Name)
		require.Equal(t, "1048576", one["max.message.bytes"], "a record that fits one topic fits each")
		require.Equal(t, "-1", one["retention.ms"], "%s is kept for ever", topic.Name)
	}
}
