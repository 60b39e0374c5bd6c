package edge_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"ugc/domain"
	"ugc/handlers"
	"ugc/handlers/handlerstest"
	edge "ugc/transport/http"
)

const events = "/api/v2/events"

// body is what answers about events hold.
type body struct {
	Type      string
	EventID   string `json:"event_id"`
	Status    any
	Detail    string
	RequestID string `json:"request_id"`
	Accepted  int
	Invalid   int
	Errors    []fault
	Items     []struct {
		EventID string `json:"event_id"`
		Status  string
		Errors  []fault
	}
}

type fault struct{ Pointer, Parameter, Code, Detail string }

func (a answer) decode(t *testing.T) (b body) {
	t.Helper()
	require.NoError(t, json.Unmarshal([]byte(a.body), &b), a.body)
	return b
}

// faults lists where and what: "/score out_of_range".
func list(fs []fault) (out []string) {
	for _, f := range fs {
		out = append(out, f.Pointer+f.Parameter+" "+f.Code)
	}
	return out
}

func TestEveryEventBecomesItsCommand(t *testing.T) {
	at, sent := domain.Instant(1772396100250), domain.Instant(1772396200000)
	id, err := domain.ParseID("0198c0de-0000-7000-8000-000000000001")
	require.NoError(t, err)
	fact := domain.Fact{ID: id, User: "u", Movie: "m", Session: "s", Device: "tv", Sequence: 3, OccurredAt: at, SentAt: sent}
	common := `"event_id":"0198c0de-0000-7000-8000-000000000001","user_id":"u","movie_id":"m","session_id":"s","device_id":"tv","sequence":3,"occurred_at":"2026-03-01T21:15:00.25+01:00","sent_at":1772396200000`
	cases := map[string]domain.Command{
		`"type":"viewing","viewed_seconds":90`: &domain.RecordViewing{ViewedSeconds: 90},
		`"type":"rating","score":10`:           &domain.SetRating{Score: 10},
		`"type":"like"`:                        &domain.SetLike{},
		`"type":"dislike"`:                     &domain.SetLike{Dislike: true},
		`"type":"clear_like"`:                  &domain.ClearLike{},
		`"type":"bookmark"`:                    &domain.SetBookmark{},
		`"type":"clear_bookmark"`:              &domain.ClearBookmark{},
		`"type":"clear_rating"`:                &domain.ClearRating{},
	}
	for _, name := range domain.ReportTypes() {
		typ, _ := domain.ParseReportType(name)
		cases[`"type":"`+name+`","position_ms":1000,"from_position_ms":0,"duration_ms":7200000,"rate":1.5,"watched":[[0,10],[20,30]]`] = &domain.RecordPlayback{Type: typ, Position: 1000,
			From: domain.Some[domain.Millis](0), Duration: 7200000, Rate: 1.5, Watched: []domain.Interval{{Start: 0, End: 10}, {Start: 20, End: 30}}}
	}
	house := &handlerstest.House{}
	s := start(t, house, nil)
	for own, want := range cases {
		a := s.ask("POST", events, "{"+own+","+common+"}")
		require.Equal(t, 202, a.status, a.body)
		require.JSONEq(t, `{"event_id":"0198c0de-0000-7000-8000-000000000001","status":"accepted"}`, a.body)
		require.NotEmpty(t, a.header.Get("Consistency-Token"))
		log := house.Log()
		got := log[len(log)-1]
		wantFact := fact
		wantFact.ReceivedAt, wantFact.Origin = got.Head().ReceivedAt, got.Head().Origin
		*want.Head() = wantFact
		require.Equal(t, want, got, own)
	}
}

