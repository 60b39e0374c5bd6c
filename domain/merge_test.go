package domain

import (
	"encoding/json"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// Facts merge: any order and any repetition of the same reports gives the same state. (DESIGN 6, rule 3.)

// reports draws up to 30 different reports about one film: within the bounds of a state, sequences unique in their session.
func reports(t *rapid.T) []PlaybackCommand {
	used := map[string]bool{}
	out := make([]PlaybackCommand, rapid.IntRange(1, 30).Draw(t, "reports"))
	for i := range out {
		f := Fact{ID: testID(i + 1), User: "u", Movie: "m", ReceivedAt: start + Instant(rapid.IntRange(0, 60).Draw(t, "received"))*1000}
		if rapid.Bool().Draw(t, "has occurred") {
			f.OccurredAt = start + Instant(rapid.IntRange(-30, 60).Draw(t, "occurred"))*1000
			if rapid.Bool().Draw(t, "has sent") {
				f.SentAt = f.OccurredAt + Instant(rapid.IntRange(-2, 10).Draw(t, "sent"))*1000
			}
		}
		f.Session = rapid.SampledFrom([]string{"", "a", "b"}).Draw(t, "session")
		if f.Session != "" {
			f.Sequence = int64(rapid.IntRange(0, 12).Draw(t, "sequence"))
			place := f.Session + string(rune('A'+f.Sequence))
			if used[place] {
				f.Sequence = 0
			}
			used[place] = true
		}
		if rapid.IntRange(0, 9).Draw(t, "kind") == 0 {
			out[i] = &RecordViewing{Fact: f, ViewedSeconds: rapid.OneOf(rapid.Int64Range(0, 100), rapid.Just(int64(1)<<62)).Draw(t, "viewed")}
			continue
		}
		c := &RecordPlayback{
			Fact:     f,
			Type:     ReportType(rapid.IntRange(int(Play), int(End)).Draw(t, "type")),
			Position: Millis(rapid.IntRange(0, 100).Draw(t, "position")) * 1000,
			Duration: rapid.SampledFrom([]Millis{0, 90_000, 100_000}).Draw(t, "duration"),
			Rate:     rapid.SampledFrom([]float64{0, 0.5, 1, 2}).Draw(t, "rate"),
		}
		if rapid.Bool().Draw(t, "has from") {
			c.From = Some(Millis(rapid.IntRange(0, 100).Draw(t, "from")) * 1000)
		}
		c.Watched = withSpare(rapid.SliceOfN(rapid.Custom(func(t *rapid.T) Interval {
			from := Millis(rapid.IntRange(0, 99).Draw(t, "start")) * 1000
			return Interval{from, from + Millis(rapid.IntRange(1, 20).Draw(t, "length"))*1000}
		}), 0, 3).Draw(t, "watched"), Interval{7, 77})
		out[i] = c
	}
	return out
}

// withSpare gives a slice whose array goes on behind its length, as slices in real life do; what stands there is not ours to write.
func withSpare[S ~[]T, T any](s S, mark T) S {
	return append(append(S{}, s...), mark, mark, mark)[:len(s)]
}

func spare[S ~[]T, T any](s S) S { return s[:cap(s)][len(s):] }

func fold(cmds []PlaybackCommand) (s PlaybackState) {
	for _, c := range cmds {
		s = Playback.Evolve(s, Playback.Decide(s, c))
	}
	return s
}

// facts are a state without the order in which ids were remembered.
func facts(s PlaybackState) PlaybackState {
	s.Remembered = slices.Clone(s.Remembered)
	slices.SortFunc(s.Remembered, func(a, b ID) int { return slices.Compare(a[:], b[:]) })
	return s
}

func TestAnyOrderAndRepetitionGivesTheSamePlayback(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		cmds := reports(t)
		for _, c := range cmds {
			require.NoError(t, c.Validate())
		}
		again := append(slices.Clone(cmds), rapid.SliceOf(rapid.SampledFrom(cmds)).Draw(t, "repeated")...)
		shuffled := rapid.Permutation(again).Draw(t, "order")
		once, other := fold(cmds), fold(shuffled)
		require.Equal(t, facts(once), facts(other))
		require.Equal(t, once.Viewing(), other.Viewing())
	})
}

func TestEventsSayWhatTheStateBecame(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var s PlaybackState
		var newly Millis
		cmds := reports(t)
		for _, c := range append(cmds, cmds...) {
			e := Playback.Decide(s, c)
			require.Equal(t, *c.Head(), *e.Head(), "an event repeats its command")
			next := Playback.Evolve(s, e)
			require.Equal(t, next.Viewing(), *e.Viewed())
			require.Equal(t, next.Watched.Total(), e.Viewed().WatchedTime)
			if r, ok := e.(*PlaybackRecorded); ok {
				require.GreaterOrEqual(t, r.NewlyWatched, Millis(0))
				newly += r.NewlyWatched
			}
			before, after := s.Viewing(), next.Viewing()
			before.FirstSeen, before.LastSeen, after.FirstSeen, after.LastSeen = 0, 0, 0, 0
			if _, ok := c.(*RecordPlayback); ok && e.Judged() != Applied {
				require.Equal(t, before, after, "%s, but it moved something", e.Judged())
			}
			s = next
		}
		require.Equal(t, s.Watched.Total(), newly, "newly watched time sums up to watched time")
		for _, c := range cmds {
			if e := Playback.Decide(s, c); s.Runs.holds(c.Head()) || isSummed(c) {
				require.Equal(t, Duplicate, e.Judged())
			}
		}
	})
}

