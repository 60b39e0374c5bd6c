package validate

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// proxy starts nginx with the template of the stack, filled in as its image does, before the given server.
func proxy(t *testing.T, upstream string) (addr string) {
	t.Helper()
	binary, err := exec.LookPath("nginx")
	if err != nil {
		if os.Getenv("UGC_TEST_REAL") == "required" {
			t.Fatal("nginx is required and not installed: apt-get install nginx-light")
		}
		t.Skip("nginx is not installed: apt-get install nginx-light")
	}
	free, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	addr = free.Addr().String()
	require.NoError(t, free.Close())

	dir := t.TempDir()
	// Its workers are nobody's where it runs as root, and keep large bodies there.
	for _, way := range []string{dir, filepath.Dir(dir)} {
		require.NoError(t, os.Chmod(way, 0o755))
	}
	site := strings.NewReplacer("${UGC_LISTEN}", addr, "${UGC_UPSTREAM}", upstream, "${UGC_UPSTREAM_FLAGS}", "", "${UGC_RESOLVER}", "").
		Replace(read(t, "deploy/compose/nginx/templates/default.conf.template"))
	require.NotContains(t, site, "${UGC_", "the test knows every variable of the template")
	site = strings.ReplaceAll(site, "/dev/stdout", filepath.Join(dir, "access.log"))
	conf := fmt.Sprintf("daemon off; worker_processes 1; pid %[1]s/pid; error_log %[1]s/error.log;\nevents { worker_connections 256; }\nhttp { client_body_temp_path %[1]s/b; proxy_temp_path %[1]s/p; fastcgi_temp_path %[1]s/f; uwsgi_temp_path %[1]s/u; scgi_temp_path %[1]s/s;\n%[2]s\n}\n", dir, site)
	file := filepath.Join(dir, "nginx.conf")
	require.NoError(t, os.WriteFile(file, []byte(conf), 0o600))
	out, err := exec.CommandContext(t.Context(), binary, "-t", "-e", filepath.Join(dir, "error.log"), "-p", dir, "-c", file).CombinedOutput()
	require.NoError(t, err, string(out))

	ctx, cancel := context.WithCancel(context.Background())
	p := exec.CommandContext(ctx, binary, "-e", filepath.Join(dir, "error.log"), "-p", dir, "-c", file)
	p.Cancel = func() error { return p.Process.Signal(os.Interrupt) }
	p.WaitDelay = 10 * time.Second
	require.NoError(t, p.Start())
	ended := make(chan error, 1)
	go func() { ended <- p.Wait() }()
	t.Cleanup(func() {
		cancel()
		<-ended
		if said, err := os.ReadFile(filepath.Join(dir, "error.log")); t.Failed() && err == nil {
			t.Logf("nginx said:\n%s", said)
		}
	})
	require.Eventually(t, func() bool {
		c, err := net.DialTimeout("tcp", addr, time.Second)
		if err != nil {
			return false
		}
		return c.Close() == nil
	}, patience, tick)
	return addr
}

func ask(t *testing.T, method, url, body string, headers ...string) (*http.Response, string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, url, strings.NewReader(body))
	require.NoError(t, err)
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	answer, err := client.Do(r)
	require.NoError(t, err)
	defer func() { _ = answer.Body.Close() }()
	b, err := io.ReadAll(answer.Body)
	require.NoError(t, err)
	return answer, string(b)
}

