package edge_test

import (
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"ugc/handlers/handlerstest"
	"ugc/transport/http/problem"
	v1 "ugc/transport/http/v1"
	v2 "ugc/transport/http/v2"
)

var links = regexp.MustCompile(`(?:href|src|data-document)="([^"#]+)"`)

// Every page is there, loads only what this server serves, and every link of it leads somewhere.
func TestPagesWorkOffline(t *testing.T) {
	s := start(t, &handlerstest.House{}, nil)
	pages := []string{"/", "/problems", "/api/v1/openapi", "/api/v1/redoc", "/api/v2/docs"}
	for _, k := range problem.Kinds() {
		pages = append(pages, k.Type())
	}
	for _, page := range pages {
		a := s.ask("GET", page, "")
		require.Equal(t, 200, a.status, page)
		require.Equal(t, "text/html; charset=utf-8", a.header.Get("Content-Type"))
		require.Contains(t, a.header.Get("Content-Security-Policy"), "default-src 'none'")
		for _, m := range links.FindAllStringSubmatch(a.body, -1) {
			target := m[1]
			require.NotContains(t, target, "//", "%s loads it", page)
			if !strings.HasPrefix(target, "/") {
				target = page[:strings.LastIndexByte(page, '/')+1] + target
			}
			require.Equal(t, 200, s.ask("GET", target, "").status, "%s links to %s", page, target)
		}
	}
	require.Equal(t, 404, s.ask("GET", "/problems/nope", "").status)
	require.Equal(t, 404, s.ask("GET", "/docs/assets/nope.js", "").status)
	require.Contains(t, s.ask("GET", "/", "", "Host", "x").body, s.base+"/api/v2/events", "the first lines can be copied as they are")
}

func TestDocumentsAreServed(t *testing.T) {
	s := start(t, &handlerstest.House{}, nil)
	for target, want := range map[string][]byte{"/api/v1/openapi.json": v1.Document, "/api/v2/openapi.json": v2.Document} {
		a := s.ask("GET", target, "")
		require.Equal(t, "application/json", a.header.Get("Content-Type"))
		require.Equal(t, string(want), a.body)
		head := s.ask("HEAD", target, "")
		require.Equal(t, 200, head.status)
		require.Empty(t, head.body)
	}
}

// The reading page names every operation, field and answer of the document.
func TestReferenceIsComplete(t *testing.T) {
	s := start(t, &handlerstest.House{}, nil)
	body := s.ask("GET", "/api/v1/redoc", "").body
	for _, r := range v1.Routes() {
		if !strings.Contains(r.Path, "openapi") && r.Path != "/redoc" {
			require.Contains(t, body, v1.Prefix+r.Path)
		}
	}
	for _, name := range []string{"user_id", "playback_position", "viewed_seconds", "score", "is_favorite", "links", "fast_forward", "Consistency-Token", "Retry-After", "2⁶³−1"} {
		require.Contains(t, body, name)
	}
}
