package v1_test

import (
	"bufio"
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"sort"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gofiber/fiber/v2"
	"github.com/stretchr/testify/require"
	"github.com/valyala/fasthttp/fasthttputil"

	"ugc/handlers/handlerstest"
	"ugc/transport/http/exchange"
	"ugc/transport/http/problem"
	v1 "ugc/transport/http/v1"
)

// testdata/fastapi.jsonl holds what FastAPI 0.96 with pydantic 1.10 answers to the same requests: each line is a fresh service and a
// row of requests to it. testdata/differs.json says where we answer otherwise, on purpose, and why.

type goldenCase struct {
	Name  string
	Steps []goldenStep
}

type goldenStep struct {
	Request struct {
		Method, Target string
		Headers        map[string]string
		Body           *string
		BodyBase64     *string `json:"body_base64"`
	}
	Response answer
}

type answer struct {
	Status  int
	Headers map[string]string
	Body    *string
}

type difference struct {
	Why    string
	Status int
	Body   string // "" says nothing about it
}

// service is the API behind a connection, over a world that can be exchanged.
type service struct {
	api  atomic.Pointer[v1.API]
	conn net.Conn
	r    *bufio.Reader
}

// reset begins anew over this world.
func (s *service) reset(house *handlerstest.House) {
	s.api.Store(v1.New(v1.Options{Writing: house.Writing(), Opinions: house, Shown: 20 * time.Millisecond,
		Page: func(c *fiber.Ctx, name string) error { c.Type("html"); return c.SendString(name) }}))
}

// everybody calls: who may do what is tested at the edge.
func everybody(c *fiber.Ctx) error {
	exchange.SetCaller(c, exchange.Everybody)
	return c.Next()
}

func newService(t *testing.T) *service {
	t.Helper()
	s := &service{}
	f := fiber.New(fiber.Config{DisableStartupMessage: true, BodyLimit: 1 << 20, DisablePreParseMultipartForm: true,
		ErrorHandler: func(c *fiber.Ctx, err error) error { return problem.Of(err).Send(c, "r") }})
	f.Use(everybody)
	f.Use(v1.Prefix, func(c *fiber.Ctx) error { return s.api.Load().Serve(c) })
	f.Use(func(c *fiber.Ctx) error {
		return c.Status(404).JSON(map[string]string{"detail": "Not Found"}) // what the edge answers elsewhere is tested there
	})
	ln := fasthttputil.NewInmemoryListener()
	served := make(chan error, 1)
	go func() { served <- f.Listener(ln) }()
	t.Cleanup(func() {
		require.NoError(t, f.ShutdownWithTimeout(30*time.Second))
		require.NoError(t, <-served)
	})
	var err error
	s.conn, err = ln.Dial()
	require.NoError(t, err)
	t.Cleanup(func() { _ = s.conn.Close() })
	s.r = bufio.NewReader(s.conn)
	s.reset(&handlerstest.House{})
	return s
}

// do sends a request as it is, byte for byte, on the one connection.
func (s *service) do(t *testing.T, raw []byte) (resp *http.Response, body string) {
	t.Helper()
	require.NoError(t, s.conn.SetDeadline(time.Now().Add(30*time.Second)))
	_, err := s.conn.Write(raw)
	require.NoError(t, err)
	method, _, _ := bytes.Cut(raw, []byte(" "))
	resp, err = http.ReadResponse(s.r, &http.Request{Method: string(method)})
	require.NoError(t, err)
	b, err := io.ReadAll(resp.Body)
	require.NoError(t, err)
	return resp, string(b)
}

func (s goldenStep) raw(t *testing.T) []byte {
	var b bytes.Buffer
	fmt.Fprintf(&b, "%s %s HTTP/1.1\r\nHost: ugc.test\r\n", s.Request.Method, s.Request.Target)
	names := make([]string, 0, len(s.Request.Headers))
	for k := range s.Request.Headers {
		names = append(names, k)
	}
	sort.Strings(names)
	for _, k := range names {
		fmt.Fprintf(&b, "%s: %s\r\n", k, s.Request.Headers[k])
	}
	var body []byte
	switch {
	case s.Request.Body != nil:
		body = []byte(*s.Request.Body)
	case s.Request.BodyBase64 != nil:
		var err error
		body, err = base64.StdEncoding.DecodeString(*s.Request.BodyBase64)
		require.NoError(t, err)
	}
	if body != nil {
		fmt.Fprintf(&b, "Content-Length: %d\r\n", len(body))
	}
	b.WriteString("\r\n")
	b.Write(body)
	return b.Bytes()
}

func TestAnswersAreThoseOfMoviesUGC(t *testing.T) {
	var differs map[string]difference
	raw, err := os.ReadFile("testdata/differs.json")
	require.NoError(t, err)
	require.NoError(t, json.Unmarshal(raw, &differs))
	used := map[string]bool{}

	svc := newService(t)
	file, err := os.Open("testdata/fastapi.jsonl")
	require.NoError(t, err)
	defer file.Close()
	lines := bufio.NewScanner(file)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		var c goldenCase
		require.NoError(t, json.Unmarshal(lines.Bytes(), &c))
		t.Run(c.Name, func(t *testing.T) {
			svc.reset(&handlerstest.House{})
			for i, s := range c.Steps {
				got, body := svc.do(t, s.raw(t))
				name := fmt.Sprintf("%s #%d", c.Name, i)
				if d, ok := differs[name]; ok {
					used[name] = true
					require.NotEmpty(t, d.Why)
					require.False(t, got.StatusCode == s.Response.Status && s.Response.Body != nil && body == *s.Response.Body, "%s no longer differs", name)
					require.Equal(t, d.Status, got.StatusCode, "%s: %s", name, body)
					if d.Body != "" {
						require.Equal(t, d.Body, body, name)
					}
					continue
				}
				compare(t, fmt.Sprintf("%s: %s %s", name, s.Request.Method, s.Request.Target), s.Response, got, body)
			}
		})
	}
	require.NoError(t, lines.Err())
	for name := range differs {
		require.True(t, used[name], "differs.json names %q, which is no case", name)
	}
}

func compare(t *testing.T, name string, want answer, got *http.Response, body string) {
	t.Helper()
	require.Equal(t, want.Status, got.StatusCode, "%s: %s", name, body)
	if allow := want.Headers["allow"]; allow != "" {
		for _, m := range strings.Split(allow, ", ") { // FastAPI names the first route's methods alone, we name all
			require.Contains(t, strings.Split(got.Header.Get("Allow"), ", "), m, name)
		}
	}
	require.Equal(t, strings.TrimPrefix(want.Headers["location"], "http://ugc.test"), got.Header.Get("Location"), name)
	if ct := want.Headers["content-type"]; ct != "" {
		require.Equal(t, ct, got.Header.Get("Content-Type"), name)
	}
	if want.Body != nil && *want.Body != "<long>" {
		require.Equal(t, *want.Body, body, name)
	}
}
