package e2e

import (
	"database/sql"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	ch "github.com/ClickHouse/clickhouse-go/v2"
	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kgo"
	_ "modernc.org/sqlite"

	"ugc/deploy"
	"ugc/deploy/embedded/clickhouse"
	"ugc/schemas/topics"
)

// TestAuditFindsWhatWasAltered finds nothing after honest work, and then, one by one, all that was altered behind the program's back.
func TestAuditFindsWhatWasAltered(t *testing.T) {
	s := start(t, t.TempDir())
	s.postForAudit()
	s.auditIsClean()
	remembered := filepath.Join(s.dir, "schemas.json")
	require.NoError(t, os.Remove(remembered))
	s.auditIsClean() // the registry is asked
	require.NoFileExists(t, remembered)

	db, err := sql.Open("sqlite", "file:"+filepath.Join(s.dir, "documents.sqlite")+"?_pragma=busy_timeout(10000)")
	require.NoError(t, err)
	defer func() { _ = db.Close() }()
	socket, err := deploy.Note(s.dir, deploy.NoteEngine)
	require.NoError(t, err)
	engine, err := ch.Open(clickhouse.SocketOptions(socket, "ugc"))
	require.NoError(t, err)
	defer func() { _ = engine.Close() }()

	document := func(text string) func() error {
		return func() error {
			done, err := db.ExecContext(t.Context(), text)
			if err == nil {
				var n int64
				n, err = done.RowsAffected()
				require.EqualValues(t, 1, n, text)
			}
			return err
		}
	}
	analytics := func(text string) func() error {
		return func() error {
			return engine.Exec(ch.Context(t.Context(), ch.WithSettings(ch.Settings{"mutations_sync": 1})), text)
		}
	}
	// Each leaves its damage, so that the last audit has to name all of them.
	faults := []struct {
		do   func() error
		says []string
	}{
		{document(`UPDATE ratings__g1 SET score = score + 1 WHERE id = 'u1/m1'`), []string{"ratings, ", ": different, key u1/m1, is value=8, should be value=7"}},
		{document(`DELETE FROM bookmarks__g1 WHERE id = 'u2/m2'`), []string{"bookmarks, ", ": missing, key u2/m2"}},
		{document(`UPDATE bookmarks__g1 SET deleted = 0 WHERE id = 'u3/m0'`), []string{": different, key u3/m0, is deleted=false, should be deleted=true"}},
		{document(`UPDATE movie_summaries__g1 SET likes = likes + 1 WHERE id = 'm1'`), []string{"movie_summaries, ", "key m1, is likes="}},
		{analytics(`ALTER TABLE playback_events__g1 UPDATE newly_watched_ms = 77 WHERE user_id = 'u4' AND movie_id = 'm4' AND version % 2 >= 0 AND event_id = '` + id(4) + `'`),
			[]string{"playback_events, ", ": different, key u4/m4, is newly_watched_ms=77, should be newly_watched_ms=", "watch_by_hour, partition 0: different, key "}},
		{func() error { return redefine(t, engine, "movie_audience", "countIf(completed)", "count()") }, []string{"movie_audience, partition 0: different, key m", "completions="}},
		{analytics(`ALTER TABLE feedback_events__g1 DELETE WHERE user_id = 'u1' AND movie_id = 'm1' AND kind = 'rating'`), []string{"feedback_events, ", ": missing, key u1/m1"}},
		{analytics(`INSERT INTO viewing__g1 SELECT * REPLACE (version + 100000 AS version, position_ms + 1 AS position_ms) FROM viewing__g1 FINAL WHERE user_id = 'u5' AND movie_id = 'm5'`),
			[]string{"viewing, ", ": extra, key u5/m5"}},
		{s.strayEvent, []string{topics.PlaybackEvents.Name + ", ", ": contradicting, key u0/m0"}},
	}
	var all []string
	for _, f := range faults {
		require.NoError(t, f.do())
		all = append(all, f.says...)
		out, code := s.command("audit", "--wait", "3s")
		require.Equal(t, 1, code, out)
		for _, text := range all {
			require.Contains(t, out, text, "all of the output: %s", out)
		}
	}
}

