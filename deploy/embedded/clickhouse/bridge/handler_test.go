package bridge

import (
	"bytes"
	"compress/gzip"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"regexp"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/ClickHouse/ch-go/compress"
	"github.com/stretchr/testify/require"

	"ugc/deploy/embedded/clickhouse/engine"
)

func TestBadRequestsGetExceptions(t *testing.T) {
	small := func(o *Options) { o.QueryBytes, o.InsertBytes, o.FormBytes = 64, 64, 256 }
	block := compress.NewWriter(1, compress.LZ4)
	require.NoError(t, block.Compress([]byte("1,2\n")))
	form := "--b\r\nContent-Disposition: form-data; name=\"query\"\r\n\r\nSELECT 1\r\n--b\r\nContent-Disposition: form-data; name=\"x\"; filename=\"x\"\r\n\r\n%s\r\n--b--\r\n"
	const multipart = "multipart/form-data; boundary=b"
	insert := "/?decompress=1&query=INSERT+INTO+t+FORMAT+CSV"
	for name, c := range map[string]struct {
		method, target, body string
		headers              []string
		code, status         int
		says                 string
	}{
		"empty":                   {target: "/", code: 62, status: 400, says: "empty query"},
		"method":                  {method: "DELETE", target: "/?query=SELECT+1", code: 36, status: 400, says: "DELETE"},
		"malformed URL":           {target: "/?query=%zz", body: "SELECT 1", code: 36, status: 400, says: "%zz"},
		"too long":                {target: "/", body: "SELECT " + strings.Repeat("1", 64), code: 307, status: 413, says: "64 bytes"},
		"user":                    {target: "/?user=root", body: "SELECT 1", code: 516, status: 403, says: "root"},
		"password":                {target: "/", body: "SELECT 1", headers: []string{"X-ClickHouse-User", "default", "X-ClickHouse-Key", "guess"}, code: 516, status: 403},
		"basic auth":              {target: "/", body: "SELECT 1", headers: []string{"Authorization", "Basic cm9vdDp4"}, code: 516, status: 403},
		"encoding unknown":        {target: "/", body: "SELECT 1", headers: []string{"Content-Encoding", "rot13"}, code: 36, status: 400, says: "rot13"},
		"not gzip":                {target: "/", body: "SELECT 1", headers: []string{"Content-Encoding", "gzip"}, code: 33, status: 400},
		"not deflate":             {target: "/", body: "SELECT 1", headers: []string{"Content-Encoding", "deflate"}, code: 33, status: 400},
		"not brotli":              {target: "/", body: "SELECT 1", headers: []string{"Content-Encoding", "br"}, code: 33, status: 400},
		"not a block":             {target: insert, body: "plain text that is no block at all", code: 33, status: 400},
		"block cut in its header": {target: insert, body: string(block.Data[:10]), code: 33, status: 400},
		"block cut behind it":     {target: insert, body: string(block.Data[:25]), code: 33, status: 400},
		"block cut in its data":   {target: insert, body: string(block.Data[:len(block.Data)-1]), code: 33, status: 400},
		"block with a wrong sum":  {target: insert, body: "x" + string(block.Data[1:]), code: 33, status: 400},
		"too many rows":           {target: "/?query=INSERT+INTO+t+FORMAT+CSV", body: strings.Repeat("1\n", 33), code: 307, status: 413, says: "64 bytes"},
		"setting no name":         {target: "/?max%27threads=1", body: "SELECT 1", code: 115, status: 404, says: `max\'threads`},
		"two statements":          {target: "/", body: "SELECT 1; SELECT 2", code: 62, status: 400},
		"change by GET":           {method: "GET", target: "/?query=DROP+TABLE+t", code: 164, status: 403, says: "POST"},
		"insert by GET":           {method: "GET", target: "/?query=INSERT+INTO+t+FORMAT+CSV+1", code: 164, status: 403},
		"form too large":          {target: "/?x_structure=a+String", body: fmt.Sprintf(form, strings.Repeat("x", 256)), headers: []string{"Content-Type", multipart}, code: 307, status: 413},
		"form cut":                {target: "/?x_structure=a+String", body: fmt.Sprintf(form, "1")[:len(form)-10], headers: []string{"Content-Type", multipart}, code: 33, status: 400},
		"table without structure": {target: "/", body: fmt.Sprintf(form, "1"), headers: []string{"Content-Type", multipart}, code: 36, status: 400, says: "x_structure"},
		"session time-out":        {target: "/?session_id=s&session_timeout=soon", body: "SELECT 1", code: 36, status: 400, says: "soon"},
		"session unknown":         {target: "/?session_id=s&session_check=1", body: "SELECT 1", code: 372, status: 404},
		"engine refuses":          {target: "/?database=nope", body: "SELECT 1", code: 81, status: 404, says: "UNKNOWN_DATABASE"},
		"engine fails otherwise":  {target: "/", body: "BURN", code: 1001, status: 500, says: "disk on fire"},
	} {
		t.Run(name, func(t *testing.T) {
			f, h := newFake(t, small)
			f.refuse = map[string]error{"USE `nope`": engine.Error("Code: 81. DB::Exception: Database nope does not exist. (UNKNOWN_DATABASE)"), "BURN": errPlain}
			method := c.method
			if method == "" {
				method = http.MethodPost
			}
			w := do(h, method, c.target, c.body, c.headers...)
			require.Equal(t, c.status, w.Code, w.Body)
			require.Equal(t, fmt.Sprint(c.code), w.Header().Get("X-ClickHouse-Exception-Code"))
			require.Regexp(t, fmt.Sprintf(`^Code: %d\. DB::Exception: .*\([A-Z_]+\)\n$`, c.code), w.Body.String())
			require.Contains(t, w.Body.String(), c.says)
			require.Empty(t, f.inserted)
			h.Close()
			require.Zero(t, f.openSessions(), "every session is closed")
			spooled, err := os.ReadDir(h.o.TempDir)
			require.NoError(t, err)
			require.Empty(t, spooled, "no spool file is left")
		})
	}
}

