package clickhouse

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"math/big"
	"net"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2/lib/chcol"
	chcolumn "github.com/ClickHouse/clickhouse-go/v2/lib/column"
	"github.com/google/uuid"
	"github.com/shopspring/decimal"
)

// What the driver gives becomes plain values before it is written: nil, bool, string, number, moment, list, tuple and object.
type (
	number string // its digits
	moment struct {
		text string // as ClickHouse shows it
		iso  string // RFC 3339, a date alone for dates
	}
	list   []any
	tuple  []any // without names
	object []field
	field  struct {
		name  string
		value any
	}
)

// plain turns a value of the driver's into one of ours. It knows every type that the driver does; what it does not know it shows as the
// value shows itself.
func plain(t columnType, v reflect.Value) any {
	t = t.bare()
	for v.IsValid() && (v.Kind() == reflect.Pointer || v.Kind() == reflect.Interface) && !isLeaf(v.Type()) {
		if v.IsNil() {
			return nil
		}
		v = v.Elem()
	}
	if !v.IsValid() {
		return nil
	}
	if leaf, ok := plainLeaf(t, v.Interface()); ok {
		return leaf
	}
	switch v.Kind() {
	case reflect.Bool:
		return v.Bool()
	case reflect.String:
		return v.String()
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		return number(strconv.FormatInt(v.Int(), 10))
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		return number(strconv.FormatUint(v.Uint(), 10))
	case reflect.Float32:
		return plainFloat(v.Float(), 32)
	case reflect.Float64:
		return plainFloat(v.Float(), 64)
	case reflect.Slice, reflect.Array:
		return plainList(t, v)
	case reflect.Map:
		return plainMap(t, v)
	}
	return fmt.Sprint(v.Interface())
}

// isLeaf names pointers that are values themselves.
func isLeaf(t reflect.Type) bool { return t == reflect.TypeFor[*big.Int]() }

func plainLeaf(t columnType, v any) (any, bool) {
	switch v := v.(type) {
	case time.Time:
		return plainTime(t, v), true
	case time.Duration:
		return v.String(), true
	case uuid.UUID:
		return v.String(), true
	case decimal.Decimal:
		return number(v.StringFixed(max(0, -v.Exponent()))), true
	case *big.Int:
		if v == nil {
			return nil, true
		}
		return number(v.String()), true
	case big.Int:
		return number(v.String()), true
	case net.IP:
		return v.String(), true
	case chcol.Variant: // and Dynamic
		if v.Nil() {
			return nil, true
		}
		return plain(parseType(v.Type()), reflect.ValueOf(v.Any())), true
	case chcol.JSON:
		if b, err := v.MarshalJSON(); err == nil {
			return json.RawMessage(b), true
		}
	}
	return nil, false
}

// plainTime shows a moment with the digits that its type keeps, and its offset where that is not UTC.
func plainTime(t columnType, v time.Time) any {
	if strings.HasPrefix(t.name, "Date") && !strings.HasPrefix(t.name, "DateTime") {
		day := v.Format(time.DateOnly)
		return moment{day, day}
	}
	layout := "15:04:05"
	if n := t.digits(); n > 0 {
		layout += "." + strings.Repeat("0", n)
	}
	text := v.Format(time.DateOnly + " " + layout)
	if _, offset := v.Zone(); offset != 0 {
		text += v.Format("-07:00")
	}
	return moment{text, v.Format(time.DateOnly + "T" + layout + "Z07:00")}
}

// plainFloat shows the shortest digits that give the same number, without an exponent where that reads well. What is no number is a text.
func plainFloat(f float64, bits int) any {
	switch {
	case math.IsNaN(f):
		return "nan"
	case math.IsInf(f, 0):
		return strings.ToLower(strings.TrimPrefix(fmt.Sprint(f), "+"))
	}
	form := byte('f')
	if abs := math.Abs(f); abs != 0 && (abs < 1e-6 || abs >= 1e21) {
		form = 'e'
	}
	return number(strconv.FormatFloat(f, form, -1, bits))
}

func plainList(t columnType, v reflect.Value) any {
	out := make([]any, v.Len())
	element := t.inner()
	for i := range out {
		switch t.name {
		case "Tuple":
			if i < len(t.args) {
				element = t.args[i]
			}
		case "Nested":
			element = columnType{name: "Tuple", args: t.args, fields: t.fields}
		}
		out[i] = plain(element, v.Index(i))
	}
	if t.name != "Tuple" {
		return list(out)
	}
	if t.fields == nil {
		return tuple(out)
	}
	named := make(object, len(out))
	for i := range out {
		named[i] = field{t.fields[min(i, len(t.fields)-1)], out[i]}
	}
	return named
}

// plainMap shows a named tuple in the order of its type, and a map in the order of its keys, so that the same value always looks the same.
func plainMap(t columnType, v reflect.Value) any {
	var out object
	if t.name == "Tuple" && len(t.fields) == len(t.args) {
		for i, name := range t.fields {
			out = append(out, field{name, plain(t.args[i], v.MapIndex(reflect.ValueOf(name)))})
		}
		return out
	}
	var key, value columnType
	if len(t.args) == 2 {
		key, value = t.args[0], t.args[1]
	}
	for _, k := range v.MapKeys() {
		out = append(out, field{text(plain(key, k)), plain(value, v.MapIndex(k))})
	}
	slices.SortFunc(out, func(a, b field) int { return strings.Compare(a.name, b.name) })
	if out == nil {
		out = object{}
	}
	return out
}

// text shows a plain value to a person. Texts within lists and the like are quoted.
func text(v any) string {
	switch v := v.(type) {
	case nil:
		return "NULL"
	case string:
		return v
	case number:
		return string(v)
	case moment:
		return v.text
	case json.RawMessage:
		return string(v)
	case list:
		return "[" + joined(v) + "]"
	case tuple:
		return "(" + joined(v) + ")"
	case object:
		parts := make([]string, len(v))
		for i, f := range v {
			parts[i] = f.name + ": " + nested(f.value)
		}
		return "{" + strings.Join(parts, ", ") + "}"
	}
	return fmt.Sprint(v)
}

// weight is about what a plain value takes in memory.
func weight(v any) int {
	const each = 16
	switch v := v.(type) {
	case string:
		return each + len(v)
	case number:
		return each + len(v)
	case json.RawMessage:
		return each + len(v)
	case list:
		return weights(v)
	case tuple:
		return weights(v)
	case object:
		n := each
		for _, f := range v {
			n += weight(f.value) + len(f.name)
		}
		return n
	}
	return each
}

func weights(values []any) int {
	n := 16
	for _, v := range values {
		n += weight(v)
	}
	return n
}

func joined(values []any) string {
	parts := make([]string, len(values))
	for i, v := range values {
		parts[i] = nested(v)
	}
	return strings.Join(parts, ", ")
}

func nested(v any) string {
	if s, ok := v.(string); ok {
		return quoteText(s)
	}
	return text(v)
}

func isUnsupportedType(err error) bool {
	var unsupported *chcolumn.UnsupportedColumnTypeError
	return errors.As(err, &unsupported) || strings.Contains(err.Error(), "unsupported column type")
}
