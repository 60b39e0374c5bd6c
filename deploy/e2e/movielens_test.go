package e2e

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"

	"ugc/deploy/importer"
)

// movieLens is the file of real ratings, which is no part of the repository.
func movieLens(t *testing.T) string {
	t.Helper()
	path := os.Getenv("UGC_TEST_MOVIELENS")
	if path == "" {
		path = "../../../shared/data/movielens/ratings.csv.gz"
	}
	if _, err := os.Stat(path); err != nil {
		t.Skipf("the MovieLens ratings are not here (%v): name the file by UGC_TEST_MOVIELENS", err)
	}
	path, err := filepath.Abs(path)
	require.NoError(t, err)
	return path
}

// film is what a file of ratings says of one film.
type film struct {
	count, sum int
	histogram  [11]int
}

// TestRealRatings imports the real file twice and compares every film's summary, the ratings view and ClickHouse with what the
// file itself gives.
func TestRealRatings(t *testing.T) {
	path := movieLens(t)
	films, total, scores := map[string]*film{}, 0, 0
	require.NoError(t, importer.ScanMovieLens(path, func(e importer.Event) error {
		f := films[e.MovieID]
		if f == nil {
			f = &film{}
			films[e.MovieID] = f
		}
		f.count, f.sum, total, scores = f.count+1, f.sum+e.Score, total+1, scores+e.Score
		f.histogram[e.Score]++
		return nil
	}))
	require.Equal(t, 100_836, total)
	require.Len(t, films, 9_724)

	s := start(t, t.TempDir())
	for round := range 2 {
		out, code := s.command("import", "movielens", path)
		require.Zero(t, code, out)
		require.Contains(t, out, "100836 ratings accepted")
		t.Log(out)
		s.checkFilms(films)
		s.await("ClickHouse has decided every rating", func() bool {
			return s.number("SELECT count() FROM feedback_events") == fmt.Sprint((round+1)*total)
		})
		require.Equal(t, fmt.Sprint(total), s.number("SELECT countIf(rating IS NOT NULL) FROM feedback"), "one row a user and film")
		require.Equal(t, fmt.Sprint(total), s.number("SELECT countIf(verdict = 'applied') FROM feedback_events"), "the second import changes nothing")
		require.Equal(t, fmt.Sprint(scores), s.number("SELECT sum(rating) FROM feedback"))
		require.Equal(t, fmt.Sprint(len(films)), s.number("SELECT countIf(ratings > 0) FROM movie_audience"))
		s.checkAudience(films)
	}
	require.Equal(t, total, s.listedRatings(), "the ratings view, listed user by user")
}

// checkFilms compares every summary that the API gives.
func (s *service) checkFilms(films map[string]*film) {
	s.t.Helper()
	var g errgroup.Group
	g.SetLimit(8)
	for movie, want := range films {
		g.Go(func() error {
			var last string
			for range 500 { // the summaries follow the ratings by moments
				a, err := s.try(http.MethodGet, "/api/v2/movies/"+movie, "")
				if err != nil {
					return err
				}
				var got struct {
					Ratings struct {
						Count     int     `json:"count"`
						Mean      float64 `json:"mean"`
						Histogram [11]int `json:"histogram"`
					} `json:"ratings"`
				}
				if a.status == http.StatusOK {
					if err := json.Unmarshal(a.body, &got); err != nil {
						return err
					}
					if r := got.Ratings; r.Count == want.count && r.Histogram == want.histogram {
						if diff := r.Mean - float64(want.sum)/float64(want.count); diff > 1e-9 || diff < -1e-9 {
							return fmt.Errorf("film %s: mean %v", movie, r.Mean)
						}
						return nil
					}
				}
				last = string(a.body)
			}
			return fmt.Errorf("film %s: want %+v, have %s", movie, want, last)
		})
	}
	require.NoError(s.t, g.Wait())
}

// checkAudience compares every film in ClickHouse.
func (s *service) checkAudience(films map[string]*film) {
	s.t.Helper()
	rows := s.sql("SELECT movie_id, ratings, mean_rating FROM movie_audience")
	require.Len(s.t, rows, len(films))
	for _, row := range rows {
		want := films[fmt.Sprint(row["movie_id"])]
		require.NotNil(s.t, want, "%v", row)
		require.Equal(s.t, fmt.Sprint(want.count), fmt.Sprint(row["ratings"]), "%v", row)
		mean, err := row["mean_rating"].(json.Number).Float64()
		require.NoError(s.t, err)
		require.InDelta(s.t, float64(want.sum)/float64(want.count), mean, 1e-9, "%v", row)
	}
}

// listedRatings counts the ratings of all 610 users through the API's numbered pages.
func (s *service) listedRatings() (n int) {
	s.t.Helper()
	for user := 1; user <= 610; user++ {
		page := s.call(http.MethodGet, fmt.Sprintf("/api/v1/likes/users/%d?size=1", user), "").json(s.t)
		total, err := page["total"].(json.Number).Int64()
		require.NoError(s.t, err)
		n += int(total)
	}
	return n
}
