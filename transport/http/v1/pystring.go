package v1

import (
	"strings"
	"unicode/utf16"
)

// string reads a JSON string as CPython's scanner does. A surrogate without its other half stays what it is, as three bytes that are not
// valid UTF-8, so that no id can hold one.
func (s *scanner) string() (string, error) {
	begin := s.at
	s.at++
	if i := strings.IndexAny(s.doc[s.at:], "\"\\"); i >= 0 && s.doc[s.at+i] == '"' && !hasControl(s.doc[s.at:s.at+i]) {
		t := s.doc[s.at : s.at+i] // the usual case: nothing to decode
		s.at += i + 1
		return t, nil
	}
	var out []byte
	for s.at < len(s.doc) {
		switch c := s.doc[s.at]; {
		case c == '"':
			s.at++
			return string(out), nil
		case c < 0x20:
			return "", s.fail("Invalid control character at", s.at)
		case c == '\\':
			var err error
			if out, err = s.escape(out, begin); err != nil {
				return "", err
			}
		default:
			out = append(out, c)
			s.at++
		}
	}
	return "", s.fail("Unterminated string starting at", begin)
}

func hasControl(s string) bool {
	for i := range len(s) {
		if s[i] < 0x20 {
			return true
		}
	}
	return false
}

const (
	escapes  = `"\/bfnrt`
	escapeds = "\"\\/\b\f\n\r\t"
)

func (s *scanner) escape(out []byte, begin int) ([]byte, error) {
	at := s.at
	if at+1 >= len(s.doc) {
		return nil, s.fail("Unterminated string starting at", begin)
	}
	c := s.doc[at+1]
	if c != 'u' {
		i := strings.IndexByte(escapes, c)
		if i < 0 {
			return nil, s.fail(`Invalid \escape`, at)
		}
		s.at += 2
		return append(out, escapeds[i]), nil
	}
	r, ok := s.hex4(at + 2)
	if !ok {
		return nil, s.fail(`Invalid \uXXXX escape`, at+1)
	}
	s.at += 6
	if utf16.IsSurrogate(r) && r < 0xdc00 && strings.HasPrefix(s.doc[s.at:], `\u`) && s.at+6 < len(s.doc) {
		low, ok := s.hex4(s.at + 2)
		if !ok {
			return nil, s.fail(`Invalid \uXXXX escape`, s.at+1)
		}
		if pair := utf16.DecodeRune(r, low); pair != 0xfffd {
			s.at += 6
			r = pair
		}
	}
	if utf16.IsSurrogate(r) {
		return append(out, 0xe0|byte(r>>12), 0x80|byte(r>>6)&0x3f, 0x80|byte(r)&0x3f), nil
	}
	return append(out, string(r)...), nil
}

// hex4 reads four hexadecimal digits; the string must go on behind them.
func (s *scanner) hex4(at int) (r rune, ok bool) {
	if at+4 >= len(s.doc) {
		return 0, false
	}
	for _, c := range []byte(s.doc[at : at+4]) {
		switch {
		case c >= '0' && c <= '9':
			c -= '0'
		case c >= 'a' && c <= 'f':
			c -= 'a' - 10
		case c >= 'A' && c <= 'F':
			c -= 'A' - 10
		default:
			return 0, false
		}
		r = r<<4 | rune(c)
	}
	return r, true
}
