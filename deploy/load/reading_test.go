package load

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gofiber/fiber/v2"
	"github.com/stretchr/testify/require"

	"ugc/domain"
	"ugc/handlers"
	"ugc/transport/http/problem"
)

// Users with more than a page of everything are read to the end, with the token of what was accepted.
func TestListsAreReadToTheirEnd(t *testing.T) {
	var later, untold atomic.Int64
	s := serve(t, &service{before: func(c *fiber.Ctx) (bool, error) {
		if strings.HasPrefix(c.Path(), "/api/v2/users/") && c.Query("limit") != "1" && c.Get("Consistency-Token") == "" {
			untold.Add(1)
		}
		if strings.Contains(string(c.Request().URI().QueryString()), "after=") {
			later.Add(1)
		}
		return false, nil
	}})
	o := s.options()
	o.Users, o.Movies, o.Events = 2, 160, 5000
	result, err := Run(context.Background(), o)
	require.NoError(t, err, "%v", result)
	require.Greater(t, result.Pairs, 2*pageSize)
	require.Positive(t, later.Load())
	require.Zero(t, untold.Load(), "every read says what it must show")
}

// Of all that a run was handed out each movie's summary is shown what concerns it, so that one that has to be waited for is.
func TestSummariesAreReadWithWhatConcernsThem(t *testing.T) {
	var named, more atomic.Int64
	s := serve(t, &service{before: func(c *fiber.Ctx) (bool, error) {
		if movie, ok := strings.CutPrefix(c.Path(), "/api/v2/movies/"); ok {
			token, err := domain.ParseToken(c.Get("Consistency-Token"))
			if err != nil || len(token) == 0 || slices.ContainsFunc(token, func(m domain.Mark) bool { return m.Movie != movie }) {
				more.Add(1)
			}
			named.Add(1)
		}
		return false, nil
	}})
	o := s.options()
	o.Seed = 3 // somebody gives feedback on every movie
	result, err := Run(context.Background(), o)
	require.NoError(t, err, "%v", result)
	require.EqualValues(t, result.Movies, named.Load(), "each once")
	require.Zero(t, more.Load())
}

// Where the tokens of large batches name no movies, a summary that comes late is no difference, and one that never comes is.
func TestASummaryThatNoTokenNamesMayComeLate(t *testing.T) {
	for name, late := range map[string]int64{"late": 3, "never": 1 << 40} {
		t.Run(name, func(t *testing.T) {
			var reads sync.Map
			s := serve(t, &service{after: func(c *fiber.Ctx) error {
				if token, err := domain.ParseToken(c.GetRespHeader("Consistency-Token")); err == nil && len(token) > 0 {
					c.Set("Consistency-Token", token.ByPartition().String())
				}
				return nil
			}, summary: func(shown *handlers.Summary) {
				n, _ := reads.LoadOrStore(shown.Movie, new(atomic.Int64))
				if n.(*atomic.Int64).Add(1) < late {
					shown.Bookmarks--
				}
			}})
			o := s.options()
			o.Visible = time.Second
			result, err := Run(context.Background(), o)
			if name == "late" {
				require.NoError(t, err, "%v", result)
				return
			}
			require.ErrorIs(t, err, ErrDiffers)
			require.Equal(t, "bookmarks", result.Differences[0].Field)
		})
	}
}

// A row that only the second page holds is missed like any other.
func TestALostPageIsFound(t *testing.T) {
	s := serve(t, &service{position: func(p handlers.Position) (handlers.Position, bool) { return p, !strings.Contains(p.Movie, "-m9") }})
	o := s.options()
	o.Users, o.Movies, o.Events = 2, 160, 5000
	result, err := Run(context.Background(), o)
	require.ErrorIs(t, err, ErrDiffers)
	require.Regexp(t, `-m9\d* position: shown none`, fmt.Sprint(result.Differences))
}

func answering(t *testing.T, answer func(w http.ResponseWriter, r *http.Request)) *reader {
	t.Helper()
	s := httptest.NewServer(http.HandlerFunc(answer))
	t.Cleanup(s.Close)
	o := Options{URL: s.URL, Movies: 100, Patience: 50 * time.Millisecond, Visible: 50 * time.Millisecond}.withDefaults()
	return &reader{o: &o, token: domain.Token{{Topic: "t"}}}
}

func TestListsThatLeadAstray(t *testing.T) {
	for name, tc := range map[string]struct{ page, says string }{
		"without an end":     {`{"items":[],"next":"/list?after=1"}`, "has no end"},
		"to another list":    {`{"items":[],"next":"/other?after=1"}`, "another list"},
		"to another machine": {`{"items":[],"next":"http://example.org/list?after=1"}`, "another list"},
		"no JSON":            {`<html>`, "no JSON"},
		"another shape":      {`{"items":{}}`, "no JSON of the kind expected"},
	} {
		t.Run(name, func(t *testing.T) {
			r := answering(t, func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte(tc.page)) })
			_, err := list[shownOpinion](context.Background(), r, "/list")
			require.ErrorContains(t, err, tc.says)
		})
	}
}

func TestReadsAreTriedAgainWithinBounds(t *testing.T) {
	var n atomic.Int64
	r := answering(t, func(w http.ResponseWriter, _ *http.Request) { n.Add(1); w.WriteHeader(http.StatusServiceUnavailable) })
	var v struct{}
	require.ErrorContains(t, r.get(context.Background(), "/x", &v), "503")
	require.GreaterOrEqual(t, n.Load(), int64(1))
	n.Store(0)
	r = answering(t, func(w http.ResponseWriter, _ *http.Request) { n.Add(1); w.WriteHeader(http.StatusBadRequest) })
	require.ErrorContains(t, r.get(context.Background(), "/x", &v), "400")
	require.EqualValues(t, 1, n.Load(), "what is wrong stays wrong")
	r = answering(t, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNotFound) })
	require.ErrorIs(t, r.get(context.Background(), "/x", &v), errNotFound)
}

// Reads that are held up until a view has caught up are tried again.
func TestAViewThatLagsIsWaitedFor(t *testing.T) {
	var reads atomic.Int64
	s := serve(t, &service{before: func(c *fiber.Ctx) (bool, error) {
		if c.Method() == http.MethodGet && c.Query("limit") != "1" && reads.Add(1) < 4 {
			return true, &problem.Problem{Kind: problem.NotVisible}
		}
		return false, nil
	}})
	o := s.options()
	o.Events = 300
	result, err := Run(context.Background(), o)
	require.NoError(t, err, "%v", result)
}

func TestAViewThatNeverCatchesUpIsSaid(t *testing.T) {
	s := serve(t, &service{before: func(c *fiber.Ctx) (bool, error) {
		if c.Method() == http.MethodGet && strings.Contains(c.Path(), "/likes") {
			return true, &problem.Problem{Kind: problem.NotVisible}
		}
		return false, nil
	}})
	o := s.options()
	o.Events, o.Visible, o.Patience = 300, 200*time.Millisecond, 200*time.Millisecond
	_, err := Run(context.Background(), o)
	require.ErrorContains(t, err, "what was accepted is not visible after 200ms")
	require.ErrorContains(t, err, "not-visible-yet")
}
