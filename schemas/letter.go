package schemas

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"

	"ugc/domain"
	"ugc/schemas/topics"
)

// The reasons why records are set aside. They are stored and selected by: never rename one.
const (
	ReasonUndecodable   = "undecodable"    // the bytes make no sense
	ReasonUnknownSchema = "unknown_schema" // they name a schema that is none of ours
	ReasonNotApplicable = "not_applicable" // they make sense, but not here
	ReasonBehind        = "behind"         // an earlier record of the key waits there
	// ReasonDisplaced is of a command that stands where another one was decided, in a log that had lost its end. It is
	// appended again, so nothing is lost with it.
	ReasonDisplaced = "displaced"
)

// Reasons lists them.
func Reasons() []string {
	return []string{ReasonUndecodable, ReasonUnknownSchema, ReasonNotApplicable, ReasonBehind, ReasonDisplaced}
}

// ReasonOf is why bytes that a codec refused with err are set aside; "" where the same bytes may make sense later.
func ReasonOf(err error) string {
	switch {
	case errors.Is(err, ErrUnknownSchema):
		return ReasonUnknownSchema
	case err != nil && domain.KindOf(err) == domain.Invalid:
		return ReasonUndecodable
	}
	return ""
}

// MaxLetterBytes bounds a dead letter's record, with its key, its headers and what Kafka adds. It is below the limit of our topics, and below the
// 1,000,012 bytes that a client without settings sends.
const MaxLetterBytes = topics.MaxMessageBytes - 64<<10

// The bounds of a letter's parts; the value has the rest, 800 KiB at least. A key of ours is never cut.
const (
	maxLetterKey         = 16 << 10
	maxLetterRecordKey   = 2 << 10
	maxLetterHeaders     = 100
	maxLetterHeaderBytes = 64 << 10
	maxLetterMessage     = 4 << 10
	maxLetterName        = 256     // of topic, step and reason each
	letterNotes          = 1 << 10 // what is cut, in words
	letterEnvelope       = 512     // the record's own headers and what Kafka adds
	longestKey           = 2*utf8.UTFMax*domain.MaxKeyPart + 1
)

const _ = uint(maxLetterRecordKey - longestKey)

// letterSpace names dead letters by what they are about, so that one that is written again after a crash has the same id.
var letterSpace = domain.NamedID(domain.ID{}, "ugc/dead-letters")

// NewDeadLetter makes the letter of a record that is given whole, so that it fits into a record whatever anyone wrote: what is too long is cut, and the
// message says so; it stands whole at the origin. number is the record's in its partition for ever: its version, or its offset where that never begins again.
func NewDeadLetter(whole DeadLetter, number int64) *DeadLetter {
	d := whole
	d.Topic, d.Step, d.Reason = boundedText(d.Topic, maxLetterName), boundedText(d.Step, maxLetterName), boundedText(d.Reason, maxLetterName)
	d.ID = domain.NamedID(letterSpace, fmt.Sprintf("%s/%s/%d/%d", d.Step, d.Topic, d.Partition, number))
	var notes []string
	note := func(format string, args ...any) { notes = append(notes, fmt.Sprintf(format, args...)) }

	d.Message = boundedText(whole.Message, maxLetterMessage)
	if len(whole.Message) > maxLetterMessage {
		note("this message to %d of %d bytes", len(d.Message), len(whole.Message))
	}
	if n := len(whole.Key); n > maxLetterKey {
		d.Key = whole.Key[:maxLetterKey]
		note("the key to %d of %d bytes", len(d.Key), n)
	}
	if n := len(whole.Key); n > maxLetterRecordKey {
		d.recordKey = shortKey(whole.Key)
	}
	var left int
	if d.Headers, left = boundedHeaders(whole.Headers); len(d.Headers) < len(whole.Headers) {
		note("the headers to %d of %d, without %d bytes", len(d.Headers), len(whole.Headers), left)
	}
	d.Value = nil
	room := MaxLetterBytes - letterEnvelope - letterNotes - len(d.RecordKey()) - d.size()
	if d.Value = whole.Value; len(d.Value) > room {
		d.Value = d.Value[:room]
		note("the value to %d of %d bytes", room, len(whole.Value))
	}
	if len(notes) > 0 {
		d.Message += " (cut: " + strings.Join(notes, ", ") + "; the record stands whole at its origin)"
	}
	return &d
}

// RecordKey is the key of the letter's own record: that of the record it is about, or a short form of one that no key of ours is as long as.
func (d *DeadLetter) RecordKey() []byte {
	if d.recordKey != nil {
		return d.recordKey
	}
	return d.Key
}

// shortKey is the same for the same key, and never a key of ours: it has no user, and too many parts for a movie.
func shortKey(key []byte) []byte {
	sum := sha256.Sum256(key)
	return []byte("/sha256/" + hex.EncodeToString(sum[:]))
}

// boundedText is text of at most n bytes.
func boundedText(s string, n int) string { return cut(mend(cut(s, n)), n) }

// boundedHeaders keeps what fits, in order, and says how many bytes do not.
func boundedHeaders(all []Header) (kept []Header, left int) {
	size := 0
	for _, h := range all {
		n := len(h.Key) + len(h.Value)
		if n <= maxLetterHeaderBytes {
			h.Key = mend(h.Key)
			n = len(h.Key) + len(h.Value)
		}
		if len(kept) == maxLetterHeaders || size+n > maxLetterHeaderBytes {
			left += n
			continue
		}
		size += n
		kept = append(kept, h)
	}
	return kept, left
}
