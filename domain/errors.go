package domain

import (
	"errors"
	"strings"
)

// Kind says what a caller can do about an error; transports map it to their own codes once, at the edge.
type Kind uint8

// The kinds.
const (
	Internal    Kind = iota // our fault; try again or tell us
	Invalid                 // the request itself is wrong; sending it again changes nothing
	NotFound                // there is no such thing
	Conflict                // it contradicts what is there
	Unavailable             // a part is away; try again later. Nothing was written
	Uncertain               // a part did not answer in time: it may or may not be written. Send it again with the same id
	TooLarge                // more than is taken at once; send less
)

// Error is an error with a kind and, for invalid input, with every bad field.
type Error struct {
	Kind    Kind
	Message string
	Fields  []FieldError
	Err     error // the cause, for logs
}

// FieldError is one fault of one field.
type FieldError struct {
	Pointer string // JSON pointer into the request, such as "/score"
	Code    string // stable, for programs: required, too_long, bad_characters, out_of_range, not_a_uuid, not_ordered, too_many, unknown
	Message string // for people: what is wrong and what would be right
}

// Error joins the message, the fields and the cause.
func (e *Error) Error() string {
	var b strings.Builder
	b.WriteString(e.Message)
	for i, f := range e.Fields {
		if i == 0 && e.Message != "" {
			b.WriteString(": ")
		} else if i > 0 {
			b.WriteString("; ")
		}
		b.WriteString(strings.TrimPrefix(f.Pointer, "/"))
		b.WriteString(" ")
		b.WriteString(f.Message)
	}
	if e.Err != nil {
		b.WriteString(": ")
		b.WriteString(e.Err.Error())
	}
	return b.String()
}

// Unwrap gives the cause.
func (e *Error) Unwrap() error { return e.Err }

// KindOf is the kind of the first *Error in the chain, Internal where there is none.
func KindOf(err error) Kind {
	var e *Error
	if errors.As(err, &e) {
		return e.Kind
	}
	return Internal
}

// Wrap gives an error a kind and says what was being done; the cause stays reachable by errors.Is and errors.As.
func Wrap(kind Kind, message string, err error) *Error {
	return &Error{Kind: kind, Message: message, Err: err}
}
