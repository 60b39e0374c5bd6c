package clickhouse

import (
	"errors"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"ugc/domain"
	"ugc/projections"
)

func TestLanesTogetherAreTheBatch(t *testing.T) {
	s := &sink[viewed]{marks: marks{store: &Store{o: Options{Inserts: 3}}}}
	for n, want := range map[int]int{0: 1, 1: 1, 2*minLane - 1: 1, 2 * minLane: 2, 3*minLane + 1: 3, 50 * minLane: 3} {
		chosen := make([]int, n)
		for i := range chosen {
			chosen[i] = 2 * i
		}
		lanes := s.lanes(chosen)
		require.Len(t, lanes, want)
		require.True(t, slices.Equal(chosen, slices.Concat(lanes...)), n)
	}
}

func TestTheWorstOfTheLanesCounts(t *testing.T) {
	bad := func(i int) error { return recordError(map[int]error{i: errors.New("bad")}) }
	away := errors.New("away")
	require.NoError(t, worst([]error{nil, nil}))
	require.ErrorIs(t, worst([]error{bad(1), nil, away}), away, "the batch comes again, and with it what is bad")
	var named *projections.RecordError
	err := worst([]error{bad(1), nil, bad(7)})
	require.ErrorAs(t, err, &named)
	require.Equal(t, domain.Invalid, domain.KindOf(err))
	require.Len(t, named.Reasons, 2)
}
