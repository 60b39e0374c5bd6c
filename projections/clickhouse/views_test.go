package clickhouse_test

import (
	"context"
	"maps"
	"slices"
	"testing"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
	"github.com/google/uuid"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"ugc/domain"
	"ugc/projections"
	"ugc/projections/clickhouse"
)

// TestViewsEqualTheFold writes random histories the way a crashing, rebalancing, rebuilding system does and compares every view with the
// brute force over the events.
func TestViewsEqualTheFold(t *testing.T) {
	s, database := newStore(t, func(o *clickhouse.Options) { o.BlockRows = 16 })
	checks(t, "25")
	conn := connect(t, database)
	sinks, err := s.Sinks(t.Context())
	require.NoError(t, err)
	rapid.Check(t, func(rt *rapid.T) {
		for view := range sinks {
			execute(t, conn, "TRUNCATE TABLE "+view+"__g1")
		}
		h := histories.Draw(rt, "history")
		deliver(t.Context(), rt, h.playback, sinks["playback_events"], sinks["viewing"])
		deliver(t.Context(), rt, h.feedback, sinks["feedback_events"], sinks["feedback"])
		requireSame(rt, expectedPlayback(h), shownPlayback(t, conn))
		requireSame(rt, expectedViewing(h), shownViewing(t, conn))
		requireSame(rt, expectedFeedbackEvents(h), shownFeedbackEvents(t, conn))
		requireSame(rt, expectedFeedback(h), shownFeedback(t, conn))
		requireSame(rt, foldAudience(h), shownAudience(t, conn))
		requireSame(rt, foldHours(h), shownHours(t, conn))
		requireSame(rt, foldRetention(h), shownRetention(t, conn))
	})
}

// requireSame compares views row by row, so that a failure shows the row.
func requireSame[K comparable, V any](t require.TestingT, want, got map[K]V) {
	for k, v := range want {
		require.Contains(t, keysOf(got), k, "a row is missing")
		require.Equal(t, v, got[k], "%+v", k)
	}
	for k := range got {
		require.Contains(t, keysOf(want), k, "a row is too much")
	}
}

func keysOf[K comparable, V any](m map[K]V) []K { return slices.Collect(maps.Keys(m)) }

// deliver writes the records in order, in batches that overlap, and writes stretches of old ones again in between: as a zombie does, a
// retry after a lost answer, or a rebuild.
func deliver(ctx context.Context, t *rapid.T, records []projections.Record, sinks ...projections.Sink) {
	for _, sink := range sinks {
		for done := 0; done < len(records); {
			from := rapid.IntRange(max(0, done-5), done).Draw(t, "from")
			to := rapid.IntRange(done+1, len(records)).Draw(t, "to")
			require.NoError(t, sink.Write(ctx, records[from:to]))
			done = to
			if rapid.Bool().Draw(t, "again") {
				first := rapid.IntRange(0, done-1).Draw(t, "again from")
				last := rapid.IntRange(first, done).Draw(t, "again to")
				require.NoError(t, sink.Write(ctx, records[first:last]))
			}
		}
	}
}

type identity struct {
	partition int32
	version   uint64
}

func identityOf(e domain.Event) identity {
	return identity{e.Head().Origin.Partition, uint64(e.Head().Origin.Version)}
}

type historyRow struct {
	id                           uuid.UUID
	user, movie, session, device string
	sequence                     *int64
	at, received                 time.Time
	hour                         time.Time
	occurred, sent               *time.Time
	kind, verdict                string
	position, from, duration     *int64
	rate                         *float64
	reported                     [][]int64
	seconds                      *int64
	newly                        int64
	opinion                      string
	value                        *int32
}

func given[T comparable](v, none T) *T {
	if v == none {
		return nil
	}
	return &v
}

func at(t domain.Instant) time.Time { return time.UnixMilli(int64(t)).UTC() }

func givenAt(t domain.Instant) *time.Time {
	if t == 0 {
		return nil
	}
	v := at(t)
	return &v
}

func historyOf(e domain.Event) historyRow {
	f := e.Head()
	return historyRow{
		id: uuid.UUID(f.ID), user: f.User, movie: f.Movie, session: f.Session, device: f.Device, sequence: given(f.Sequence, 0),
		at: at(f.At()), received: at(f.ReceivedAt), hour: time.Unix(hourOf(f.At()), 0).UTC(), occurred: givenAt(f.OccurredAt), sent: givenAt(f.SentAt),
		verdict: e.Judged().String(),
	}
}

func pairs(intervals []domain.Interval) [][]int64 {
	out := [][]int64{}
	for _, i := range intervals {
		out = append(out, []int64{int64(i.Start), int64(i.End)})
	}
	return out
}

