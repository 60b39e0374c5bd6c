package domain

import (
	"fmt"
	"math"
	"unicode"
	"unicode/utf8"
)

// Limits of what is accepted. They bound states and records; they are published in the API's description.
const (
	MaxKeyPart = 128             // characters of a user or movie id
	MaxLabel   = 128             // characters of a session or device id
	MaxRanges  = 256             // watched ranges in one report
	MaxScore   = 10              // a rating is 0 to MaxScore
	MaxRate    = 16.0            // playback speed
	MaxInstant = 253402300799999 // 9999-12-31T23:59:59.999Z
	// LastInstant is the last moment that a client may state, 2261-12-31T23:59:59.999Z: every store keeps it as it is.
	// Clients of ClickHouse count nanoseconds in 64 bits, which end in 2262. Records that were accepted before this
	// bound stay valid up to MaxInstant.
	LastInstant = 9214646399999
	MaxPosition = math.MaxInt64 // milliseconds; nothing that fits is refused, because movies_ugc took it
)

// checks collects the faults of one command.
type checks []FieldError

func (c *checks) add(pointer, code, format string, args ...any) {
	*c = append(*c, FieldError{Pointer: pointer, Code: code, Message: fmt.Sprintf(format, args...)})
}

func (c checks) err(what string) error {
	if len(c) == 0 {
		return nil
	}
	return &Error{Kind: Invalid, Message: what, Fields: c}
}

// ValidateKeyPart says what is wrong with a user or movie id, "" when nothing is: 1 to 128 characters of valid UTF-8, no control
// characters, no '/', which separates them in record keys.
func ValidateKeyPart(s string) (code, message string) {
	if s == "" {
		return "required", "must not be empty"
	}
	return validateText(s, MaxKeyPart, true)
}

func validateText(s string, limit int, noSlash bool) (code, message string) {
	if !utf8.ValidString(s) {
		return "bad_characters", "must be valid UTF-8"
	}
	if n := utf8.RuneCountInString(s); n > limit {
		return "too_long", fmt.Sprintf("has %d characters, at most %d are taken", n, limit)
	}
	for _, r := range s {
		if unicode.IsControl(r) {
			return "bad_characters", fmt.Sprintf("must not hold the control character %U", r)
		}
		if noSlash && r == '/' {
			return "bad_characters", "must not hold '/'"
		}
	}
	return "", ""
}

func (c *checks) text(pointer, s string, limit int, noSlash, required bool) {
	if s == "" {
		if required {
			c.add(pointer, "required", "must not be empty")
		}
		return
	}
	if code, msg := validateText(s, limit, noSlash); code != "" {
		c.add(pointer, code, "%s", msg)
	}
}

func (c *checks) instant(pointer string, t Instant) {
	if t < 0 || t > MaxInstant {
		c.add(pointer, "out_of_range", "must lie between 1970 and 9999")
	}
}

func (c *checks) notNegative(pointer string, n int64) {
	if n < 0 {
		c.add(pointer, "out_of_range", "must not be negative")
	}
}

func (c *checks) fact(f *Fact) {
	if f.ID.IsZero() {
		c.add("/event_id", "required", "must be a UUID")
	}
	c.text("/user_id", f.User, MaxKeyPart, true, true)
	c.text("/movie_id", f.Movie, MaxKeyPart, true, true)
	c.text("/session_id", f.Session, MaxLabel, false, false)
	c.text("/device_id", f.Device, MaxLabel, false, false)
	c.notNegative("/sequence", f.Sequence)
	if f.Sequence > 0 && f.Session == "" {
		c.add("/session_id", "required", "must be given with a sequence: a sequence counts the reports of one session")
	}
	c.instant("/occurred_at", f.OccurredAt)
	c.instant("/sent_at", f.SentAt)
	if f.ReceivedAt <= 0 || f.ReceivedAt > MaxInstant {
		c.add("/received_at", "out_of_range", "must be stamped by the edge")
	}
}
