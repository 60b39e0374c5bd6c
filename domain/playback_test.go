package domain

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestPlaybackScenarios(t *testing.T) {
	for _, s := range scenarios(t, "testdata/playback.txt") {
		t.Run(s.name, func(t *testing.T) {
			var state PlaybackState
			for i, line := range s.given {
				c := playbackCommand(t, i+1, line)
				require.NoError(t, c.Validate())
				state = Playback.Evolve(state, Playback.Decide(state, c))
			}
			c := playbackCommand(t, len(s.given)+1, s.when)
			require.NoError(t, c.Validate())
			e := Playback.Decide(state, c)
			said := e.Judged().String()
			if r, ok := e.(*PlaybackRecorded); ok && r.NewlyWatched != 0 {
				said += " +" + seconds(r.NewlyWatched)
			}
			require.Equal(t, s.then, said+"; "+describe(e.Viewed()), "testdata/playback.txt:%d", s.line)
		})
	}
}
