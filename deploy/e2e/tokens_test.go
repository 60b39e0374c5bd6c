package e2e

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kgo"

	"ugc/domain"
	"ugc/schemas/topics"
)

// TestTokens reads with tokens of every kind: of large batches, of commands that are set aside, and of what no log
// holds.
func TestTokens(t *testing.T) {
	s := start(t, t.TempDir())
	reading := func(path, token string) answer {
		t.Helper()
		return s.call(http.MethodGet, "/api/v2"+path, "", "Consistency-Token", token, "Prefer", "wait=10")
	}

	var batch []string
	long := strings.Repeat("é", 120)
	for i := range 1000 {
		batch = append(batch, fmt.Sprintf(`{"type":"bookmark","user_id":"u%d","movie_id":"%s%d"}`, i%100, long, i))
	}
	a := s.call(http.MethodPost, "/api/v2/events", "["+strings.Join(batch, ",")+"]")
	require.Equal(t, http.StatusAccepted, a.status)
	token := a.header.Get("Consistency-Token")
	require.Less(t, len(token), 2048)
	for i := 0; i < 1000; i += 333 {
		a = reading(fmt.Sprintf("/movies/%s%d", strings.Repeat("%C3%A9", 120), i), token)
		require.Equal(t, http.StatusOK, a.status, "%s", a.body)
		require.Contains(t, string(a.body), `"bookmarks":1`)
		require.Equal(t, "wait=10", a.header.Get("Preference-Applied"))
	}

	for _, topic := range []topics.Topic{topics.FeedbackCommands, topics.PlaybackCommands} {
		key := "eve/heat"
		bad := &kgo.Record{Topic: topic.Name, Partition: s.partition(key), Key: []byte(key), Value: []byte("no command")}
		require.NoError(t, s.kafka().ProduceSync(t.Context(), bad).FirstErr())
	}
	a = s.call(http.MethodPut, "/api/v2/users/eve/likes/heat", `{"like":true}`)
	require.Equal(t, http.StatusAccepted, a.status)
	behind := a.header.Get("Consistency-Token")
	for _, path := range []string{"/users/eve/likes", "/users/eve/bookmarks", "/users/eve/likes/heat", "/movies/heat"} {
		a = reading(path, behind)
		require.Less(t, a.status, 500, "%s: what is set aside is not waited for: %s", path, a.body)
		require.Equal(t, "wait=10", a.header.Get("Preference-Applied"))
	}
	a = s.call(http.MethodPost, "/api/v2/events", `{"type":"play","user_id":"eve","movie_id":"heat","position_ms":1}`)
	require.Equal(t, http.StatusAccepted, a.status)
	require.Equal(t, http.StatusOK, reading("/users/eve/positions", a.header.Get("Consistency-Token")).status)

	mark := func(epoch int16, p int32, offset int64) string {
		v := domain.NewVersion(epoch, offset)
		return domain.NewToken(domain.Mark{Topic: topics.FeedbackCommands.Name, Partition: p, Version: v, Movie: "heat"},
			domain.Mark{Topic: topics.PlaybackCommands.Name, Partition: p, Version: v}).String()
	}
	for what, token := range map[string]string{
		"a partition that is not there": mark(0, 99, 0), "a version beyond the end": mark(0, 0, 1<<40),
		"an epoch to come": mark(1, 0, 0), "a cut token": token[:len(token)-2],
	} {
		for _, path := range []string{"/users/eve/positions", "/users/eve/likes", "/users/eve/ratings/heat", "/movies/heat"} {
			a = reading(path, token)
			require.Equal(t, http.StatusUnprocessableEntity, a.status, "%s: %s", what, a.body)
			require.Contains(t, string(a.body), "bad_token")
			require.Empty(t, a.header.Get("Preference-Applied"))
		}
	}
	all := domain.NewToken(domain.Mark{Topic: topics.FeedbackCommands.Name, Partition: domain.AllPartitions}).String()
	require.Equal(t, http.StatusOK, reading("/users/eve/likes", all).status)
}
