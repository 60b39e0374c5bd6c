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

// A client that gives no time and hears no answer sends its report again: its second arrival is no newer fact.
func TestARepeatedReportWithoutATimeMovesNothingBack(t *testing.T) {
	report := func(id byte, position Millis, received Instant) *RecordPlayback {
		return &RecordPlayback{Fact: Fact{ID: ID{id}, User: "u", Movie: "m", ReceivedAt: received}, Type: Heartbeat, Position: position}
	}
	var s PlaybackState
	for _, c := range []*RecordPlayback{report(1, 100_000, 1000), report(2, 200_000, 2000)} {
		s = Playback.Evolve(s, Playback.Decide(s, c))
	}
	again := Playback.Decide(s, report(1, 100_000, 3000))
	require.Equal(t, Duplicate, again.Judged())
	require.Equal(t, Millis(200_000), again.Viewed().Position)
	require.Equal(t, s, Playback.Evolve(s, again))
}
