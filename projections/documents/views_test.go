package documents

import (
	"regexp"
	"testing"

	"github.com/stretchr/testify/require"

	"ugc/domain"
	"ugc/handlers"
	"ugc/projections"
	"ugc/schemas"
)

// after decides commands one after the other and gives the record of the last event.
func after(commands ...domain.FeedbackCommand) projections.Record {
	var state domain.FeedbackState
	var r projections.Record
	for i, c := range commands {
		*c.Head() = domain.Fact{ID: domain.ID{byte(i + 1)}, User: "u", Movie: "m", ReceivedAt: domain.Instant(100 * (i + 1)), Origin: domain.Origin{Partition: 1, Version: domain.Version(10 * (i + 1))}}
		e := domain.Feedback.Decide(state, c)
		state = domain.Feedback.Evolve(state, e)
		r = projections.Record{Partition: 1, Offset: int64(i), Key: "u/m", Version: e.Head().Origin.Version, Value: e}
	}
	return r
}

func TestWhatAnEventSaysToEachView(t *testing.T) {
	document := func(version, added domain.Version, at domain.Instant, values ...any) *Document {
		return &Document{ID: "u/m", User: "u", Movie: "m", Version: version, Added: added, UpdatedAt: at, Values: values}
	}
	tombstone := func(version domain.Version, at domain.Instant, values ...any) *Document {
		d := document(version, 0, at, values...)
		d.Deleted = true
		return d
	}
	type says struct{ likes, bookmarks, ratings *Document }
	rate := func(score int32) *domain.SetRating { return &domain.SetRating{Score: score} }
	for _, c := range []struct {
		name   string
		record projections.Record
		says   says
	}{
		{"a like", after(&domain.SetLike{}), says{likes: document(10, 10, 100, int64(1))}},
		{"a dislike", after(&domain.SetLike{Dislike: true}), says{likes: document(10, 10, 100, int64(-1))}},
		{"a bookmark", after(&domain.SetBookmark{}), says{bookmarks: document(10, 10, 100)}},
		{"a rating of 0 is a rating", after(rate(0)), says{ratings: document(10, 10, 100, int64(0))}},
		{"another score keeps its place in lists", after(rate(3), rate(4)), says{ratings: document(20, 10, 200, int64(4))}},
		{"a clearing", after(rate(3), &domain.ClearRating{}), says{ratings: tombstone(20, 200, int64(0))}},
		{"a clearing of what never was", after(&domain.ClearBookmark{}), says{bookmarks: tombstone(10, 100)}},
		{"set again it is the newest in lists", after(rate(3), &domain.ClearRating{}, rate(5)), says{ratings: document(30, 30, 300, int64(5))}},
		{"an event about another register says nothing", after(rate(3), &domain.SetLike{}), says{likes: document(20, 20, 200, int64(1))}},
		{"a touch says all that was ever written", after(rate(3), &domain.ClearLike{}, &domain.TouchFeedback{}), says{likes: tombstone(30, 200, int64(0)), ratings: document(30, 10, 100, int64(3))}},
		{"a touch of nothing", after(&domain.TouchFeedback{}), says{}},
	} {
		t.Run(c.name, func(t *testing.T) {
			for v, want := range map[*View]*Document{&Likes: c.says.likes, &Bookmarks: c.says.bookmarks, &Ratings: c.says.ratings} {
				got, ok, err := v.Apply(c.record)
				require.NoError(t, err)
				require.Equal(t, want != nil, ok, v.Name)
				if want != nil {
					require.Equal(t, *want, got, v.Name)
				}
			}
		})
	}
}

func TestAStaleEventTellsWhatIsThere(t *testing.T) {
	newer := &domain.SetRating{Score: 9, Fact: domain.Fact{ID: domain.ID{1}, User: "u", Movie: "m", ReceivedAt: 900, Origin: domain.Origin{Version: 1}}}
	older := &domain.SetRating{Score: 2, Fact: domain.Fact{ID: domain.ID{2}, User: "u", Movie: "m", OccurredAt: 100, ReceivedAt: 950, Origin: domain.Origin{Version: 2}}}
	state := domain.Feedback.Evolve(domain.FeedbackState{}, domain.Feedback.Decide(domain.FeedbackState{}, newer))
	e := domain.Feedback.Decide(state, older)
	require.Equal(t, domain.Stale, e.Judged())
	got, ok, err := Ratings.Apply(projections.Record{Key: "u/m", Version: 2, Value: e})
	require.NoError(t, err)
	require.True(t, ok)
	require.Equal(t, Document{ID: "u/m", User: "u", Movie: "m", Version: 2, Added: 1, UpdatedAt: 900, Values: []any{int64(9)}}, got)
}

func TestASummaryComesBackAsItWentIn(t *testing.T) {
	state := domain.MovieState{
		Summary: domain.MovieSummary{Ratings: 3, Histogram: [11]int64{0: 1, 10: 2}, Likes: 4, Dislikes: 5, Bookmarks: 6, UpdatedAt: 7},
		Folded:  []domain.Origin{{Partition: 0, Version: domain.NewVersion(2, 5)}, {Partition: 3, Version: 0}},
	}
	d, ok, err := MovieSummaries.Apply(projections.Record{Key: "m", Version: 8, Value: &schemas.Table[domain.MovieState]{Applied: 8, State: state}})
	require.NoError(t, err)
	require.True(t, ok)
	require.Equal(t, []any{int64(3), 20 / 3.0, "[1,0,0,0,0,0,0,0,0,0,2]", int64(4), int64(5), int64(6), "[[0,562949953421317],[3,0]]"}, d.Values)
	summary, folded, err := summaryOf(d)
	require.NoError(t, err)
	require.Equal(t, state.Summary, summary)
	require.Equal(t, state.Folded, folded)

	_, ok, err = MovieSummaries.Apply(projections.Record{Key: "m", Value: &schemas.Table[domain.MovieState]{}})
	require.NoError(t, err)
	require.False(t, ok, "a movie that was only touched has no summary")
}

func TestViewsAreComplete(t *testing.T) {
	name := regexp.MustCompile(`^[a-z][a-z_]*$`)
	seen := map[string]bool{}
	for _, v := range All() {
		require.Regexp(t, name, v.Name)
		require.False(t, seen[v.Name])
		seen[v.Name] = true
		require.NotEmpty(t, v.Source.Name)
		require.NotNil(t, v.Apply)
		require.LessOrEqual(t, v.Batch.MaxRecords, MaxBulk, "a batch is one bulk")
		require.Zero(t, v.Batch.MaxWait, "document views do not linger")
		for _, c := range v.Columns {
			require.Regexp(t, name, c.Name)
			require.NotEqual(t, "unknown", c.Type.String())
		}
	}
	for _, v := range []handlers.View{handlers.ViewLikes, handlers.ViewBookmarks, handlers.ViewRatings, handlers.ViewSummaries} {
		require.True(t, seen[string(v)], "readers wait for %s by its name", v)
	}
}

func TestCoalesceKeepsTheNewestOfEachInOrder(t *testing.T) {
	docs := []Document{{ID: "b", Version: 1}, {ID: "a", Version: 3}, {ID: "b", Version: 7}, {ID: "a", Version: 2}, {ID: "b", Version: 5}}
	require.Equal(t, []Document{{ID: "a", Version: 3}, {ID: "b", Version: 7}}, Coalesce(docs))
	require.Empty(t, Coalesce(nil))
}