func TestSingleEventFaults(t *testing.T) {
	house := &handlerstest.House{}
	s := start(t, house, nil)
	const ok = `"type":"play","user_id":"u","movie_id":"m","position_ms":1`
	for sent, want := range map[string][]string{
		`{}`:                                     {"/type required", "/user_id required", "/movie_id required"},
		`{"type":null,"user_id":null}`:           {"/type required", "/user_id required", "/movie_id required"},
		`{"type":"play"}`:                        {"/position_ms required", "/user_id required", "/movie_id required"},
		`{"type":5,"user_id":5,"movie_id":true}`: {"/type wrong_type", "/user_id wrong_type", "/movie_id wrong_type"},
		`{"type":"pley","user_id":"u","movie_id":"m"}`:                        {"/type unknown"},
		`{` + ok + `,"positoin_ms":1}`:                                        {"/positoin_ms unknown"},
		`{` + ok + `,"a/b~c":1}`:                                              {"/a~1b~0c unknown"},
		`{` + ok + `,"user_id":"v"}`:                                          {"/user_id duplicate"},
		`{` + ok + `,"like":true}`:                                            {"/like unknown"},
		`{` + ok + `,"event_id":"x"}`:                                         {"/event_id not_a_uuid"},
		`{` + ok + `,"event_id":"00000000-0000-0000-0000-000000000000"}`:      {"/event_id not_a_uuid"},
		`{` + ok + `,"event_id":7}`:                                           {"/event_id wrong_type"},
		`{` + ok + `,"session_id":"` + strings.Repeat("x", 129) + `"}`:        {"/session_id too_long"},
		`{` + ok + `,"device_id":"a\u0000"}`:                                  {"/device_id bad_characters"},
		`{` + ok + `,"device_id":"a\ud800"}`:                                  {"/device_id bad_characters"},
		`{` + ok + `,"sequence":1}`:                                           {"/session_id required"},
		`{` + ok + `,"session_id":"s","sequence":-1}`:                         {"/sequence out_of_range"},
		`{` + ok + `,"session_id":"s","sequence":1.5}`:                        {"/sequence wrong_type"},
		`{` + ok + `,"session_id":"s","sequence":"1"}`:                        {"/sequence wrong_type"},
		`{` + ok + `,"session_id":"s","sequence":1e19}`:                       {"/sequence out_of_range"},
		`{` + ok + `,"occurred_at":"yesterday"}`:                              {"/occurred_at not_a_time"},
		`{` + ok + `,"occurred_at":true}`:                                     {"/occurred_at wrong_type"},
		`{` + ok + `,"occurred_at":0}`:                                        {"/occurred_at out_of_range"},
		`{` + ok + `,"occurred_at":1.5}`:                                      {"/occurred_at not_a_time"},
		`{` + ok + `,"sent_at":"1969-12-31T23:59:59Z"}`:                       {"/sent_at out_of_range"},
		`{` + ok + `,"sent_at":9214646400000}`:                                {"/sent_at out_of_range"},
		`{` + ok + `,"occurred_at":"2262-01-01T00:00:00Z"}`:                   {"/occurred_at out_of_range"},
		`{` + ok + `,"from_position_ms":-1}`:                                  {"/from_position_ms out_of_range"},
		`{` + ok + `,"duration_ms":-1,"rate":17}`:                             {"/duration_ms out_of_range", "/rate out_of_range"},
		`{` + ok + `,"rate":"fast"}`:                                          {"/rate wrong_type"},
		`{` + ok + `,"rate":1e999}`:                                           {"/rate out_of_range"},
		`{` + ok + `,"watched":5}`:                                            {"/watched wrong_type"},
		`{` + ok + `,"watched":[[1,2],[3],{"a":[]},[1,2,3],["a",1],[1.5,2]]}`: {"/watched/1 wrong_type", "/watched/2 wrong_type", "/watched/3 wrong_type", "/watched/4 wrong_type", "/watched/5 wrong_type"},
		`{` + ok + `,"watched":[[5,5]]}`:                                      {"/watched not_ordered"},
		`{` + ok + `,"watched":[` + strings.Repeat("[0,1],", 256) + `[0,1]]}`: {"/watched too_many"},
		`{` + ok + `,"score":5,"viewed_seconds":1}`:                           {"/viewed_seconds not_applicable", "/score not_applicable"},
		`{"type":"play","user_id":"a/b","movie_id":"","position_ms":-1}`:      {"/user_id bad_characters", "/movie_id required", "/position_ms out_of_range"},
		`{"type":"rating","user_id":"u","movie_id":"m"}`:                      {"/score required"},
		`{"type":"rating","user_id":"u","movie_id":"m","score":11}`:           {"/score out_of_range"},
		`{"type":"rating","user_id":"u","movie_id":"m","score":null}`:         {"/score required"},
		`{"type":"viewing","user_id":"u","movie_id":"m","viewed_seconds":-5}`: {"/viewed_seconds out_of_range"},
		`{"type":"viewing","user_id":"u","movie_id":"m"}`:                     {"/viewed_seconds required"},
		`{"type":"like","user_id":"u","movie_id":"m","position_ms":1}`:        {"/position_ms not_applicable"},
		`5`:    {" wrong_type"},
		`"x"`:  {" wrong_type"},
		`null`: {" wrong_type"},
		`[]`:   {" wrong_type"},
	} {
		a := s.ask("POST", events, sent)
		require.Equal(t, 422, a.status, "%s → %s", sent, a.body)
		require.Equal(t, "application/problem+json", a.header.Get("Content-Type"))
		b := a.decode(t)
		require.Equal(t, want, list(b.Errors), sent)
		require.Equal(t, "/problems/invalid", b.Type)
		require.Equal(t, a.header.Get("X-Request-Id"), b.RequestID)
	}
	require.Empty(t, house.Log())
}

