package handlers_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"ugc/domain"
	"ugc/handlers"
	"ugc/handlers/handlerstest"
)

// The edge's clock jumps back and forward between any two reports. What it says is stamped into the command and nothing else reads it: a position moves by the
// time of its fact, so it never goes back to an older one, and what clients date themselves is shown as they date it.
func TestPositionsOutliveStepsOfTheClock(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		house := &handlerstest.House{}
		now, ids := domain.Instant(1_800_000_000_000), 0
		record := handlers.RecordEvents{Writing: handlers.Writing{
			Log: house, Now: func() domain.Instant { return now },
			NewID: func() domain.ID { ids++; return domain.NamedID(domain.ID{}, fmt.Sprint(ids)) },
		}}
		var newest domain.Instant
		for n := range rapid.IntRange(1, 30).Draw(t, "reports") {
			now += domain.Instant(rapid.Int64Range(-200_000_000, 200_000_000).Draw(t, "step"))
			dated := &domain.RecordPlayback{Fact: domain.Fact{User: "u", Movie: "dated", OccurredAt: 1_700_000_000_000 + domain.Instant(n*1000)}, Type: domain.Pause, Position: domain.Millis(n * 1000)}
			undated := &domain.RecordPlayback{Fact: domain.Fact{User: "u", Movie: "undated"}, Type: domain.Pause, Position: domain.Millis(n * 1000)}
			out, err := record.Handle(t.Context(), []domain.Command{dated, undated}, 0)
			require.NoError(t, err)
			for _, o := range out.Outcomes {
				require.NoError(t, o.Err)
			}
			require.Equal(t, now, dated.ReceivedAt)
			require.Equal(t, now, undated.ReceivedAt)

			p, ok, err := house.Position(t.Context(), "u", "dated")
			require.NoError(t, err)
			require.True(t, ok)
			require.Equal(t, domain.Millis(n*1000), p.Position, "the last report of a client that dates them")
			p, _, err = house.Position(t.Context(), "u", "undated")
			require.NoError(t, err)
			newest = max(newest, now)
			require.Equal(t, newest, p.PositionAt, "the newest by our clock")
		}
	})
}
