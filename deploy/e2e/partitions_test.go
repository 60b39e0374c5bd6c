package e2e

import (
	"fmt"
	"net/http"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kgo"

	"ugc/deploy/real/realtest"
	"ugc/schemas/topics"
)

// TestPartitionsAreAdded is "Adding partitions" of docs/OPERATIONS.md, step by step, from 4 to 7 of them, in a new data folder with the old registry.
func TestPartitionsAreAdded(t *testing.T) {
	s := start(t, t.TempDir())
	dir := t.TempDir()
	addPartitions(t, s, dir, func() {
		copyPart(t, s.dir, dir, "registry")
		copyPart(t, s.dir, dir, "schemas.json")
	})
}

// TestPartitionsAreAddedOverRealServers deletes the topics instead.
func TestPartitionsAreAddedOverRealServers(t *testing.T) {
	k, r := realtest.StartKafka(t, 1), realtest.StartRegistry(t)
	s := start(t, t.TempDir(), overServers(k, r)...)
	addPartitions(t, s, t.TempDir(), func() {
		var names []string
		for _, topic := range topics.All() {
			names = append(names, topic.Name)
		}
		gone, err := k.Admin(t).DeleteTopics(t.Context(), names...)
		require.NoError(t, err)
		require.NoError(t, gone.Error())
		s.await("the topics are gone", func() bool {
			left, err := k.Admin(t).ListTopics(t.Context())
			return err == nil && len(left) == 0
		})
	}, overServers(k, r)...)
}

// addPartitions gives a service that has just started 7 partitions, on another data folder. takeAway makes room for the new log once the old one is saved. What people are
// shown is what they were shown before, and goes on.
func addPartitions(t *testing.T, s *service, dir string, takeAway func(), extra ...string) {
	t.Helper()
	s.play(1, 800).agree()
	token := s.postJob()
	liked := s.call(http.MethodPut, "/api/v2/users/zoe/likes/heat", `{"like":true}`).header.Get("Consistency-Token")
	s.setAside()
	s.auditIsClean()
	before := s.shown()
	beside := filepath.Join(t.TempDir(), "beside")
	whileItRuns, code := s.command("log", "save", beside)
	require.Zero(t, code, whileItRuns)
	require.Zero(t, s.stop())

	saved := filepath.Join(t.TempDir(), "saved")
	out, code := s.command("log", "save", saved)
	require.Zero(t, code, out)
	require.Equal(t, says(strings.ReplaceAll(whileItRuns, beside, saved)), says(out), "with and without a service the same log is saved")
	require.Contains(t, out, topics.PlaybackCommands.Name+"-3.avro: ")
	again, code := s.command("log", "save", saved)
	require.Equal(t, 1, code, again)
	require.Contains(t, again, "is not empty")
	require.NoFileExists(t, filepath.Join(s.dir, "kafka.addr"), "the broker ran for the moment alone")

	same := environ(t, dir, append(extra, "UGC_KAFKA_PARTITIONS=7")...)
	env := append(slices.Clone(same), "UGC_KAFKA_EPOCH=1")
	refused := func(env []string, why string) {
		t.Helper()
		out, code := runCommand(t, env, "log", "restore", saved)
		require.Equal(t, 1, code, out)
		require.Contains(t, out, why)
	}
	takeAway()
	refused(env, "run `ugc init` first")
	out, code = runCommand(t, env, "init")
	require.Zero(t, code, out)
	refused(same, "set UGC_KAFKA_EPOCH to 1")
	refused(append(slices.Clone(env), "UGC_DOCUMENTS=sqlite:"+filepath.Join(s.dir, "documents.sqlite")), "the view likes shows another log")
	out, code = runCommand(t, env, "log", "restore", saved)
	require.Zero(t, code, out)
	require.Contains(t, out, topics.FeedbackCommands.Name+", partition 6: ")
	require.Contains(t, out, "1 records had lain in a partition that is not their user's")
	refused(env, "topic "+topics.PlaybackCommands.Name+" is not new")

	next := &service{t: t, dir: dir, env: env}
	next.run()
	next.auditIsClean()
	after := next.shown()
	require.Len(t, after, len(before))
	for what, was := range before {
		require.Equal(t, was, after[what], what)
	}
	for _, path := range []string{
		"/users/ann/positions/heat", "/users/zoe/likes/heat", "/users/ann/bookmarks", "/users/ann/ratings", "/movies/heat",
	} {
		for _, from := range []string{token, liked} {
			a := next.call(http.MethodGet, "/api/v2"+path, "", "Consistency-Token", from, "Prefer", "wait=2")
			require.Equal(t, http.StatusOK, a.status, "%s with a token from before: %s", path, a.body)
		}
	}
	next.inOrder()
	refused(env, "is in use by process")

	// What was counted before is not counted again, and what is new is.
	for _, body := range []string{
		strings.Replace(report(kinds[8], "ann", "heat"), "{", fmt.Sprintf(`{"event_id":%q,`, id(9)), 1),
		report(`{"type":"viewing","viewed_seconds":5}`, "ann", "heat"),
	} {
		require.Equal(t, http.StatusOK, next.call(http.MethodPost, "/api/v2/events", body, "Prefer", "wait=20").status)
	}
	require.Equal(t, "170", fmt.Sprint(next.call(http.MethodGet, "/api/v2/users/ann/positions/heat", "").json(t)["viewed_seconds"]))
	require.Zero(t, next.stop())
}

