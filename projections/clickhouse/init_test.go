package clickhouse_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"ugc/projections/clickhouse"
)

func TestInitMakesEveryViewAndCanBeRepeated(t *testing.T) {
	s, database := newStore(t, func(o *clickhouse.Options) { o.Compat = true })
	require.NoError(t, s.Init(t.Context()))
	conn := connect(t, database)
	for _, view := range []string{"playback_events", "viewing", "feedback_events", "feedback", "movie_audience", "watch_by_hour", "retention"} {
		require.Zero(t, one[uint64](t, conn, "SELECT count() FROM "+view), view)
	}
}
