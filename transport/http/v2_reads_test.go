package edge_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"ugc/domain"
	"ugc/handlers"
	"ugc/handlers/handlerstest"
	edge "ugc/transport/http"
)

func TestOpinionsFromPutToDelete(t *testing.T) {
	for name, tc := range map[string]struct{ put, shown, again, shownAgain string }{
		"ratings":   {`{"score":7}`, `"score":7`, `{"score":0}`, `"score":0`},
		"likes":     {`{"like":true}`, `"like":true`, `{"like":false}`, `"like":false`},
		"bookmarks": {``, `"movie_id":"m n"`, `{}`, `"movie_id":"m n"`},
	} {
		t.Run(name, func(t *testing.T) {
			house := &handlerstest.House{}
			s := start(t, house, nil)
			one := "/api/v2/users/u%20é/" + name + "/m%20n"
			require.Equal(t, 404, s.ask("GET", one, "").status)
			for _, step := range [][2]string{{tc.put, tc.shown}, {tc.again, tc.shownAgain}} {
				a := s.ask("PUT", one, step[0])
				require.Equal(t, 202, a.status, a.body)
				token := a.header.Get("Consistency-Token")
				a = s.ask("GET", one, "", "Consistency-Token", token)
				require.Equal(t, 200, a.status)
				require.Contains(t, a.body, step[1])
				require.Contains(t, a.body, `"user_id":"u é","movie_id":"m n"`)
				a = s.ask("GET", "/api/v2/users/u%20é/"+name, "", "Consistency-Token", token, "Prefer", "wait=5")
				require.Contains(t, a.body, step[1])
				require.Equal(t, "wait=5", a.header.Get("Preference-Applied"))
			}
			a := s.ask("DELETE", one, "", "Prefer", "wait=5")
			require.Equal(t, 200, a.status)
			require.Equal(t, 404, s.ask("GET", one, "").status)
			require.Equal(t, 202, s.ask("DELETE", one, "").status, "again")
			require.JSONEq(t, `{"items":[],"next":null}`, s.ask("GET", "/api/v2/users/u%20é/"+name, "").body)
			head := s.ask("HEAD", "/api/v2/users/u%20é/"+name, "")
			require.Equal(t, 200, head.status)
			require.Empty(t, head.body)
		})
	}
}

func TestPutKeepsWhenAndWhich(t *testing.T) {
	house := &handlerstest.House{}
	s := start(t, house, nil)
	a := s.ask("PUT", "/api/v2/users/u/ratings/m", `{"score":3,"event_id":"0198C0DE-0000-7000-8000-000000000001","occurred_at":"2020-01-01T00:00:00Z","sent_at":1577836801000}`)
	require.JSONEq(t, `{"event_id":"0198c0de-0000-7000-8000-000000000001","status":"accepted"}`, a.body)
	f := house.Log()[0].Head()
	require.Equal(t, [2]domain.Instant{1577836800000, 1577836801000}, [2]domain.Instant{f.OccurredAt, f.SentAt})
	require.Contains(t, s.ask("GET", "/api/v2/users/u/ratings/m", "").body, `"updated_at":"2023-11-14T22:13:19.000Z"`, "a second before it arrived")
}