func expectedPlayback(h history) map[identity]historyRow {
	out := map[identity]historyRow{}
	for _, r := range h.playback {
		e := r.Value.(domain.Event)
		row := historyOf(e)
		row.reported = [][]int64{}
		switch e := e.(type) {
		case *domain.PlaybackRecorded:
			row.kind, row.position, row.duration, row.rate = e.Type.String(), given(int64(e.Position), -1), given(int64(e.Duration), 0), given(e.Rate, 0)
			if e.From.Present {
				row.from = given(int64(e.From.Value), -1)
			}
			row.reported, row.newly = pairs(e.Watched), int64(e.NewlyWatched)
		case *domain.ViewingRecorded:
			row.kind, row.seconds = "viewing", given(e.ViewedSeconds, -1)
		case *domain.PlaybackTouched:
			row.kind = "touch"
		}
		out[identityOf(e)] = row
	}
	return out
}

func shownPlayback(t *testing.T, conn driver.Conn) map[identity]historyRow {
	type numbered struct {
		identity
		historyRow
	}
	out := map[identity]historyRow{}
	for _, r := range scan(t, conn, func(rows driver.Rows, r *numbered) error {
		return rows.Scan(&r.partition, &r.version, &r.id, &r.user, &r.movie, &r.session, &r.device, &r.sequence, &r.at, &r.hour, &r.occurred, &r.sent, &r.received,
			&r.kind, &r.position, &r.from, &r.duration, &r.rate, &r.reported, &r.seconds, &r.verdict, &r.newly)
	}, `SELECT partition, version, event_id, user_id, movie_id, session_id, device_id, sequence, at, hour, occurred_at, sent_at, received_at,
		type, position_ms, from_ms, duration_ms, rate, arrayMap(r -> [r.1, r.2], reported), viewed_seconds, verdict, newly_watched_ms FROM playback_events`) {
		require.NotContains(t, out, r.identity, "an event counts once")
		out[r.identity] = r.historyRow
	}
	return out
}

func expectedFeedbackEvents(h history) map[identity]historyRow {
	out := map[identity]historyRow{}
	for _, r := range h.feedback {
		e := r.Value.(domain.FeedbackEvent)
		row := historyOf(e)
		kind, value, set := e.Opinion()
		row.opinion, row.kind = kind.String(), "cleared"
		switch {
		case set:
			row.kind, row.value = "set", &value
		case kind == 0:
			row.kind = "touch"
		}
		out[identityOf(e)] = row
	}
	return out
}

func shownFeedbackEvents(t *testing.T, conn driver.Conn) map[identity]historyRow {
	type numbered struct {
		identity
		historyRow
	}
	out := map[identity]historyRow{}
	for _, r := range scan(t, conn, func(rows driver.Rows, r *numbered) error {
		return rows.Scan(&r.partition, &r.version, &r.id, &r.user, &r.movie, &r.session, &r.device, &r.sequence, &r.at, &r.hour, &r.occurred, &r.sent, &r.received,
			&r.kind, &r.opinion, &r.value, &r.verdict)
	}, `SELECT partition, version, event_id, user_id, movie_id, session_id, device_id, sequence, at, hour, occurred_at, sent_at, received_at, type, kind, value, verdict
		FROM feedback_events`) {
		require.NotContains(t, out, r.identity, "an event counts once")
		out[r.identity] = r.historyRow
	}
	return out
}

type viewingRow struct {
	identity
	position, resume, duration *int64
	positionAt, resumeAt       *time.Time
	watched                    [][]int64
	watchedTime, plays         int64
	completed                  bool
	seconds                    int64
	first, last                time.Time
}

func expectedViewing(h history) map[pair]viewingRow {
	out := map[pair]viewingRow{}
	for p, e := range newest[domain.PlaybackEvent](h.playback) {
		v := e.Viewed()
		if v.FirstSeen == 0 {
			continue
		}
		row := viewingRow{
			identity: identityOf(e), duration: given(int64(v.Duration), 0), positionAt: givenAt(v.PositionAt), resumeAt: givenAt(v.ResumeAt), watched: pairs(v.Watched),
			watchedTime: int64(v.WatchedTime), plays: v.Plays, completed: v.Completed, seconds: v.ViewedSeconds, first: at(v.FirstSeen), last: at(v.LastSeen),
		}
		if v.PositionAt != 0 {
			row.position = given(int64(v.Position), -1)
		}
		if v.ResumeAt != 0 {
			row.resume = given(int64(v.Resume), -1)
		}
		out[p] = row
	}
	return out
}

