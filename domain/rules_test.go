package domain

import (
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

func TestOtherRules(t *testing.T) {
	rules := PlaybackRules{
		CompletedReached: 0.5, CompletedWatched: 0.25, ResumeAfter: 10_000, ResumeAfterShare: 0.01,
	}.Decider()
	decide := func(line string) *Viewing { return rules.Decide(PlaybackState{}, playbackCommand(t, 1, line)).Viewed() }
	require.True(t, decide("1s pause at 50s of 100s").Completed)
	require.False(t, decide("1s pause at 49s of 100s").Completed)
	require.True(t, decide("1s pause at 0s of 100s watched 0s-25s").Completed)
	require.NotZero(t, decide("1s pause at 10s").ResumeAt)
	require.Zero(t, decide("1s pause at 9s").ResumeAt)
	require.NotZero(t, decide("1s pause at 9s of 900s").ResumeAt)
}

// The policy: a change of rules holds for what is decided after it. (OPERATIONS, "Upgrades".)
func TestRulesChange(t *testing.T) {
	old := PublishedRules
	next := old
	next.CompletedReached = 0.95

	first := playbackCommand(t, 1, "1s pause at 92s of 100s id 1")
	e := old.Decider().Decide(PlaybackState{}, first)
	require.True(t, e.Viewed().Completed)
	require.Equal(t, old, e.DecidedBy(), "an event names its rules")
	s := old.Decider().Evolve(PlaybackState{}, e)

	require.True(t, next.Viewing(s).Completed, "what was decided stays")
	touch := &TouchPlayback{Fact: *first.Head()}
	for name, c := range map[string]PlaybackCommand{"a repeated report": first, "a touch": touch} {
		e := next.Decider().Decide(s, c)
		require.True(t, e.Viewed().Completed, "%s decides nothing", name)
		require.Equal(t, old, e.DecidedBy(), name)
		require.Equal(t, s, next.Decider().Evolve(s, e), name)
	}

	later := next.Decider().Decide(s, playbackCommand(t, 2, "0.5s pause at 1s"))
	require.False(t, later.Viewed().Completed,
		"the next report is decided by the new rules, and with it what they say of the film")
	require.Equal(t, Applied, later.Judged())
	require.Equal(t, next, later.DecidedBy())
	require.Equal(t, *later.Viewed(), old.Viewing(next.Decider().Evolve(s, later)))
}

// Whatever the rules are, and however often they change: the event and what is shown of the state agree, for whoever
// shows it.
func TestStatesAndEventsAgreeAcrossRules(t *testing.T) {
	shares := rapid.SampledFrom([]Share{0.1, 0.5, 0.8, 0.9, 1})
	rapid.Check(t, func(t *rapid.T) {
		var s PlaybackState
		cmds := reports(t)
		for _, c := range append(cmds, cmds...) {
			r := PlaybackRules{CompletedReached: shares.Draw(t, "reached"), CompletedWatched: shares.Draw(t, "watched"),
				ResumeAfter:      Millis(rapid.IntRange(0, 90_000).Draw(t, "after")),
				ResumeAfterShare: shares.Draw(t, "share")}
			e := r.Decider().Decide(s, c)
			s = r.Decider().Evolve(s, e)
			require.Equal(t, *e.Viewed(), s.Viewing())
			require.Equal(t, *e.Viewed(), r.Viewing(s))
			require.Equal(t, s.Rules, e.DecidedBy())
			require.Equal(t, RulesVersion, e.DecidedBy().Version)
		}
	})
}

// A state from before rules were remembered is shown by the rules of whoever shows it.
func TestStatesWithoutRules(t *testing.T) {
	s := fold1(PlaybackState{}, playbackCommand(t, 1, "1s pause at 92s of 100s"))
	s.Rules = PlaybackRules{}
	require.True(t, s.Viewing().Completed)
	strict := PublishedRules
	strict.CompletedReached = 0.95
	require.False(t, strict.Viewing(s).Completed)
	touched := strict.Decider().Decide(s, &TouchPlayback{})
	require.False(t, touched.Viewed().Completed)
	require.Equal(t, strict, touched.DecidedBy())
}
