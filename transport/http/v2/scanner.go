package v2

import (
	"fmt"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// scanner reads strict JSON (RFC 8259) from a text that will not change: what it returns may be a part of that text. The first error
// sticks; from then on nothing moves and every reader returns at once.
type scanner struct {
	src string
	at  int
	err *syntaxError
}

// syntaxError is text that is no JSON.
type syntaxError struct {
	msg string
	at  int // in bytes
	src string
}

// Error says what is wrong, and where as a person counts: line and column, from 1.
func (e *syntaxError) Error() string {
	before := e.src[:e.at]
	line := strings.Count(before, "\n") + 1
	column := utf8.RuneCountInString(before[strings.LastIndexByte(before, '\n')+1:]) + 1
	return fmt.Sprintf("%s at line %d, column %d", e.msg, line, column)
}

// maxNesting bounds what is skipped: no field that is known goes deeper than two levels.
const maxNesting = 64

func (s *scanner) fail(msg string) {
	if s.err == nil {
		s.err = &syntaxError{msg: msg, at: min(s.at, len(s.src)), src: s.src}
	}
}

// peek skips white space and returns the next byte without taking it, 0 at the end or after an error.
func (s *scanner) peek() byte {
	for ; s.at < len(s.src); s.at++ {
		switch c := s.src[s.at]; c {
		case ' ', '\t', '\n', '\r':
		default:
			if s.err != nil {
				return 0
			}
			return c
		}
	}
	return 0
}

// take takes the next byte, which must be c.
func (s *scanner) take(c byte, missing string) bool {
	if s.peek() != c {
		s.fail(missing)
		return false
	}
	s.at++
	return true
}

// more goes to the next item of an object or array: over the comma, or over the closing bracket. first must be true before the first item.
func (s *scanner) more(closing byte, first *bool) bool {
	c := s.peek()
	switch {
	case s.err != nil:
		return false
	case c == closing:
		s.at++
		return false
	case *first:
		*first = false
		return true
	case c != ',':
		s.fail(fmt.Sprintf("expected ',' or '%c'", closing))
		return false
	}
	s.at++
	if s.peek() == closing {
		s.fail("nothing follows the comma")
		return false
	}
	return s.err == nil
}

// name takes the name of an object's next field and the colon behind it.
func (s *scanner) name() string {
	if s.peek() != '"' {
		s.fail("expected a field name in double quotes")
		return ""
	}
	name, _ := s.string()
	s.take(':', "expected ':' after the field name")
	return name
}

// string takes a string; the next byte is its opening quote. whole is false where it holds half of a surrogate pair, which no text can; U+FFFD
// stands for it.
func (s *scanner) string() (text string, whole bool) {
	start := s.at + 1
	for i := start; i < len(s.src); i++ {
		switch c := s.src[i]; {
		case c == '"':
			s.at = i + 1
			return s.src[start:i], true
		case c == '\\':
			return s.escaped(start, i)
		case c < 0x20:
			s.at = i
			s.fail("control characters in strings must be escaped")
			return "", false
		}
	}
	s.fail("the string does not end")
	return "", false
}

// escaped goes on where string found the first backslash.
func (s *scanner) escaped(start, i int) (text string, whole bool) {
	out := append(make([]byte, 0, i-start+32), s.src[start:i]...)
	whole = true
	for i < len(s.src) {
		c := s.src[i]
		switch {
		case c == '"':
			s.at = i + 1
			return string(out), whole
		case c < 0x20:
			s.at = i
			s.fail("control characters in strings must be escaped")
			return "", false
		case c != '\\':
			out = append(out, c)
			i++
			continue
		}
		if i+1 >= len(s.src) {
			break
		}
		if s.src[i+1] != 'u' {
			k := strings.IndexByte(`"\/bfnrt`, s.src[i+1])
			if k < 0 {
				s.at = i
				s.fail("unknown escape in a string")
				return "", false
			}
			out = append(out, "\"\\/\b\f\n\r\t"[k])
			i += 2
			continue
		}
		r, ok := s.hex4(i + 2)
		if !ok {
			s.at = i
			s.fail(`\u needs four hexadecimal digits`)
			return "", false
		}
		i += 6
		if utf16.IsSurrogate(r) {
			low, ok := rune(0), false
			if strings.HasPrefix(s.src[i:], `\u`) {
				low, ok = s.hex4(i + 2)
			}
			if pair := utf16.DecodeRune(r, low); ok && pair != utf8.RuneError {
				r = pair
				i += 6
			} else {
				r, whole = utf8.RuneError, false
			}
		}
		out = utf8.AppendRune(out, r)
	}
	s.fail("the string does not end")
	return "", false
}

func (s *scanner) hex4(at int) (r rune, ok bool) {
	if at+4 > len(s.src) {
		return 0, false
	}
	for _, c := range []byte(s.src[at : at+4]) {
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

// number takes a number as it is written; the next byte is its first.
func (s *scanner) number() string {
	start := s.at
	if s.src[s.at] == '-' {
		s.at++
	}
	switch {
	case s.at < len(s.src) && s.src[s.at] == '0':
		s.at++
	case s.digits() == 0:
		s.fail("expected a value")
		return ""
	}
	if s.at < len(s.src) && s.src[s.at] == '.' {
		s.at++
		if s.digits() == 0 {
			s.fail("expected a digit after the point")
			return ""
		}
	}
	if s.at < len(s.src) && s.src[s.at]|0x20 == 'e' {
		s.at++
		if s.at < len(s.src) && (s.src[s.at] == '+' || s.src[s.at] == '-') {
			s.at++
		}
		if s.digits() == 0 {
			s.fail("expected a digit in the exponent")
			return ""
		}
	}
	return s.src[start:s.at]
}

func (s *scanner) digits() (n int) {
	for ; s.at < len(s.src) && s.src[s.at] >= '0' && s.src[s.at] <= '9'; s.at++ {
		n++
	}
	return n
}

// word takes null, true or false.
func (s *scanner) word(w string) bool {
	if !strings.HasPrefix(s.src[s.at:], w) {
		s.fail("expected a value")
		return false
	}
	s.at += len(w)
	return true
}

// skip takes any value and forgets it.
func (s *scanner) skip(depth int) {
	switch c := s.peek(); c {
	case '{', '[':
		if depth >= maxNesting {
			s.fail("nested too deep")
			return
		}
		s.at++
		for first := true; s.more(c+2, &first); { // in ASCII the closing bracket comes two after the opening one
			if c == '{' {
				s.name()
			}
			s.skip(depth + 1)
		}
	case '"':
		s.string()
	case 'n':
		s.word("null")
	case 't':
		s.word("true")
	case 'f':
		s.word("false")
	case '-', '0', '1', '2', '3', '4', '5', '6', '7', '8', '9':
		s.number()
	default:
		s.fail("expected a value")
	}
}

// end checks that nothing follows.
func (s *scanner) end() {
	if s.peek(); s.at < len(s.src) {
		s.fail("something follows the end of the JSON document")
	}
}
