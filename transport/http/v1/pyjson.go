package v1

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

// movies_ugc reads bodies with CPython's json module, and its clients see that module's errors: message, position in characters, line, column.
// So this reader follows CPython's scanner (3.11) where the two differ from encoding/json: NaN and Infinity are numbers, the last of
// repeated fields counts, errors say where and why in CPython's words.

type kind uint8

const (
	null kind = iota
	boolean
	integer
	float
	text
	list
	dict
)

// value is a JSON value as Python has it.
type value struct {
	kind   kind
	text   string  // text: the text itself, numbers: as written, booleans: True or False
	items  []value // of a list
	fields []field // of a dict, in order, repeated ones too
}

type field struct {
	name  string
	value value
}

func (v *value) get(name string) (value, bool) {
	for i := len(v.fields) - 1; i >= 0; i-- {
		if v.fields[i].name == name {
			return v.fields[i].value, true
		}
	}
	return value{}, false
}

// syntaxError is CPython's JSONDecodeError.
type syntaxError struct {
	msg          string
	pos          int // in characters
	line, column int // counted from 1
	doc          string
}

func (e *syntaxError) Error() string {
	return fmt.Sprintf("%s: line %d column %d (char %d)", e.msg, e.line, e.column, e.pos)
}

// errUnreadable is what CPython fails at in another way than with a JSONDecodeError.
type errUnreadable string

func (e errUnreadable) Error() string { return string(e) }

const (
	maxDepth  = 900  // CPython stops at about as many levels
	maxDigits = 4300 // of one whole number; CPython's limit
	keepDepth = 3    // deeper levels are checked but not kept: no field of the API looks there
)

type scanner struct {
	doc string
	at  int // in bytes
}

// parse reads one JSON document. The value may share memory with doc.
func parse(doc string) (value, error) {
	if !utf8.ValidString(doc) {
		return value{}, errUnreadable("not UTF-8")
	}
	s := &scanner{doc: strings.TrimPrefix(doc, "\ufeff")}
	s.space()
	v, err := s.value(1)
	if err != nil {
		return value{}, err
	}
	if s.space(); s.at != len(s.doc) {
		return value{}, s.fail("Extra data", s.at)
	}
	return v, nil
}

func (s *scanner) fail(msg string, at int) error {
	before := s.doc[:at]
	pos := utf8.RuneCountInString(before)
	column := pos + 1
	if nl := strings.LastIndexByte(before, '\n'); nl >= 0 {
		column = pos - utf8.RuneCountInString(before[:nl])
	}
	return &syntaxError{msg: msg, pos: pos, line: strings.Count(before, "\n") + 1, column: column, doc: s.doc}
}

func (s *scanner) space() {
	for s.at < len(s.doc) && strings.IndexByte(" \t\n\r", s.doc[s.at]) >= 0 {
		s.at++
	}
}

func (s *scanner) peek() byte {
	if s.at < len(s.doc) {
		return s.doc[s.at]
	}
	return 0
}

var literals = []struct {
	word  string
	value value
}{
	{"null", value{}},
	{"true", value{kind: boolean, text: "True"}},
	{"false", value{kind: boolean, text: "False"}},
	{"NaN", value{kind: float, text: "nan"}},
	{"Infinity", value{kind: float, text: "inf"}},
	{"-Infinity", value{kind: float, text: "-inf"}},
}

func (s *scanner) value(depth int) (value, error) {
	if depth > maxDepth {
		return value{}, errUnreadable("nested too deep")
	}
	switch c := s.peek(); c {
	case '"':
		t, err := s.string()
		return value{kind: text, text: t}, err
	case '{':
		return s.dict(depth)
	case '[':
		return s.list(depth)
	default:
		for _, l := range literals {
			if c == l.word[0] && strings.HasPrefix(s.doc[s.at:], l.word) {
				s.at += len(l.word)
				return l.value, nil
			}
		}
	}
	return s.number()
}

func (s *scanner) dict(depth int) (value, error) {
	v := value{kind: dict}
	s.at++
	if s.space(); s.peek() == '}' {
		s.at++
		return v, nil
	}
	for {
		if s.peek() != '"' {
			return v, s.fail("Expecting property name enclosed in double quotes", s.at)
		}
		name, err := s.string()
		if err != nil {
			return v, err
		}
		if s.space(); s.peek() != ':' {
			return v, s.fail("Expecting ':' delimiter", s.at)
		}
		s.at++
		s.space()
		item, err := s.value(depth + 1)
		if err != nil {
			return v, err
		}
		if depth <= keepDepth {
			v.fields = append(v.fields, field{name, item})
		}
		if done, err := s.next('}'); done || err != nil {
			return v, err
		}
	}
}

func (s *scanner) list(depth int) (value, error) {
	v := value{kind: list}
	s.at++
	if s.space(); s.peek() == ']' {
		s.at++
		return v, nil
	}
	for {
		item, err := s.value(depth + 1)
		if err != nil {
			return v, err
		}
		if depth <= keepDepth {
			v.items = append(v.items, item)
		}
		if done, err := s.next(']'); done || err != nil {
			return v, err
		}
	}
}

// next goes behind the comma to the next item, or behind the closing bracket.
func (s *scanner) next(closing byte) (done bool, err error) {
	s.space()
	switch c := s.peek(); {
	case c == closing:
		s.at++
		return true, nil
	case c != ',':
		return false, s.fail("Expecting ',' delimiter", s.at)
	}
	s.at++
	s.space()
	return false, nil
}

func (s *scanner) digits() (n int) {
	for ; s.at < len(s.doc) && s.doc[s.at] >= '0' && s.doc[s.at] <= '9'; s.at++ {
		n++
	}
	return n
}

func (s *scanner) number() (value, error) {
	start := s.at
	if s.peek() == '-' {
		s.at++
	}
	whole := 1
	switch c := s.peek(); {
	case c == '0':
		s.at++
	case c >= '1' && c <= '9':
		whole = s.digits()
	default:
		s.at = start
		return value{}, s.fail("Expecting value", start)
	}
	k := integer
	if mark := s.at; s.peek() == '.' {
		if s.at++; s.digits() > 0 {
			k = float
		} else {
			s.at = mark
		}
	}
	if mark := s.at; s.peek() == 'e' || s.peek() == 'E' {
		if s.at++; s.peek() == '+' || s.peek() == '-' {
			s.at++
		}
		if s.digits() > 0 {
			k = float
		} else {
			s.at = mark
		}
	}
	if k == integer && whole > maxDigits {
		return value{}, errUnreadable("a number has too many digits")
	}
	return value{kind: k, text: s.doc[start:s.at]}, nil
}
