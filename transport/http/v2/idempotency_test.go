package v2

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestUsedKeysAreBounded(t *testing.T) {
	at := time.Unix(1_700_000_000, 0)
	u := newUsedKeys(func() time.Time { return at })
	for i := range uint64(3 * keptKeys) {
		u.keep(keyUse{key: i, request: 1})
	}
	require.Len(t, u.uses, keptKeys)
	require.Len(t, u.index, keptKeys)
	require.True(t, u.elsewhere(keyUse{key: 3*keptKeys - 1, request: 2}))
	require.True(t, u.elsewhere(keyUse{key: 2 * keptKeys, request: 2}), "the newest are kept")
	require.False(t, u.elsewhere(keyUse{key: 2 * keptKeys, request: 1}))
	require.False(t, u.elsewhere(keyUse{key: 2*keptKeys - 1, request: 2}))

	at = at.Add(keptFor)
	require.False(t, u.elsewhere(keyUse{key: 2 * keptKeys, request: 2}), "for a day")
	u.keep(keyUse{key: 2 * keptKeys, request: 2})
	require.True(t, u.elsewhere(keyUse{key: 2 * keptKeys, request: 1}), "and for another request then")
	require.Len(t, u.index, keptKeys)
}
