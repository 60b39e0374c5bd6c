package e2e

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"ugc/deploy"
	"ugc/deploy/faults/faultstest"
	"ugc/schemas/topics"
	"ugc/transport/kafka/kafkatest"
)

// TestHostileRecordsInEveryTopic writes records of every size that the broker takes, in key, value and headers, into the partition of a user who goes on, in every
// topic. No group and no view stops for them, also not at the next start.
func TestHostileRecordsInEveryTopic(t *testing.T) {
	s := start(t, t.TempDir(), "UGC_HTTP_ADDR="+keptAddress(t))
	goOn := func(when string, n int) {
		t.Helper()
		for _, user := range []string{"ann", "bob"} {
			a := s.call(http.MethodPost, "/api/v2/events", fmt.Sprintf(`{"type":"viewing","user_id":%q,"movie_id":"heat","viewed_seconds":%d}`, user, n), "Prefer", "wait=20")
			require.Equal(t, http.StatusOK, a.status, "%s: %s is shown: %s", when, user, a.body)
			a = s.call(http.MethodPut, "/api/v2/users/"+user+"/ratings/heat", fmt.Sprintf(`{"score":%d}`, n), "Prefer", "wait=20")
			require.Equal(t, http.StatusOK, a.status, "%s: %s is shown: %s", when, user, a.body)
		}
		s.await("readiness "+when, func() bool { return s.call(http.MethodGet, "/healthz/ready", "").status == http.StatusOK })
	}
	goOn("before", 1)
	addr, err := deploy.Note(s.dir, deploy.NoteKafka)
	require.NoError(t, err)
	watched := s.watchWork()
	for _, topic := range topics.All() {
		user := s.partition("ann/heat")
		if topic == topics.MoviesFeedback || topic == topics.MoviesTable {
			user = s.partition("heat")
		}
		kafkatest.WriteHostile(t, addr, topic.Name, user, func(name string) string {
			for i := 0; ; i++ {
				key := fmt.Sprint(name, i, "/m")
				if topic.CheckKey(key) != nil {
					key = fmt.Sprint(name, i)
				}
				if s.partition(key) == user {
					return key
				}
			}
		})
	}
	goOn("at once", 2)
	require.Empty(t, watched(), "groups and views go on meanwhile")
	if faultstest.Whole() {
		s.kill()
		s.start()
		goOn("after a start", 3)
		for _, part := range keptParts {
			s.kill()
			removePart(t, s.dir, part.places)
			s.start()
			goOn("without "+fmt.Sprint(part.places), 4)
		}
	} else {
		s.kill()
		for _, part := range keptParts {
			removePart(t, s.dir, part.places)
		}
		s.start()
		goOn("after everything was made again", 3)
	}
}

// watchWork asks for the health of groups and views until what it gives is called, which says what was wrong with one of them.
func (s *service) watchWork() func() string {
	ended, wrong := make(chan struct{}), make(chan string, 1)
	go func() {
		defer close(wrong)
		for tick := time.NewTicker(poll); ; {
			select {
			case <-ended:
				tick.Stop()
				return
			case <-tick.C:
			}
			var health struct{ Checks, Reports map[string]string }
			response, err := http.Get("http://" + s.addr + "/healthz/ready")
			if err != nil {
				continue
			}
			err = json.NewDecoder(response.Body).Decode(&health)
			_ = response.Body.Close()
			for name, state := range health.Reports {
				if strings.HasPrefix(name, "view ") && state != "ok" {
					err = errors.Join(err, fmt.Errorf("%s: %s", name, state))
				}
			}
			if state := health.Checks["streams"]; state != "ok" {
				err = errors.Join(err, fmt.Errorf("streams: %s", state))
			}
			if err != nil {
				wrong <- err.Error()
				return
			}
		}
	}()
	return func() string { close(ended); return <-wrong }
}