func TestFaultsNameTheNearestField(t *testing.T) {
	s := start(t, &handlerstest.House{}, nil)
	for sent, want := range map[string]string{"scoer": `did you mean "score"?`, "Movie_ID": `did you mean "movie_id"?`, "positionms": `did you mean "position_ms"?`, "utterly_else": "it takes type, event_id"} {
		b := s.ask("POST", events, `{"type":"rating","user_id":"u","movie_id":"m","score":1,"`+sent+`":1}`).decode(t)
		require.Len(t, b.Errors, 1, sent)
		require.Contains(t, b.Errors[0].Detail, want)
	}
	b := s.ask("POST", events, `{"type":"hartbeat","user_id":"u","movie_id":"m"}`).decode(t)
	require.Contains(t, b.Errors[0].Detail, `did you mean "heartbeat"?`)
}

func TestManyFaultsAreBounded(t *testing.T) {
	s := start(t, &handlerstest.House{}, nil)
	var sent strings.Builder
	for i := range 5000 {
		fmt.Fprintf(&sent, `,"unknown%d":1`, i)
	}
	b := s.ask("POST", events, "{"+sent.String()[1:]+"}").decode(t)
	require.Len(t, b.Errors, 32)
}

func TestMalformedBodies(t *testing.T) {
	house := &handlerstest.House{}
	s := start(t, house, nil)
	for sent, detail := range map[string]string{
		"{":                               "expected a field name in double quotes",
		`{"type":"x"`:                     "expected ',' or '}'",
		`{"type":"play",}`:                "nothing follows the comma at line 1, column 16",
		`{"type" "play"}`:                 "expected ':'",
		"{\n \"é\": x}":                   "at line 2, column 7",
		`{"type":"play"} x`:               "something follows",
		`[{"type":"play"}`:                "expected ',' or ']'",
		`[{"type":"play"},]`:              "nothing follows the comma",
		`{"user_id":"a` + "\n" + `"}`:     "control characters",
		`{"user_id":"\x"}`:                "unknown escape",
		`{"user_id":"\u12"}`:              "four hexadecimal digits",
		`{"user_id":"a`:                   "does not end",
		`{"position_ms":01}`:              "expected ','",
		`{"position_ms":1.}`:              "digit after the point",
		`{"position_ms":1e}`:              "digit in the exponent",
		`{"position_ms":-}`:               "expected a value",
		`{"x":` + strings.Repeat("[", 70): "nested too deep",
		"\xff":                            "not valid UTF-8",
		"\ufeff{}":                        "expected a value",
		"nul":                             "expected a value",
		" ":                               "empty",
	} {
		a := s.ask("POST", events, sent)
		require.Equal(t, 400, a.status, sent)
		b := a.decode(t)
		require.Equal(t, "/problems/malformed", b.Type)
		require.Contains(t, b.Detail, detail, sent)
	}
	require.Equal(t, 400, s.ask("POST", events, "").status)
	require.Empty(t, house.Log())
}

func TestMediaTypes(t *testing.T) {
	s := start(t, &handlerstest.House{}, nil)
	const sent = `{"type":"like","user_id":"u","movie_id":"m"}`
	for contentType, want := range map[string]int{"application/json": 202, "Application/JSON; charset=UTF-8": 202, `application/json;charset="utf-8"`: 202, "": 202,
		"text/plain": 415, "application/x-www-form-urlencoded": 415, "application/json; charset=latin1": 415, "application/xml": 415, "multipart/form-data; boundary=x": 415} {
		a := s.ask("POST", events, sent, "Content-Type", contentType)
		require.Equal(t, want, a.status, contentType)
		if want == 415 {
			require.Equal(t, "application/json", a.header.Get("Accept"))
		}
	}
	a := s.ask("POST", events, sent, "Content-Encoding", "gzip")
	require.Equal(t, 415, a.status)
	require.Equal(t, "identity", a.header.Get("Accept-Encoding"))
}

