package edge_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"ugc/handlers/handlerstest"
	edge "ugc/transport/http"
	"ugc/transport/http/auth"
)

// Without a Guard nobody comes in; that everybody may is said by name, and for loopback alone.
func TestRightsAreGivenByName(t *testing.T) {
	closed := start(t, &handlerstest.House{}, func(o *edge.Options) { o.Open = false })
	for _, target := range []string{"/api/v2/users/ann/positions", "/api/v1/likes/users/ann", "/api/v2/movies/heat", "/metrics", "/api/v2/nothing"} {
		require.Equal(t, 401, closed.ask("GET", target, "").status, target)
	}
	require.Equal(t, 401, closed.ask("PUT", "/api/v2/users/ann/bookmarks/heat", "").status)
	require.Empty(t, closed.house.Log())
	house := &handlerstest.House{}
	o := edge.Options{Writing: house.Writing(), Positions: house, Opinions: house, Summaries: house, Open: true}
	for addr, want := range map[string]bool{"": true, "127.0.0.1:0": true, "localhost:0": true, "[::1]:0": true, "0.0.0.0:0": false, ":0": false, "[::]:0": false, "10.0.0.1:0": false} {
		o.Addr = addr
		_, err := edge.New(o)
		require.Equal(t, want, err == nil, "%s: %v", addr, err)
		_, err = edge.NewStatus(edge.Options{Addr: addr, Open: true})
		require.Equal(t, want, err == nil, "%s: %v", addr, err)
	}
	guard, err := auth.New(auth.Options{})
	require.NoError(t, err)
	o.Addr, o.Guard = "", guard
	_, err = edge.New(o)
	require.ErrorContains(t, err, "Open")
}

// Who is nobody learns nothing but that: not what is there, nor what is wrong with a body.
func TestStrangersAreAskedFirst(t *testing.T) {
	s, _ := guarded(t, auth.Options{})
	for _, c := range []struct{ method, target, body, contentType string }{
		{"POST", "/api/v2/events", `{`, ""}, {"POST", "/api/v2/events", `{}`, "text/plain"}, {"POST", "/api/v2/events", "\xff", ""},
		{"POST", "/api/v2/events", "{" + strings.Repeat(`"a":1,`, 100_000) + `"a":1}`, ""},
		{"PUT", "/api/v2/users/ann/likes/heat", `[`, ""}, {"PUT", "/api/v2/users/ann/likes/heat", `{}`, "image/png"},
		{"POST", "/api/v1/movies/playback-event", `{`, ""}, {"POST", "/api/v1/likes/users/ann/movies/heat", "\xff", ""},
		{"GET", "/api/v2/users/ann/likes?limit=x", "", ""},
		{"GET", "/api/v2/nothing", "", ""}, {"GET", "/api/v3", "", ""}, {"GET", "/api", "", ""}, {"GET", "/api/v1/nothing", "", ""}, {"GET", "/nothing", "", ""},
		{"GET", "/api/v1/likes/users/ann/", "", ""}, {"GET", "/api/v1/%68ealthcheck/ping", "", ""}, {"GET", "/docs/assets/", "", ""}, {"GET", "/docs/assets/a/b", "", ""},
		{"PATCH", "/api/v2/events", "", ""}, {"DELETE", "/api/v2/events", "", ""}, {"OPTIONS", "/api/v2/events", "", ""}, {"POST", "/api/v2/docs", "", ""},
		{"POST", "/healthz/live", "", ""}, {"FOO", "/api/v2/events", "", ""}, {"FOO", "/", "", ""},
	} {
		headers := []string{}
		if c.contentType != "" {
			headers = append(headers, "Content-Type", c.contentType)
		}
		a := s.ask(c.method, c.target, c.body, headers...)
		require.Equal(t, 401, a.status, "%s %s %.20s", c.method, c.target, c.body)
		require.Less(t, len(a.body), 2000)
		require.Contains(t, a.header.Get("WWW-Authenticate"), "Bearer")
	}
	require.Empty(t, s.house.Log())
	ann := bearer(tokenOf("ann"))
	require.Equal(t, 404, s.ask("GET", "/api/v2/nothing", "", ann...).status, "who is known is told")
	require.Equal(t, 405, s.ask("PATCH", "/api/v2/events", "", ann...).status)
	require.Equal(t, 405, s.ask("FOO", "/api/v2/events", "", ann...).status)
	require.Equal(t, 400, s.ask("POST", "/api/v2/events", `{`, ann...).status)
	reads := bearer(tokenOf("ann", set("scope", "ugc:read")))
	require.Equal(t, 403, s.ask("POST", "/api/v2/events", `{`, reads...).status, "who may not write is told before the body is read")
	require.Equal(t, 403, s.ask("POST", "/api/v1/movies/playback-event", `{`, reads...).status)
}

