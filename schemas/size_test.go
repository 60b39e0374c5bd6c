package schemas

import (
	"math"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"ugc/domain"
)

// What a state takes in its table, without the outbox. OPERATIONS, "What it takes", says these figures; the bounds are
// a little wider.
func TestTableBytes(t *testing.T) {
	for name, c := range map[string]struct {
		reports []domain.PlaybackCommand
		most    int
	}{
		"one session of 720 heartbeats":         {told(1, 720, 0), 180},
		"five sessions":                         {told(5, 144, 0), 320},
		"200 sessions":                          {told(200, 36, 0), 6_200},
		"2,000 sessions of two reports":         {told(2_000, 2, 0), 60_000},
		"a session of 2,000, every second only": {told(1, 2_000, 2), 21_000},
		"1,000 ids of reports without a place":  {unplaced(1_000), 9_000},
		"one hundred ids":                       {unplaced(100), 1_050},
		"2,048 stretches of film":               {scattered(2_048), 17_500},
		"4,096 sessions of one report":          {told(4_096, 1, 0), 115_000},
		"4,096 pieces, which are the most":      {told(1, 8_192, 2), 86_000},
		"a play and a pause, without a place":   {unplaced(2), 125},
	} {
		t.Run(name, func(t *testing.T) {
			var s domain.PlaybackState
			for _, c := range c.reports {
				s = domain.Playback.Evolve(s, domain.Playback.Decide(s, c))
			}
			b, err := Offline().EncodePlaybackTable(&Table[domain.PlaybackState]{Applied: 1 << 30, State: s})
			require.NoError(t, err)
			t.Logf("%d bytes", len(b))
			require.LessOrEqual(t, len(b), c.most)
			require.Greater(t, len(b), c.most*4/5, "the bound is close")
		})
	}
}

func TestFeedbackTableBytes(t *testing.T) {
	for ids, most := range map[int]int{1: 60, 10: 140, 1_000: 8_800} {
		var s domain.FeedbackState
		for n := range ids {
			c := &domain.SetRating{Fact: placeless(n), Score: 7}
			s = domain.Feedback.Evolve(s, domain.Feedback.Decide(s, c))
		}
		b, err := Offline().EncodeFeedbackTable(&Table[domain.FeedbackState]{Applied: 1 << 30, State: s})
		require.NoError(t, err)
		t.Logf("%d ids: %d bytes", ids, len(b))
		require.LessOrEqual(t, len(b), most)
		require.Greater(t, len(b), most*4/5, "the bound is close")
	}
}

// The greatest value of all has room for an outbox of 256 KiB, and one event more, in a record of a mebibyte.
func TestLargestTableValue(t *testing.T) {
	const great, late = math.MaxInt64 / 2, domain.MaxInstant
	edge := domain.Edge{Clock: late, Entry: great - 1, Exit: great, Running: true, Rate: 1.5}
	first, last := edge, edge
	first.Sequence, last.Sequence = 2, great
	register := domain.Register[domain.Millis]{Value: great, Stamp: domain.Stamp{At: late, Sequence: great}}
	s := domain.PlaybackState{
		Position: register, Resume: register, Duration: register, Furthest: great, Plays: great, ViewedSeconds: great,
		FirstSeen: late, LastSeen: late, Reports: great, Seen: make(domain.Seen, domain.MaxSeen), Rules: sampleRules(),
		Watched: slices.Repeat(domain.Intervals{{Start: great, End: great}}, domain.MaxIntervals),
	}
	for range domain.MaxPieces {
		pieces := []domain.Piece{{First: first, Last: last, Touched: great}}
		s.Sessions = append(s.Sessions, domain.Session{Pieces: pieces})
	}
	b, err := Offline().EncodePlaybackTable(&Table[domain.PlaybackState]{Applied: great, State: s})
	require.NoError(t, err)
	t.Logf("%d bytes", len(b))
	require.Less(t, len(b), 600_000)

	report := domain.RecordPlayback{Fact: sampleFact(1), Type: domain.Play}
	report.Watched = slices.Repeat([]domain.Interval{{Start: great, End: great}}, domain.MaxRanges)
	event, err := Offline().EncodeEvent(&domain.PlaybackRecorded{
		RecordPlayback: report, Verdict: domain.Applied, After: s.Viewing(), Rules: sampleRules(),
	})
	require.NoError(t, err)
	t.Logf("%d bytes of an event", len(event))
	require.Less(t, len(b)+256<<10+len(event), 1<<20-4096)
}
