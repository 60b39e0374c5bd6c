package e2e

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
)

// kinds is one report of every kind by one viewer of one film of 100 minutes, in the order in which they happened.
var kinds = []string{
	`{"type":"play","position_ms":0,"sequence":1,"occurred_at":"2026-01-02T20:00:00Z"}`,
	`{"type":"heartbeat","position_ms":30000,"sequence":2,"occurred_at":"2026-01-02T20:00:30Z"}`,
	`{"type":"fast_forward","position_ms":600000,"from_position_ms":40000,"sequence":3,"occurred_at":"2026-01-02T20:00:40Z"}`,
	`{"type":"rewind","position_ms":500000,"from_position_ms":610000,"sequence":4,"occurred_at":"2026-01-02T20:00:50Z"}`,
	`{"type":"seek","position_ms":900000,"from_position_ms":505000,"sequence":5,"occurred_at":"2026-01-02T20:00:55Z"}`,
	`{"type":"pause","position_ms":960000,"sequence":6,"occurred_at":"2026-01-02T20:01:55Z"}`,
	`{"type":"play","position_ms":960000,"sequence":7,"occurred_at":"2026-01-02T20:30:00Z"}`,
	`{"type":"stop","position_ms":1000000,"sequence":8,"occurred_at":"2026-01-02T20:30:40Z"}`,
	`{"type":"viewing","viewed_seconds":165}`,
}

// watched is what those reports prove: 0–40 s, 600–610 s, 500–505 s, 900–1000 s.
const watched = 40000 + 10000 + 5000 + 100000

// report gives an event its place: who, what, which session.
func report(event, user, movie string) string {
	session := ""
	if strings.Contains(event, `"sequence"`) {
		session = `,"session_id":"s1","device_id":"tv","duration_ms":6000000`
	}
	return fmt.Sprintf(`{"user_id":%q,"movie_id":%q%s,%s`, user, movie, session, event[1:])
}

// id is a UUID that follows from a number.
func id(n int) string { return fmt.Sprintf("0198c0de-0000-7000-8000-%012d", n) }

// TestTheMainJob posts everything that a user can, twice and in disorder, and finds it in every view, once; also after
// the program stopped, and after it was killed.
func TestTheMainJob(t *testing.T) { theMainJob(t, start(t, t.TempDir())) }

func theMainJob(t *testing.T, s *service) {
	t.Helper()
	token := s.postJob()
	check := func(when string) {
		t.Helper()
		s.checkJob(when, token)
	}
	check("at once")
	require.Zero(t, s.stop(), "a clean stop")
	s.start()
	check("after a stop")
	s.kill()
	s.start()
	check("after kill -9")
}

// postJob posts everything that a user can and returns the token of the last report.
func (s *service) postJob() (token string) {
	t := s.t
	t.Helper()
	// A late device sends its reports last to first, and all of them again.
	for round := range 2 {
		for i := len(kinds) - 1; i >= 0; i-- {
			body := strings.Replace(report(kinds[i], "ann", "heat"), "{", fmt.Sprintf(`{"event_id":%q,`, id(i+1)), 1)
			a := s.call(http.MethodPost, "/api/v2/events", body)
			require.Equal(t, http.StatusAccepted, a.status, "round %d: %s: %s", round, body, a.body)
			token = a.header.Get("Consistency-Token")
			require.NotEmpty(t, token)
		}
	}
	for _, write := range []struct{ method, path, body string }{
		{http.MethodPut, "/api/v2/users/ann/ratings/heat", `{"score":7}`},
		{http.MethodPut, "/api/v2/users/ann/ratings/heat", `{"score":9}`},
		{http.MethodPut, "/api/v2/users/bob/ratings/heat", `{"score":4}`},
		{http.MethodPut, "/api/v2/users/ann/bookmarks/heat", ``},
		{http.MethodPut, "/api/v2/users/ann/bookmarks/heat", ``},
		{http.MethodPut, "/api/v2/users/ann/bookmarks/ronin", ``},
		{http.MethodDelete, "/api/v2/users/ann/bookmarks/ronin", ``},
		{http.MethodPut, "/api/v2/users/ann/likes/heat", `{"like":true}`},
		{http.MethodPut, "/api/v2/users/bob/likes/heat", `{"like":false}`},
	} {
		a := s.call(write.method, write.path, write.body, "Prefer", "wait=20")
		require.Equal(t, 2, a.status/100, "%v: %s", write, a.body)
	}
	return token
}

