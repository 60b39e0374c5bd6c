package streams

import (
	"testing"

	"github.com/stretchr/testify/require"

	"ugc/domain"
	"ugc/schemas"
)

// A position says what the newest event of its key decided, by that event's rules, whoever shows it.
func TestPositionIsByTheRulesOfItsDecision(t *testing.T) {
	codec := schemas.Offline()
	lax, strict := domain.PublishedRules, domain.PublishedRules
	strict.CompletedReached = 0.95
	type state = domain.PlaybackState
	decides := func(r domain.PlaybackRules, s state, n int) (state, *domain.PlaybackRecorded) {
		c := report("u", "m", n)
		c.Position, c.Duration = 92_000, 100_000
		e := r.Decider().Decide(s, c)
		b, err := codec.EncodeEvent(e)
		require.NoError(t, err)
		read, err := codec.DecodeEvent(b)
		require.NoError(t, err)
		return r.Decider().Evolve(s, e), read.(*domain.PlaybackRecorded)
	}
	shownBy := func(r domain.PlaybackRules, s domain.PlaybackState) domain.Viewing {
		value, err := codec.EncodePlaybackTable(&schemas.Table[domain.PlaybackState]{State: s})
		require.NoError(t, err)
		p, ok, err := (&Positions{options: Options{Codec: codec, Rules: r}}).position("u/m", value)
		require.NoError(t, err)
		require.True(t, ok)
		return p.Viewing
	}
	s, before := decides(lax, state{}, 1)
	require.True(t, before.After.Completed)
	require.Equal(t, before.After, shownBy(strict, s), "the next process runs by other rules")
	s, after := decides(strict, s, 2)
	require.False(t, after.After.Completed)
	require.Equal(t, strict, after.Rules)
	require.Equal(t, after.After, shownBy(lax, s), "and one that is not yet replaced by these")
	s.Rules = domain.PlaybackRules{}
	require.True(t, shownBy(lax, s).Completed, "a state of version 1 names no rules")
	require.False(t, shownBy(strict, s).Completed)
}