// setAside writes commands that no processor takes, as other programs might: bytes of no schema, and a key in a partition where it does not belong.
func (s *service) setAside() {
	s.t.Helper()
	old := s.records(topics.PlaybackCommands)[0]
	client := s.kafka()
	for _, r := range []*kgo.Record{
		{Topic: topics.PlaybackCommands.Name, Partition: s.partition("eve"), Key: []byte("eve/heat"), Value: []byte("no command")},
		{Topic: topics.PlaybackCommands.Name, Partition: (old.Partition + 1) % 4, Key: old.Key, Value: old.Value, Headers: old.Headers},
	} {
		require.NoError(s.t, client.ProduceSync(s.t.Context(), r).FirstErr())
	}
}

// shown is what users, films and analytics are shown, without where in the log it comes from.
func (s *service) shown() map[string][]string {
	s.t.Helper()
	out := map[string][]string{}
	page := func(path string) {
		a := s.call(http.MethodGet, path, "")
		require.Equal(s.t, http.StatusOK, a.status, "%s: %s", path, a.body)
		out[path] = strings.SplitAfter(string(a.body), ",")
	}
	users := s.sql("SELECT user_id FROM (SELECT user_id FROM viewing UNION DISTINCT SELECT user_id FROM feedback) ORDER BY user_id LIMIT 25")
	require.Len(s.t, users, 25)
	for _, u := range users {
		for _, kind := range []string{"positions", "likes", "bookmarks", "ratings"} {
			page(fmt.Sprintf("/api/v2/users/%s/%s", u["user_id"], kind))
		}
	}
	for _, m := range s.sql("SELECT DISTINCT movie_id FROM feedback ORDER BY movie_id LIMIT 25") {
		page(fmt.Sprintf("/api/v2/movies/%s", m["movie_id"]))
	}
	for table, but := range map[string]string{
		"playback_events": "EXCEPT (partition, version)", "viewing": "EXCEPT (partition, version)", "feedback_events": "EXCEPT (partition, version)", "feedback": "EXCEPT (partition, version)",
		"movie_audience": "", "watch_by_hour": "", "retention": "",
	} {
		for _, row := range s.sql("SELECT * " + but + " FROM " + table + " ORDER BY ALL") {
			out[table] = append(out[table], fmt.Sprint(row))
		}
		require.NotEmpty(s.t, out[table], table)
	}
	return out
}
