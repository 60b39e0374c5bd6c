package edge_test

import (
	"context"
	"io"
	"net/http"
	"path"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/pb33f/libopenapi"
	validator "github.com/pb33f/libopenapi-validator"
	"github.com/stretchr/testify/require"

	"ugc/handlers/handlerstest"
	edge "ugc/transport/http"
	v2 "ugc/transport/http/v2"
)

// patience bounds every wait of these tests; each ends as soon as its condition holds.
const patience = 30 * time.Second

// service is a running server over a world in memory.
type service struct {
	t      *testing.T
	house  *handlerstest.House
	server *edge.Server
	base   string
	stop   context.CancelFunc
	ended  chan error // what Run returned
}

// start serves on a free port until the test ends.
func start(t *testing.T, house *handlerstest.House, change func(*edge.Options)) *service {
	t.Helper()
	o := edge.Options{Addr: "127.0.0.1:0", Writing: house.Writing(), Positions: house, Opinions: house, Summaries: house, Open: true}
	if change != nil {
		change(&o)
	}
	server, err := edge.New(o)
	require.NoError(t, err)
	require.NoError(t, server.Listen())
	ctx, stop := context.WithCancel(context.Background())
	s := &service{t: t, house: house, server: server, base: "http://" + server.Addr(), stop: stop, ended: make(chan error, 1)}
	go func() { s.ended <- server.Run(ctx) }()
	t.Cleanup(func() {
		stop()
		select {
		case <-s.ended: //nolint:errcheck // tests that care look before
		case <-time.After(patience):
			t.Error("the server does not end")
		}
	})
	return s
}

// answer is a response, read.
type answer struct {
	status int
	header http.Header
	body   string
}

// ask sends a request; headers come in pairs. Every answer of /api/v2 is held to its OpenAPI document.
func (s *service) ask(method, target, body string, headers ...string) answer {
	s.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	var content io.Reader
	if body != "" {
		content = strings.NewReader(body)
	}
	req, err := http.NewRequestWithContext(ctx, method, s.base+target, content)
	require.NoError(s.t, err)
	if body != "" {
		req.Header.Set("Content-Type", "application/json")
	}
	for i := 0; i < len(headers); i += 2 {
		req.Header.Set(headers[i], headers[i+1])
	}
	resp, err := http.DefaultTransport.RoundTrip(req)
	require.NoError(s.t, err)
	raw, err := io.ReadAll(resp.Body)
	require.NoError(s.t, err)
	require.NoError(s.t, resp.Body.Close())
	a := answer{resp.StatusCode, resp.Header, string(raw)}
	if strings.HasPrefix(target, v2.Prefix+"/") {
		hold(s.t, req, resp, a)
	}
	return a
}

// described is the document of /api/v2, ready to judge answers.
var described = func() validator.Validator {
	doc, err := libopenapi.NewDocument(v2.Document)
	if err != nil {
		panic(err)
	}
	v, errs := validator.NewValidator(doc)
	if len(errs) > 0 {
		panic(errs)
	}
	return v
}()

// hold fails where an answer is not as the document says. What the document does not describe (addresses and methods that are not there, the
// pages) is left out.
func hold(t *testing.T, req *http.Request, resp *http.Response, a answer) {
	t.Helper()
	if a.status == http.StatusNotFound || a.status == http.StatusMethodNotAllowed || req.Method == http.MethodHead || req.Method == http.MethodOptions || strings.Contains(req.URL.Path, "/docs") || strings.HasSuffix(req.URL.Path, ".json") {
		return
	}
	isRoute := func(r v2.Route) bool {
		pattern := v2.Prefix + strings.NewReplacer("{user_id}", "*", "{movie_id}", "*").Replace(r.Path)
		ok, err := path.Match(pattern, req.URL.Path)
		return err == nil && ok && r.Method == req.Method
	}
	if !slices.ContainsFunc(v2.Routes(), isRoute) {
		return
	}
	resp.Body = io.NopCloser(strings.NewReader(a.body))
	ok, errs := described.ValidateHttpResponse(req, resp)
	for _, e := range errs {
		t.Errorf("%s %s → %d is not as described: %s: %s %+v\n%s", req.Method, req.URL, a.status, e.Message, e.Reason, e.SchemaValidationErrors, a.body)
	}
	require.True(t, ok)
}

func TestValidateSaysEverythingThatIsWrong(t *testing.T) {
	_, err := edge.New(edge.Options{Addr: "nonsense", BodyLimit: -1, HeaderLimit: 10, IdleTimeout: -1, CORSOrigins: []string{"*"},
		Checks: map[string]func(context.Context) error{"x": nil}})
	for _, want := range []string{"Writing", "Positions", "Opinions", "Summaries", "Addr", "BodyLimit", "HeaderLimit", "IdleTimeout", "CORSOrigins", `"x"`} {
		require.ErrorContains(t, err, want)
	}
}