func TestBatches(t *testing.T) {
	refuse := map[string]domain.Kind{"away": domain.Unavailable, "unsure": domain.Uncertain, "huge": domain.TooLarge}
	house := &handlerstest.House{Refuse: func(c domain.Command) error {
		if kind, ok := refuse[c.Head().Movie]; ok {
			return domain.Wrap(kind, "append", errors.New("secret"))
		}
		return nil
	}}
	s := start(t, house, nil)
	like := func(movie string) string { return `{"type":"like","user_id":"u","movie_id":"` + movie + `"}` }
	const bad = `{"type":"rating","user_id":"u","movie_id":"m","score":11}`
	for name, tc := range map[string]struct {
		events  []string
		status  int
		typ     string
		items   []string
		written int
		token   bool
	}{
		"all accepted":         {[]string{like("a"), like("b")}, 202, "", []string{"accepted", "accepted"}, 2, true},
		"some invalid":         {[]string{bad, like("a"), "5"}, 202, "", []string{"invalid", "accepted", "invalid"}, 1, true},
		"all invalid":          {[]string{bad, "{}"}, 422, "/problems/invalid", []string{"invalid", "invalid"}, 0, false},
		"one not written":      {[]string{like("a"), like("away"), bad}, 503, "/problems/unavailable", []string{"accepted", "unavailable", "invalid"}, 1, true},
		"none written":         {[]string{like("away"), like("away")}, 503, "/problems/unavailable", []string{"unavailable", "unavailable"}, 0, false},
		"uncertain goes first": {[]string{like("away"), like("unsure")}, 503, "/problems/uncertain", []string{"unavailable", "unavailable"}, 1, false},
		"too large a record":   {[]string{like("a"), like("huge")}, 202, "", []string{"accepted", "invalid"}, 1, true},
		"the same twice":       {[]string{like("a"), like("a")}, 202, "", []string{"accepted", "accepted"}, 2, true},
	} {
		t.Run(name, func(t *testing.T) {
			before := len(house.Log())
			a := s.ask("POST", events, "["+strings.Join(tc.events, ", ")+"]")
			require.Equal(t, tc.status, a.status, a.body)
			require.NotContains(t, a.body, "secret")
			b := a.decode(t)
			require.Equal(t, tc.typ, b.Type)
			require.Len(t, house.Log(), before+tc.written)
			require.Equal(t, tc.token, a.header.Get("Consistency-Token") != "")
			require.Equal(t, tc.status == 503, a.header.Get("Retry-After") != "")
			var statuses []string
			for i, it := range b.Items {
				statuses = append(statuses, it.Status)
				require.Equal(t, it.Status == "accepted", len(it.Errors) == 0)
				if it.Status == "invalid" && tc.events[i] == bad {
					require.Equal(t, []string{fmt.Sprintf("/%d/score out_of_range", i)}, list(it.Errors))
				}
				if it.Status == "unavailable" {
					require.NotEmpty(t, it.EventID, "with it the event can be sent again")
				}
			}
			require.Equal(t, tc.items, statuses)
		})
	}
}

func TestBatchSize(t *testing.T) {
	house := &handlerstest.House{}
	s := start(t, house, nil)
	many := func(n int) string {
		return "[" + strings.TrimSuffix(strings.Repeat(`{"type":"like","user_id":"u","movie_id":"m"},`, n), ",") + "]"
	}
	a := s.ask("POST", events, many(1000))
	require.Equal(t, 202, a.status)
	require.Equal(t, 1000, a.decode(t).Accepted)
	a = s.ask("POST", events, many(1001))
	require.Equal(t, 413, a.status)
	require.Equal(t, []string{" too_many"}, list(a.decode(t).Errors))
	require.Len(t, house.Log(), 1000)
}

func TestSingleEventThatIsNotWritten(t *testing.T) {
	for kind, typ := range map[domain.Kind]string{domain.Unavailable: "/problems/unavailable", domain.Uncertain: "/problems/uncertain", domain.Internal: "/problems/internal"} {
		s := start(t, &handlerstest.House{Refuse: func(domain.Command) error { return domain.Wrap(kind, "append", errors.New("secret")) }}, nil)
		a := s.ask("POST", events, `{"type":"like","user_id":"u","movie_id":"m"}`)
		b := a.decode(t)
		require.Equal(t, typ, b.Type)
		require.NotEmpty(t, b.EventID)
		require.NotContains(t, a.body, "secret")
		if kind == domain.Internal {
			require.Equal(t, 500, a.status)
		} else {
			require.Equal(t, 503, a.status)
			require.Equal(t, "1", a.header.Get("Retry-After"))
		}
	}
}

func TestPreferWait(t *testing.T) {
	hidden := false
	house := &handlerstest.House{Hide: func(handlers.View) bool { return hidden }}
	s := start(t, house, func(o *edge.Options) { o.MaxWait = 3e9 })
	const sent = `{"type":"like","user_id":"u","movie_id":"m"}`
	for preference, applied := range map[string]string{"wait=2": "wait=2", "respond-async, wait=2": "wait=2", `Wait="2"; x=y`: "wait=2", "wait=100": "wait=3"} {
		a := s.ask("POST", events, sent, "Prefer", preference)
		require.Equal(t, 200, a.status, preference)
		require.Equal(t, applied, a.header.Get("Preference-Applied"))
	}
	for _, preference := range []string{"", "wait=x", "wait", "wait=-1", "return=minimal"} {
		a := s.ask("POST", events, sent, "Prefer", preference)
		require.Equal(t, 202, a.status, preference)
		require.Empty(t, a.header.Get("Preference-Applied"))
	}
	hidden = true
	a := s.ask("POST", events, sent, "Prefer", "wait=1")
	require.Equal(t, 202, a.status, "written, not yet shown")
	require.Empty(t, a.header.Get("Preference-Applied"))
}