func TestRowsFindTheirTable(t *testing.T) {
	var zipped bytes.Buffer
	z := gzip.NewWriter(&zipped)
	_, _ = z.Write([]byte("1\n"))
	require.NoError(t, z.Close())
	blocks := compress.NewWriter(1, compress.ZSTD)
	require.NoError(t, blocks.Compress([]byte("1\n")))
	packed := string(blocks.Data)
	require.NoError(t, blocks.Compress([]byte("2\n")))
	packed += string(blocks.Data)
	for name, c := range map[string]struct {
		target, body string
		headers      []string
		want         string
	}{
		"in the body":           {"/", "INSERT INTO t FORMAT CSV\n1\n\n2;\n", nil, "INSERT INTO t|CSV|1\n\n2;\n"},
		"statement in the URL":  {"/?query=INSERT+INTO+t+FORMAT+CSV", "1\n", nil, "INSERT INTO t|CSV|1\n"},
		"rows in both":          {"/?query=INSERT+INTO+t+FORMAT+CSV%0A1%0A", "2\n", nil, "INSERT INTO t|CSV|1\n2\n"},
		"statement in both":     {"/?query=INSERT+INTO+t", "FORMAT CSV\n1\n", nil, "INSERT INTO t|CSV|1\n"},
		"no rows":               {"/?query=INSERT+INTO+t+FORMAT+CSV", "", nil, "INSERT INTO t|CSV|"},
		"gzip":                  {"/?query=INSERT+INTO+t+FORMAT+CSV", zipped.String(), []string{"Content-Encoding", "gzip"}, "INSERT INTO t|CSV|1\n"},
		"ClickHouse's blocks":   {"/?decompress=1&query=INSERT+INTO+t+FORMAT+CSV", packed, nil, "INSERT INTO t|CSV|1\n2\n"},
		"of an external table":  {"/?x_structure=a+String&x_format=CSV", "--b\r\nContent-Disposition: form-data; name=\"query\"\r\n\r\nSELECT 1\r\n--b\r\nContent-Disposition: form-data; name=\"x\"; filename=\"x\"\r\n\r\n1\n\r\n--b--\r\n", []string{"Content-Type", "multipart/form-data; boundary=b"}, "INSERT INTO `x`|CSV|1\n"},
		"external, no filename": {"/?x_structure=a+String&x_format=CSV", "--b\r\nContent-Disposition: form-data; name=\"query\"\r\n\r\nSELECT 1\r\n--b\r\nContent-Disposition: form-data; name=\"x\"; filename=\"\"\r\n\r\n1\n\r\n--b--\r\n", []string{"Content-Type", "multipart/form-data; boundary=b"}, "INSERT INTO `x`|CSV|1\n"},
	} {
		t.Run(name, func(t *testing.T) {
			f, h := newFake(t)
			w := do(h, http.MethodPost, c.target, c.body, c.headers...)
			require.Equal(t, http.StatusOK, w.Code, w.Body)
			require.Equal(t, []string{c.want}, f.inserted)
		})
	}
}

