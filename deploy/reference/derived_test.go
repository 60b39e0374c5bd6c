package reference

import (
	"math"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestWideSums adds what no 64 bits hold, and takes it away again.
func TestWideSums(t *testing.T) {
	var w Wide
	for range 5 {
		w.add(math.MaxInt64)
	}
	require.EqualValues(t, math.MaxInt64, w.Int())
	for range 4 {
		w.replace(math.MaxInt64, 0)
	}
	w.replace(math.MaxInt64, 7)
	require.EqualValues(t, 7, w.Int())
	v := &Viewing{Duration: math.MaxInt64, Watched: []Range{{Start: math.MaxInt64 - 1, End: math.MaxInt64}}}
	require.True(t, v.saw(Parts-1))
	require.False(t, v.saw(Parts-2))
}
