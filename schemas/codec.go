package schemas

import (
	"encoding/binary"
	"errors"
	"fmt"
	"unicode/utf8"

	"ugc/domain"
)

// Codec writes and reads every record of the house. It is safe for any number of goroutines, and needs no network but for
// the schema of a record that a version of ugc wrote which it has not met yet. Bytes that it returns are the caller's.
//
// Every error is a *domain.Error: Invalid for a record that no schema fits, and for bytes that no record can be;
// Unavailable where the registry had to be asked for the schema of a record and did not answer: the same bytes may decode later.
//
// A decode of a record with an id that the registry does not know yet waits for it, 10 s at most, before it is Invalid, ErrUnknownSchema; see writers.go for
// how often that may be. It holds up its caller alone.
type Codec struct {
	ids     [records]uint32
	own     map[uint32]record // ids of today's schemas
	writers *writers          // schemas of other versions
	missed  error             // why the registry was not asked at the start, see Degraded
}

// Offline is a codec that knows today's schemas under the ids 1, 2, 3 … in the order of All, and no other. It is for tests and
// for tools that never share a topic with a registry's ids.
func Offline() *Codec {
	var ids [records]uint32
	for i := range ids {
		ids[i] = uint32(i) + 1
	}
	return newCodec(ids, &writers{})
}

func newCodec(ids [records]uint32, w *writers) *Codec {
	c := &Codec{ids: ids, own: make(map[uint32]record, len(ids)), writers: w}
	for r, id := range ids {
		c.own[id] = record(r)
	}
	return c
}

// The Confluent wire format: a zero, the id of the schema in four bytes, the value.
const headerSize = 5

var (
	// ErrUnknownSchema is in the chain of errors about a record whose schema id the registry does not know, or which is none of ours.
	ErrUnknownSchema = errors.New("unknown schema")
	// ErrUndecodable is in the chain of all other errors about a record that cannot be read.
	ErrUndecodable = errors.New("undecodable")
)

func undecodable(what string, err error) error {
	return domain.Wrap(domain.Invalid, "decode "+what, fmt.Errorf("%w: %w", ErrUndecodable, err))
}

func unknownSchema(format string, args ...any) error {
	return domain.Wrap(domain.Invalid, "decode record", fmt.Errorf("%w: %s", ErrUnknownSchema, fmt.Sprintf(format, args...)))
}

func (c *Codec) appendHeader(b []byte, r record) []byte {
	return binary.BigEndian.AppendUint32(append(b, 0), c.ids[r])
}

// open finds out what a record is and gives a cursor on its value in today's schema.
func (c *Codec) open(b []byte, want Kind) (record, cursor, error) {
	id, err := schemaID(b)
	if err != nil {
		return 0, cursor{}, undecodable(want.String(), err)
	}
	r, today := c.own[id]
	body := b[headerSize:]
	if !today {
		w, err := c.writers.get(id)
		if err != nil {
			return 0, cursor{}, err
		}
		r = w.record
		if list[r].Kind == want {
			if body, err = w.toToday(body); err != nil {
				return 0, cursor{}, undecodable(list[r].Name, err)
			}
		}
	}
	if list[r].Kind != want {
		return 0, cursor{}, undecodable(want.String(), fmt.Errorf("this is a %s, which is a %s", list[r].Name, list[r].Kind))
	}
	return r, cursor{b: body, of: len(body)}, nil
}

func schemaID(b []byte) (uint32, error) {
	if len(b) < headerSize || b[0] != 0 {
		return 0, errors.New("it does not start with a zero and four bytes of schema id, so it is not of the Confluent wire format")
	}
	return binary.BigEndian.Uint32(b[1:]), nil
}

// EncodeCommand writes a command. Its origin is not written: where a command stands is known to whoever reads it.
func (c *Codec) EncodeCommand(cmd domain.Command) ([]byte, error) {
	return c.AppendCommand(make([]byte, 0, commandSize(cmd)), cmd)
}

// AppendCommand is EncodeCommand into dst, which it returns unchanged with an error.
func (c *Codec) AppendCommand(dst []byte, cmd domain.Command) ([]byte, error) {
	r, ok := recordOfCommand(cmd)
	if !ok {
		return dst, domain.Wrap(domain.Internal, "encode command", fmt.Errorf("no schema for %T", cmd))
	}
	if err := writable(cmd.Head()); err != nil {
		return dst, err
	}
	if p, ok := cmd.(*domain.RecordPlayback); ok && !knownType(p.Type) {
		return dst, unwritable("the report type is none that is known")
	}
	return appendCommand(c.appendHeader(dst, r), cmd), nil
}

