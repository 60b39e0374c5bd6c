package domain

import (
	"crypto/sha1" // version 5 UUIDs are defined with SHA-1 (RFC 9562, 5.5)
	"encoding/hex"
	"fmt"
)

// ID names one report of a client, or one command of ours: a UUID. The zero ID names nothing.
type ID [16]byte

// ParseID reads the usual form with four hyphens, in upper or lower case.
func ParseID(s string) (ID, error) {
	var id ID
	if len(s) != 36 || s[8] != '-' || s[13] != '-' || s[18] != '-' || s[23] != '-' {
		return ID{}, fmt.Errorf("%q is not a UUID such as 0198c0de-0000-7000-8000-000000000001", clip(s))
	}
	src := []byte(s[:8] + s[9:13] + s[14:18] + s[19:23] + s[24:])
	if _, err := hex.Decode(id[:], src); err != nil {
		return ID{}, fmt.Errorf("%q is not a UUID: %w", clip(s), err)
	}
	return id, nil
}

// NamedID derives an id from a name (UUID version 5): the same space and name always give the same id, so that what is
// imported or forwarded twice is recognised as the same fact.
func NamedID(space ID, name string) ID {
	h := sha1.New()
	h.Write(space[:])
	h.Write([]byte(name))
	var id ID
	copy(id[:], h.Sum(nil))
	id[6] = id[6]&0x0f | 0x50
	id[8] = id[8]&0x3f | 0x80
	return id
}

// String is the usual form in lower case.
func (id ID) String() string {
	var b [36]byte
	hex.Encode(b[:8], id[:4])
	hex.Encode(b[9:13], id[4:6])
	hex.Encode(b[14:18], id[6:8])
	hex.Encode(b[19:23], id[8:10])
	hex.Encode(b[24:], id[10:])
	b[8], b[13], b[18], b[23] = '-', '-', '-', '-'
	return string(b[:])
}

// IsZero says that there is no id.
func (id ID) IsZero() bool { return id == ID{} }

// clip keeps rubbish of any length out of error messages.
func clip(s string) string {
	if len(s) > 64 {
		return s[:64] + "…"
	}
	return s
}
