package importer

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"ugc/domain"
)

const header = "userId,movieId,rating,timestamp\n"

func write(t *testing.T, content string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "ratings.csv")
	require.NoError(t, os.WriteFile(path, []byte(content), 0o600))
	return path
}

func scan(t *testing.T, content string) (events []Event, err error) {
	t.Helper()
	err = ScanMovieLens(write(t, content), func(e Event) error { events = append(events, e); return nil })
	return events, err
}

func TestARatingBecomesAnEvent(t *testing.T) {
	events, err := scan(t, header+"1,31,2.5,1260759144\n7,1029,5.0,1260759179\n")
	require.NoError(t, err)
	require.Len(t, events, 2)
	require.Equal(t, Event{Type: "rating", EventID: events[0].EventID, UserID: "1", MovieID: "31", OccurredAt: 1260759144000, Score: 5}, events[0])
	require.Equal(t, 10, events[1].Score)
	again, err := scan(t, header+"1,31,2.5,1260759144\n1,31,3.0,1260759144\n")
	require.NoError(t, err)
	require.Equal(t, events[0].EventID, again[0].EventID, "the same line has the same id")
	require.NotEqual(t, again[0].EventID, again[1].EventID, "another line has another")
}

func TestGzipIsRecognisedByContent(t *testing.T) {
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	_, err := z.Write([]byte(header + "1,2,3,4\n"))
	require.NoError(t, err)
	require.NoError(t, z.Close())
	events, err := scan(t, b.String())
	require.NoError(t, err)
	require.Len(t, events, 1)
	_, err = scan(t, b.String()[:b.Len()-6])
	require.ErrorContains(t, err, "damaged or cut off")
}

func TestBadFilesAreNamedByLine(t *testing.T) {
	for name, c := range map[string]struct{ content, says string }{
		"empty":              {"", "userId,movieId,rating,timestamp"},
		"another file":       {"movieId,title,genres\n", "no MovieLens ratings file"},
		"too few fields":     {header + "1,2,3\n", "line 2: has 3 fields"},
		"no half stars":      {header + "1,2,3.7,4\n", `line 2: rating "3.7"`},
		"too many stars":     {header + "1,2,5.5,4\n", "0.5 to 5"},
		"no stars":           {header + "1,2,0,4\n", "0.5 to 5"},
		"not a number":       {header + "1,2,NaN,4\n", "0.5 to 5"},
		"no user":            {header + ",2,3,4\n", `line 2: userId "" must not be empty`},
		"slash":              {header + "1,a/b,3,4\n", `line 2: movieId "a/b" must not hold '/'`},
		"long id":            {header + "1," + strings.Repeat("m", 129) + ",3,4\n", "at most 128"},
		"before 1970":        {header + "1,2,3,-4\n", `timestamp "-4"`},
		"milliseconds":       {header + "1,2,3,99999999999999\n", "Unix seconds"},
		"quote":              {header + "1,\"2,3,4\n", "line 2"},
		"the third line":     {header + "1,2,3,4\n1,2,9,4\n", "line 3"},
		"two of them":        {header + "1,2,9,4\n1,2,3\n", "line 3: has 3 fields"},
		"a missing file":     {"\x00missing", "no such file"},
		"more than are told": {header + strings.Repeat("x\n", 50), "and perhaps more"},
	} {
		t.Run(name, func(t *testing.T) {
			path := "missing.csv"
			if c.content != "\x00missing" {
				path = write(t, c.content)
			}
			err := ScanMovieLens(path, func(Event) error { return nil })
			require.ErrorContains(t, err, c.says)
		})
	}
}

// service is an HTTP server that answers POST /api/v2/events as the edge does, after failing as told.
type service struct {
	mu     sync.Mutex
	seen   map[string]int // requests that held the event
	fail   func(request int) int
	status string
	count  int
}

