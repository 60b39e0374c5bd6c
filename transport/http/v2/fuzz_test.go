package v2

import (
	"encoding/json"
	"slices"
	"strconv"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/gofiber/fiber/v2"
	"github.com/stretchr/testify/require"
	"github.com/valyala/fasthttp"

	"ugc/domain"
	"ugc/handlers/handlerstest"
	"ugc/transport/http/exchange"
	"ugc/transport/http/problem"
)

// asked sends one request through the API to a world of its own, without a network.
func asked(app *fiber.App, method, path, contentType, body string) (int, []byte) {
	var c fasthttp.RequestCtx
	c.Request.Header.SetMethod(method)
	c.Request.SetRequestURI(Prefix + path)
	c.Request.Header.SetContentType(contentType)
	c.Request.SetBodyString(body)
	app.Handler()(&c)
	return c.Response.StatusCode(), slices.Clone(c.Response.Body())
}

// everybody calls: who may do what is tested at the edge.
func everybody(c *fiber.Ctx) error {
	exchange.SetCaller(c, exchange.Everybody)
	return c.Next()
}

func over(house *handlerstest.House) *fiber.App {
	app := fiber.New(fiber.Config{DisableStartupMessage: true, DisablePreParseMultipartForm: true,
		ErrorHandler: func(c *fiber.Ctx, err error) error { return problem.Of(err).Send(c, "r") }})
	app.Use(everybody)
	New(Options{Writing: house.Writing(), Positions: house, Opinions: house, Summaries: house}).Mount(app)
	return app
}

type fuzzedFault struct{ Pointer, Parameter, Code, Detail string }

type fuzzedItem struct {
	EventID string          `json:"event_id"`
	Status  json.RawMessage // of an item a text, of a problem a number
	Errors  []fuzzedFault
}

// named checks that every fault points at something: the value as a whole, or a member that is there or is required.
func named(t *testing.T, faults []fuzzedFault, within string, value any, required func(string) bool) {
	t.Helper()
	require.NotEmpty(t, faults)
	for _, f := range faults {
		require.NotEmpty(t, f.Code)
		require.NotEmpty(t, f.Detail)
		rest, below := strings.CutPrefix(f.Pointer, within)
		require.True(t, below, "%q is not below %q", f.Pointer, within)
		if rest == "" {
			continue
		}
		name, _, _ := strings.Cut(strings.TrimPrefix(rest, "/"), "/")
		name = strings.NewReplacer("~1", "/", "~0", "~").Replace(name)
		object, _ := value.(map[string]any)
		_, given := object[name]
		require.True(t, given || required(name) || strings.HasSuffix(name, "…"), "%q names no member of %v: %s", f.Pointer, value, f.Detail)
	}
}

// Every body of events is answered with what became of each: those accepted are in the log, in order, and no others; each that is not names
// what is wrong with it.
func FuzzPostEvents(f *testing.F) {
	for _, s := range []string{
		`{"type":"play","user_id":"u","movie_id":"m","position_ms":1000}`, `[{"type":"like","user_id":"u","movie_id":"m"},{"type":"rating","user_id":"u","movie_id":"m","score":70}]`,
		`{"type":"play","user_id":"u/v","movie_id":"","position_ms":-1,"watched":[[5,1]]}`, `[{"a/b":1,"~":2},5,null,{"type":"seek"}]`, `[]`, `{}`, `[[]]`, "\xff",
		`{"type":"viewing","user_id":"u","movie_id":"m","viewed_seconds":1e30}`, `{"type":"heartbeat","user_id":"u","movie_id":"m","occurred_at":"yesterday"}`,
	} {
		f.Add(s, "application/json")
	}
	f.Add(`{}`, "text/plain; charset=latin1")
	f.Fuzz(func(t *testing.T, body, contentType string) {
		house := &handlerstest.House{}
		status, answer := asked(over(house), "POST", "/events", contentType, body)
		require.True(t, json.Valid(answer), "%d %q", status, answer)
		require.Contains(t, []int{202, 400, 413, 415, 422}, status, "%s", answer)
		var whole struct {
			fuzzedItem
			Accepted, Invalid int
			Items             []fuzzedItem
		}
		require.NoError(t, json.Unmarshal(answer, &whole))
		written := house.Log()
		if status != 202 {
			require.Empty(t, written, "%d %s", status, answer)
		}
		var sent any
		if status == 400 || status == 413 || status == 415 || json.Unmarshal([]byte(body), &sent) != nil || !utf8.ValidString(body) {
			return
		}
		anyField := func(name string) bool { return slices.Contains(eventFields.names(), name) }
		many, isBatch := sent.([]any)
		if !isBatch {
			if status == 202 {
				require.Len(t, written, 1)
				require.Equal(t, written[0].Head().ID.String(), whole.EventID)
			} else {
				named(t, whole.Errors, "", sent, anyField)
			}
			return
		}
		if len(many) == 0 {
			require.Equal(t, 422, status)
			return
		}
		require.Len(t, whole.Items, len(many), "%s", answer)
		for i, item := range whole.Items {
			if string(item.Status) == `"accepted"` {
				require.NotEmpty(t, written)
				require.Equal(t, written[0].Head().ID.String(), item.EventID)
				written = written[1:]
				continue
			}
			require.Equal(t, `"invalid"`, string(item.Status))
			named(t, item.Errors, "/"+strconv.Itoa(i), many[i], anyField)
		}
		require.Empty(t, written)
		if status == 202 {
			require.Equal(t, len(many), whole.Accepted+whole.Invalid)
		}
	})
}