func TestSettingsAndDatabase(t *testing.T) {
	f, h := newFake(t, func(o *Options) { o.Settings = map[string]string{"max_threads": "2", "max_rows_to_read": "9"} })
	w := do(h, http.MethodPost, "/?database=a%60b&max_threads=7&log_comment=it%27s&query_id=q1&param_p=1", "SELECT 1")
	require.Equal(t, "1\n", w.Body.String())
	require.Equal(t, "q1", w.Header().Get("X-ClickHouse-Query-Id"))
	require.Equal(t, []string{"USE `a\\`b`"}, f.asked("USE"))
	set := f.asked("SET")
	require.Len(t, set, 1)
	require.Regexp(t, `^SET log_comment='[0-9a-f]{16} it\\'s', max_rows_to_read='9', max_threads='7'$`, set[0])
}

func TestPing(t *testing.T) {
	_, h := newFake(t)
	for _, target := range []string{"/", "/ping"} {
		require.Equal(t, "Ok.\n", do(h, http.MethodGet, target, "").Body.String())
	}
	require.Equal(t, "shown\n", do(h, http.MethodGet, "/?query=SHOW+TABLES", "").Body.String())
}

// What happens after the first bytes has its own block in the answer, told from rows by a random tag.
func TestErrorAfterTheFirstRows(t *testing.T) {
	f, h := newFake(t)
	f.stream = func(_ string, each func([]byte) error) error {
		if err := each([]byte("row\n")); err != nil {
			return err
		}
		return engine.Error("Code: 395. DB::Exception: boom. (FUNCTION_THROW_IF_VALUE_IS_NON_ZERO)")
	}
	w := do(h, http.MethodPost, "/", "SELECT x")
	require.Equal(t, http.StatusOK, w.Code)
	tag := w.Header().Get("X-ClickHouse-Exception-Tag")
	require.Len(t, tag, 16)
	text := "Code: 395. DB::Exception: boom. (FUNCTION_THROW_IF_VALUE_IS_NON_ZERO)\n"
	require.Equal(t, fmt.Sprintf("row\n\r\n__exception__\r\n%s\r\n%s%d %s\r\n__exception__\r\n", tag, text, len(text), tag), w.Body.String())
}

func TestClientThatGoesAwayIsNoticed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f, h := newFake(t)
		ctx, cancel := context.WithCancel(t.Context())
		stuck := make(chan struct{})
		f.stream = func(string, func([]byte) error) error { <-stuck; return ctx.Err() }
		ended := make(chan struct{})
		go func() {
			r := httptest.NewRequestWithContext(ctx, http.MethodPost, "/", strings.NewReader("SELECT x"))
			h.ServeHTTP(httptest.NewRecorder(), r)
			close(ended)
		}()
		synctest.Wait()
		require.Empty(t, f.asked("KILL"))
		cancel()
		synctest.Wait()
		require.Len(t, f.asked("KILL"), 1)
		time.Sleep(killEvery) //nolint:forbidigo // virtual time
		synctest.Wait()
		kills := f.asked("KILL")
		require.Len(t, kills, 2, "again, until the statement has ended")
		mark := regexp.MustCompile(`[0-9a-f]{16}`).FindString(f.asked("SET")[0])
		require.Equal(t, "KILL QUERY WHERE startsWith(Settings['log_comment'], '"+mark+"') ASYNC", kills[0])
		close(stuck)
		<-ended
		require.Zero(t, f.openSessions())
	})
}

