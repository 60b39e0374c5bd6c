package schemas

import (
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"ugc/domain"
)

// A registry that others wrote has the last word about our schemas and our client. Give it empty, by
// UGC_TEST_REGISTRY=http://host:port; what is registered stays there.
func TestARealRegistry(t *testing.T) {
	url := os.Getenv("UGC_TEST_REGISTRY")
	if url == "" {
		t.Skip("UGC_TEST_REGISTRY names no registry")
	}
	reg := connect(t, Remote{URL: url})
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
}
