package v1

import (
	"math"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"ugc/domain"
	"ugc/transport/http/wire"
)

// What pydantic 1.10 makes of a value for a field of a given type, and what it says where it cannot. Where pydantic loses something
// (5.5 to 5, true to 1, "1_000" to 1000), the value is refused instead.

// eventTypes are those that movies_ugc knows; the others are /api/v2's.
var eventTypes = []string{"play", "pause", "stop", "fast_forward", "rewind"}

// idPattern is what the fault of an id with a bad character names: no '/', no control characters.
const idPattern = `^[^/\x00-\x1f\x7f-\x9f]+$`

// toText is the text that pydantic makes of a value, before its length and characters are looked at.
func toText(v value) (string, *fault) {
	switch v.kind {
	case null:
		return "", notNone()
	case text, boolean:
		return v.text, nil
	case integer:
		if v.text == "-0" {
			return "0", nil
		}
		return v.text, nil
	case float:
		f, _ := strconv.ParseFloat(v.text, 64) // out of range gives the infinity that Python has there too
		return pyFloat(f), nil
	}
	return "", &fault{msg: "str type expected", typ: "type_error.str"}
}

// toID is a user or movie id.
func toID(v value) (string, *fault) {
	s, f := toText(v)
	if f != nil {
		return "", f
	}
	return s, checkID(s)
}

func checkID(s string) *fault {
	switch code, _ := domain.ValidateKeyPart(s); code {
	case "":
		return nil
	case "required":
		return &fault{msg: "ensure this value has at least 1 characters", typ: "value_error.any_str.min_length", ctx: limit(1)}
	case "too_long":
		return &fault{msg: "ensure this value has at most 128 characters", typ: "value_error.any_str.max_length", ctx: limit(domain.MaxKeyPart)}
	}
	return &fault{msg: "string does not match regex \"" + idPattern + "\"", typ: "value_error.str.regex",
		ctx: append(wire.AppendString([]byte(`{"pattern":`), idPattern), '}')}
}

func toEventType(v value) (string, *fault) {
	if v.kind == null {
		return "", notNone()
	}
	if v.kind == text {
		for _, t := range eventTypes {
			if v.text == t {
				return t, nil
			}
		}
	}
	ctx := []byte(`{"enum_values":[`)
	for i, t := range eventTypes {
		if i > 0 {
			ctx = append(ctx, ',')
		}
		ctx = wire.AppendString(ctx, t)
	}
	return "", &fault{msg: "value is not a valid enumeration member; permitted: '" + strings.Join(eventTypes, "', '") + "'", typ: "type_error.enum", ctx: append(ctx, "]}"...)}
}

// toInteger is a whole number from least to most.
func toInteger(v value, least, most int64) (int64, *fault) {
	n, size, ok := int64(0), wire.Exact, true
	switch v.kind {
	case null:
		return 0, notNone()
	case integer:
		n, size = wire.Integer(v.text)
	case float:
		f, err := strconv.ParseFloat(v.text, 64)
		ok = err == nil && !math.IsNaN(f) && !math.IsInf(f, 0)
		if ok {
			n, size = wire.Integer(v.text)
		}
	case text:
		n, size, ok = parseInteger(v.text)
	default:
		ok = false
	}
	switch {
	case !ok || size == wire.Fraction:
		return 0, &fault{msg: "value is not a valid integer", typ: "type_error.integer"}
	case size == wire.TooLow || size == wire.Exact && n < least:
		return 0, &fault{msg: "ensure this value is greater than or equal to " + strconv.FormatInt(least, 10), typ: "value_error.number.not_ge", ctx: limit(least)}
	case size == wire.TooHigh || n > most:
		return 0, &fault{msg: "ensure this value is less than or equal to " + strconv.FormatInt(most, 10), typ: "value_error.number.not_le", ctx: limit(most)}
	}
	return n, nil
}

// parseInteger reads what Python's int(text) takes, but underscores: a sign, decimal digits of any script, space around.
func parseInteger(s string) (int64, wire.Whole, bool) {
	s = strings.TrimFunc(s, isSpace)
	digits := make([]byte, 0, len(s))
	for i, r := range s {
		if i == 0 && (r == '+' || r == '-') {
			digits = append(digits, byte(r))
			continue
		}
		d, ok := decimalDigit(r)
		if !ok {
			return 0, 0, false
		}
		digits = append(digits, d)
	}
	plain := strings.TrimLeft(string(digits), "+-")
	if plain == "" || len(plain) > maxDigits {
		return 0, 0, false
	}
	n, size := wire.Integer(string(digits))
	return n, size, true
}

func isSpace(r rune) bool { return unicode.IsSpace(r) || r >= 0x1c && r <= 0x1f }

// decimalDigit is the digit that a character stands for, in ASCII: in every script the ten follow one another, and so
// do the ranges of Unicode's table.
func decimalDigit(r rune) (byte, bool) {
	if r < utf8.RuneSelf {
		return byte(r), r >= '0' && r <= '9'
	}
	for _, t := range unicode.Nd.R16 {
		if r >= rune(t.Lo) && r <= rune(t.Hi) {
			return '0' + byte((r-rune(t.Lo))%10), true
		}
	}
	for _, t := range unicode.Nd.R32 {
		if r >= rune(t.Lo) && r <= rune(t.Hi) {
			return '0' + byte((r-rune(t.Lo))%10), true
		}
	}
	return 0, false
}

// pyFloat is Python's repr of a float: the shortest digits that give it back, with an exponent below 1e-4 and from 1e16 on.
func pyFloat(f float64) string {
	switch {
	case math.IsNaN(f):
		return "nan"
	case math.IsInf(f, 0):
		return strings.TrimPrefix(strings.ToLower(strconv.FormatFloat(f, 'g', -1, 64)), "+")
	}
	if a := math.Abs(f); a != 0 && (a < 1e-4 || a >= 1e16) {
		return strconv.FormatFloat(f, 'e', -1, 64)
	}
	s := strconv.FormatFloat(f, 'f', -1, 64)
	if !strings.Contains(s, ".") {
		s += ".0"
	}
	return s
}
