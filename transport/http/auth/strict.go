package auth

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// members are those of a JSON object, by their exact names. encoding/json matches names without case, lets the last of equal names win
// and replaces what is no Unicode by U+FFFD; each of these lets two different texts mean the same, so none may be left to it.
type members map[string]json.RawMessage

// object reads a JSON object whose names are unique at every depth (RFC 7515 and 7519, section 4; RFC 7517, section 4) and whose text is
// Unicode (RFC 8259, section 8).
func object(text []byte) (members, error) {
	m, err := outer(text)
	if err != nil {
		return nil, err
	}
	for _, value := range m {
		if err := unique(value); err != nil {
			return nil, err
		}
	}
	return m, nil
}

// outer is object without a look at what lies below the first level.
func outer(text []byte) (members, error) {
	if !utf8.Valid(text) {
		return nil, errors.New("it is not UTF-8")
	}
	if loneSurrogate(text) {
		return nil, errors.New("it holds half of a surrogate pair")
	}
	d := json.NewDecoder(bytes.NewReader(text))
	if open, err := d.Token(); err != nil || open != json.Delim('{') {
		return nil, errors.New("it is no JSON object")
	}
	out := members{}
	for d.More() {
		token, err := d.Token()
		name, ok := token.(string)
		if err != nil || !ok {
			return nil, errors.New("it is no JSON object")
		}
		if _, twice := out[name]; twice {
			return nil, fmt.Errorf("it has %.32q twice", name)
		}
		var value json.RawMessage
		if err := d.Decode(&value); err != nil {
			return nil, errors.New("it is no JSON object")
		}
		out[name] = value
	}
	if _, err := d.Token(); err != nil || d.More() || len(bytes.TrimSpace(text[d.InputOffset():])) > 0 {
		return nil, errors.New("it is no JSON object")
	}
	return out, nil
}

// unique looks for equal names below the first level. The value is JSON already.
func unique(value json.RawMessage) error {
	if !bytes.ContainsRune(value, '{') {
		return nil
	}
	var inner []json.RawMessage
	switch value[0] {
	case '{':
		_, err := object(value)
		return err
	case '[':
		if err := json.Unmarshal(value, &inner); err != nil {
			return err
		}
	}
	for _, v := range inner {
		if err := unique(bytes.TrimSpace(v)); err != nil {
			return err
		}
	}
	return nil
}

// loneSurrogate looks for \uD800 to \uDFFF that make no pair; encoding/json would take U+FFFD for each.
func loneSurrogate(text []byte) bool {
	for i := 0; i+1 < len(text); i++ {
		if text[i] != '\\' {
			continue
		}
		i++
		if text[i] != 'u' {
			continue
		}
		r, ok := escape(text, i-1)
		if !ok || !utf16.IsSurrogate(r) {
			continue
		}
		low, ok := escape(text, i+5)
		if !ok || utf16.DecodeRune(r, low) == utf8.RuneError {
			return true
		}
		i += 10
	}
	return false
}

// escape is the character of the \uXXXX at a place.
func escape(text []byte, at int) (r rune, ok bool) {
	if at+6 > len(text) || text[at] != '\\' || text[at+1] != 'u' {
		return 0, false
	}
	for _, c := range text[at+2 : at+6] {
		digit := strings.IndexByte("0123456789abcdef", c|0x20)
		if digit < 0 || c < '0' {
			return 0, false
		}
		r = r<<4 | rune(digit)
	}
	return r, true
}

// text is a member that must be a string; "" where it is not there.
func (m members) text(name string) (s string, err error) {
	raw, there := m[name]
	if !there {
		return "", nil
	}
	if raw[0] != '"' || json.Unmarshal(raw, &s) != nil {
		return "", fmt.Errorf("%s must be a string", name)
	}
	return s, nil
}

// texts is a member that must be a string or an array of strings.
func (m members) texts(name string) (all []string, err error) {
	raw, there := m[name]
	if !there {
		return nil, nil
	}
	if raw[0] == '"' {
		one, err := m.text(name)
		return []string{one}, err
	}
	var each []*string // null is no string
	if raw[0] != '[' || json.Unmarshal(raw, &each) != nil {
		return nil, fmt.Errorf("%s must be a string or an array of strings", name)
	}
	for _, s := range each {
		if s == nil {
			return nil, fmt.Errorf("%s must hold strings alone", name)
		}
		all = append(all, *s)
	}
	return all, nil
}

// maxDate is the end of the year 9999.
const maxDate = 253402300799

// date is a member that must be a NumericDate (RFC 7519, section 2): seconds, which may have a fraction.
func (m members) date(name string) (seconds float64, there bool, err error) {
	raw, there := m[name]
	if !there {
		return 0, false, nil
	}
	if err := json.Unmarshal(raw, &seconds); err != nil || raw[0] == 'n' || seconds < 0 || seconds > maxDate {
		return 0, true, fmt.Errorf("%s must be a number of seconds since 1970", name)
	}
	return seconds, true, nil
}
