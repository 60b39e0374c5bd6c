package edge_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"ugc/domain"
	"ugc/handlers/handlerstest"
)

const (
	aUUID  = "0198c0de-0000-7000-8000-00000000000a"
	rating = "/api/v2/users/u/ratings/m"
	aLike  = `{"type":"like","user_id":"u","movie_id":"m"}`
)

// idOf is the event_id that an answer names.
func (s *service) idOf(a answer) string {
	s.t.Helper()
	require.Equal(s.t, 202, a.status, a.body)
	return a.decode(s.t).EventID
}

func TestIdempotencyKeyNamesTheReport(t *testing.T) {
	s := start(t, &handlerstest.House{}, nil)
	for what, write := range map[string]func(user, key string) answer{
		"put": func(user, key string) answer {
			return s.ask("PUT", "/api/v2/users/"+user+"/ratings/m", `{"score":3}`, "Idempotency-Key", key)
		},
		"put nothing": func(user, key string) answer {
			return s.ask("PUT", "/api/v2/users/"+user+"/bookmarks/m", "", "Idempotency-Key", "b"+key)
		},
		"delete": func(user, key string) answer {
			return s.ask("DELETE", "/api/v2/users/"+user+"/likes/m", "", "Idempotency-Key", "d"+key)
		},
		"event": func(user, key string) answer {
			return s.ask("POST", events, strings.Replace(aLike, `"u"`, `"`+user+`"`, 1), "Idempotency-Key", "e"+key)
		},
	} {
		t.Run(what, func(t *testing.T) {
			first := s.idOf(write("u", "key 1"))
			require.Equal(t, first, s.idOf(write("u", "key 1")))
			require.NotEqual(t, first, s.idOf(write("u", "key 2")))
			require.NotEqual(t, first, s.idOf(write("w", "key 1")), "another user's key")
		})
	}
	// How keys become ids never changes: ids of reports are kept for ever.
	a := s.ask("PUT", "/api/v2/users/ann/bookmarks/heat", "", "Idempotency-Key", "k-1")
	require.Equal(t, "830fd203-3032-5791-b860-bba8e0e21d4d", s.idOf(a))
	for sent, want := range map[string]string{
		aUUID: aUUID, strings.ToUpper(aUUID): aUUID, `"` + aUUID + `"`: aUUID,
	} {
		require.Equal(t, want, s.idOf(s.ask("PUT", rating, `{"score":4}`, "Idempotency-Key", sent)))
	}
	bare := s.idOf(s.ask("PUT", rating, `{"score":5}`, "Idempotency-Key", `a"\b`))
	require.Equal(t, bare, s.idOf(s.ask("PUT", rating, `{"score":5}`, "Idempotency-Key", `"a\"\\b"`)), "bare or a string")
}

func TestIdempotencyKeyAndEventID(t *testing.T) {
	house := &handlerstest.House{}
	s := start(t, house, nil)
	with := func(id string) string { return `{"type":"like","user_id":"u","movie_id":"m","event_id":"` + id + `"}` }
	require.Equal(t, aUUID, s.idOf(s.ask("POST", events, with(aUUID), "Idempotency-Key", aUUID)), "both say the same")
	for _, key := range []string{"k", "0198c0de-0000-7000-8000-00000000000b"} {
		a := s.ask("POST", events, with(aUUID), "Idempotency-Key", key)
		require.Equal(t, 422, a.status)
		require.Equal(t, []string{"/event_id conflict"}, list(a.decode(t).Errors))
		a = s.ask("PUT", rating, `{"score":1,"event_id":"`+aUUID+`"}`, "Idempotency-Key", key)
		require.Equal(t, 422, a.status)
		require.Equal(t, []string{"/event_id conflict"}, list(a.decode(t).Errors))
	}
	require.Len(t, house.Log(), 1)
}

