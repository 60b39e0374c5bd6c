package main

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func sample(rate, cpu float64) Sample {
	const units = 1_000_000
	return Sample{Units: units, Took: time.Duration(units / rate * 1e9), CPU: time.Duration(cpu * units * 1e3), Peak: 1}
}

func TestSpread(t *testing.T) {
	for _, c := range []struct {
		of   []float64
		want spread
	}{
		{nil, spread{}},
		{[]float64{7}, spread{7, 7, 7}},
		{[]float64{3, 1, 2}, spread{1, 2, 3}},
		{[]float64{4, 1, 3, 2}, spread{1, 2.5, 4}},
	} {
		given := append([]float64(nil), c.of...)
		require.Equal(t, c.want, spreadOf(c.of))
		require.Equal(t, given, c.of, "what is given stays in its order: pairs depend on it")
	}
}

func TestRatiosAreOfNeighbours(t *testing.T) {
	ours := []Sample{sample(1000, 10), sample(100, 20), sample(500, 10)}
	peer := []Sample{sample(2000, 5), sample(100, 30), sample(250, 10)}
	require.InDeltaSlice(t, []float64{0.5, 1, 2}, ratios(ours, peer, Rate), 1e-6)
	require.InDeltaSlice(t, []float64{0.5, 1.5, 1}, ratios(ours, peer, CPU), 1e-6)
}

func TestVerdicts(t *testing.T) {
	run := func(context.Context, *Workplace) (Sample, error) { return Sample{}, nil }
	c := &Contest{Goal: 0.8, Aim: 0.95, Ours: Contender{"o", run}, Peer: Contender{"p", run}, Bounds: []Bound{{"p99", "ms", 50, 15}}}
	judged := func(rate, p99 float64) []verdict {
		ours := sample(rate, 10)
		ours.Figures = map[string]float64{"p99": p99}
		r := &result{contest: c, Ours: []Sample{ours}, Peer: []Sample{sample(1000, 20)}}
		r.judge()
		return r.Verdicts
	}
	for _, v := range []struct {
		rate, p99                            float64
		ratio, ratioAim, bounded, boundedAim bool
	}{
		{1000, 10, true, true, true, true},
		{900, 30, true, false, true, false},
		{700, 60, false, false, false, false},
	} {
		got := judged(v.rate, v.p99)
		require.Len(t, got, 2)
		require.Equal(t, []bool{v.ratio, v.ratioAim, v.bounded, v.boundedAim}, []bool{got[0].Met, got[0].AimMet, got[1].Met, got[1].AimMet}, "%+v", v)
	}
	c.By = CPU
	require.InDelta(t, 2, judged(500, 1)[0].Figure.Median, 1e-6, "half the CPU time is a ratio of two, whatever the rate")
	require.Equal(t, 1, (&result{Verdicts: judged(1000, 60)}).missed())
}

func TestNumber(t *testing.T) {
	for v, want := range map[float64]string{0: "0.00", 0.851: "0.85", 12.34: "12.3", 123.4: "123", 1234.5: "1,234", 1234567: "1,234,567", -5: "-5.00"} {
		require.Equal(t, want, number(v))
	}
}

func TestProcessTimeIsReadBehindTheName(t *testing.T) {
	got, err := processTime([]byte("12 (a ) name) S 1 2 3 4 5 6 7 8 9 10 150 50 0 0 20 0"))
	require.NoError(t, err)
	require.Equal(t, 2*time.Second, got)
	_, err = processTime([]byte("12 (a) S 1"))
	require.Error(t, err)
}