func TestPutFaults(t *testing.T) {
	house := &handlerstest.House{}
	s := start(t, house, nil)
	long := strings.Repeat("x", 129)
	for _, tc := range []struct {
		target, body string
		want         []string
	}{
		{"u/ratings/m", `{}`, []string{"/score required"}},
		{"u/ratings/m", ``, []string{"/score required"}},
		{"u/ratings/m", `[]`, []string{" wrong_type"}},
		{"u/ratings/m", `{"score":"7"}`, []string{"/score wrong_type"}},
		{"u/ratings/m", `{"score":-1,"scroe":2}`, []string{"/score out_of_range", "/scroe unknown"}},
		{"u/ratings/m", `{"score":1,"user_id":"v"}`, []string{"/user_id unknown"}},
		{"u/likes/m", `{}`, []string{"/like required"}},
		{"u/likes/m", `{"like":"yes"}`, []string{"/like wrong_type"}},
		{"u/bookmarks/m", `{"score":1}`, []string{"/score unknown"}},
		{long + "/ratings/a%2Fb?x=1", `{"score":99}`, []string{"user_id too_long", "movie_id bad_characters", "x unknown", "/score out_of_range"}},
		{"%FF/likes/%00", `{"like":true}`, []string{"user_id bad_characters", "movie_id bad_characters"}},
	} {
		a := s.ask("PUT", "/api/v2/users/"+tc.target, tc.body)
		require.Equal(t, 422, a.status, "%v → %s", tc, a.body)
		require.Equal(t, tc.want, list(a.decode(t).Errors))
	}
	require.Equal(t, 400, s.ask("PUT", "/api/v2/users/u/ratings/m", "{").status)
	require.Equal(t, 400, s.ask("PUT", "/api/v2/users/u/ratings/m", "\"\xff\"").status)
	require.Equal(t, 415, s.ask("PUT", "/api/v2/users/u/ratings/m", "{}", "Content-Type", "text/plain").status)
	a := s.ask("DELETE", "/api/v2/users/u/ratings/m", `{"occurred_at":1}`)
	require.Equal(t, 422, a.status)
	require.Contains(t, a.body, "clear_rating")
	require.Empty(t, house.Log())
}

func TestSingleWritesThatAreNotWritten(t *testing.T) {
	s := start(t, &handlerstest.House{Refuse: func(domain.Command) error { return domain.Wrap(domain.Uncertain, "append", errors.New("secret")) }}, nil)
	for _, method := range []string{"PUT", "DELETE"} {
		a := s.ask(method, "/api/v2/users/u/bookmarks/m", "")
		require.Equal(t, 503, a.status)
		b := a.decode(t)
		require.Equal(t, "/problems/uncertain", b.Type)
		require.NotEmpty(t, b.EventID)
	}
}

func TestListsGoOnWhereTheySay(t *testing.T) {
	house := &handlerstest.House{}
	s := start(t, house, nil)
	for i := range 7 {
		movie := fmt.Sprintf("m&%d", i)
		require.Equal(t, 202, s.ask("PUT", "/api/v2/users/u%3Fx/ratings/"+url.PathEscape(movie), fmt.Sprintf(`{"score":%d}`, i)).status)
		require.Equal(t, 202, s.ask("POST", events, fmt.Sprintf(`{"type":"play","user_id":"u?x","movie_id":%q,"position_ms":100000}`, movie)).status)
	}
	for target, want := range map[string][]string{
		"/api/v2/users/u%3Fx/ratings?limit=3":   {"m&6", "m&5", "m&4", "m&3", "m&2", "m&1", "m&0"},
		"/api/v2/users/u%3Fx/positions?limit=3": {"m&0", "m&1", "m&2", "m&3", "m&4", "m&5", "m&6"},
	} {
		var got []string
		pages := 0
		for next := &target; next != nil; pages++ {
			a := s.ask("GET", *next, "")
			require.Equal(t, 200, a.status, a.body)
			var page struct {
				Items []struct {
					MovieID string `json:"movie_id"`
				}
				Next *string
			}
			require.NoError(t, json.Unmarshal([]byte(a.body), &page))
			for _, it := range page.Items {
				got = append(got, it.MovieID)
			}
			next = page.Next
		}
		require.Equal(t, want, got)
		require.Equal(t, 3, pages)
	}
}