func TestNginxPassesTheEdgeThrough(t *testing.T) {
	edge := run(t)
	base := "http://" + proxy(t, edge.addr)

	answer, body := ask(t, "POST", base+"/api/v2/events", `{"type":"play","user_id":"ann","movie_id":"heat","position_ms":90000}`, "Content-Type", "application/json", "Prefer", "wait=10", "X-Request-Id", "mine")
	require.Equal(t, 200, answer.StatusCode, body)
	require.Equal(t, "mine", answer.Header.Get("X-Request-Id"), "one id from the client to the log of the edge")
	token := answer.Header.Get("Consistency-Token")
	require.NotEmpty(t, token)
	answer, body = ask(t, "GET", base+"/api/v2/users/ann/positions/heat", "", "Consistency-Token", token)
	require.Equal(t, 200, answer.StatusCode)
	require.Contains(t, body, "90000")

	answer, _ = ask(t, "POST", base+"/api/v1/favorites/users/ann/movies/heat", "")
	require.Equal(t, 201, answer.StatusCode)
	answer, _ = ask(t, "GET", base+"/api/v2/users/a%2Fb/positions", "")
	direct, _ := ask(t, "GET", "http://"+edge.addr+"/api/v2/users/a%2Fb/positions", "")
	require.Equal(t, direct.StatusCode, answer.StatusCode, "nginx leaves paths as they came")
	require.NotEmpty(t, answer.Header.Get("X-Request-Id"), "who gives none gets one")

	answer, _ = ask(t, "GET", base+"/metrics", "")
	require.Equal(t, 404, answer.StatusCode, "metrics are for inside")
	answer, body = ask(t, "POST", base+"/api/v2/events", strings.Repeat(" ", 1<<20+1), "Content-Type", "application/json")
	require.Equal(t, 413, answer.StatusCode)
	require.Contains(t, answer.Header.Get("Content-Type"), "application/problem+json")
	require.Contains(t, body, "mebibyte")
}

// The token of a write passes nginx in the answer and in the next request, whatever was written.
func TestNginxPassesTokensOfLargeBatches(t *testing.T) {
	edge := run(t)
	base := "http://" + proxy(t, edge.addr)
	long := strings.Repeat("x", 110)
	for _, movies := range []int{1, 68, 70, 1000} {
		var events []string
		for i := range movies {
			const like = `{"type":"like","user_id":"u%d","movie_id":"%s-%d-%d"}`
			events = append(events, fmt.Sprintf(like, i, long, movies, i))
		}
		batch := "[" + strings.Join(events, ",") + "]"
		answer, body := ask(t, "POST", base+"/api/v2/events", batch, "Content-Type", "application/json")
		require.Equal(t, 202, answer.StatusCode, body)
		token := answer.Header.Get("Consistency-Token")
		require.NotEmpty(t, token)
		require.Less(t, len(token), 2048)
		for i := 0; i < movies; i += 167 {
			movie := fmt.Sprintf("%s/api/v2/movies/%s-%d-%d", base, long, movies, i)
			answer, body = ask(t, "GET", movie, "", "Consistency-Token", token, "Prefer", "wait=10")
			require.Equal(t, 200, answer.StatusCode, body)
			require.Contains(t, body, `"likes":1`)
			require.Equal(t, "wait=10", answer.Header.Get("Preference-Applied"))
			likes := fmt.Sprintf("%s/api/v2/users/u%d/likes", base, i)
			answer, body = ask(t, "GET", likes, "", "Consistency-Token", token, "Prefer", "wait=10")
			require.Equal(t, 200, answer.StatusCode, body)
			require.Contains(t, body, fmt.Sprintf("%s-%d-%d", long, movies, i))
		}
	}
}

func TestNginxSaysWhenTheEdgeIsAway(t *testing.T) {
	gone, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	require.NoError(t, gone.Close())
	base := "http://" + proxy(t, gone.Addr().String())
	answer, body := ask(t, "POST", base+"/api/v2/events", `{}`, "Content-Type", "application/json")
	require.Equal(t, 503, answer.StatusCode)
	require.NotEmpty(t, answer.Header.Get("Retry-After"))
	require.Contains(t, answer.Header.Get("Content-Type"), "application/problem+json")
	require.Contains(t, body, "same ids")
}

// A write whose answer was lost is the client's to repeat: nginx must not send it twice.
func TestNginxRepeatsNoWrite(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer func() { _ = ln.Close() }()
	requests := make(chan string, 16)
	go func() { // reads a request and hangs up
		for {
			c, err := ln.Accept()
			if err != nil {
				return
			}
			b := make([]byte, 4096)
			n, _ := c.Read(b)
			requests <- strings.Fields(string(b[:n]) + " ")[0]
			_ = c.Close()
		}
	}()
	base := "http://" + proxy(t, ln.Addr().String())
	answer, _ := ask(t, "POST", base+"/api/v2/events", `{}`, "Content-Type", "application/json")
	require.Equal(t, 503, answer.StatusCode)
	require.Equal(t, "POST", <-requests)
	require.Empty(t, requests)
}
