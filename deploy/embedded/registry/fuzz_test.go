package registry_test

import (
	"encoding/json"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"ugc/deploy/embedded/registry"
)

// ask sends one request to a registry, without a network.
func ask(r *registry.Registry, method, path, body string) (int, []byte) {
	w := httptest.NewRecorder()
	req := httptest.NewRequest(method, "/", strings.NewReader(body))
	req.URL = &url.URL{Path: path}
	if at := strings.IndexByte(path, '?'); at >= 0 {
		req.URL = &url.URL{Path: path[:at], RawQuery: path[at+1:]}
	}
	r.Handler().ServeHTTP(w, req)
	return w.Code, w.Body.Bytes()
}

// Three requests in a row, whatever they are, are answered in the registry's own form and never with a failure of ours; what was registered can be
// asked for by its id, is the same when it is registered again, and is all there after a restart.
func FuzzRequests(f *testing.F) {
	const long, record = `{"schema":"\"long\""}`, `{"schema":"{\"type\":\"record\",\"name\":\"R\",\"fields\":[{\"name\":\"a\",\"type\":\"long\"}]}"}`
	f.Add("POST /subjects/s/versions", record, "GET /schemas/ids/1", "", "DELETE /subjects/s?permanent=true", "")
	f.Add("PUT /mode", `{"mode":"IMPORT"}`, "POST /subjects/s/versions", `{"schema":"long","id":7,"version":3}`, "POST /subjects/s", long)
	f.Add("PUT /config/s", `{"compatibility":"FULL_TRANSITIVE"}`, "POST /subjects/s/versions", record, "POST /compatibility/subjects/s/versions/latest", long)
	f.Add("POST /subjects/a/versions", record, "POST /subjects/b/versions", `{"schema":"{\"type\":\"array\",\"items\":\"R\"}","references":[{"name":"R","subject":"a","version":1}]}`, "DELETE /subjects/a", "")
	f.Add("POST /subjects/s/versions", `{"schema":"{\"type\":\"enum\",\"name\":\"E\",\"symbols\":[\"A\",\"A\"]}"}`, "GET /subjects/s/versions/-1", "", "PATCH /nowhere", "x")
	f.Fuzz(func(t *testing.T, line1, body1, line2, body2, line3, body3 string) {
		dir := t.TempDir()
		r, err := registry.Open(registry.Options{DataDir: dir, Logger: quiet})
		require.NoError(t, err)
		defer func() { require.NoError(t, r.Close()) }()
		for _, one := range [][2]string{{line1, body1}, {line2, body2}, {line3, body3}} {
			method, path, _ := strings.Cut(one[0], " ")
			if !isToken(method) || !strings.HasPrefix(path, "/") {
				continue
			}
			status, answer := ask(r, method, path, one[1])
			require.Less(t, status, 500, "%s %s: %s", one[0], one[1], answer)
			if status >= 300 && status < 400 {
				continue // a path that is not clean is redirected
			}
			if method == "HEAD" || status == 405 {
				continue // net/http's own answers
			}
			require.True(t, json.Valid(answer), "%s %s: %d %q", one[0], one[1], status, answer)
			if status >= 400 {
				var e struct {
					Code    int `json:"error_code"`
					Message string
				}
				require.NoError(t, json.Unmarshal(answer, &e))
				for e.Code > 999 {
					e.Code /= 10
				}
				require.Equal(t, status, e.Code)
				require.NotEmpty(t, e.Message)
				continue
			}
			if rest, ok := strings.CutPrefix(path, "/subjects/"); ok && method == "POST" && strings.HasSuffix(rest, "/versions") && strings.Count(rest, "/") == 1 {
				_, again := ask(r, method, path, one[1])
				require.Equal(t, answer, again, "registering twice changes nothing")
				found, text := ask(r, method, strings.TrimSuffix(path, "/versions"), one[1])
				require.Equal(t, 200, found, "what is registered is found: %s %s", one[1], text)
			}
		}
		restarted, err := registry.Open(registry.Options{DataDir: dir, Logger: quiet})
		require.NoError(t, err)
		defer func() { require.NoError(t, restarted.Close()) }()
		for _, path := range []string{"/schemas?deleted=true", "/subjects?deleted=true", "/config", "/mode"} {
			_, before := ask(r, "GET", path, "")
			_, after := ask(restarted, "GET", path, "")
			require.Equal(t, string(before), string(after), path)
		}
	})
}

// isToken says whether it can stand as a method.
func isToken(s string) bool {
	return s != "" && strings.Trim(s, "ABCDEFGHIJKLMNOPQRSTUVWXYZ") == ""
}
