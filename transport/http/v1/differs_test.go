package v1_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"ugc/domain"
	"ugc/handlers"
	"ugc/handlers/handlerstest"
)

// What movies_ugc cannot be asked, because we differ from it on purpose there.

func raw(method, target, body string, headers ...string) []byte {
	var b strings.Builder
	fmt.Fprintf(&b, "%s %s HTTP/1.1\r\nHost: ugc.test\r\nContent-Length: %d\r\n", method, target, len(body))
	for _, h := range headers {
		b.WriteString(h + "\r\n")
	}
	return []byte(b.String() + "\r\n" + body)
}

func TestPositionsAreKeptInMilliseconds(t *testing.T) {
	svc := newService(t)
	for seconds, want := range map[int64]domain.Millis{0: 0, 12: 12_000, math.MaxInt64 / 1000: math.MaxInt64 / 1000 * 1000, math.MaxInt64/1000 + 1: math.MaxInt64, math.MaxInt64: math.MaxInt64} {
		house := &handlerstest.House{}
		svc.reset(house)
		resp, body := svc.do(t, raw("POST", "/api/v1/movies/playback-event", fmt.Sprintf(`{"user_id":"u","movie_id":"m","event_type":"rewind","playback_position":%d}`, seconds)))
		require.Equal(t, 200, resp.StatusCode, body)
		require.Equal(t, fmt.Sprintf(`{"user":{"id":"u"},"movie":{"id":"m"},"event_type":"rewind","playback_position":%d}`, seconds), body, "echoed as sent")
		require.NotEmpty(t, resp.Header.Get("Consistency-Token"))
		got := house.Log()[0].(*domain.RecordPlayback)
		require.Equal(t, want, got.Position)
		require.Equal(t, domain.Rewind, got.Type)
	}
	resp, body := svc.do(t, raw("POST", "/api/v1/movies/playback-event", `{"user_id":"u","movie_id":"m","event_type":"play","playback_position":9223372036854775808}`))
	require.Equal(t, 422, resp.StatusCode)
	require.Equal(t, `{"detail":[{"loc":["body","playback_position"],"msg":"ensure this value is less than or equal to 9223372036854775807","type":"value_error.number.not_le","ctx":{"limit_value":9223372036854775807}}]}`, body)
}

func TestViewedSecondsStaySeconds(t *testing.T) {
	svc, house := newService(t), &handlerstest.House{}
	svc.reset(house)
	resp, _ := svc.do(t, raw("POST", "/api/v1/movies/movie-viewing", `{"user_id":"u","movie_id":"m","viewed_seconds":9223372036854775807}`))
	require.Equal(t, 200, resp.StatusCode)
	require.EqualValues(t, math.MaxInt64, house.Log()[0].(*domain.RecordViewing).ViewedSeconds)
}

func TestIDsThatAreRefused(t *testing.T) {
	svc := newService(t)
	long := strings.Repeat("é", 129)
	pattern := `"msg":"string does not match regex \"^[^/\\x00-\\x1f\\x7f-\\x9f]+$\"","type":"value_error.str.regex","ctx":{"pattern":"^[^/\\x00-\\x1f\\x7f-\\x9f]+$"}}`
	for id, want := range map[string]string{
		`""`:             `"msg":"ensure this value has at least 1 characters","type":"value_error.any_str.min_length","ctx":{"limit_value":1}}`,
		`"` + long + `"`: `"msg":"ensure this value has at most 128 characters","type":"value_error.any_str.max_length","ctx":{"limit_value":128}}`,
		`"a/b"`:          pattern,
		`"a\u0000"`:      pattern,
		`"a\u009f"`:      pattern,
		`"a\ud800"`:      pattern,
	} {
		resp, body := svc.do(t, raw("POST", "/api/v1/movies/movie-viewing", `{"user_id":`+id+`,"movie_id":"m","viewed_seconds":-1}`))
		require.Equal(t, 422, resp.StatusCode, id)
		require.Equal(t, `{"detail":[{"loc":["body","user_id"],`+want+`,{"loc":["body","viewed_seconds"],"msg":"ensure this value is greater than or equal to 0","type":"value_error.number.not_ge","ctx":{"limit_value":0}}]}`, body)
	}
	resp, body := svc.do(t, raw("POST", "/api/v1/likes/users/a%0Ab/movies/%FF", `{"score":11}`))
	require.Equal(t, 422, resp.StatusCode)
	require.Equal(t, `{"detail":[{"loc":["path","user_id"],`+pattern+`,{"loc":["path","movie_id"],`+pattern+`,{"loc":["body","score"],"msg":"ensure this value is less than or equal to 10","type":"value_error.number.not_le","ctx":{"limit_value":10}}]}`, body)
	for _, target := range []string{"/api/v1/favorites/users/a%00?page=0", "/api/v1/likes/users/" + strings.Repeat("x", 129) + "?size=x"} {
		resp, body = svc.do(t, raw("GET", target, ""))
		require.Equal(t, 422, resp.StatusCode)
		var faults struct{ Detail []any }
		require.NoError(t, json.Unmarshal([]byte(body), &faults))
		require.Len(t, faults.Detail, 2, "id and query, all at once")
	}
	resp, _ = svc.do(t, raw("POST", "/api/v1/favorites/users/u/movies/"+strings.Repeat("%C3%A9", 128), ""))
	require.Equal(t, 201, resp.StatusCode, "128 characters, not bytes")
}

