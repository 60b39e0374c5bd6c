package documents

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"ugc/domain"
	"ugc/projections"
)

// bulks is a generation that notes what it is asked to write.
type bulks struct {
	Generation
	written [][]Document
	err     error
}

func (b *bulks) Upsert(_ context.Context, docs []Document) error {
	b.written = append(b.written, slices.Clone(docs))
	return b.err
}

func rated(user string, version domain.Version) projections.Record {
	f := domain.Fact{ID: domain.ID{1}, User: user, Movie: "m", ReceivedAt: 1, Origin: domain.Origin{Version: version}}
	e := domain.Feedback.Decide(domain.FeedbackState{}, &domain.SetRating{Fact: f, Score: 5})
	return projections.Record{Key: f.Key(), Version: version, Value: e}
}

func TestASinkWritesSortedBulksWithOneOperationForEachDocument(t *testing.T) {
	var batch []projections.Record
	for i := range 5200 {
		batch = append(batch, rated(fmt.Sprintf("u%04d", (i*7919)%2600), domain.Version(i)))
	}
	b := &bulks{}
	require.NoError(t, Sink(Ratings, b).Write(t.Context(), batch))
	require.Len(t, b.written, 3)
	var all []string
	for _, docs := range b.written {
		require.LessOrEqual(t, len(docs), MaxBulk)
		for _, d := range docs {
			all = append(all, d.ID)
			require.GreaterOrEqual(t, d.Version, domain.Version(2600), "the newest of each")
		}
	}
	require.Len(t, all, 2600)
	require.True(t, slices.IsSorted(all))
	require.Len(t, slices.Compact(all), 2600)

	b.err = errors.New("away")
	require.ErrorIs(t, Sink(Ratings, b).Write(t.Context(), batch), b.err)
	require.Len(t, b.written, 4, "it stops at the first bulk that fails")
}

func TestASinkWritesNothingOfABatchThatHoldsWhatCannotBeApplied(t *testing.T) {
	b := &bulks{}
	err := Sink(Ratings, b).Write(t.Context(), []projections.Record{rated("u", 1), {Value: "?"}})
	var bad *projections.RecordError
	require.ErrorAs(t, err, &bad)
	require.Len(t, bad.Reasons, 1)
	require.Error(t, bad.Reasons[1])
	require.Empty(t, b.written)
}