// redefine changes a text in the definition of a view.
func redefine(t *testing.T, engine driver.Conn, view, from, to string) error {
	var definition string
	if err := engine.QueryRow(t.Context(), `SELECT as_select FROM system.tables WHERE database = 'ugc' AND name = ?`, view).Scan(&definition); err != nil {
		return err
	}
	require.Contains(t, definition, from)
	return engine.Exec(t.Context(), "CREATE OR REPLACE VIEW "+view+" AS "+strings.Replace(definition, from, to, 1))
}

// auditIsClean runs an audit that compares everything and finds nothing.
func (s *service) auditIsClean() {
	s.t.Helper()
	out, code := s.foundNothing("60s")
	require.Zero(s.t, code, out)
}

// auditIsCleanWithin says how long the audit may wait. While somebody posts, the derived views may not stand still for as long as that, so that they
// are not compared: then it is said, and is no success.
func (s *service) auditIsCleanWithin(wait string) {
	s.t.Helper()
	if out, code := s.foundNothing(wait); code != 0 {
		require.Equal(s.t, 1, code, out)
		require.Contains(s.t, out, "could not be compared", out)
	}
}

func (s *service) foundNothing(wait string) (out string, code int) {
	s.t.Helper()
	out, code = s.command("audit", "--wait", wait)
	require.Contains(s.t, out, "\n0 differences; ", out)
	for _, check := range []string{"viewing", "likes", "movie_summaries", "movie_audience", "watch_by_hour", "retention", topics.FeedbackEvents.Name, topics.PlaybackTable.Name} {
		require.Contains(s.t, out, check, "what was compared is told")
	}
	return out, code
}

// postForAudit posts some hundred events of every kind, some twice, and clears what some of them set.
func (s *service) postForAudit() {
	t := s.t
	t.Helper()
	var b []string
	for n := range 240 {
		user, movie := fmt.Sprintf("u%d", n%20), fmt.Sprintf("m%d", n%10)
		event := kinds[n/20%len(kinds)]
		b = append(b, strings.Replace(report(event, user, movie), "{", fmt.Sprintf(`{"event_id":%q,`, id(n)), 1))
	}
	b = append(b, b[:20]...)
	for n := range 20 {
		who := fmt.Sprintf(`"user_id":"u%d","movie_id":"m%d"`, n, n%10)
		b = append(b, `{"type":"rating","score":7,`+who+`}`, `{"type":"bookmark",`+who+`}`, `{"type":"like",`+who+`}`)
	}
	b = append(b, `{"type":"bookmark","user_id":"u3","movie_id":"m0"}`, `{"type":"clear_bookmark","user_id":"u3","movie_id":"m0"}`,
		`{"type":"rating","score":2,"user_id":"u3","movie_id":"m0"}`, `{"type":"dislike","user_id":"u3","movie_id":"m0"}`)
	a := s.call(http.MethodPost, "/api/v2/events", "["+strings.Join(b, ",")+"]")
	require.Equal(t, http.StatusAccepted, a.status, "%s", a.body)
	require.NotContains(t, string(a.body), `"error"`)
}

// strayEvent writes an event of its own to the events topic, about a command that was decided otherwise.
func (s *service) strayEvent() error {
	addr, err := deploy.Note(s.dir, deploy.NoteKafka)
	if err != nil {
		return err
	}
	client, err := kgo.NewClient(kgo.SeedBrokers(addr), kgo.RecordPartitioner(kgo.ManualPartitioner()), kgo.ConsumeTopics(topics.PlaybackEvents.Name))
	if err != nil {
		return err
	}
	defer client.Close()
	for s.t.Context().Err() == nil {
		for _, r := range client.PollFetches(s.t.Context()).Records() {
			if string(r.Key) != "u0/m0" {
				continue
			}
			forged := append([]byte(nil), r.Value...)
			forged[len(forged)-2]++ // of the time when the film was last seen; behind it are the rules, which it does not name
			return client.ProduceSync(s.t.Context(), &kgo.Record{Topic: r.Topic, Partition: r.Partition, Key: r.Key, Value: forged, Headers: r.Headers}).FirstErr()
		}
	}
	return s.t.Context().Err()
}