// DecodeCommand reads a command. It does not validate it: what the edge has accepted stays accepted.
func (c *Codec) DecodeCommand(b []byte) (domain.Command, error) {
	r, cur, err := c.open(b, Command)
	if err != nil {
		return nil, err
	}
	cmd := cur.command(r)
	if err := cur.end(); err != nil {
		return nil, undecodable(list[r].Name, err)
	}
	return cmd, nil
}

// EncodeEvent writes an event with its origin.
func (c *Codec) EncodeEvent(e domain.Event) ([]byte, error) {
	return c.AppendEvent(make([]byte, 0, eventSize(e)), e)
}

// AppendEvent is EncodeEvent into dst, which it returns unchanged with an error.
func (c *Codec) AppendEvent(dst []byte, e domain.Event) ([]byte, error) {
	r, ok := recordOfEvent(e)
	if !ok {
		return dst, domain.Wrap(domain.Internal, "encode event", fmt.Errorf("no schema for %T", e))
	}
	if err := writable(e.Head()); err != nil {
		return dst, err
	}
	if p, ok := e.(*domain.PlaybackRecorded); ok && !knownType(p.Type) {
		return dst, unwritable("the report type is none that is known")
	}
	if v := e.Judged(); v < domain.Applied || v > domain.Stale {
		return dst, unwritable("the verdict is none that is known")
	}
	return appendEvent(c.appendHeader(dst, r), e), nil
}

// DecodeEvent reads an event with its origin.
func (c *Codec) DecodeEvent(b []byte) (domain.Event, error) {
	r, cur, err := c.open(b, Event)
	if err != nil {
		return nil, err
	}
	e := cur.event(r)
	if err := cur.end(); err != nil {
		return nil, undecodable(list[r].Name, err)
	}
	return e, nil
}

// EncodeDeadLetter writes a dead letter. It takes any bytes: text that is not UTF-8 is mended, so that setting a record aside never fails.
func (c *Codec) EncodeDeadLetter(d *DeadLetter) ([]byte, error) {
	return appendDeadLetter(c.appendHeader(make([]byte, 0, d.size()), deadLetter), d), nil
}

// DecodeDeadLetter reads a dead letter.
func (c *Codec) DecodeDeadLetter(b []byte) (*DeadLetter, error) {
	_, cur, err := c.open(b, DeadLetterValue)
	if err != nil {
		return nil, err
	}
	d := cur.deadLetter()
	if err := cur.end(); err != nil {
		return nil, undecodable(list[deadLetter].Name, err)
	}
	return d, nil
}

// What would be refused by every reader is refused here, before it is written. Commands that were validated always pass.
func writable(f *domain.Fact) error {
	if utf8.ValidString(f.User) && utf8.ValidString(f.Movie) && utf8.ValidString(f.Session) && utf8.ValidString(f.Device) {
		return nil
	}
	return unwritable("user, movie, session and device must be valid UTF-8")
}

func unwritable(why string) error {
	return domain.Wrap(domain.Invalid, "encode record", errors.New(why))
}

func knownType(t domain.ReportType) bool { return t >= domain.Play && t <= domain.End }

// Sizes that are seldom exceeded, so that encoding allocates once.

func factSize(f *domain.Fact) int {
	return headerSize + 64 + len(f.User) + len(f.Movie) + len(f.Session) + len(f.Device)
}

const intervalSize = 10

func commandSize(cmd domain.Command) int {
	n := 0
	switch c := cmd.(type) {
	case nil:
		return 0
	case *domain.RecordPlayback:
		n = 32 + intervalSize*len(c.Watched)
	}
	return n + factSize(cmd.Head())
}

func eventSize(e domain.Event) int {
	n := 192 // a change of opinions
	switch e := e.(type) {
	case nil:
		return 0
	case *domain.PlaybackRecorded:
		n = 128 + intervalSize*(len(e.Watched)+len(e.After.Watched))
	case domain.PlaybackEvent:
		n = 96 + intervalSize*len(e.Viewed().Watched)
	}
	return n + factSize(e.Head())
}
