package schemas

import (
	"encoding/binary"
	"fmt"
	"math"
	"slices"
	"unicode/utf8"

	"ugc/domain"
)

// Avro's binary encoding of the shapes that our schemas use. Writing appends to the caller's bytes; reading takes from a
// cursor that can never ask for more memory than the bytes it stands on justify.

func appendLong[T ~int32 | ~int64](b []byte, v T) []byte {
	n := int64(v)
	return binary.AppendUvarint(b, uint64(n)<<1^uint64(n>>63))
}

func appendBool(b []byte, v bool) []byte {
	if v {
		return append(b, 1)
	}
	return append(b, 0)
}

func appendDouble(b []byte, v float64) []byte {
	return binary.LittleEndian.AppendUint64(b, math.Float64bits(v))
}

func appendFloat(b []byte, v float32) []byte {
	return binary.LittleEndian.AppendUint32(b, math.Float32bits(v))
}

func appendText[T ~string | ~[]byte](b []byte, v T) []byte {
	return append(appendLong(b, int64(len(v))), v...)
}

// appendPresent writes the branch of ["null", T].
func appendPresent(b []byte, present bool) []byte {
	if present {
		return append(b, 2) // branch 1, zigzag
	}
	return append(b, 0)
}

// appendMoment writes ["null", timestamp-millis]; 0 says that nobody said when.
func appendMoment(b []byte, t domain.Instant) []byte {
	if t == 0 {
		return append(b, 0)
	}
	return appendLong(append(b, 2), t)
}

// appendArray writes all elements as one block.
func appendArray[T any](b []byte, items []T, item func([]byte, *T) []byte) []byte {
	if len(items) > 0 {
		b = appendLong(b, int64(len(items)))
		for i := range items {
			b = item(b, &items[i])
		}
	}
	return append(b, 0)
}

// cursor reads a value. After the first fault every read gives zero values, so that a record is read in one straight line and asked
// for its fault once.
type cursor struct {
	b   []byte // what is left
	of  int    // length at the start, to say where a fault is
	err error
}

func (c *cursor) fail(format string, args ...any) {
	if c.err == nil {
		c.err = fmt.Errorf("at byte %d: %s", c.of-len(c.b), fmt.Sprintf(format, args...))
		c.b = nil
	}
}

// also takes over the fault of a cursor on the same bytes.
func (c *cursor) also(err error) {
	if err != nil && c.err == nil {
		c.err, c.b = err, nil
	}
}

// end is the fault of the whole value; bytes left over are one.
func (c *cursor) end() error {
	if c.err == nil && len(c.b) > 0 {
		c.fail("%d bytes follow the value", len(c.b))
	}
	return c.err
}

func (c *cursor) long() int64 {
	if len(c.b) > 0 && c.b[0] < 0x80 { // most numbers are small
		v := uint64(c.b[0])
		c.b = c.b[1:]
		return int64(v>>1) ^ -int64(v&1)
	}
	v, n := binary.Uvarint(c.b)
	if n <= 0 {
		c.fail("not a number of at most 64 bits")
		return 0
	}
	c.b = c.b[n:]
	return int64(v>>1) ^ -int64(v&1)
}

func (c *cursor) int() int32 {
	v := c.long()
	if v != int64(int32(v)) {
		c.fail("%d does not fit 32 bits", v)
		return 0
	}
	return int32(v)
}

func (c *cursor) bool() bool {
	b := c.take(1)
	if b == nil {
		return false
	}
	if b[0] > 1 {
		c.fail("%d is not a boolean", b[0])
	}
	return b[0] == 1
}

func (c *cursor) double() float64 {
	if b := c.take(8); b != nil {
		return math.Float64frombits(binary.LittleEndian.Uint64(b))
	}
	return 0
}

func (c *cursor) float() float32 {
	if b := c.take(4); b != nil {
		return math.Float32frombits(binary.LittleEndian.Uint32(b))
	}
	return 0
}

// take gives the next n bytes of the input itself, nil after a fault.
func (c *cursor) take(n int64) []byte {
	if n < 0 || n > int64(len(c.b)) {
		c.fail("%d bytes are announced where %d are left", n, len(c.b))
		return nil
	}
	b := c.b[:n:n]
	c.b = c.b[n:]
	return b
}

func (c *cursor) text() string {
	b := c.take(c.long())
	if !utf8.Valid(b) {
		c.fail("text that is not UTF-8")
		return ""
	}
	return string(b)
}

// texts reads neighbouring texts into one piece of memory.
func (c *cursor) texts(into ...*string) {
	type span struct{ from, to int }
	var room [4]span
	spans, from := room[:0], c.b
	for range into {
		n := c.long()
		s := span{from: len(from) - len(c.b)}
		c.take(n)
		s.to = len(from) - len(c.b)
		spans = append(spans, s)
	}
	if c.err != nil {
		return
	}
	all := string(from[:len(from)-len(c.b)])
	for i, s := range spans {
		if *into[i] = all[s.from:s.to]; !utf8.ValidString(*into[i]) {
			c.fail("text that is not UTF-8")
			return
		}
	}
}

// bytes is a copy, never nil unless there is a fault.
func (c *cursor) bytes() []byte {
	if b := c.take(c.long()); b != nil {
		return append(make([]byte, 0, len(b)), b...)
	}
	return nil
}

func (c *cursor) id() (id domain.ID) {
	copy(id[:], c.take(int64(len(id))))
	return id
}

// branch reads which of n branches of a union follows.
func (c *cursor) branch(n int) int {
	branch := c.long()
	if branch < 0 || branch >= int64(n) {
		c.fail("no branch %d in a union of %d", branch, n)
		return 0
	}
	return int(branch)
}

// present reads the branch of ["null", T].
func (c *cursor) present() bool { return c.branch(2) == 1 }

func (c *cursor) instant() domain.Instant { return domain.Instant(c.long()) }
func (c *cursor) millis() domain.Millis   { return domain.Millis(c.long()) }

func (c *cursor) moment() domain.Instant {
	if c.present() {
		return c.instant()
	}
	return 0
}

// block reads the header of the next block of an array: how many elements follow, 0 at the end and after a fault. least is the
// length of the shortest element; a count that the bytes left cannot hold is refused before memory is asked for.
func (c *cursor) block(least int) int {
	n := c.long()
	if n < 0 {
		n = -n // stays negative for the least number of all
		if size := c.long(); size < 0 || size > int64(len(c.b)) {
			c.fail("a block of %d bytes is announced where %d are left", size, len(c.b))
		}
	}
	if n < 0 || n > int64(len(c.b)/least) {
		c.fail("%d elements are announced where %d bytes are left", n, len(c.b))
	}
	if c.err != nil {
		return 0
	}
	return int(n)
}

// readArray reads all blocks of an array; an empty one is nil.
func readArray[T any](c *cursor, least int, item func(*cursor) T) (out []T) {
	for n := c.block(least); n > 0; n = c.block(least) {
		out = slices.Grow(out, n)
		for range n {
			out = append(out, item(c))
		}
		if c.err != nil {
			return nil
		}
	}
	return out
}
