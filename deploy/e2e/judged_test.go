package e2e

import (
	"fmt"
	"log/slog"
	"net/http"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"ugc/deploy"
	"ugc/domain"
	"ugc/schemas"
	"ugc/schemas/topics"
)

// TestAuditFindsGoodCommandsThatWereSetAside lets the service believe that a key waits behind a dead letter, which there is not, as a fault in it would. What is
// accepted of that key is then in no view, and the audit names each of them.
func TestAuditFindsGoodCommandsThatWereSetAside(t *testing.T) {
	s := start(t, t.TempDir(), "UGC_HTTP_ADDR="+keptAddress(t))
	s.postForAudit()
	a := s.call(http.MethodPost, "/api/v2/events", `{"type":"viewing","user_id":"u1","movie_id":"another","viewed_seconds":1}`, "Prefer", "wait=20")
	require.Equal(t, http.StatusOK, a.status, "%s", a.body) // of the same user, and so of the same partition
	s.auditIsClean()

	s.block("u1/m1")
	s.kill()
	removePart(t, s.dir, "streams")
	s.start()
	const good = 50
	var posted []string
	for n := range good {
		posted = append(posted, fmt.Sprintf(`{"type":"viewing","user_id":"u1","movie_id":"m1","viewed_seconds":1,"event_id":%q}`, id(70_000+n)))
	}
	a = s.call(http.MethodPost, "/api/v2/events", "["+strings.Join(posted, ",")+"]")
	require.Equal(t, http.StatusAccepted, a.status, "%s", a.body)

	out, code := s.command("audit", "--wait", "60s", "--limit", "40")
	require.Equal(t, 1, code, out)
	require.Contains(t, out, fmt.Sprintf("\n%d differences; ", good), out)
	require.Equal(t, 40, strings.Count(out, ": unjustified, key u1/m1, is event_id "), "the list is bounded: %s", out)
	place := fmt.Sprintf("see %s/%d/", topics.PlaybackCommands.Name, s.partition("u1/m1"))
	for n := range 40 {
		require.Contains(t, out, id(70_000+n), out)
	}
	require.Equal(t, 40, strings.Count(out, place), out)
}

// block writes a value of the key into the playback table that says that it waits, newer than what the service has.
func (s *service) block(key string) {
	s.t.Helper()
	registry, err := deploy.Note(s.dir, deploy.NoteRegistry)
	require.NoError(s.t, err)
	connected, err := schemas.Connect(schemas.Remote{URL: "http://" + registry, Identity: "embedded"})
	require.NoError(s.t, err)
	codec, err := schemas.New(s.t.Context(), schemas.Options{Registry: connected, Attempts: 1, Log: slog.New(slog.DiscardHandler)})
	require.NoError(s.t, err)
	var newest *kgo.Record
	for _, r := range s.records(topics.PlaybackTable) {
		if string(r.Key) == key {
			newest = r
		}
	}
	require.NotNil(s.t, newest)
	value, err := codec.DecodePlaybackTable(newest.Value)
	require.NoError(s.t, err)
	last := int64(0)
	for _, r := range s.records(topics.PlaybackCommands) {
		if r.Partition == newest.Partition {
			last = max(last, r.Offset)
		}
	}
	value.Applied, value.Blocked = domain.NewVersion(0, last), true
	ends, err := kadm.NewClient(s.kafka()).ListEndOffsets(s.t.Context(), newest.Topic)
	require.NoError(s.t, err)
	forged := &kgo.Record{Topic: newest.Topic, Partition: newest.Partition, Key: newest.Key}
	forged.Value, err = codec.EncodePlaybackTable(value)
	require.NoError(s.t, err)
	for _, h := range newest.Headers {
		switch h.Key {
		case topics.HeaderVersion:
			h.Value = strconv.AppendInt(nil, int64(value.Applied), 10)
		case topics.HeaderPlace: // as an owner's, behind all that is there: the service is idle
			h.Value = strconv.AppendInt(nil, ends[newest.Topic][newest.Partition].Offset, 10)
		}
		forged.Headers = append(forged.Headers, h)
	}
	require.NoError(s.t, s.kafka().ProduceSync(s.t.Context(), forged).FirstErr())
}

// TestAuditJudgesByTheRulesOfEachEvent changes a setting of the rules. What was decided before stands until the next report, in positions and in views, and the
// audit finds nothing; a film that goes on is judged by the new rules.
func TestAuditJudgesByTheRulesOfEachEvent(t *testing.T) {
	s := start(t, t.TempDir(), "UGC_HTTP_ADDR="+keptAddress(t))
	at := func(user string, position int) {
		t.Helper()
		a := s.call(http.MethodPost, "/api/v2/events", fmt.Sprintf(`{"type":"pause","user_id":%q,"movie_id":"heat","position_ms":%d,"duration_ms":100000}`, user, position), "Prefer", "wait=20")
		require.Equal(t, http.StatusOK, a.status, "%s", a.body)
	}
	completed := func(user string) any {
		t.Helper()
		return s.call(http.MethodGet, "/api/v2/users/"+user+"/positions/heat", "").json(t)["completed"]
	}
	at("ann", 92_000)
	at("bob", 92_000)
	s.auditIsClean()
	require.Zero(t, s.stop())
	s.env = append(s.env, "UGC_COMPLETED_REACHED=0.95")
	s.start()
	require.Equal(t, true, completed("ann"), "as its newest event says")
	at("bob", 50_000)
	at("cid", 92_000)
	require.Equal(t, false, completed("bob"))
	require.Equal(t, false, completed("cid"))
	s.auditIsClean()
	require.Equal(t, "1", s.number("SELECT completions FROM movie_audience"))
	s.stop()
	for _, store := range []string{"clickhouse", "documents.sqlite"} {
		removePart(t, s.dir, store)
	}
	s.start()
	s.auditIsClean() // views that are rebuilt repeat what was decided
}