// checkJob holds every view against what was posted.
func (s *service) checkJob(when, token string) {
	t := s.t
	t.Helper()
	a := s.call(http.MethodGet, "/api/v2/users/ann/positions/heat", "", "Consistency-Token", token, "Prefer", "wait=20")
	require.Equal(t, http.StatusOK, a.status, "%s: %s", when, a.body)
	p := a.json(t)
	require.Equal(t, "1000000", fmt.Sprint(p["position_ms"]), when)
	require.Equal(t, "1000000", fmt.Sprint(p["resume_ms"]), when)
	require.Equal(t, strconv.Itoa(watched), fmt.Sprint(p["watched_ms"]), when)
	require.Equal(t, "2", fmt.Sprint(p["plays"]), when)
	require.Equal(t, "165", fmt.Sprint(p["viewed_seconds"]), when)
	require.Equal(t, false, p["completed"], when)

	r := s.call(http.MethodGet, "/api/v2/users/ann/ratings", "").json(t)
	require.Len(t, r["items"], 1, when)
	require.Equal(t, "9", fmt.Sprint(r["items"].([]any)[0].(map[string]any)["score"]), when)
	require.Len(t, s.call(http.MethodGet, "/api/v2/users/ann/bookmarks", "").json(t)["items"], 1, when)
	require.Len(t, s.call(http.MethodGet, "/api/v2/users/bob/likes", "").json(t)["items"], 1, when)

	m := s.call(http.MethodGet, "/api/v2/movies/heat", "").json(t)
	ratings := m["ratings"].(map[string]any)
	require.Equal(t, "2", fmt.Sprint(ratings["count"]), when)
	require.Equal(t, "6.5", fmt.Sprint(ratings["mean"]), when)
	require.Equal(t, "[0 0 0 0 1 0 0 0 0 1 0]", fmt.Sprint(ratings["histogram"]), when)
	require.Equal(t, "[1 1 1]", fmt.Sprint([]any{m["likes"], m["dislikes"], m["bookmarks"]}), when)

	// Eighteen posts were accepted, so eighteen commands were decided: nine applied, nine duplicates, in whatever order.
	s.await("ClickHouse shows every event", func() bool {
		return s.number("SELECT count() FROM playback_events") == "18" && s.number("SELECT count() FROM feedback_events") == "9"
	})
	require.Equal(t, "9", s.number("SELECT uniqExact(event_id) FROM playback_events"), when)
	require.Equal(t, "9", s.number("SELECT countIf(verdict = 'duplicate') FROM playback_events"), when)
	require.Equal(t, strconv.Itoa(watched), s.number("SELECT sum(newly_watched_ms) FROM playback_events"), when)
	require.Equal(t, strconv.Itoa(watched), s.number("SELECT watched_ms FROM viewing WHERE user_id = 'ann' AND movie_id = 'heat'"), when)
	require.Equal(t, "9", s.number("SELECT rating FROM feedback WHERE user_id = 'ann' AND movie_id = 'heat'"), when)
	require.Equal(t, "6.5", s.number("SELECT mean_rating FROM movie_audience WHERE movie_id = 'heat'"), when)
	require.Equal(t, strconv.Itoa(watched), s.number("SELECT sum(newly_watched_ms) FROM watch_by_hour"), when)
	require.NotEqual(t, "0", s.number("SELECT count() FROM retention"), when)
}

