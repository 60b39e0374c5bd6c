package engine

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestCodeOfErrors(t *testing.T) {
	for text, want := range map[string]int{
		"Code: 60. DB::Exception: Unknown table. (UNKNOWN_TABLE)": 60,
		"before: Code: 395. DB::Exception":                        395,
		"Code: 7":                                                 7,
		"Code: ":                                                  0,
		"Code: x":                                                 0,
		"Code: 99999999999999999999999. ":                         0,
		"":                                                        0,
	} {
		require.Equal(t, want, Error(text).Code(), text)
	}
}

func TestOptions(t *testing.T) {
	err := Options{}.Validate()
	for _, what := range []string{"library", "data directory", "configuration"} {
		require.ErrorContains(t, err, what)
	}
}
