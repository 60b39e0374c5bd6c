package schemas

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"ugc/domain"
)

func TestPlanSaysWhatNewDoes(t *testing.T) {
	m := newMemory()
	planned, err := Plan(t.Context(), options(t, m))
	require.NoError(t, err)
	require.Len(t, planned, 2*len(All()))
	require.Contains(t, planned, "schema registry: require FULL_TRANSITIVE of ugc.feedback.commands.v1-ugc.feedback.SetRating")
	require.Contains(t, planned, "schema registry: register version 1 of ugc.feedback.commands.v1-ugc.feedback.SetRating")
	require.Empty(t, m.texts, "and does nothing")

	_, err = New(t.Context(), options(t, m))
	require.NoError(t, err)
	planned, err = Plan(t.Context(), options(t, m))
	require.NoError(t, err)
	require.Empty(t, planned)
}

func TestPlanRefusesWhatNewWould(t *testing.T) {
	m, rating := newMemory(), All()[setRating]
	_, err := m.Register(t.Context(), rating.Subject, strings.Replace(rating.Text, `"name": "score", "type": "int"`, `"name": "score", "type": "string"`, 1))
	require.NoError(t, err)
	_, err = Plan(t.Context(), options(t, m))
	require.Equal(t, domain.Conflict, domain.KindOf(err))
	require.ErrorContains(t, err, rating.Subject)
	require.ErrorContains(t, err, "registered version 1 cannot read each other")

	m.fail(away)
	o := options(t, m)
	o.Attempts = 1
	_, err = Plan(t.Context(), o)
	require.Equal(t, domain.Unavailable, domain.KindOf(err))
}

func TestARegistryThatIsAwayIsToldAndMissedByNobody(t *testing.T) {
	m := newMemory()
	o := options(t, m)
	c, err := New(t.Context(), o)
	require.NoError(t, err)
	require.NoError(t, c.CheckRegistry(t.Context()))
	m.fail(away)
	require.ErrorContains(t, c.CheckRegistry(t.Context()), "connection refused")
	o.Attempts = 1
	c, err = New(t.Context(), o)
	require.NoError(t, err)
	require.ErrorContains(t, c.CheckRegistry(t.Context()), "away since before the start; reading and writing by remembered ids")
	m.fail(nil)
	require.NoError(t, c.CheckRegistry(t.Context()))
	require.NoError(t, Offline().CheckRegistry(t.Context()))
}
