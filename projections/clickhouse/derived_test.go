package clickhouse_test

import (
	"fmt"
	"math"
	"testing"

	"github.com/stretchr/testify/require"

	"ugc/domain"
	"ugc/projections"
)

// watchedBy is a report of a user on movie m1 that leaves this viewing.
func watchedBy(offset int64, user string, newly domain.Millis, after domain.Viewing) projections.Record {
	after.FirstSeen, after.LastSeen = march, march
	after.WatchedTime = after.Watched.Total()
	f := domain.Fact{ID: domain.ID{1}, User: user, Movie: "m1", ReceivedAt: march, Origin: domain.Origin{Version: domain.Version(offset)}}
	return record(&domain.PlaybackRecorded{RecordPlayback: domain.RecordPlayback{Fact: f, Type: domain.Heartbeat}, Verdict: domain.Applied, NewlyWatched: newly, After: after}, offset)
}

func TestRetentionAtTheBordersOfParts(t *testing.T) {
	s, database := newStore(t)
	conn := connect(t, database)
	sinks, err := s.Sinks(t.Context())
	require.NoError(t, err)
	for _, c := range []struct {
		name     string
		duration domain.Millis
		watched  domain.Intervals
		parts    []int // those watched; none: the viewer is not in the audience
	}{
		{"a part exactly", 100_000, domain.Intervals{{Start: 5_000, End: 10_000}}, []int{1}},
		{"one moment over the border", 100_000, domain.Intervals{{Start: 5_000, End: 10_001}}, []int{1, 2}},
		{"one moment before the border", 100_000, domain.Intervals{{Start: 4_999, End: 10_000}}, []int{0, 1}},
		{"the last moment", 100_000, domain.Intervals{{Start: 99_999, End: 100_000}}, []int{19}},
		{"everything", 100_000, domain.Intervals{{Start: 0, End: 100_000}}, []int{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19}},
		{"past a film that turned out shorter", 100_000, domain.Intervals{{Start: 94_000, End: 300_000}}, []int{18, 19}},
		{"only past its end", 100_000, domain.Intervals{{Start: 100_000, End: 300_000}}, nil},
		{"a film of fewer moments than parts", 7, domain.Intervals{{Start: 1, End: 2}}, []int{2, 3, 4, 5}},
		{"numbers that overflow when multiplied", math.MaxInt64, domain.Intervals{{Start: math.MaxInt64 - 1, End: math.MaxInt64}}, []int{19}},
		{"nothing", 100_000, nil, nil},
		{"a film of unknown length", 0, domain.Intervals{{Start: 0, End: 1}}, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			execute(t, conn, "TRUNCATE TABLE viewing__g1")
			h := history{playback: []projections.Record{watchedBy(1, "u1", 0, domain.Viewing{Duration: c.duration, Watched: c.watched})}}
			require.NoError(t, sinks["viewing"].Write(t.Context(), h.playback))
			want := map[string]seen{}
			if c.parts != nil {
				s := seen{audience: 1}
				for _, p := range c.parts {
					s.parts[p] = 1
				}
				want["m1"] = s
			}
			require.Equal(t, want, foldRetention(h), "the brute force itself")
			requireSame(t, want, shownRetention(t, conn))
		})
	}
}

func TestSumsStayAtTheTop(t *testing.T) {
	s, database := newStore(t)
	conn := connect(t, database)
	sinks, err := s.Sinks(t.Context())
	require.NoError(t, err)
	var h history
	for n := range 4 {
		all := domain.Viewing{Watched: domain.Intervals{{Start: 0, End: math.MaxInt64}}, Plays: math.MaxInt64}
		h.playback = append(h.playback, watchedBy(int64(n), fmt.Sprint("u", n), math.MaxInt64, all))
	}
	require.NoError(t, sinks["viewing"].Write(t.Context(), h.playback))
	require.NoError(t, sinks["playback_events"].Write(t.Context(), h.playback))
	require.Equal(t, int64(math.MaxInt64), shownAudience(t, conn)["m1"].watched)
	requireSame(t, foldAudience(h), shownAudience(t, conn))
	requireSame(t, foldHours(h), shownHours(t, conn))
}

// Times that a column cannot hold end at its end, and their hours do not wrap around into the past.
func TestTimesBeyondTheColumns(t *testing.T) {
	s, database := newStore(t)
	conn := connect(t, database)
	sinks, err := s.Sinks(t.Context())
	require.NoError(t, err)
	rec := watchedBy(1, "u1", 5, domain.Viewing{})
	rec.Value.(*domain.PlaybackRecorded).ReceivedAt = domain.MaxInstant
	require.NoError(t, sinks["playback_events"].Write(t.Context(), []projections.Record{rec}))
	require.Equal(t, "2262-04-11 23:47:16.854 2106-02-07 05:00:00", one[string](t, conn, "SELECT concat(toString(at), ' ', toString(hour)) FROM playback_events"))
	requireSame(t, foldHours(history{playback: []projections.Record{rec}}), shownHours(t, conn))
}

func TestDerivedViewsOfNothing(t *testing.T) {
	_, database := newStore(t)
	conn := connect(t, database)
	require.Empty(t, shownAudience(t, conn))
	require.Empty(t, shownHours(t, conn))
	require.Empty(t, shownRetention(t, conn))
}
