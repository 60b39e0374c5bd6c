package bridge

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"os"
	"regexp"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"ugc/deploy/embedded/clickhouse/engine"
)

// fake is an engine of fixed answers that remembers what it was asked.
type fake struct {
	mu       sync.Mutex
	open     int
	queries  []string
	inserted []string
	refuse   map[string]error // by the start of a query
	stream   func(query string, each func([]byte) error) error
	describe []byte
}

func (f *fake) session() (engine.Session, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.open++
	return &fakeSession{fake: f}, nil
}

func (f *fake) asked(prefix string) (found []string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, q := range f.queries {
		if strings.HasPrefix(q, prefix) {
			found = append(found, q)
		}
	}
	return found
}

func (f *fake) openSessions() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.open
}

var fromFile = regexp.MustCompile("^(INSERT INTO \\S+)\\s+FROM INFILE '(.+)' COMPRESSION 'none' FORMAT `(\\w+)`$")

type fakeSession struct {
	*fake
	closed bool
}

func (s *fakeSession) Classify(query string) (engine.Class, int) {
	n := strings.Count(strings.TrimRight(query, "; \n"), ";") + 1
	if strings.HasPrefix(query, "SELECT") || strings.HasPrefix(query, "SHOW") {
		return engine.ReadOnly, n
	}
	return engine.Mutating, n
}

func (s *fakeSession) Query(query, _ string, _ map[string]string) ([]byte, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.queries = append(s.queries, query)
	for start, err := range s.refuse {
		if strings.HasPrefix(query, start) {
			return nil, err
		}
	}
	if m := fromFile.FindStringSubmatch(query); m != nil {
		rows, err := os.ReadFile(m[2])
		if err != nil {
			return nil, err
		}
		s.inserted = append(s.inserted, m[1]+"|"+m[3]+"|"+string(rows))
	}
	switch {
	case strings.HasPrefix(query, "SELECT displayName()"):
		return []byte("fake\t26.7.2.1\tUTC\n"), nil
	case strings.HasPrefix(query, "DESCRIBE"):
		return s.describe, nil
	case strings.HasPrefix(query, "SHOW"):
		return []byte("shown\n"), nil
	}
	return nil, nil
}

func (s *fakeSession) Stream(query, _ string, _ map[string]string, each func([]byte) error) error {
	if s.stream != nil {
		return s.stream(query, each)
	}
	return each([]byte("1\n"))
}

func (s *fakeSession) Close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		panic("session closed twice by the bridge")
	}
	s.closed = true
	s.open--
}

func newFake(t testing.TB, change ...func(*Options)) (*fake, *Handler) {
	t.Helper()
	f := &fake{}
	o := Options{Open: f.session, TempDir: t.TempDir()}
	for _, c := range change {
		c(&o)
	}
	h, err := New(o)
	require.NoError(t, err)
	f.queries = nil
	return f, h
}

func do(h http.Handler, method, target, body string, headers ...string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, target, strings.NewReader(body))
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

var errPlain = errors.New("disk on fire")
