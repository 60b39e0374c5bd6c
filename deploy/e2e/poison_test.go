package e2e

import (
	"bufio"
	"fmt"
	"net/http"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kgo"

	"ugc/deploy/faults/faultstest"
	"ugc/schemas/topics"
)

// TestPoisonInEveryTopic writes bytes that mean nothing to every partition of every topic, under keys of their own and under one that is in use. Nothing dies,
// also not at the next start; other keys go on; what nobody could decide is in the dead letters, so that commands are still events and dead letters (I6). The
// audit names every foreign record where it is the only trace of it, and finds nothing else.
func TestPoisonInEveryTopic(t *testing.T) {
	chance := faultstest.Chance(t)
	s := start(t, t.TempDir(), "UGC_HTTP_ADDR="+keptAddress(t))
	s.postForAudit()
	s.auditIsClean()

	client, written := s.kafka(), 0
	for _, topic := range topics.All() {
		keys := []string{"u1/m1"} // one that has a state
		if topic == topics.MoviesFeedback || topic == topics.MoviesTable {
			keys = []string{"poison-known"} // a film's summary would wait behind it, as it should
		}
		for n := range 8 {
			keys = append(keys, fmt.Sprintf("poison%d/m", n))
		}
		for _, key := range keys {
			value := make([]byte, 1+chance.IntN(200))
			for i := range value {
				value[i] = byte(chance.Uint32())
			}
			value[0] |= 1 // not the wire format's
			require.NoError(t, client.ProduceSync(t.Context(), &kgo.Record{Topic: topic.Name, Partition: s.partition(key), Key: []byte(key), Value: value}).FirstErr())
			written++
		}
	}
	goOn := func(when string, n int) {
		t.Helper()
		for _, movie := range []string{"heat", "ronin"} { // of the very user whose key is poisoned as well
			for _, user := range []string{"u1", "ann"} {
				a := s.call(http.MethodPost, "/api/v2/events", fmt.Sprintf(`{"type":"viewing","user_id":%q,"movie_id":%q,"viewed_seconds":%d}`, user, movie, n), "Prefer", "wait=20")
				require.Equal(t, http.StatusOK, a.status, "%s: %s/%s is shown: %s", when, user, movie, a.body)
				a = s.call(http.MethodPut, "/api/v2/users/"+user+"/ratings/"+movie, fmt.Sprintf(`{"score":%d}`, n), "Prefer", "wait=20")
				require.Equal(t, http.StatusOK, a.status, "%s: %s/%s is shown: %s", when, user, movie, a.body)
			}
		}
		require.Equal(t, http.StatusOK, s.call(http.MethodGet, "/healthz/ready", "").status, when)
	}
	goOn("at once", 3)
	s.await("dead letters are counted", func() bool {
		m := s.metrics()
		return m[`ugc_streams_dead_letters_total{group="ugc-playback",reason="undecodable"}`] == 9 &&
			m[`ugc_streams_dead_letters_total{group="ugc-feedback",reason="undecodable"}`] == 9 &&
			m[`ugc_streams_dead_letters_total{group="ugc-movies",reason="undecodable"}`] == 1 &&
			m[`ugc_streams_dead_letters_total{group="ugc-movies",reason="not_applicable"}`] == 8 // by their keys, which are no movies
	})
	if faultstest.Whole() {
		s.onlyForeign(written)
		s.kill()
		s.start()
		goOn("after a start", 4)
	}
	s.kill()
	for _, part := range keptParts {
		removePart(t, s.dir, part.places)
	}
	s.start()
	goOn("after everything was made again", 5)
	s.play(chance.Uint64(), 300).agree()
	s.onlyForeign(written)
}

// onlyForeign runs an audit that finds what was written here, and nothing else: commands that are dead letters are no difference.
func (s *service) onlyForeign(written int) {
	t := s.t
	t.Helper()
	out, code := s.command("audit", "--wait", "60s")
	require.Equal(t, 1, code, out)
	found := 0
	for lines := bufio.NewScanner(strings.NewReader(out)); lines.Scan(); {
		if strings.Contains(lines.Text(), ", partition ") {
			require.Regexp(t, foreignFinding, lines.Text())
			found++
		}
	}
	require.NotZero(t, found, out)
	require.LessOrEqual(t, found, written, out)
	require.NotContains(t, out, topics.PlaybackCommands.Name+", partition", out)
}

var foreignFinding = regexp.MustCompile(`: (unreadable|missing|extra), key (poison\w*(/m)?|u1/m1)\b`)

// metrics are the values that the service counts, by name and labels.
func (s *service) metrics() map[string]float64 {
	s.t.Helper()
	values := map[string]float64{}
	for line := range strings.Lines(string(s.call(http.MethodGet, "/metrics", "").body)) {
		name, value, ok := strings.Cut(strings.TrimSpace(line), " ")
		var v float64
		if _, err := fmt.Sscan(value, &v); ok && err == nil {
			values[name] = v
		}
	}
	return values
}
