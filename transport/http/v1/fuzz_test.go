package v1_test

import (
	"bytes"
	"encoding/json"
	"io"
	"math/big"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/gofiber/fiber/v2"
	"github.com/stretchr/testify/require"
	"github.com/valyala/fasthttp"

	"ugc/domain"
	"ugc/handlers/handlerstest"
	"ugc/transport/http/problem"
	v1 "ugc/transport/http/v1"
)

// bodyRoutes are the routes that take a body, with its fields in the order in which faults name them.
var bodyRoutes = []struct {
	path   string
	fields []string
}{
	{"/movies/playback-event", []string{"user_id", "movie_id", "event_type", "playback_position"}},
	{"/movies/movie-viewing", []string{"user_id", "movie_id", "viewed_seconds"}},
	{"/likes/users/u/movies/m", []string{"score"}},
}

// taken is what pydantic makes of a value for a field, worked out with the standard library: the value as it goes into the command, or that it is
// refused. known is false where the model has no opinion: numbers beyond what a float tells apart, floats as ids.
func taken(field string, v any) (got any, ok, known bool) {
	switch field {
	case "user_id", "movie_id":
		switch v := v.(type) {
		case string:
			code, _ := domain.ValidateKeyPart(v)
			return v, code == "", true
		case json.Number:
			n, whole := new(big.Int).SetString(v.String(), 10)
			if !whole {
				return nil, false, false
			}
			code, _ := domain.ValidateKeyPart(n.String())
			return n.String(), code == "", true
		case bool:
			return map[bool]string{true: "True", false: "False"}[v], true, true
		}
		return nil, false, true
	case "event_type":
		s, isText := v.(string)
		return s, isText && slices.Contains([]string{"play", "pause", "stop", "fast_forward", "rewind"}, s), true
	}
	most := new(big.Int).SetInt64(1<<63 - 1)
	if field == "score" {
		most.SetInt64(10)
	}
	var n *big.Rat
	switch v := v.(type) {
	case json.Number:
		if i := strings.IndexAny(v.String(), "eE"); i >= 0 && len(v.String())-i > 4 {
			return nil, false, false // big.Rat would work for hours
		}
		n, _ = new(big.Rat).SetString(v.String())
	case string:
		for _, r := range v {
			if r >= utf8.RuneSelf {
				return nil, false, false // digits and spaces of other scripts: the recordings have those
			}
		}
		text := strings.Trim(v, " \t\n\v\f\r\x1c\x1d\x1e\x1f")
		if whole, isInt := new(big.Int).SetString(text, 10); isInt {
			n = new(big.Rat).SetInt(whole)
		}
	}
	if n == nil || !n.IsInt() || n.Sign() < 0 || n.Num().Cmp(most) > 0 {
		return nil, false, true
	}
	return n.Num().Int64(), true, true
}

// model says what becomes of a JSON object: the fields that are refused, in order, or what they are taken as.
func model(object map[string]any, fields []string) (values map[string]any, refused []string, known bool) {
	values = map[string]any{}
	for _, f := range fields {
		v, given := object[f]
		if !given {
			refused = append(refused, f)
			continue
		}
		got, ok, sure := taken(f, v)
		if !sure {
			return nil, nil, false
		}
		if !ok {
			refused = append(refused, f)
			continue
		}
		values[f] = got
	}
	return values, refused, true
}