func TestReadFaults(t *testing.T) {
	s := start(t, &handlerstest.House{}, nil)
	for target, want := range map[string][]string{
		"/users/u/ratings?limit=0":                       {"limit out_of_range"},
		"/users/u/ratings?limit=101":                     {"limit out_of_range"},
		"/users/u/ratings?limit=x&after=x":               {"after bad_cursor", "limit out_of_range"},
		"/users/u/ratings?after=LTE":                     {"after bad_cursor"},
		"/users/u/ratings?after=":                        {"after bad_cursor"},
		"/users/u/ratings?limt=5":                        {"limt unknown"},
		"/users/u/ratings?limit=5&limit=6":               {"limit duplicate"},
		"/users/u/ratings?a=%zz":                         {"a bad_characters"},
		"/users/%0A/likes":                               {"user_id bad_characters"},
		"/users/u/positions?after=a%2Fb":                 {"after bad_characters"},
		"/users/u/positions/a%2Fb?x=1":                   {"movie_id bad_characters", "x unknown"},
		"/movies/" + strings.Repeat("%C3%A9", 129):       {"movie_id too_long"},
		"/users/u/bookmarks/" + strings.Repeat("x", 200): {"movie_id too_long"},
	} {
		a := s.ask("GET", "/api/v2"+target, "")
		require.Equal(t, 422, a.status, "%s → %s", target, a.body)
		require.Equal(t, want, list(a.decode(t).Errors), target)
	}
	a := s.ask("GET", "/api/v2/movies/m", "", "Consistency-Token", "nonsense!")
	require.Equal(t, 422, a.status)
	require.Equal(t, []string{"Consistency-Token bad_token"}, list(a.decode(t).Errors))
}

// Preference-Applied says that the read waited, and shows what was waited for.
func TestPreferenceAppliedWhereTheReadWaited(t *testing.T) {
	hidden := false
	house := &handlerstest.House{Hide: func(handlers.View) bool { return hidden }}
	s := start(t, house, nil)
	token := s.ask("PUT", "/api/v2/users/u/ratings/m", `{"score":1}`).header.Get("Consistency-Token")
	other := s.ask("POST", events, `{"type":"play","user_id":"u","movie_id":"n","position_ms":1}`).header.Get("Consistency-Token")
	applied := func(target, token string, status int) string {
		t.Helper()
		var with []string
		if token != "" {
			with = []string{"Consistency-Token", token}
		}
		a := s.ask("GET", "/api/v2"+target, "", append(with, "Prefer", "wait=0")...)
		require.Equal(t, status, a.status, a.body)
		return a.header.Get("Preference-Applied")
	}
	for _, target := range []string{"/users/u/ratings", "/users/u/ratings/m", "/movies/m"} {
		require.Equal(t, "wait=0", applied(target, token, 200))
		require.Empty(t, applied(target, "", 200), "nothing to wait for")
		require.Empty(t, applied(target, other, 200), "the token says nothing about this view")
	}
	require.Equal(t, "wait=0", applied("/users/u/positions/n", other, 200))
	require.Empty(t, applied("/users/u/positions/n", token, 200))
	require.Equal(t, "wait=0", applied("/users/u/likes/x", token, 404), "it waited, and there is none")
	require.Empty(t, applied("/movies/x", token, 404), "the token is about another movie")
	require.Empty(t, applied("/users/u/ratings", token[:len(token)-4], 422), "a token that was cut")
	hidden = true
	for _, target := range []string{"/users/u/ratings", "/users/u/ratings/m", "/movies/m"} {
		require.Empty(t, applied(target, token, 503), "time ran out")
	}
}

// nowhere is a world whose log has none of the tokens that it is shown.
type nowhere struct{ *handlerstest.House }

func (nowhere) Wait(context.Context, handlers.View, domain.Token) error {
	return domain.BadToken(errors.New("no such partition"))
}

func TestTokensThatTheLogDoesNotHold(t *testing.T) {
	house := &handlerstest.House{}
	s := start(t, house, func(o *edge.Options) { o.Writing.Views = nowhere{house} })
	token := s.ask("PUT", "/api/v2/users/u/ratings/m", `{"score":1}`).header.Get("Consistency-Token")
	for _, target := range []string{"/users/u/ratings", "/users/u/ratings/m", "/users/u/positions", "/users/u/positions/m", "/movies/m"} {
		a := s.ask("GET", "/api/v2"+target, "", "Consistency-Token", token, "Prefer", "wait=1")
		require.Equal(t, 422, a.status, target)
		require.Equal(t, []string{"Consistency-Token bad_token"}, list(a.decode(t).Errors))
		require.Empty(t, a.header.Get("Preference-Applied"))
	}
}

