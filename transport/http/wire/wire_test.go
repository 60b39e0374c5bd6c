package wire

import (
	"encoding/json"
	"math/big"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"ugc/domain"
)

func TestInteger(t *testing.T) {
	for text, want := range map[string]struct {
		n int64
		w Whole
	}{
		"0": {0, Exact}, "-0": {0, Exact}, "-0.0": {0, Exact}, "0e999999999999": {0, Exact}, "5": {5, Exact}, "5.0": {5, Exact}, "50e-1": {5, Exact},
		"5E0": {5, Exact}, "0.05e2": {5, Exact}, "1e3": {1000, Exact}, "-1e3": {-1000, Exact}, "100.00": {100, Exact},
		"5.5": {0, Fraction}, "5e-1": {0, Fraction}, "1e-999999999999999": {0, Fraction}, "0.1": {0, Fraction},
		"9223372036854775807": {1<<63 - 1, Exact}, "9223372036854775808": {0, TooHigh}, "9.223372036854775807e18": {1<<63 - 1, Exact},
		"9223372036854775807.0": {1<<63 - 1, Exact}, "9223372036854775807.5": {0, Fraction},
		"-9223372036854775808": {-1 << 63, Exact}, "-9223372036854775809": {0, TooLow}, "1e400": {0, TooHigh}, "-1e400": {0, TooLow},
		"1e999999999999999999999": {0, TooHigh}, "18446744073709551617": {0, TooHigh}, "99999999999999999999": {0, TooHigh}, "+5": {5, Exact},
	} {
		n, w := Integer(text)
		require.Equal(t, want.w, w, text)
		require.Equal(t, want.n, n, text)
	}
}

// What big.Rat says is what Integer says.
func TestIntegerIsExact(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.StringMatching(`-?(0|[1-9][0-9]{0,25})(\.[0-9]{1,20})?([eE][+-]?[0-9]{1,2})?`).Draw(t, "text")
		r, ok := new(big.Rat).SetString(text)
		require.True(t, ok)
		n, w := Integer(text)
		switch {
		case !r.IsInt():
			require.Equal(t, Fraction, w, text)
		case r.Num().IsInt64():
			require.Equal(t, Exact, w, text)
			require.Equal(t, r.Num().Int64(), n, text)
		case r.Sign() > 0:
			require.Equal(t, TooHigh, w, text)
		default:
			require.Equal(t, TooLow, w, text)
		}
	})
}

func TestAppendStringIsReadBackUnchanged(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := string(rapid.SliceOf(rapid.Byte()).Draw(t, "s"))
		var back string
		require.NoError(t, json.Unmarshal(AppendString(nil, s), &back))
		require.Equal(t, string([]rune(s)), back) // one U+FFFD for each bad byte
	})
	require.Equal(t, `x"a\"\\\b\t\n\f\r\u0001`+"\u007fé\u2028\"", string(AppendString([]byte("x"), "a\"\\\b\t\n\f\r\x01\u007fé\u2028")))
}

func TestAppendID(t *testing.T) {
	id := domain.NamedID(domain.ID{}, "x")
	require.Equal(t, id.String(), string(AppendID(nil, id)))
}
