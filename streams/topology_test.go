package streams

import (
	"testing"

	"github.com/stretchr/testify/require"

	"ugc/schemas/topics"
)

func TestTopologyIsAValue(t *testing.T) {
	var lines []string
	for _, g := range Topology() {
		lines = append(lines, g.String())
		require.Equal(t, g.Name+"-table", g.Table.Name, "goka names the table after the group")
		require.Equal(t, topics.Compacted, g.Table.Keep)
	}
	require.Equal(t, []string{
		"ugc-playback: ugc.playback.commands.v1 -> Playback -> table ugc-playback-table by user/movie, ugc.playback.events.v1 by user/movie, bad records to ugc.dead-letters.v1",
		"ugc-feedback: ugc.feedback.commands.v1 -> Feedback -> table ugc-feedback-table by user/movie, ugc.feedback.events.v1 by user/movie, ugc.movies.feedback.v1 by movie, bad records to ugc.dead-letters.v1",
		"ugc-movies: ugc.movies.feedback.v1 -> FoldMovie -> table ugc-movies-table by movie, bad records to ugc.dead-letters.v1",
	}, lines)
}