func TestAnyJSONSuffixIsJSON(t *testing.T) {
	svc := newService(t)
	resp, _ := svc.do(t, raw("POST", "/api/v1/likes/users/u/movies/m", `{"score":1}`, "Content-Type: text/x+json"))
	require.Equal(t, 200, resp.StatusCode)
}

func TestPageFarOut(t *testing.T) {
	svc := newService(t)
	svc.do(t, raw("POST", "/api/v1/favorites/users/u/movies/m", ""))
	resp, body := svc.do(t, raw("GET", "/api/v1/favorites/users/u?page=9223372036854775807&size=100", ""))
	require.Equal(t, 200, resp.StatusCode)
	require.Contains(t, body, `"items":[],"total":1,"page":9223372036854775807,"size":100,"pages":1,`)
	require.Contains(t, body, `"next":null,"prev":"/api/v1/favorites/users/u?size=100&page=9223372036854775806"`)
	resp, _ = svc.do(t, raw("GET", "/api/v1/favorites/users/u?page=9223372036854775808", ""))
	require.Equal(t, 422, resp.StatusCode)
}

func TestNothingIsAcceptedThatWasNotWritten(t *testing.T) {
	svc := newService(t)
	requests := [][]byte{
		raw("POST", "/api/v1/movies/playback-event", `{"user_id":"u","movie_id":"m","event_type":"play","playback_position":1}`),
		raw("POST", "/api/v1/movies/movie-viewing", `{"user_id":"u","movie_id":"m","viewed_seconds":1}`),
		raw("POST", "/api/v1/favorites/users/u/movies/m", ""),
		raw("DELETE", "/api/v1/favorites/users/u/movies/m", ""),
		raw("POST", "/api/v1/likes/users/u/movies/m", `{"score":1}`),
	}
	for kind, typ := range map[domain.Kind]string{domain.Unavailable: "unavailable", domain.Uncertain: "uncertain"} {
		svc.reset(&handlerstest.House{Refuse: func(domain.Command) error { return domain.Wrap(kind, "append", errors.New("secret address")) }})
		for _, r := range requests {
			resp, body := svc.do(t, r)
			require.Equal(t, 503, resp.StatusCode)
			require.Equal(t, "1", resp.Header.Get("Retry-After"))
			require.Equal(t, "application/problem+json", resp.Header.Get("Content-Type"))
			require.Contains(t, body, `"type":"/problems/`+typ+`"`)
			require.NotContains(t, body, "secret")
			require.Equal(t, kind == domain.Uncertain, strings.Contains(body, "might then count twice"), "what sending it again means, where ids are not known")
			require.Empty(t, resp.Header.Get("Consistency-Token"))
		}
	}
}

func TestListsThatCannotBeRead(t *testing.T) {
	svc := newService(t)
	svc.reset(&handlerstest.House{Away: func() error { return domain.Wrap(domain.Unavailable, "read", errors.New("store away")) }})
	resp, _ := svc.do(t, raw("GET", "/api/v1/likes/users/u", ""))
	require.Equal(t, 503, resp.StatusCode)
	resp, body := svc.do(t, raw("GET", "/api/v1/healthcheck/ping", ""))
	require.Equal(t, 200, resp.StatusCode)
	require.Equal(t, `"pong"`, body)
}

// Writes wait for what shows them and for no other view; a view that lags is no failure.
func TestWritesWaitForTheirList(t *testing.T) {
	svc := newService(t)
	hidden := false
	for _, hidden = range []bool{false, true} {
		house := &handlerstest.House{Hide: func(handlers.View) bool { return hidden }}
		svc.reset(house)
		for _, tc := range []struct {
			request []byte
			status  int
		}{
			{raw("POST", "/api/v1/favorites/users/u/movies/m", ""), http.StatusCreated},
			{raw("POST", "/api/v1/likes/users/u/movies/m", `{"score":1}`), http.StatusOK},
			{raw("DELETE", "/api/v1/favorites/users/u/movies/m", ""), http.StatusOK},
			{raw("POST", "/api/v1/movies/movie-viewing", `{"user_id":"u","movie_id":"m","viewed_seconds":1}`), http.StatusOK},
		} {
			resp, _ := svc.do(t, tc.request)
			require.Equal(t, tc.status, resp.StatusCode)
			require.NotEmpty(t, resp.Header.Get("Consistency-Token"))
		}
		require.Equal(t, []handlers.View{handlers.ViewBookmarks, handlers.ViewRatings, handlers.ViewBookmarks, handlers.ViewPositions}, house.Waits())
		require.Len(t, house.Log(), 4)
	}
}

// Fiber uses its buffers again once a handler has returned: what was written must not change under later requests.
func TestCommandsKeepNothingOfTheRequest(t *testing.T) {
	svc, house := newService(t), &handlerstest.House{}
	svc.reset(house)
	for i := range 50 {
		letter := string(rune('a' + i%26))
		id := strings.Repeat(letter, 20)
		svc.do(t, raw("POST", "/api/v1/movies/movie-viewing", fmt.Sprintf(`{"user_id":"%s","movie_id":"%s","viewed_seconds":%d}`, id, id, i)))
		svc.do(t, raw("POST", "/api/v1/favorites/users/"+id+"/movies/"+id, ""))
		svc.do(t, raw("POST", "/api/v1/likes/users/"+id+"/movies/"+id, `{"score":1}`))
	}
	for i, c := range house.Log() {
		want := strings.Repeat(string(rune('a'+(i/3)%26)), 20)
		require.Equal(t, want, c.Head().User, "command %d", i)
		require.Equal(t, want, c.Head().Movie, "command %d", i)
	}
}
