package bridge

import (
	"compress/gzip"
	"compress/zlib"
	"errors"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"net/url"
	"strings"

	"github.com/ClickHouse/ch-go/compress"
	"github.com/andybalholm/brotli"
)

// request is one statement with everything that came with it.
type request struct {
	statement statement
	data      io.Reader // rows of an INSERT that follow its text
	form      *multipart.Form

	values   url.Values
	params   map[string]string // of {name:Type} placeholders
	format   string            // of the output, where the statement names none
	database string
	readOnly bool
}

func (q *request) cleanUp() {
	if q.form != nil {
		_ = q.form.RemoveAll()
	}
}

// read takes a request apart. The rows of an INSERT are left to be read; anything else is read to its end, so that
// the server notices when the client goes away.
func (h *Handler) read(r *http.Request) (*request, error) {
	values, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		return nil, exception(codeBadArguments, "BAD_ARGUMENTS", "malformed URL: %v", err)
	}
	q := &request{
		values:   values,
		params:   map[string]string{},
		format:   first(values.Get("default_format"), r.Header.Get("X-ClickHouse-Format"), "TabSeparated"),
		database: first(values.Get("database"), r.Header.Get("X-ClickHouse-Database")),
		readOnly: r.Method == http.MethodGet,
	}
	for name := range values {
		if param, ok := strings.CutPrefix(name, "param_"); ok {
			q.params[param] = values.Get(name)
		}
	}
	body, err := decode(r, values)
	if err != nil {
		return nil, err
	}
	if kind, p, _ := mime.ParseMediaType(r.Header.Get("Content-Type")); kind == "multipart/form-data" && p["boundary"] != "" {
		return q, h.readForm(q, r)
	}
	return q, h.readStatement(q, body)
}

func (h *Handler) readForm(q *request, r *http.Request) error {
	r.Body = http.MaxBytesReader(nil, r.Body, h.o.FormBytes)
	if err := r.ParseMultipartForm(1 << 20); err != nil {
		return unreadable(err, h.o.FormBytes)
	}
	q.form = r.MultipartForm
	q.statement = parseStatement(first(append(q.form.Value["query"], q.values.Get("query"))...))
	return nil
}

// readStatement finds where the statement ends and its rows start: they may share a body, or the statement may stand
// in the URL with the rest of it, or its rows, in the body.
func (h *Handler) readStatement(q *request, body io.Reader) error {
	text := q.values.Get("query")
	if text != "" {
		q.statement = parseStatement(text)
		if q.statement.isInsert() {
			q.data = io.MultiReader(strings.NewReader(text[q.statement.dataAt:]), body)
			return nil
		}
		text += "\n"
	}
	rest, err := io.ReadAll(io.LimitReader(body, h.o.QueryBytes+1))
	if err != nil {
		return unreadable(err, h.o.QueryBytes)
	}
	if int64(len(rest)) > h.o.QueryBytes {
		return tooLarge(h.o.QueryBytes)
	}
	q.statement = parseStatement(text + string(rest))
	if st := q.statement; st.isInsert() {
		q.data = strings.NewReader(st.text[st.dataAt:])
	}
	return nil
}

// decode undoes Content-Encoding and, with decompress=1, ClickHouse's own block compression.
func decode(r *http.Request, values url.Values) (io.Reader, error) {
	var body io.Reader = r.Body
	var err error
	switch encoding := r.Header.Get("Content-Encoding"); encoding {
	case "", "identity":
	case "gzip":
		body, err = gzip.NewReader(body)
	case "deflate":
		body, err = zlib.NewReader(body)
	case "br":
		body = brotli.NewReader(body)
	default:
		return nil, exception(codeBadArguments, "BAD_ARGUMENTS", "unknown Content-Encoding %q: use gzip, deflate or br", encoding)
	}
	if err != nil {
		return nil, unreadable(err, 0)
	}
	if values.Get("decompress") == "1" {
		body = newBlocks(body)
	}
	return body, nil
}

// blocks ends with a plain io.EOF between two blocks and with io.ErrUnexpectedEOF within one: ch-go's reader wraps
// either, and takes a body cut right behind a block's header for a whole one.
type blocks struct {
	r  *compress.Reader
	in *counter
}

func newBlocks(r io.Reader) blocks {
	in := &counter{r: r}
	return blocks{compress.NewReader(in), in}
}

func (b blocks) Read(p []byte) (int, error) {
	before := b.in.n
	n, err := b.r.Read(p)
	if errors.Is(err, io.EOF) {
		err = io.EOF
		if b.in.n > before {
			err = io.ErrUnexpectedEOF
		}
	}
	return n, err
}

type counter struct {
	r io.Reader
	n int64
}

func (c *counter) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	c.n += int64(n)
	return n, err
}

func unreadable(err error, limit int64) error {
	var long *http.MaxBytesError
	if errors.As(err, &long) {
		return tooLarge(limit)
	}
	return exception(codeCannotRead, "CANNOT_READ_ALL_DATA", "unreadable request body: %v", err)
}

func tooLarge(limit int64) error {
	return exception(codeQueryTooLarge, "TOO_MANY_BYTES", "the request holds more than %d bytes", limit)
}