// holds says whether a report's place in its session is remembered.
func (r Runs) holds(f *Fact) bool {
	return f.Sequence > 0 && slices.ContainsFunc(r, func(run Run) bool {
		return run.Session == f.Session && run.First.Sequence <= f.Sequence && f.Sequence <= run.Last.Sequence
	})
}

func isSummed(c PlaybackCommand) bool {
	p, ok := c.(*RecordPlayback)
	return !ok || p.Type == Play
}

func TestPlaybackIsPure(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var s PlaybackState
		for _, c := range reports(t) {
			s.Watched = withSpare(s.Watched, Interval{7, 77})
			s.Runs = withSpare(s.Runs, Run{Session: "spare"})
			s.Remembered = withSpare(s.Remembered, testID(777))
			snapshot := func() string {
				type spared struct {
					PlaybackState
					A Intervals
					B Runs
					C []ID
				}
				var behind []Interval
				if r, ok := c.(*RecordPlayback); ok {
					behind = spare(r.Watched)
				}
				b, err := json.Marshal([]any{spared{s, spare(s.Watched), spare(s.Runs), spare(s.Remembered)}, c, behind})
				require.NoError(t, err)
				return string(b)
			}
			before := snapshot()
			e := Playback.Decide(s, c)
			require.Equal(t, before, snapshot(), "decide changed its arguments")
			require.Equal(t, e, Playback.Decide(s, c), "the same arguments give the same event")
			next := Playback.Evolve(s, e)
			require.Equal(t, before, snapshot(), "evolve changed its arguments")
			require.Equal(t, next, Playback.Evolve(s, e))
			s = next
		}
	})
}

func TestStatesAreBounded(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var s PlaybackState
		for i := range 400 {
			at := start + Instant(rapid.IntRange(0, 1000).Draw(t, "at"))
			before := s.Watched
			s = fold1(s, &RecordPlayback{
				Fact: Fact{ID: testID(i), Session: string(rune('a' + i%50)), Sequence: int64(1 + 2*i), OccurredAt: at, ReceivedAt: at}, Type: Play,
				Watched: []Interval{{Millis(i) * 1000, Millis(i)*1000 + Millis(rapid.IntRange(1, 900).Draw(t, "length"))}},
			})
			require.LessOrEqual(t, len(s.Runs), MaxRuns)
			require.LessOrEqual(t, len(s.Watched), MaxIntervals)
			require.LessOrEqual(t, len(s.Remembered), MaxRemembered)
			require.True(t, s.Watched.contains(before), "watched time is never lost")
		}
		require.Equal(t, int64(400), s.Plays)
		require.Equal(t, testID(399), s.Remembered[MaxRemembered-1], "the newest is remembered, the oldest forgotten")
		require.Equal(t, testID(400-MaxRemembered), s.Remembered[0])
	})
}

func fold1(s PlaybackState, c PlaybackCommand) PlaybackState {
	return Playback.Evolve(s, Playback.Decide(s, c))
}

func TestTheSessionNotHeardOfForLongestIsForgotten(t *testing.T) {
	var r Runs
	for i := range MaxRuns {
		r, _, _ = r.join(string(rune('A'+i)), Edge{Sequence: 1}, start+Instant(MaxRuns-i))
	}
	r, _, _ = r.join(string(rune('A'+MaxRuns-1)), Edge{Sequence: 2}, start+1000) // the oldest is heard of again
	r, _, _ = r.join("z", Edge{Sequence: 1}, start+500)
	require.Len(t, r, MaxRuns)
	for _, run := range r {
		require.NotEqual(t, string(rune('A'+MaxRuns-2)), run.Session)
	}
}

func TestOtherRules(t *testing.T) {
	rules := PlaybackRules{CompletedReached: 0.5, CompletedWatched: 0.25, ResumeAfter: 10_000, ResumeAfterShare: 0.01}.Decider()
	decide := func(line string) *Viewing { return rules.Decide(PlaybackState{}, playbackCommand(t, 1, line)).Viewed() }
	require.True(t, decide("1s pause at 50s of 100s").Completed)
	require.False(t, decide("1s pause at 49s of 100s").Completed)
	require.True(t, decide("1s pause at 0s of 100s watched 0s-25s").Completed)
	require.NotZero(t, decide("1s pause at 10s").ResumeAt)
	require.Zero(t, decide("1s pause at 9s").ResumeAt)
	require.NotZero(t, decide("1s pause at 9s of 900s").ResumeAt)
}
