package schemas

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"ugc/deploy/real/realtest"
	"ugc/domain"
)

// A registry that others wrote has the last word about our schemas and our client.
func TestARealRegistry(t *testing.T) {
	server := realtest.StartRegistry(t)
	reg := connect(t, Remote{URL: server.URL()})
	first, err := New(t.Context(), options(t, reg))
	require.NoError(t, err)
	require.NoError(t, first.Degraded())
	second, err := New(t.Context(), options(t, reg))
	require.NoError(t, err)
	require.Equal(t, first.ids, second.ids)
	for i, s := range All() {
		text, err := reg.SchemaByID(t.Context(), int(first.ids[i]))
		require.NoError(t, err)
		require.NoError(t, Compatible(s.Text, text))
	}

	rating := All()[setRating]
	later := strings.Replace(rating.Text, `{"name": "score"`, `{"name": "note", "type": "string", "default": ""}, {"name": "score"`, 1)
	_, err = reg.Register(t.Context(), rating.Subject, later)
	require.NoError(t, err, "a field with a default may come")
	for name, text := range map[string]string{
		"a field without a default may not":  strings.Replace(rating.Text, `{"name": "score"`, `{"name": "note2", "type": "string"}, {"name": "score"`, 1),
		"nor may one without a default go":   strings.Replace(rating.Text, `"score"`, `"stars"`, 1),
		"nor may a type become a wider one":  strings.Replace(rating.Text, `"name": "score", "type": "int"`, `"name": "score", "type": "long"`, 1),
		"nor may it clash with a later text": strings.Replace(later, `"note", "type": "string", "default": ""`, `"note", "type": "int", "default": 0`, 1),
	} {
		_, err = reg.Register(t.Context(), rating.Subject, text)
		require.Equal(t, domain.Conflict, domain.KindOf(err), "%s: %v", name, err)
	}
	texts, err := reg.Versions(t.Context(), rating.Subject)
	require.NoError(t, err)
	require.Len(t, texts, 2)
	_, err = reg.SchemaByID(t.Context(), 1<<30)
	require.Equal(t, domain.NotFound, domain.KindOf(err))

	// Away, it is missed only by who has not met it.
	known := options(t, reg)
	_, err = New(t.Context(), known)
	require.NoError(t, err)
	server.Kill(t)
	remembered, err := New(t.Context(), known)
	require.NoError(t, err)
	require.Error(t, remembered.Degraded())
	require.Equal(t, first.ids, remembered.ids)
	b, err := remembered.EncodeCommand(sampleCommands()[0])
	require.NoError(t, err)
	_, err = first.DecodeCommand(b)
	require.NoError(t, err)
	_, err = New(t.Context(), options(t, reg))
	require.Equal(t, domain.Unavailable, domain.KindOf(err))
	server.Start(t)
	back, err := New(t.Context(), known)
	require.NoError(t, err)
	require.NoError(t, back.Degraded(), "what it had answered outlived kill -9")
	require.Equal(t, first.ids, back.ids)
}
