package schemas

import (
	"strings"

	"ugc/domain"
)

// DeadLetter is a record that could not be processed, kept whole, so that it can be sent again as it was. NewDeadLetter makes it.
type DeadLetter struct {
	ID         domain.ID // named from origin and step, so that a record set aside twice is one dead letter
	Topic      string
	Partition  int32
	Offset     int64
	Timestamp  domain.Instant // the record's
	Key, Value []byte         // nil and empty are different things in Kafka, and stay so
	Headers    []Header
	Step       string // which part refused it: "streams/playback", "projections/ratings", …
	Reason     string // stable, for programs: one of Reasons
	Message    string // for people; it says as well what is cut
	At         domain.Instant

	recordKey []byte // where Key is cut
}

// Header is one header of a record; keys may repeat.
type Header struct {
	Key   string
	Value []byte
}

func appendDeadLetter(b []byte, d *DeadLetter) []byte {
	b = append(b, d.ID[:]...)
	b = appendText(b, mend(d.Topic))
	b = appendLong(b, d.Partition)
	b = appendLong(b, d.Offset)
	b = appendLong(b, d.Timestamp)
	b = appendNullable(b, d.Key)
	b = appendNullable(b, d.Value)
	b = appendArray(b, d.Headers, func(b []byte, h *Header) []byte {
		return appendNullable(appendText(b, mend(h.Key)), h.Value)
	})
	b = appendText(b, mend(d.Step))
	b = appendText(b, mend(d.Reason))
	b = appendText(b, mend(d.Message))
	return appendLong(b, d.At)
}

func (c *cursor) deadLetter() *DeadLetter {
	d := &DeadLetter{}
	d.ID = c.id()
	d.Topic = c.text()
	d.Partition = c.int()
	d.Offset = c.long()
	d.Timestamp = c.instant()
	d.Key = c.nullable()
	d.Value = c.nullable()
	d.Headers = readArray(c, 2, func(c *cursor) Header { return Header{Key: c.text(), Value: c.nullable()} })
	d.Step = c.text()
	d.Reason = c.text()
	d.Message = c.text()
	d.At = c.instant()
	return d
}

// mend makes text of any bytes; nothing changes where it is text already.
func mend(s string) string { return strings.ToValidUTF8(s, "\uFFFD") }

func (d *DeadLetter) size() int {
	n := headerSize + 96 + len(d.Topic) + len(d.Key) + len(d.Value) + len(d.Step) + len(d.Reason) + len(d.Message)
	for _, h := range d.Headers {
		n += len(h.Key) + len(h.Value) + 12
	}
	return n
}

func appendNullable(b, v []byte) []byte {
	b = appendPresent(b, v != nil)
	if v != nil {
		b = appendText(b, v)
	}
	return b
}

func (c *cursor) nullable() []byte {
	if c.present() {
		return c.bytes()
	}
	return nil
}
