package clickhouse_test

import (
	"strings"
	"testing"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
	"github.com/stretchr/testify/require"
)

// Readers ask the stable names, and what they ask for must still reach the keys and indexes of the tables below.
func TestConditionsReachTheIndexes(t *testing.T) {
	s, database := newStore(t)
	conn := connect(t, database)
	require.NoError(t, live(t, s, "playback_events").Write(t.Context(), viewers(100)))
	require.NoError(t, live(t, s, "viewing").Write(t.Context(), viewers(100)))
	require.NoError(t, live(t, s, "feedback_events").Write(t.Context(), nil))
	for query, want := range map[string][]string{
		"SELECT * FROM playback_events WHERE hour >= '2024-03-30 21:00:00' AND movie_id = 'm1'": {"hour in [", "movie_id in ['m1', 'm1']"},
		"SELECT count() FROM playback_events WHERE user_id = 'u1'":                              {"Name: users"},
		"SELECT * FROM playback_events WHERE received_at > '2024-03-30'":                        {"toYYYYMM(received_at) in [202403, "},
		"SELECT * FROM viewing WHERE user_id = 'u1' AND movie_id = 'm1'":                        {"user_id in ['u1', 'u1']", "movie_id in ['m1', 'm1']"},
		"SELECT * FROM watch_by_hour WHERE hour >= '2024-03-30 21:00:00' AND movie_id = 'm1'":   {"hour in [", "movie_id in ['m1', 'm1']"},
	} {
		plan := strings.Join(scan(t, conn, func(r driver.Rows, s *string) error { return r.Scan(s) }, "EXPLAIN indexes = 1 "+query), "\n")
		for _, w := range want {
			require.Contains(t, plan, w, query)
		}
	}
	months := strings.Join(scan(t, conn, func(r driver.Rows, s *string) error { return r.Scan(s) },
		"SELECT create_table_query FROM system.tables WHERE database = currentDatabase() AND name IN ('playback_events', 'feedback_events', 'watch_by_hour')"), "\n")
	require.Equal(t, 3, strings.Count(months, "do_not_merge_across_partitions_select_final = 1"), "months are merged apart from each other")
}
