package clickhouse

import (
	"strconv"
	"strings"
)

// columnType is a type of the server's as a tree: Array(Tuple(start_ms Int64, end_ms Int64)).
type columnType struct {
	name   string
	args   []columnType
	fields []string // of a tuple whose elements have names, one for each of args
	texts  []string // the arguments as they stand there, such as the digits of DateTime64(3)
}

// inner is the first type inside this one.
func (t columnType) inner() columnType {
	if len(t.args) > 0 {
		return t.args[0]
	}
	return columnType{}
}

// bare is the type without what only says how it is stored or that it may be missing.
func (t columnType) bare() columnType {
	for t.name == "Nullable" || t.name == "LowCardinality" || t.name == "SimpleAggregateFunction" {
		if len(t.args) == 0 {
			break
		}
		t = t.args[len(t.args)-1]
	}
	return t
}

// numeric says that values stand better at the right.
func (t columnType) numeric() bool {
	n := t.bare().name
	return strings.HasPrefix(n, "Int") && !strings.HasPrefix(n, "Interval") || strings.HasPrefix(n, "UInt") || strings.HasPrefix(n, "Float") ||
		strings.HasPrefix(n, "Decimal") || strings.HasPrefix(n, "BFloat")
}

// digits are those of a second's fraction that the type keeps.
func (t columnType) digits() int {
	if len(t.texts) > 0 && strings.HasSuffix(t.name, "64") {
		if n, err := strconv.Atoi(t.texts[0]); err == nil && n >= 0 && n <= 9 {
			return n
		}
	}
	return 0
}

func parseType(s string) columnType {
	s = strings.TrimSpace(s)
	open := strings.IndexByte(s, '(')
	if open < 0 || !strings.HasSuffix(s, ")") {
		return columnType{name: s}
	}
	t := columnType{name: s[:open], texts: splitArguments(s[open+1 : len(s)-1])}
	for _, text := range t.texts {
		if t.name == "Tuple" || t.name == "Nested" {
			if field, rest, ok := cutField(text); ok {
				t.fields = append(t.fields, field)
				text = rest
			}
		}
		t.args = append(t.args, parseType(text))
	}
	if len(t.fields) != len(t.args) {
		t.fields = nil
	}
	return t
}

// cutField splits "name Type" or "`any name` Type".
func cutField(s string) (field, rest string, ok bool) {
	if strings.HasPrefix(s, "`") {
		end := skipQuoted(s, 0)
		return strings.NewReplacer("\\`", "`", "\\\\", "\\").Replace(s[1 : end-1]), strings.TrimSpace(s[end:]), end < len(s)
	}
	for i := 0; i < len(s); i++ {
		if s[i] == ' ' {
			return s[:i], strings.TrimSpace(s[i:]), true
		}
		if !isWordByte(s[i]) {
			break
		}
	}
	return "", s, false
}

// splitArguments splits at the commas that stand outside of parentheses and quotes.
func splitArguments(s string) (out []string) {
	depth, start := 0, 0
	for i := 0; i < len(s); {
		switch s[i] {
		case '\'', '`', '"':
			i = skipQuoted(s, i)
			continue
		case '(':
			depth++
		case ')':
			depth--
		case ',':
			if depth == 0 {
				out = append(out, strings.TrimSpace(s[start:i]))
				start = i + 1
			}
		}
		i++
	}
	return append(out, strings.TrimSpace(s[start:]))
}