// The body of a single opinion is taken where encoding/json reads the one value in it that it needs, and refused by name where not.
func FuzzPutOpinion(f *testing.F) {
	for i, s := range []string{`{"like":true}`, `{"score":10}`, ``, `{"like":1}`, `{"score":10.5}`, `{"x":{}}`, `{"like":false,"like":true}`, `{"score":-0}`, `{"score":5e0,"occurred_at":"2026-01-01T00:00:00Z"}`,
		`{"like":null}`, `{"score":99999999999999999999}`, `{}`, `[1]`, `{"event_id":"x"}`, `{"user_id":"other"}`} {
		f.Add(uint8(i), s)
	}
	f.Fuzz(func(t *testing.T, which uint8, body string) {
		r := registers[int(which)%len(registers)]
		house := &handlerstest.House{}
		status, answer := asked(over(house), "PUT", "/users/u/"+r.path+"/m", "application/json", body)
		require.True(t, json.Valid(answer), "%d %q", status, answer)
		require.Contains(t, []int{202, 400, 422}, status, "%s", answer)
		written := house.Log()
		require.Len(t, written, map[bool]int{true: 1}[status == 202], "%d %s", status, answer)
		if body == "" {
			body = "{}"
		}
		object := map[string]any{}
		isObject := json.Unmarshal([]byte(body), &object) == nil && object != nil && utf8.ValidString(body)
		switch status {
		case 202:
			require.True(t, isObject, body)
			c := written[0].(domain.FeedbackCommand)
			kind, value, set := c.Opinion()
			require.Equal(t, r.kind, kind)
			require.True(t, set)
			switch kind {
			case domain.RatingKind:
				require.InDelta(t, object["score"], float64(value), 0)
			case domain.LikeKind:
				require.Equal(t, object["like"], value == domain.LikeValue)
			}
		case 422:
			var p fuzzedItem
			require.NoError(t, json.Unmarshal(answer, &p))
			var sent any
			if json.Unmarshal([]byte(body), &sent) == nil {
				named(t, p.Errors, "", sent, func(name string) bool { return slices.Contains(r.fields.names(), name) })
			}
		case 400:
			require.False(t, json.Valid([]byte(body)) && utf8.ValidString(body) && depth(body) < maxNesting, "%s", answer)
		}
	})
}

// A place in a list that is taken is one that a list gives.
func FuzzCursor(f *testing.F) {
	f.Add(encodeCursor(0))
	f.Add(encodeCursor(1<<63 - 1))
	f.Add("MA==")
	f.Add("LTE")
	f.Fuzz(func(t *testing.T, text string) {
		var p params
		v := p.cursor(map[string]string{"after": text})
		if len(p.faults) > 0 {
			require.Equal(t, "after", p.faults[0].Parameter)
			return
		}
		require.Equal(t, text, encodeCursor(v.Value))
	})
}
