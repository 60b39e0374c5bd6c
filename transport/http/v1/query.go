package v1

import (
	"strings"

	"ugc/transport/http/wire"
)

// param is one parameter of a query, decoded.
type param struct{ name, value string }

// parseQuery reads a query as Python's urllib does: '+' is a space, a broken escape stands for itself, and a name without '=' has an
// empty value. The result shares no memory with the request.
func parseQuery(raw []byte) []param {
	var out []param
	for part := range strings.SplitSeq(string(raw), "&") {
		if part == "" {
			continue
		}
		name, v, _ := strings.Cut(strings.ReplaceAll(part, "+", " "), "=")
		out = append(out, param{validText(unescape(name)), validText(unescape(v))})
	}
	return out
}

func validText(s string) string { return strings.ToValidUTF8(s, "\ufffd") }

// last is the value of the last parameter of that name.
func last(query []param, name string) (string, bool) {
	for i := len(query) - 1; i >= 0; i-- {
		if query[i].name == name {
			return query[i].value, true
		}
	}
	return "", false
}

// unescape decodes percent escapes; what is no escape stays.
func unescape(s string) string {
	if !strings.Contains(s, "%") {
		return s
	}
	out := make([]byte, 0, len(s))
	for i := 0; i < len(s); i++ {
		if s[i] == '%' && i+2 < len(s) {
			if hi, lo := unhex(s[i+1]), unhex(s[i+2]); hi >= 0 && lo >= 0 {
				out = append(out, byte(hi<<4|lo))
				i += 2
				continue
			}
		}
		out = append(out, s[i])
	}
	return string(out)
}

func unhex(c byte) int {
	switch {
	case c >= '0' && c <= '9':
		return int(c - '0')
	case c >= 'a' && c <= 'f':
		return int(c-'a') + 10
	case c >= 'A' && c <= 'F':
		return int(c-'A') + 10
	}
	return -1
}

// appendQuery writes a query as Python's urlencode does.
func appendQuery(b []byte, query []param) []byte {
	for i, p := range query {
		if i > 0 {
			b = append(b, '&')
		}
		b = wire.AppendEscaped(b, p.name, wire.QueryValue)
		b = append(b, '=')
		b = wire.AppendEscaped(b, p.value, wire.QueryValue)
	}
	return b
}