// Every body is taken or refused with a status and an answer that says which fields were wrong; what is taken is in the log with the values that
// pydantic reads there, and what is refused is not.
func FuzzBodies(f *testing.F) {
	for i, body := range []string{
		`{"user_id":"u","movie_id":"m","event_type":"play","playback_position":5}`, `{"user_id":7,"movie_id":true,"viewed_seconds":" 7 "}`, `{"score":5.0}`,
		`{"user_id":"","movie_id":null,"event_type":"seek","playback_position":-1}`, `{"user_id":"a/b","movie_id":[],"viewed_seconds":"1_000"}`, `{"score":"10"}`,
		`{"user_id":1.5,"movie_id":-0,"event_type":"stop","playback_position":1e3}`, `[["user_id","u"],["movie_id","m"],["viewed_seconds",1]]`, `{"score":1e400}`,
		``, `{`, `null`, "\ufeff{}", `"ab"`, `NaN`, "{\"score\":\xff}",
	} {
		f.Add(uint8(i), body, "application/json")
	}
	f.Add(uint8(0), `{}`, "text/plain")
	app := fiber.New(fiber.Config{DisableStartupMessage: true, DisablePreParseMultipartForm: true,
		ErrorHandler: func(c *fiber.Ctx, err error) error { return problem.Of(err).Send(c, "r") }})
	var house *handlerstest.House
	app.Use(everybody)
	app.Use(v1.Prefix, func(c *fiber.Ctx) error {
		return v1.New(v1.Options{Writing: house.Writing(), Opinions: house, Page: func(*fiber.Ctx, string) error { return nil }}).Serve(c)
	})
	serve := app.Handler()
	f.Fuzz(func(t *testing.T, which uint8, body, contentType string) {
		route := bodyRoutes[int(which)%len(bodyRoutes)]
		house = &handlerstest.House{}
		var c fasthttp.RequestCtx
		c.Request.Header.SetMethod("POST")
		c.Request.SetRequestURI(v1.Prefix + route.path)
		c.Request.Header.SetContentType(contentType)
		c.Request.SetBodyString(body)
		serve(&c)
		status, answer := c.Response.StatusCode(), c.Response.Body()

		refused := faultsOf(t, status, answer)
		written := house.Log()
		require.Len(t, written, map[bool]int{true: 1}[status == 200], "%d %s", status, answer)
		for _, name := range refused {
			require.True(t, name == "" || slices.Contains(route.fields, name), "%q is no field of the body: %s", name, answer)
		}
		object, isObject := strict(body)
		if !isObject || contentType != "application/json" {
			return
		}
		values, wrong, known := model(object, route.fields)
		if !known {
			return
		}
		require.Equal(t, wrong, refused, "%s answered %d %s", body, status, answer)
		if len(wrong) == 0 {
			require.Equal(t, values, said(written[0], route.fields), body)
		}
	})
}

// strict reads a body that means the same to everybody: an object in JSON and UTF-8, not too deep.
func strict(body string) (map[string]any, bool) {
	if !utf8.ValidString(body) || strings.Count(body, "[")+strings.Count(body, "{") > 500 || len(body) > 4000 || strings.Contains(body, `\u`) {
		return nil, false
	}
	d := json.NewDecoder(bytes.NewReader([]byte(body)))
	d.UseNumber()
	var object map[string]any
	if err := d.Decode(&object); err != nil || object == nil {
		return nil, false
	}
	_, err := d.Token()
	return object, err == io.EOF
}

// faultsOf are the fields that an answer calls wrong, "" for the body as a whole; nil for an answer that takes it.
func faultsOf(t *testing.T, status int, answer []byte) (fields []string) {
	t.Helper()
	require.True(t, json.Valid(answer), "%d %q", status, answer)
	switch status {
	case 200:
		return nil
	case 400:
		require.JSONEq(t, `{"detail":"There was an error parsing the body"}`, string(answer))
		return []string{""}
	}
	require.Equal(t, 422, status, "%s", answer)
	var said struct {
		Detail []struct {
			Loc       []any
			Msg, Type string
		}
	}
	require.NoError(t, json.Unmarshal(answer, &said))
	require.NotEmpty(t, said.Detail)
	for _, d := range said.Detail {
		require.NotEmpty(t, d.Msg)
		require.NotEmpty(t, d.Type)
		require.Equal(t, "body", d.Loc[0])
		name := ""
		if len(d.Loc) > 1 {
			name, _ = d.Loc[1].(string) // of broken JSON it is the place
		}
		fields = append(fields, name)
	}
	return fields
}

// said is a command in the words of the body.
func said(c domain.Command, fields []string) map[string]any {
	values := map[string]any{}
	for _, f := range fields {
		switch f {
		case "user_id":
			values[f] = c.Head().User
		case "movie_id":
			values[f] = c.Head().Movie
		case "event_type":
			values[f] = c.(*domain.RecordPlayback).Type.String()
		case "playback_position":
			at := int64(c.(*domain.RecordPlayback).Position)
			if at != 1<<63-1 {
				at /= 1000
			}
			values[f] = at
		case "viewed_seconds":
			values[f] = c.(*domain.RecordViewing).ViewedSeconds
		case "score":
			values[f] = int64(c.(*domain.SetRating).Score)
		}
	}
	return values
}