func (s *service) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Method == http.MethodGet {
		_, _ = w.Write([]byte(`{"items":[]}`))
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.count++
	if s.fail != nil {
		if code := s.fail(s.count); code != 0 {
			http.Error(w, "not now", code)
			return
		}
	}
	var events []Event
	if err := json.NewDecoder(r.Body).Decode(&events); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	items := make([]map[string]string, len(events))
	for i, e := range events {
		s.seen[e.EventID]++
		items[i] = map[string]string{"event_id": e.EventID, "status": s.status}
	}
	w.Header().Set("Consistency-Token", domain.Token{{Topic: "t", Partition: 0, Version: 1}}.String())
	_ = json.NewEncoder(w).Encode(map[string]any{"items": items})
}

func serve(t *testing.T, s *service) Options {
	t.Helper()
	s.seen = map[string]int{}
	if s.status == "" {
		s.status = "accepted"
	}
	server := httptest.NewServer(s)
	t.Cleanup(server.Close)
	return Options{URL: server.URL, Batch: 10, Parallel: 3, Patience: 20 * time.Second}
}

func ratings(n int) string {
	var b strings.Builder
	b.WriteString(header)
	for i := range n {
		fmt.Fprintf(&b, "%d,%d,4.5,%d\n", i%7, i, 1000+i)
	}
	return b.String()
}

func TestEveryRatingIsSentOnce(t *testing.T) {
	s := &service{}
	o := serve(t, s)
	told := make(chan int, 1000)
	o.Sent = func(n int) { told <- n }
	n, err := MovieLens(context.Background(), write(t, ratings(95)), o)
	require.NoError(t, err)
	require.Equal(t, 95, n)
	require.Len(t, s.seen, 95)
	close(told)
	sum := 0
	for n := range told {
		sum += n
	}
	require.Equal(t, 95, sum, "progress adds up")
}

func TestAnUnavailableServiceIsTriedAgain(t *testing.T) {
	s := &service{fail: func(request int) int {
		if request == 1 || request == 4 {
			return http.StatusServiceUnavailable
		}
		return 0
	}}
	n, err := MovieLens(context.Background(), write(t, ratings(40)), serve(t, s))
	require.NoError(t, err)
	require.Equal(t, 40, n)
	require.Len(t, s.seen, 40)
}

func TestARefusalEndsTheImportAndSaysWhatWasTaken(t *testing.T) {
	s := &service{fail: func(request int) int {
		if request == 3 {
			return http.StatusUnprocessableEntity
		}
		return 0
	}}
	o := serve(t, s)
	o.Parallel = 1
	n, err := MovieLens(context.Background(), write(t, ratings(40)), o)
	require.ErrorContains(t, err, "422")
	require.ErrorContains(t, err, "20 of 40 ratings were accepted")
	require.Equal(t, 20, n)
}

func TestARefusedItemEndsTheImport(t *testing.T) {
	_, err := MovieLens(context.Background(), write(t, ratings(5)), serve(t, &service{status: "invalid"}))
	require.ErrorContains(t, err, "was refused: invalid")
}

func TestABadLineSendsNothing(t *testing.T) {
	s := &service{}
	_, err := MovieLens(context.Background(), write(t, ratings(40)+"1,2,9,4\n"), serve(t, s))
	require.ErrorContains(t, err, "nothing was sent: line 42")
	assert.Empty(t, s.seen)
}

func TestAServiceThatIsNotThereIsNamed(t *testing.T) {
	server := httptest.NewServer(http.NotFoundHandler())
	url := server.URL
	server.Close()
	_, err := MovieLens(context.Background(), write(t, ratings(1)), Options{URL: url, Patience: time.Millisecond})
	require.ErrorContains(t, err, "is the service running?")
}

// A download that broke off is said, and not more.
func TestAFileThatIsCutOffIsNamed(t *testing.T) {
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	_, err := w.Write([]byte(ratings(2000)))
	require.NoError(t, err)
	require.NoError(t, w.Close())
	for _, content := range [][]byte{b.Bytes()[:b.Len()/2], append([]byte{}, b.Bytes()[:b.Len()-3]...)} {
		_, err := scan(t, string(content))
		require.ErrorContains(t, err, "damaged or cut off")
	}
}
