package schemas

import (
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/require"
)

func TestQuoteBoundsWhatItRepeats(t *testing.T) {
	require.Equal(t, `"ann/heat"`, Quote("ann/heat"))
	require.Equal(t, `"\x00\xff"`, Quote([]byte{0, 0xff}))
	require.Equal(t, `"`+strings.Repeat("k", 300)+`"`, Quote(strings.Repeat("k", 300)))
	require.Equal(t, `"`+strings.Repeat("k", 300)+`"… (301 bytes)`, Quote(strings.Repeat("k", 301)))
	for _, text := range []string{strings.Repeat("\x00", 1<<20), strings.Repeat("é", 1<<19), "k" + strings.Repeat("😀", 1<<18), strings.Repeat("\xff", 1<<20)} {
		require.Less(t, len(Quote(text)), 5*maxQuoted)
		require.True(t, utf8.ValidString(Quote(text)))
		require.Contains(t, Quote(text), " bytes)")
	}
}

func TestCutKeepsWholeCharacters(t *testing.T) {
	require.Equal(t, "aé", cut("aé", 3))
	require.Equal(t, "a", cut("aé", 2))
	require.Empty(t, cut("😀", 3))
}
