package v1

import (
	"errors"
	"math"
	"strings"
	"unicode/utf8"

	"github.com/gofiber/fiber/v2"

	"ugc/transport/http/exchange"
)

// errBody is a body that cannot even be read as text: a 400, not a 422.
var errBody = errors.New("There was an error parsing the body") //nolint:staticcheck // FastAPI's words, which its clients know

// body reads the fields of a JSON body, in the order in which it is asked for them, and keeps every fault.
type body struct {
	value
	faults faults
}

// readBody reads the whole body. It returns errBody, or faults of the body as a whole; faults of fields are kept in the body.
func readBody(c *fiber.Ctx) (*body, error) {
	raw := exchange.Body(c)
	if len(raw) == 0 {
		return nil, whole(missing())
	}
	if !isJSON(c.Get(fiber.HeaderContentType)) {
		return nil, whole(notDict())
	}
	v, err := parse(string(raw)) // a copy: Fiber uses raw again
	var syntax *syntaxError
	switch {
	case errors.As(err, &syntax):
		return nil, whole(syntax.fault())
	case err != nil:
		return nil, errBody
	case v.kind == null:
		return nil, whole(missing())
	}
	d, f := toDict(v)
	if f != nil {
		return nil, whole(f)
	}
	return &body{value: d}, nil
}

func whole(f *fault) faults {
	var all faults
	all.add("body", "", f)
	return all
}

// isJSON says whether FastAPI reads this content type as JSON: none at all, application/json, and everything that ends in +json.
func isJSON(contentType string) bool {
	if contentType == "" {
		return true
	}
	mime, _, _ := strings.Cut(contentType, ";")
	main, sub, _ := strings.Cut(strings.ToLower(strings.TrimSpace(mime)), "/")
	return !strings.Contains(sub, "/") && (main == "application" && sub == "json" || strings.HasSuffix(sub, "+json"))
}

// toDict is Python's dict(v): a dict, or anything that is a row of pairs.
func toDict(v value) (value, *fault) {
	switch {
	case v.kind == dict:
		return v, nil
	case v.kind == text && v.text == "":
		return value{kind: dict}, nil
	case v.kind != list:
		return value{}, notDict()
	}
	out, oddKey := value{kind: dict}, false
	for _, item := range v.items {
		k, val, ok := pair(item)
		if !ok || k.kind == list || k.kind == dict { // lists and dicts cannot be keys
			return value{}, notDict()
		}
		oddKey = oddKey || k.kind != text
		out.fields = append(out.fields, field{k.text, val})
	}
	if oddKey {
		return value{}, &fault{msg: "keywords must be strings", typ: "type_error"}
	}
	return out, nil
}

// pair takes what Python can unpack into two: a list of two, a text of two characters, a dict of two keys.
func pair(v value) (first, second value, ok bool) {
	switch v.kind {
	case list:
		if len(v.items) == 2 {
			return v.items[0], v.items[1], true
		}
	case text:
		if utf8.RuneCountInString(v.text) == 2 {
			_, n := utf8.DecodeRuneInString(v.text)
			return value{kind: text, text: v.text[:n]}, value{kind: text, text: v.text[n:]}, true
		}
	case dict:
		var keys []value
		seen := map[string]bool{}
		for _, f := range v.fields {
			if !seen[f.name] {
				seen[f.name] = true
				keys = append(keys, value{kind: text, text: f.name})
			}
		}
		if len(keys) == 2 {
			return keys[0], keys[1], true
		}
	}
	return value{}, value{}, false
}

func read[T any](b *body, name string, to func(value) (T, *fault)) T {
	var out T
	v, ok := b.get(name)
	f := missing()
	if ok {
		out, f = to(v)
	}
	b.faults.add("body", name, f)
	return out
}

func (b *body) id(name string) string        { return read(b, name, toID) }
func (b *body) eventType(name string) string { return read(b, name, toEventType) }

// seconds is a whole number that is not negative and fits.
func (b *body) seconds(name string) int64 { return b.integer(name, math.MaxInt64) }

func (b *body) integer(name string, most int64) int64 {
	return read(b, name, func(v value) (int64, *fault) { return toInteger(v, 0, most) })
}