func TestPositionsAreShown(t *testing.T) {
	s := start(t, &handlerstest.House{}, nil)
	token := ""
	for i, e := range []string{
		`{"type":"play","user_id":"u","movie_id":"m","session_id":"s","sequence":1,"position_ms":0,"duration_ms":100000,"occurred_at":1700000000000}`,
		`{"type":"heartbeat","user_id":"u","movie_id":"m","session_id":"s","sequence":2,"position_ms":10000,"occurred_at":1700000010000}`,
		`{"type":"fast_forward","user_id":"u","movie_id":"m","session_id":"s","sequence":3,"position_ms":70000,"from_position_ms":10000,"occurred_at":1700000010001}`,
		`{"type":"viewing","user_id":"u","movie_id":"m","viewed_seconds":11,"occurred_at":1700000010002}`,
	} {
		a := s.ask("POST", events, e)
		require.Equal(t, 202, a.status, "%d %s", i, a.body)
		token = a.header.Get("Consistency-Token")
	}
	a := s.ask("GET", "/api/v2/users/u/positions/m", "", "Consistency-Token", token)
	require.Equal(t, 200, a.status)
	require.JSONEq(t, `{"user_id":"u","movie_id":"m","position_ms":70000,"position_at":"2023-11-14T22:13:20.002Z","resume_ms":70000,"resume_at":"2023-11-14T22:13:20.002Z",
		"duration_ms":100000,"watched_ms":10000,"plays":1,"completed":false,"viewed_seconds":11,"first_seen_at":"2023-11-14T22:13:20.000Z","last_seen_at":"2023-11-14T22:13:20.003Z","watched":[[0,10000]]}`, a.body)
	require.NotContains(t, s.ask("GET", "/api/v2/users/u/positions", "").body, `"watched":`)
	require.Equal(t, 404, s.ask("GET", "/api/v2/users/u/positions/other", "").status)
}

func TestMovieSummaryIsShown(t *testing.T) {
	s := start(t, &handlerstest.House{}, nil)
	for user, score := range map[string]int{"a": 10, "b": 7, "c": 0} {
		s.ask("PUT", "/api/v2/users/"+user+"/ratings/m", fmt.Sprintf(`{"score":%d}`, score))
	}
	s.ask("PUT", "/api/v2/users/a/likes/m", `{"like":true}`)
	s.ask("PUT", "/api/v2/users/b/likes/m", `{"like":false}`)
	s.ask("PUT", "/api/v2/users/b/bookmarks/m", ``)
	s.ask("PUT", "/api/v2/users/b/bookmarks/n", ``)
	a := s.ask("GET", "/api/v2/movies/m", "")
	require.Contains(t, a.body, `"ratings":{"count":3,"mean":5.666666666666667,"histogram":[1,0,0,0,0,0,0,1,0,0,1]},"likes":1,"dislikes":1,"bookmarks":1`)
	require.Contains(t, s.ask("GET", "/api/v2/movies/n", "").body, `"mean":null`)
	require.Equal(t, 404, s.ask("GET", "/api/v2/movies/x", "").status)
}

func TestReadsThatCannotBeAnswered(t *testing.T) {
	hidden := true
	house := &handlerstest.House{Hide: func(handlers.View) bool { return hidden }}
	s := start(t, house, nil)
	token := s.ask("PUT", "/api/v2/users/u/ratings/m", `{"score":1}`).header.Get("Consistency-Token")
	for _, target := range []string{"/users/u/ratings", "/users/u/ratings/m", "/users/u/positions", "/users/u/positions/m", "/movies/m"} {
		a := s.ask("GET", "/api/v2"+target, "", "Consistency-Token", token, "Prefer", "wait=0")
		require.Equal(t, 503, a.status, target)
		require.Equal(t, "/problems/not-visible-yet", a.decode(t).Type)
		require.Equal(t, "1", a.header.Get("Retry-After"))
	}
	house.Away = func() error { return domain.Wrap(domain.Unavailable, "read", errors.New("secret")) }
	for _, target := range []string{"/users/u/ratings", "/users/u/ratings/m", "/users/u/positions", "/users/u/positions/m", "/movies/m"} {
		a := s.ask("GET", "/api/v2"+target, "")
		require.Equal(t, 503, a.status, target)
		require.Equal(t, "/problems/unavailable", a.decode(t).Type)
		require.NotContains(t, a.body, "secret")
	}
}
