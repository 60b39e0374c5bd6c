package e2e

import (
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kadm"

	"ugc/deploy/real/realtest"
	"ugc/schemas/topics"
)

// overServers are settings of a program that uses real brokers and a real registry.
func overServers(k *realtest.Kafka, r *realtest.Registry) []string {
	replication := "1"
	if len(k.Brokers()) >= 3 {
		replication = "3"
	}
	return []string{"UGC_KAFKA=kafka://" + strings.Join(k.Brokers(), ","), "UGC_KAFKA_PARTITIONS=4", "UGC_KAFKA_REPLICATION=" + replication, "UGC_REGISTRY=" + r.URL()}
}

// TestTheMainJobOverRealServers is the main job with nothing but addresses changed. In the end the registry dies, and the service starts and works without it.
func TestTheMainJobOverRealServers(t *testing.T) {
	k, r := realtest.StartKafka(t, 1), realtest.StartRegistry(t)
	s := start(t, t.TempDir(), overServers(k, r)...)
	theMainJob(t, s)
	s.postForAudit()
	s.auditIsClean()

	require.Contains(t, string(s.call(http.MethodGet, "/healthz/ready", "").body), `"schema registry":"ok"`)
	r.Kill(t)
	require.Zero(t, s.stop())
	s.start() // ready, although
	require.Contains(t, string(s.call(http.MethodGet, "/healthz/ready", "").body), `"schema registry":"away since before the start; reading and writing by remembered ids`)
	a := s.call(http.MethodPut, "/api/v2/users/ann/ratings/heat", `{"score":3}`, "Prefer", "wait=20")
	require.Equal(t, http.StatusOK, a.status, "%s", a.body)
	s.await("ClickHouse shows it", func() bool {
		return s.number("SELECT rating FROM feedback WHERE user_id = 'ann' AND movie_id = 'heat'") == "3"
	})
	r.Start(t)
	s.await("the registry is back", func() bool {
		return strings.Contains(string(s.call(http.MethodGet, "/healthz/ready", "").body), `"schema registry":"ok"`)
	})
	out, code := runCommand(t, environ(t, t.TempDir(), append(overServers(k, r), "UGC_REGISTRY=http://127.0.0.1:1")...), "run")
	require.Equal(t, 1, code, "a machine that has never met the registry can't do without")
	require.Contains(t, out, "start the registry, or check its address")
}

// TestInitOverRealServers makes everything once, tells before what it will do, and refuses what would lose records.
func TestInitOverRealServers(t *testing.T) {
	k, r := realtest.StartKafka(t, 1), realtest.StartRegistry(t)
	env := environ(t, t.TempDir(), overServers(k, r)...)
	initialize(t, env)

	adm := k.Admin(t)
	set := func(topic, setting, value string) {
		done, err := adm.AlterTopicConfigs(t.Context(), []kadm.AlterConfig{{Op: kadm.SetConfig, Name: setting, Value: &value}}, topic)
		require.NoError(t, err)
		require.NoError(t, done[0].Err)
	}
	for _, lossy := range []struct{ topic, setting, is, was string }{
		{topics.FeedbackCommands.Name, "cleanup.policy", "compact", "delete"},
		{topics.MoviesTable.Name, "cleanup.policy", "compact,delete", "compact"},
	} {
		set(lossy.topic, lossy.setting, lossy.is)
		for _, command := range [][]string{{"init"}, {"init", "--dry-run"}, {"run"}} {
			out, code := runCommand(t, env, command...)
			require.Equal(t, 1, code, "%v: %s", command, out)
			require.Contains(t, out, "topic "+lossy.topic+" has "+lossy.setting+" "+lossy.is+", it should be "+lossy.was, "%v", command)
		}
		set(lossy.topic, lossy.setting, lossy.was)
	}
	// A retention that lost nothing yet is raised.
	set(topics.PlaybackEvents.Name, "retention.ms", "604800000")
	for _, command := range [][]string{{"init", "--dry-run"}, {"init"}} {
		out, code := runCommand(t, env, command...)
		require.Zero(t, code, "%v: %s", command, out)
		require.Contains(t, out, "topic "+topics.PlaybackEvents.Name+`: set retention.ms from "604800000" to "-1"`, "%v", command)
	}
	out, code := runCommand(t, env, "init")
	require.Zero(t, code, out)
	require.Contains(t, out, "everything is there")

	for setting, says := range map[string]string{
		"UGC_KAFKA_PARTITIONS=12": "has partitions 4, it should be 12", "UGC_KAFKA_REPLICATION=3": "has replicas 1, it should be 3",
	} {
		out, code := runCommand(t, append(env, setting), "init", "--dry-run")
		require.Equal(t, 1, code, out)
		require.Contains(t, out, says)
	}
	k.Empty(t)
	out, code = runCommand(t, append(env, "UGC_KAFKA_REPLICATION=3"), "init")
	require.Equal(t, 1, code)
	require.Contains(t, out, "the cluster has fewer brokers")
}

// TestInit is the same on embedded parts, as far as they can be had wrong.
func TestInit(t *testing.T) { initialize(t, environ(t, t.TempDir())) }

// initialize holds what init says it would do against what it does, and does it again.
func initialize(t *testing.T, env []string) {
	t.Helper()
	planned, code := runCommand(t, env, "init", "--dry-run")
	require.Zero(t, code, planned)
	for _, part := range []string{"create topic ugc.playback.commands.v1: 4 partitions", "min.compaction.lag.ms=86400000", "schema registry: require FULL_TRANSITIVE of ugc.playback.commands.v1-ugc.playback.RecordPlayback",
		"schema registry: register version 1 of ugc-movies-table-", "ClickHouse: "} {
		require.Contains(t, planned, part)
	}
	again, code := runCommand(t, env, "init", "--dry-run")
	require.Zero(t, code, again)
	require.Equal(t, says(planned), says(again), "a dry run changes nothing")
	done, code := runCommand(t, env, "init")
	require.Zero(t, code, done)
	require.Equal(t, says(planned), says(done), "what was planned is what was done")
	for _, command := range [][]string{{"init", "--dry-run"}, {"init"}} {
		out, code := runCommand(t, env, command...)
		require.Zero(t, code, out)
		require.Contains(t, out, "everything is there")
		require.NotContains(t, out, "create topic")
	}
}

// says are the lines of a command's output that are no log.
func says(out string) (lines []string) {
	for line := range strings.Lines(out) {
		if !strings.HasPrefix(line, "{") && !strings.HasPrefix(line, "time=") {
			lines = append(lines, line)
		}
	}
	return lines
}