func shownViewing(t *testing.T, conn driver.Conn) map[pair]viewingRow {
	type numbered struct {
		pair
		viewingRow
	}
	out := map[pair]viewingRow{}
	for _, r := range scan(t, conn, func(rows driver.Rows, r *numbered) error {
		return rows.Scan(&r.user, &r.movie, &r.partition, &r.version, &r.position, &r.positionAt, &r.resume, &r.resumeAt, &r.duration, &r.watched, &r.watchedTime, &r.plays,
			&r.completed, &r.seconds, &r.first, &r.last)
	}, `SELECT user_id, movie_id, partition, version, position_ms, position_at, resume_ms, resume_at, duration_ms, arrayMap(r -> [r.1, r.2], watched), watched_ms, plays,
		completed, viewed_seconds, first_seen, last_seen FROM viewing`) {
		require.NotContains(t, out, r.pair)
		out[r.pair] = r.viewingRow
	}
	return out
}

type opinionRow struct {
	identity
	like, rating                 *int32
	bookmark                     bool
	likeAt, bookmarkAt, ratingAt *time.Time
}

func expectedFeedback(h history) map[pair]opinionRow {
	out := map[pair]opinionRow{}
	for p, e := range newest[domain.FeedbackEvent](h.feedback) {
		o := e.Changed().After
		if o == (domain.Opinions{}) {
			continue
		}
		row := opinionRow{
			identity: identityOf(e), bookmark: o.Bookmark.Set,
			likeAt: givenAt(o.Like.Stamp.At), bookmarkAt: givenAt(o.Bookmark.Stamp.At), ratingAt: givenAt(o.Rating.Stamp.At),
		}
		if o.Like.Set {
			row.like = &o.Like.Value
		}
		if o.Rating.Set {
			row.rating = &o.Rating.Value
		}
		out[p] = row
	}
	return out
}

func shownFeedback(t *testing.T, conn driver.Conn) map[pair]opinionRow {
	type numbered struct {
		pair
		opinionRow
	}
	out := map[pair]opinionRow{}
	for _, r := range scan(t, conn, func(rows driver.Rows, r *numbered) error {
		return rows.Scan(&r.user, &r.movie, &r.partition, &r.version, &r.like, &r.likeAt, &r.bookmark, &r.bookmarkAt, &r.rating, &r.ratingAt)
	}, "SELECT user_id, movie_id, partition, version, like, like_updated_at, bookmark, bookmark_updated_at, rating, rating_updated_at FROM feedback") {
		require.NotContains(t, out, r.pair)
		out[r.pair] = r.opinionRow
	}
	return out
}

func shownAudience(t *testing.T, conn driver.Conn) map[string]audience {
	type named struct {
		movie string
		audience
	}
	out := map[string]audience{}
	for _, r := range scan(t, conn, func(rows driver.Rows, r *named) error {
		return rows.Scan(&r.movie, &r.viewers, &r.watched, &r.completions, &r.completionRate, &r.plays, &r.meanRating, &r.ratings, &r.likes, &r.dislikes, &r.bookmarks)
	}, "SELECT movie_id, viewers, watch_time_ms, completions, completion_rate, plays, mean_rating, ratings, likes, dislikes, bookmarks FROM movie_audience") {
		require.NotContains(t, out, r.movie)
		out[r.movie] = r.audience
	}
	return out
}

func shownHours(t *testing.T, conn driver.Conn) map[hourOfMovie]watch {
	type named struct {
		at    time.Time
		movie string
		watch
	}
	out := map[hourOfMovie]watch{}
	for _, r := range scan(t, conn, func(rows driver.Rows, r *named) error { return rows.Scan(&r.at, &r.movie, &r.newly, &r.viewers) },
		"SELECT hour, movie_id, newly_watched_ms, viewers FROM watch_by_hour") {
		out[hourOfMovie{r.at.Unix(), r.movie}] = r.watch
	}
	return out
}

func shownRetention(t *testing.T, conn driver.Conn) map[string]seen {
	type named struct {
		movie    string
		part     uint8
		viewers  uint64
		audience uint64
		share    float64
	}
	out := map[string]seen{}
	for _, r := range scan(t, conn, func(rows driver.Rows, r *named) error {
		return rows.Scan(&r.movie, &r.part, &r.viewers, &r.audience, &r.share)
	},
		"SELECT movie_id, part, viewers, audience, share FROM retention") {
		require.Equal(t, float64(r.viewers)/float64(r.audience), r.share)
		s := out[r.movie]
		s.parts[r.part], s.audience = r.viewers, r.audience
		out[r.movie] = s
	}
	return out
}
