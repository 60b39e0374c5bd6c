package clickhouse_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"ugc/domain"
	"ugc/projections"
)

// viewers are heartbeats of many users, as a rebuild reads them.
func viewers(n int) []projections.Record {
	out := make([]projections.Record, n)
	for i := range out {
		f := domain.Fact{
			ID: domain.NamedID(domain.ID{}, fmt.Sprint(i)), User: domain.NamedID(domain.ID{1}, fmt.Sprint(i%5000)).String(), Movie: domain.NamedID(domain.ID{2}, fmt.Sprint(i%700)).String(),
			Session: domain.NamedID(domain.ID{3}, fmt.Sprint(i%9000)).String(), Device: "tv", Sequence: int64(i/5000 + 1), OccurredAt: march + domain.Instant(i*7), SentAt: march + domain.Instant(i*7),
			ReceivedAt: march + domain.Instant(i*7+40), Origin: domain.Origin{Partition: int32(i % 4), Version: domain.Version(i / 4)},
		}
		at := domain.Millis(i/5000) * 10_000
		c := domain.RecordPlayback{Fact: f, Type: domain.Heartbeat, Position: at, Duration: 7_200_000, Rate: 1}
		out[i] = record(&domain.PlaybackRecorded{RecordPlayback: c, Verdict: domain.Applied, NewlyWatched: 10_000, After: domain.Viewing{
			Position: at, PositionAt: f.At(), Duration: 7_200_000, Watched: domain.Intervals{{Start: 0, End: at + 1}}, WatchedTime: at + 1, FirstSeen: march, LastSeen: f.At(),
		}}, int64(i))
	}
	return out
}

// BenchmarkWrite writes batches of 50,000 events; the figure to look at is records/s.
func BenchmarkWrite(b *testing.B) {
	batch := viewers(50_000)
	for _, view := range []string{"playback_events", "viewing"} {
		b.Run(view, func(b *testing.B) {
			s, _ := newStore(b)
			sinks, err := s.Sinks(b.Context())
			require.NoError(b, err)
			for b.Loop() {
				require.NoError(b, sinks[view].Write(b.Context(), batch))
			}
			b.ReportMetric(float64(b.N*len(batch))/b.Elapsed().Seconds(), "records/s")
		})
	}
}