func TestIdempotencyKeysThatAreNone(t *testing.T) {
	house := &handlerstest.House{}
	s := start(t, house, nil)
	for _, key := range []string{
		"", " ", `""`, `"`, `"a`, `"a"b`, `"a\b"`, `"a\`, "a\tb", "é", strings.Repeat("x", 256), `"a";x=1`,
	} {
		for _, a := range []answer{
			s.ask("PUT", rating, `{"score":3}`, "Idempotency-Key", key), s.ask("DELETE", rating, "", "Idempotency-Key", key),
			s.ask("POST", events, aLike, "Idempotency-Key", key),
		} {
			require.Equal(t, 422, a.status, "%q", key)
			require.Equal(t, []string{"Idempotency-Key bad_key"}, list(a.decode(t).Errors))
		}
	}
	a := s.ask("POST", events, "["+aLike+"]", "Idempotency-Key", "k")
	require.Equal(t, 422, a.status)
	require.Equal(t, []string{"Idempotency-Key not_applicable"}, list(a.decode(t).Errors))
	require.Empty(t, house.Log())
	s.idOf(s.ask("PUT", rating, `{"score":3}`, "Idempotency-Key", strings.Repeat("x", 255)))
}

func TestIdempotencyKeyUsedAgain(t *testing.T) {
	house := &handlerstest.House{}
	s := start(t, house, nil)
	const key = "Idempotency-Key"
	event := func(more string) string {
		return `{"type":"play","user_id":"u","movie_id":"m","position_ms":1` + more + `}`
	}
	s.idOf(s.ask("PUT", rating, `{"score":3}`, key, "put"))
	s.idOf(s.ask("POST", events, event(`,"sent_at":1700000000000,"watched":[[0,5]]`), key, "post"))
	written := len(house.Log())
	reused := func(a answer) {
		t.Helper()
		require.Equal(t, 422, a.status, a.body)
		require.Equal(t, []string{"Idempotency-Key reused"}, list(a.decode(t).Errors))
	}
	reused(s.ask("PUT", rating, `{"score":4}`, key, "put"))
	reused(s.ask("PUT", rating, `{"score":3,"occurred_at":1}`, key, "put"))
	reused(s.ask("PUT", "/api/v2/users/u/ratings/n", `{"score":3}`, key, "put"))
	reused(s.ask("DELETE", rating, "", key, "put"))
	reused(s.ask("PUT", "/api/v2/users/u/likes/m", `{"like":true}`, key, "put"))
	reused(s.ask("POST", events, `{"type":"rating","user_id":"u","movie_id":"m","score":3}`, key, "put"))
	reused(s.ask("POST", events, event(``), key, "post"))
	reused(s.ask("POST", events, event(`,"watched":[[0,6]]`), key, "post"))
	require.Len(t, house.Log(), written)
	s.idOf(s.ask("PUT", rating, ` { "score": 3 } `, key, `"put"`))
	s.idOf(s.ask("POST", events, event(`,"sent_at":1700000009000,"watched":[[0,5]]`), key, "post"))
	s.idOf(s.ask("PUT", "/api/v2/users/w/ratings/m", `{"score":4}`, key, "put"))
}

// A key is used up by a write that is in the log or may be, and by no other.
func TestIdempotencyKeyOfAWriteThatFailed(t *testing.T) {
	for kind, kept := range map[domain.Kind]bool{domain.Unavailable: false, domain.TooLarge: false, domain.Uncertain: true} {
		fails := true
		s := start(t, &handlerstest.House{Refuse: func(domain.Command) error {
			if fails {
				return domain.Wrap(kind, "append", errors.New("away"))
			}
			return nil
		}}, nil)
		put := func(score string) int {
			return s.ask("PUT", rating, `{"score":`+score+`}`, "Idempotency-Key", "put").status
		}
		post := func(movie string) int {
			return s.ask("POST", events, strings.Replace(aLike, `"m"`, `"`+movie+`"`, 1), "Idempotency-Key", "post").status
		}
		require.GreaterOrEqual(t, put("1"), 400)
		require.GreaterOrEqual(t, post("a"), 400)
		fails = false
		want := 202
		if kept {
			want = 422
		}
		require.Equal(t, want, put("2"), kind)
		require.Equal(t, want, post("b"), kind)
		if kept {
			require.Equal(t, 202, put("1"))
			require.Equal(t, 202, post("a"))
		}
	}
}
