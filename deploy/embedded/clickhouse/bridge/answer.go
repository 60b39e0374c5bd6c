package bridge

import (
	"compress/gzip"
	"compress/zlib"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/ClickHouse/ch-go/compress"
	"github.com/andybalholm/brotli"
)

// answer writes a response, compressed as the client asked for. Errors become a status as long as nothing was sent,
// and an exception block after that.
type answer struct {
	w        http.ResponseWriter
	values   url.Values
	accepted string
	server   server
	atEnd    bool // the client wants no byte before the statement has succeeded

	started bool
	tag     string // tells an exception block from rows that look like one
	out     io.Writer
	blocks  *compress.Writer // ClickHouse's own block compression
}

func newAnswer(w http.ResponseWriter, r *http.Request, s server) *answer {
	values := r.URL.Query()
	return &answer{w: w, values: values, accepted: r.Header.Get("Accept-Encoding"), server: s, atEnd: values.Get("wait_end_of_query") == "1"}
}

func (a *answer) start() {
	a.started = true
	a.tag = newMark()
	h := a.headers()
	h.Set("Content-Type", "application/octet-stream")
	h.Set("X-ClickHouse-Exception-Tag", a.tag)
	a.out = a.w
	if a.values.Get("compress") == "1" {
		method := compress.LZ4
		if strings.EqualFold(a.values.Get("network_compression_method"), "ZSTD") {
			method = compress.ZSTD
		}
		a.blocks = compress.NewWriter(1, method)
		return
	}
	if a.values.Get("enable_http_compression") != "1" {
		return
	}
	for _, c := range []struct {
		name string
		wrap func(io.Writer) io.Writer
	}{
		{"gzip", func(w io.Writer) io.Writer { return gzip.NewWriter(w) }},
		{"deflate", func(w io.Writer) io.Writer { return zlib.NewWriter(w) }},
		{"br", func(w io.Writer) io.Writer { return brotli.NewWriterLevel(w, 3) }},
	} {
		if strings.Contains(a.accepted, c.name) {
			h.Set("Content-Encoding", c.name)
			a.out = c.wrap(a.w)
			return
		}
	}
}

func (a *answer) headers() http.Header {
	h := a.w.Header()
	h.Set("X-ClickHouse-Server-Display-Name", a.server.name)
	h.Set("X-ClickHouse-Timezone", a.server.timezone)
	if format := a.values.Get("default_format"); format != "" {
		h.Set("X-ClickHouse-Format", format)
	}
	if id := a.values.Get("query_id"); id != "" {
		h.Set("X-ClickHouse-Query-Id", id)
	}
	return h
}

// Write sends output. Nothing is sent for nothing, so that an empty answer can still become an exception.
func (a *answer) Write(b []byte) (int, error) {
	if len(b) == 0 {
		return 0, nil
	}
	if !a.started {
		a.start()
	}
	if a.blocks == nil {
		return a.out.Write(b)
	}
	const block = 1 << 20 // what clients take for sane
	for rest := b; len(rest) > 0; {
		n := min(len(rest), block)
		if err := a.blocks.Compress(rest[:n]); err != nil {
			return 0, err
		}
		if _, err := a.out.Write(a.blocks.Data); err != nil {
			return 0, err
		}
		rest = rest[n:]
	}
	return len(b), nil
}

// finish ends a successful answer.
func (a *answer) finish() {
	if !a.started {
		a.headers().Set("Content-Length", "0") // by which the driver knows that there is no result at all
		a.w.WriteHeader(http.StatusOK)
		return
	}
	a.close()
}

func (a *answer) close() {
	if c, ok := a.out.(io.Closer); ok {
		_ = c.Close()
	}
}

// fail ends an answer with an exception.
func (a *answer) fail(err error) {
	e := asException(err)
	text := string(e)
	if a.started {
		_, _ = fmt.Fprintf(a.out, "\r\n__exception__\r\n%s\r\n%s\n%d %s\r\n__exception__\r\n", a.tag, text, len(text)+1, a.tag)
		a.close()
		return
	}
	h := a.headers()
	h.Set("Content-Type", "text/plain; charset=UTF-8")
	h.Set("X-ClickHouse-Exception-Code", strconv.Itoa(e.Code()))
	a.w.WriteHeader(status(e.Code()))
	_, _ = io.WriteString(a.w, text+"\n")
}