// What is wrong is said up to a bound, then counted.
func TestAnswersAreBounded(t *testing.T) {
	s := start(t, &handlerstest.House{}, nil)
	const bound = 64 << 10
	unknown := func(n int) string {
		var b strings.Builder
		for i := range n {
			fmt.Fprintf(&b, `,"scor%d":1`, i)
		}
		return b.String()[1:]
	}
	batch := func(n int, event string) string {
		return "[" + strings.TrimSuffix(strings.Repeat(event+",", n), ",") + "]"
	}
	for name, c := range map[string]struct {
		method, target, body, more string
	}{
		"unknown fields":         {"POST", "/api/v2/events", "{" + unknown(60_000) + "}", `"more":59968`},
		"of one write":           {"PUT", "/api/v2/users/u/likes/m", "{" + unknown(60_000) + "}", `"more":599`},
		"equal fields":           {"POST", "/api/v2/events", "{" + strings.Repeat(`"score":"x",`, 80_000) + `"a":1}`, `"more":799`},
		"a batch of them":        {"POST", "/api/v2/events", batch(1000, "{"+unknown(40)+"}"), `"more":`},
		"a batch of nothing":     {"POST", "/api/v2/events", batch(1000, "1"), `"status":"invalid"`},
		"a batch of other types": {"POST", "/api/v2/events", batch(1000, `{"type":"`+strings.Repeat("x", 500)+`"}`), `"more":`},
		"watched":                {"POST", "/api/v2/events", `{"watched":[` + strings.Repeat("1,", 400_000) + `1]}`, `"more":`},
		"the query":              {"GET", "/api/v2/users/u/likes?" + strings.Repeat("l&", 6000), "", `"more":5968`},
		"a long parameter":       {"GET", "/api/v2/users/u/likes?" + strings.Repeat("%01", 4000), "", `"unknown"`},
		"a long path":            {"GET", "/api/v2/" + strings.Repeat("%01", 4000), "", `"not-found"`[1:]},
		"a body that is no JSON": {"POST", "/api/v1/movies/playback-event", `{` + strings.Repeat("\x01", 900_000), `"doc":`},
	} {
		a := s.ask(c.method, c.target, c.body)
		require.GreaterOrEqual(t, a.status, 400, name)
		require.Less(t, len(a.body), bound, name)
		require.Contains(t, a.body, c.more, name)
	}
}

func TestPersonalDataAreKeptByNoCache(t *testing.T) {
	s, _ := guarded(t, auth.Options{})
	ann := bearer(tokenOf("ann"))
	for _, c := range []struct {
		method, target string
		headers        []string
		status         int
	}{
		{"GET", "/api/v2/users/ann/positions", ann, 200}, {"GET", "/api/v1/likes/users/ann", ann, 200}, {"GET", "/api/v2/movies/heat", ann, 404},
		{"PUT", "/api/v2/users/ann/bookmarks/heat", ann, 202}, {"GET", "/api/v2/users/bob/positions", ann, 403}, {"GET", "/api/v2/users/ann/positions", nil, 401},
		{"GET", "/api/v2/nothing", ann, 404}, {"GET", "/metrics", ann, 403},
	} {
		a := s.ask(c.method, c.target, "", c.headers...)
		require.Equal(t, c.status, a.status, "%s %s", c.method, c.target)
		require.Equal(t, "no-store", a.header.Get("Cache-Control"), "%s %s", c.method, c.target)
		require.Contains(t, strings.Join(a.header.Values("Vary"), ","), "Authorization, X-Api-Key", "%s %s", c.method, c.target)
	}
	require.NotContains(t, s.ask("GET", "/api/v2/docs", "").header.Get("Cache-Control"), "no-store")
}

// RFC 9110, 13.1: a condition that does not hold keeps a method from being done, and one that cannot be judged does not hold.
func TestConditionsAreNotPassedOver(t *testing.T) {
	s := start(t, &handlerstest.House{}, nil)
	for _, header := range [][]string{{"If-Match", `"x"`}, {"If-Match", "*"}, {"If-None-Match", "*"}} {
		for _, c := range [][3]string{{"PUT", "/api/v2/users/u/bookmarks/m"}, {"DELETE", "/api/v2/users/u/bookmarks/m"}, {"POST", "/api/v2/events", `{"type":"bookmark","user_id":"u","movie_id":"m"}`}} {
			require.Equal(t, 412, s.ask(c[0], c[1], c[2], header...).status, "%v %v", c, header)
		}
	}
	require.Empty(t, s.house.Log())
	require.Equal(t, 412, s.ask("GET", "/api/v2/users/u/bookmarks", "", "If-Match", `"x"`).status)
	require.Equal(t, 200, s.ask("GET", "/api/v2/users/u/bookmarks", "", "If-None-Match", `"x"`).status, "no ETag is this one")
	require.Equal(t, 202, s.ask("PUT", "/api/v2/users/u/bookmarks/m", "", "If-None-Match", `"x"`).status)
}
