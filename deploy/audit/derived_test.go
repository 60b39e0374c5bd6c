package audit

import (
	"context"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"ugc/deploy/reference"
	"ugc/domain"
	"ugc/projections"
)

// worldDerived computes the derived views of a world, row by row and of small numbers.
type worldDerived struct {
	*world
	alter  map[string]func(rows map[string]string)
	beyond int64 // rows of a batch that is being written
}

func (d worldDerived) Beyond(context.Context, string, map[int32]projections.Watermark) (int64, error) {
	return d.beyond, nil
}

func (d worldDerived) Scan(_ context.Context, view string, each func(Row) error) error {
	rows := map[string]func() map[string]string{"movie_audience": d.audience, "watch_by_hour": d.byHour, "retention": d.retention}[view]()
	if alter := d.alter[view]; alter != nil {
		alter(rows)
	}
	for key, text := range rows {
		if err := each(Row{Key: key, Text: text}); err != nil {
			return err
		}
	}
	return nil
}

// fields makes a text of names and values in turn.
func fields(pairs ...any) string {
	var b []string
	for i := 0; i < len(pairs); i += 2 {
		b = append(b, fmt.Sprintf("%v=%v", pairs[i], pairs[i+1]))
	}
	return strings.Join(b, fieldEnd)
}

func (d worldDerived) audience() map[string]string {
	type sums struct{ viewers, watched, completions, plays, scores, ratings, likes, dislikes, bookmarks int64 }
	all := map[string]*sums{}
	of := func(key string) *sums {
		_, movie, _ := strings.Cut(key, "/")
		if all[movie] == nil {
			all[movie] = &sums{}
		}
		return all[movie]
	}
	for key, s := range d.playback {
		m, v := of(key), s.Viewing()
		m.viewers++
		m.watched += int64(v.WatchedTime)
		m.plays += v.Plays
		if v.Completed {
			m.completions++
		}
	}
	for key, o := range d.opinions {
		m := of(key)
		if o.Rating.Set {
			m.ratings++
			m.scores += int64(o.Rating.Value)
		}
		switch {
		case o.Like.Set && o.Like.Value > 0:
			m.likes++
		case o.Like.Set:
			m.dislikes++
		}
		if o.Bookmark.Set {
			m.bookmarks++
		}
	}
	rows := map[string]string{}
	for movie, m := range all {
		rows[movie] = fields("viewers", m.viewers, "watch_time_ms", m.watched, "completions", m.completions, "completion_rate_bits", quotient(m.completions, m.viewers),
			"plays", m.plays, "mean_rating_bits", quotient(m.scores, m.ratings), "ratings", m.ratings, "likes", m.likes, "dislikes", m.dislikes, "bookmarks", m.bookmarks)
	}
	return rows
}

func quotient(a, b int64) any {
	if b == 0 {
		return ""
	}
	return int64(math.Float64bits(float64(a) / float64(b)))
}

func (d worldDerived) byHour() map[string]string {
	newly, viewers := map[string]int64{}, map[string]map[string]bool{}
	for _, e := range d.decided {
		head := e.Head()
		key := fmt.Sprintf("%d/%s", int64(head.At())/3_600_000*3600, head.Movie)
		if p, ok := e.(*domain.PlaybackRecorded); ok {
			newly[key] += int64(p.NewlyWatched)
		}
		if viewers[key] == nil {
			viewers[key] = map[string]bool{}
		}
		viewers[key][head.User] = true
	}
	rows := map[string]string{}
	for key, who := range viewers {
		rows[key] = fields("newly_watched_ms", newly[key], "viewers", len(who))
	}
	return rows
}

func (d worldDerived) retention() map[string]string {
	audience, saw := map[string]int64{}, map[string][]int64{}
	for key, s := range d.playback {
		_, movie, _ := strings.Cut(key, "/")
		v, any := s.Viewing(), false
		for p := range reference.Parts {
			seen := false
			for _, w := range v.Watched {
				for at := w.Start; at < w.End && at < w.Start+1000; at++ { // no stretch of the tests is longer
					seen = seen || v.Duration > 0 && int64(at)*reference.Parts/int64(v.Duration) == int64(p)
				}
			}
			if saw[movie] == nil {
				saw[movie] = make([]int64, reference.Parts)
			}
			saw[movie][p] += count(seen)
			any = any || seen
		}
		audience[movie] += count(any)
	}
	rows := map[string]string{}
	for movie, bar := range saw {
		for p, n := range bar {
			if audience[movie] > 0 {
				rows[fmt.Sprintf("%s/%d", movie, p)] = fields("viewers", n, "audience", audience[movie], "share_bits", quotient(n, audience[movie]))
			}
		}
	}
	return rows
}

// TestDerivedViewsAreTheFold alters what a derived view says.
func TestDerivedViewsAreTheFold(t *testing.T) {
	for view, key := range map[string]string{"movie_audience": "m1", "watch_by_hour": "", "retention": "m1/0"} {
		for fault, f := range map[string]struct {
			do   func(rows map[string]string, key string)
			kind Kind
		}{
			"altered": {func(rows map[string]string, key string) {
				rows[key] = strings.Replace(rows[key], "viewers=", "viewers=1", 1)
			}, Different},
			"gone":  {func(rows map[string]string, key string) { delete(rows, key) }, Missing},
			"alien": {func(rows map[string]string, key string) { rows["m77"] = rows[key] }, Extra},
		} {
			t.Run(view+" "+fault, func(t *testing.T) {
				w := newWorld(t)
				w.busy()
				w.derived.alter = map[string]func(map[string]string){view: func(rows map[string]string) {
					for k := range rows {
						if key == "" || k == key {
							f.do(rows, k)
							return
						}
					}
				}}
				r := w.audit()
				require.Len(t, r.Differences, 1, "%v", r.Differences)
				require.Equal(t, view, r.Differences[0].Check)
				require.Equal(t, f.kind, r.Differences[0].Kind)
			})
		}
	}
}

// TestDerivedViewsAreNotComparedWhileABatchIsWritten says so instead.
func TestDerivedViewsAreNotComparedWhileABatchIsWritten(t *testing.T) {
	w := newWorld(t)
	w.busy()
	w.derived.beyond = 1
	w.derived.alter = map[string]func(map[string]string){"retention": func(rows map[string]string) { clear(rows) }}
	r := w.audit()
	require.Empty(t, r.Differences)
	var notes []string
	for _, c := range r.Counts {
		if Running().Derived[c.Check] != nil {
			notes = append(notes, c.Note)
		}
	}
	require.Len(t, notes, len(Running().Derived))
	require.NotContains(t, strings.Join(notes, ""), "together")
	require.ElementsMatch(t, slices.Collect(maps.Keys(Running().Derived)), r.Uncompared())
	var said strings.Builder
	_, err := r.WriteTo(&said)
	require.NoError(t, err)
	require.Contains(t, said.String(), "not compared: movie_audience, retention, watch_by_hour; run the audit again with a longer --wait")
}

func count(is bool) int64 {
	if is {
		return 1
	}
	return 0
}