func TestStatementsWaitForTheirTurn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f, h := newFake(t, func(o *Options) { o.Statements = 1 })
		go_on := make(chan struct{})
		f.stream = func(_ string, each func([]byte) error) error { <-go_on; return each([]byte("1\n")) }
		answers := make(chan *httptest.ResponseRecorder, 1)
		go func() { answers <- do(h, http.MethodPost, "/", "SELECT slow") }()
		synctest.Wait()
		began := time.Now()
		w := do(h, http.MethodPost, "/", "SELECT late")
		require.Equal(t, "202", w.Header().Get("X-ClickHouse-Exception-Code"))
		require.Equal(t, 30*time.Second, time.Since(began))
		close(go_on)
		require.Equal(t, "1\n", (<-answers).Body.String())
		require.Equal(t, "1\n", do(h, http.MethodPost, "/", "SELECT next").Body.String())
	})
}

func TestNamedSessions(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f, h := newFake(t, func(o *Options) { o.Sessions = 2 })
		defer h.Close()
		code := func(query string) string {
			return do(h, http.MethodPost, "/?"+query, "SELECT 1").Header().Get("X-ClickHouse-Exception-Code")
		}
		require.Empty(t, code("session_id=a"))
		require.Empty(t, code("session_id=a&session_check=1"), "it is known")
		require.Empty(t, code("session_id=b&session_timeout=3600"))
		require.Equal(t, 2, f.openSessions())
		require.Equal(t, "202", code("session_id=c"), "no room for a third")
		time.Sleep(59 * time.Second) //nolint:forbidigo // virtual time
		require.Empty(t, code("session_id=a"), "use prolongs it")
		time.Sleep(sessionTimeout + time.Second) //nolint:forbidigo // virtual time
		synctest.Wait()
		require.Equal(t, 1, f.openSessions(), "a has expired")
		require.Equal(t, "372", code("session_id=a&session_check=1"))

		go_on := make(chan struct{})
		f.stream = func(string, func([]byte) error) error { <-go_on; return nil }
		go do(h, http.MethodPost, "/?session_id=b", "SELECT slow")
		synctest.Wait()
		require.Equal(t, "373", code("session_id=b"), "one statement at a time")
		close(go_on)
		synctest.Wait()
	})
}

func TestOptions(t *testing.T) {
	err := Options{Statements: -1, Settings: map[string]string{"a b": "1"}}.Validate()
	for _, what := range []string{"no engine", "negative", `"a b"`} {
		require.ErrorContains(t, err, what)
	}
	_, err = New(Options{})
	require.Error(t, err)
	_, err = New(Options{Open: func() (engine.Session, error) { return nil, errPlain }})
	require.ErrorIs(t, err, errPlain)
}

func FuzzRequest(f *testing.F) {
	f.Add("query=SELECT+1&decompress=1", "x", "gzip", "multipart/form-data; boundary=b")
	f.Add("query=INSERT+INTO+t+FORMAT+CSV", "1\n", "", "")
	f.Add("compress=1&x_structure=a", "--b\r\n", "br", "multipart/form-data; boundary=b")
	f.Fuzz(func(t *testing.T, query, body, encoding, kind string) {
		_, h := newFake(t)
		r := httptest.NewRequest(http.MethodPost, "/", strings.NewReader(body))
		r.URL.RawQuery = query
		r.Header.Set("Content-Encoding", encoding)
		r.Header.Set("Content-Type", kind)
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		h.Close()
		if w.Code != http.StatusOK {
			b, _ := io.ReadAll(w.Body)
			require.Regexp(t, `^Code: \d+\.`, string(b))
		}
	})
}
