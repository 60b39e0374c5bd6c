package load

import (
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// A percentile is never below the true one, and at most 1/32 above it.
func TestQuantilesAreNearTheTrueOnes(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var h Histogram
		all := rapid.SliceOfN(rapid.Int64Range(0, int64(10*time.Hour/time.Microsecond)), 1, 300).Draw(t, "microseconds")
		for _, us := range all {
			h.Add(time.Duration(us) * time.Microsecond)
		}
		slices.Sort(all)
		require.EqualValues(t, len(all), h.Count())
		require.Equal(t, time.Duration(all[len(all)-1])*time.Microsecond, h.Max())
		for _, q := range []float64{0, 0.25, 0.5, 0.9, 0.99, 0.999, 1} {
			want := all[max(0, min(len(all), int(q*float64(len(all))+0.999999))-1)]
			got := h.Quantile(q).Microseconds()
			require.GreaterOrEqual(t, got, want)
			require.LessOrEqual(t, float64(got), float64(want)*(1+1.0/32))
		}
	})
	require.Zero(t, new(Histogram).Quantile(0.5))
}

func TestEveryNumberHasItsBucket(t *testing.T) {
	last := -1
	for us := uint64(0); us < 1<<20; us++ {
		b := bucket(us)
		if b != last && b != last+1 || us > upper(b) {
			t.Fatalf("%d µs are in bucket %d up to %d, after bucket %d", us, b, upper(b), last)
		}
		last = b
	}
	require.Equal(t, octaves*perOctave-1, bucket(1<<62), "beyond all bounds the last one")
}