// TestOldRoutesReadTheirWrites posts through /api/v1 and reads at once, as the players of movies_ugc do.
func TestOldRoutesReadTheirWrites(t *testing.T) {
	s := start(t, t.TempDir())
	for i := range 20 {
		movie := fmt.Sprintf("m%02d", i)
		require.Equal(t, http.StatusCreated, s.call(http.MethodPost, "/api/v1/favorites/users/ann/movies/"+movie, "").status)
		page := s.call(http.MethodGet, "/api/v1/favorites/users/ann?size=100", "").json(t)
		require.Equal(t, strconv.Itoa(i+1), fmt.Sprint(page["total"]), "the write is in the list that is read next")
		items := page["items"].([]any)
		require.Equal(t, movie, items[i].(map[string]any)["movie_id"], "in the order in which they were added")
		require.Equal(t, http.StatusOK, s.call(http.MethodPost, "/api/v1/likes/users/ann/movies/"+movie, `{"score":3}`).status)
		require.Equal(t, strconv.Itoa(i+1), fmt.Sprint(s.call(http.MethodGet, "/api/v1/likes/users/ann", "").json(t)["total"]))
	}
	require.Equal(t, http.StatusOK, s.call(http.MethodDelete, "/api/v1/favorites/users/ann/movies/m00", "").status)
	require.Equal(t, "19", fmt.Sprint(s.call(http.MethodGet, "/api/v1/favorites/users/ann", "").json(t)["total"]))
	require.Equal(t, http.StatusOK, s.call(http.MethodPost, "/api/v1/movies/playback-event", `{"user_id":"ann","movie_id":"heat","event_type":"pause","playback_position":1234}`).status)
	require.Equal(t, "1234000", fmt.Sprint(s.call(http.MethodGet, "/api/v2/users/ann/positions/heat", "").json(t)["position_ms"]))
	require.Equal(t, `"pong"`, strings.TrimSpace(string(s.call(http.MethodGet, "/api/v1/healthcheck/ping", "").body)))
}

// TestOneProcessOwnsTheData starts a second one on the same folder.
func TestOneProcessOwnsTheData(t *testing.T) {
	s := start(t, t.TempDir())
	out, code := s.command("run")
	require.NotZero(t, code)
	require.Contains(t, out, "is in use by process "+strconv.Itoa(s.cmd.Process.Pid))
	require.Equal(t, http.StatusOK, s.call(http.MethodGet, "/healthz/ready", "").status, "the first goes on")
}

// TestPortsInUseAreNamed takes the ports before the program does.
func TestPortsInUseAreNamed(t *testing.T) {
	s := start(t, t.TempDir())
	out, code := runCommand(t, environ(t, t.TempDir(), "UGC_HTTP_ADDR="+s.addr), "run")
	require.NotZero(t, code)
	require.Contains(t, out, "UGC_HTTP_ADDR", out)
	kafka, err := os.ReadFile(filepath.Join(s.dir, "kafka.addr"))
	require.NoError(t, err)
	out, code = runCommand(t, environ(t, t.TempDir(), "UGC_KAFKA=embedded://"+strings.TrimSpace(string(kafka))), "run")
	require.NotZero(t, code)
	require.Contains(t, out, "UGC_KAFKA", out)
}

// TestTheEngineMayDie kills the ClickHouse child while events are written; it comes back, and no row is missing or doubled.
func TestTheEngineMayDie(t *testing.T) {
	s := start(t, t.TempDir())
	const rounds, each = 4, 250
	for round := range rounds {
		var b strings.Builder
		for i := range each {
			n := round*each + i
			fmt.Fprintf(&b, `,{"type":"heartbeat","event_id":%q,"user_id":"u%d","movie_id":"m","position_ms":%d}`, id(n), n%50, 60000+n)
		}
		require.Equal(t, http.StatusAccepted, s.call(http.MethodPost, "/api/v2/events", "["+b.String()[1:]+"]").status)
		if round%2 == 0 {
			require.NoError(t, syscall.Kill(s.child(), syscall.SIGKILL))
		}
	}
	s.await("all rows are there", func() bool {
		out, code := s.command("sql", "--format", "csv", "SELECT count(), uniqExact(event_id) FROM playback_events")
		return code == 0 && strings.Contains(out, "1000,1000")
	})
}

// child is the process id of the ClickHouse engine: the only child of the service.
func (s *service) child() (pid int) {
	s.t.Helper()
	s.await("the engine runs", func() bool {
		threads, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/children", s.cmd.Process.Pid))
		for _, thread := range threads {
			b, _ := os.ReadFile(thread)
			for _, f := range strings.Fields(string(b)) {
				pid, _ = strconv.Atoi(f)
			}
		}
		return pid > 0
	})
	return pid
}

// TestWithoutTheEngine says plainly what is missing, and what to do.
func TestWithoutTheEngine(t *testing.T) {
	env := environ(t, t.TempDir(), "UGC_CHDB_LIB="+filepath.Join(t.TempDir(), "nowhere.so"))
	out, code := runCommand(t, env, "run")
	require.NotZero(t, code)
	require.Contains(t, out, "the embedded ClickHouse engine is not installed")
	require.Contains(t, out, "make setup")
}
