package schemas

import (
	"fmt"

	"github.com/hamba/avro/v2"
)

// writer is what is known of one schema that is not today's: how to bring what it wrote to today's schema.
type writer struct {
	record   record
	text     avro.Schema // as it was written
	resolved avro.Schema // reads the same bytes, gives today's fields
	api      avro.API    // of this schema alone, see newGeneric
}

// resolve prepares to read what this schema wrote. An error says why today's ugc cannot.
func resolve(text string) (*writer, error) {
	s, err := parse(text)
	if err != nil {
		return nil, fmt.Errorf("the schema itself cannot be read: %w", err)
	}
	named, ok := s.(avro.NamedSchema)
	if !ok {
		return nil, fmt.Errorf("it is no record but a %s", s.Type())
	}
	r, ok := recordNamed(named.FullName())
	if !ok {
		return nil, fmt.Errorf("no record of ours is named %s", named.FullName())
	}
	resolved, err := avro.NewSchemaCompatibility().Resolve(parsed()[r], s)
	if err != nil {
		return nil, fmt.Errorf("%s cannot be read as today's: %w", named.FullName(), err)
	}
	return &writer{record: r, text: s, resolved: resolved, api: newGeneric()}, nil
}

// newGeneric decodes and encodes by schema alone. The library remembers its decoders by a fingerprint in which a name stands for what it
// names, so that two versions of one record look alike to it: each needs a memory of its own. Values have been walked before they
// come here; the limits are a second fence.
func newGeneric() avro.API {
	return avro.Config{MaxByteSliceSize: maxValue, MaxSliceAllocSize: maxValue}.Freeze()
}

// generic is for today's schemas.
var generic = newGeneric()

// maxValue bounds one value: more than a broker takes in one record.
const maxValue = 64 << 20

// toToday rewrites a value of this schema as one of today's. The library that does it trusts lengths, so the value is walked first: what
// does not fit its schema exactly never reaches the library.
func (w *writer) toToday(body []byte) (out []byte, err error) {
	if len(body) > maxValue {
		return nil, fmt.Errorf("%d bytes are more than the %d of any record", len(body), maxValue)
	}
	c := cursor{b: body, of: len(body)}
	c.walk(w.text, 0)
	if err := c.end(); err != nil {
		return nil, err
	}
	defer func() {
		if p := recover(); p != nil { // the library's bug, not the sender's; but one record must not end the process
			err = fmt.Errorf("resolving to today's schema: %v", p)
		}
	}()
	var value any
	if err := w.api.Unmarshal(w.resolved, body, &value); err != nil {
		return nil, err
	}
	return generic.Marshal(parsed()[w.record], value)
}

// maxDepth bounds schemas that name themselves; ours nest six deep.
const maxDepth = 32

// walk passes one value of a schema without keeping anything. Time and stack are bounded by the bytes there are.
func (c *cursor) walk(s avro.Schema, depth int) {
	if depth++; depth > maxDepth {
		c.fail("nested deeper than %d", maxDepth)
	}
	if c.err != nil {
		return
	}
	switch s := s.(type) {
	case *avro.RefSchema:
		c.walk(s.Schema(), depth)
	case *avro.RecordSchema:
		for _, f := range s.Fields() {
			c.walk(f.Type(), depth)
		}
	case *avro.ArraySchema:
		for n := c.block(1); n > 0; n = c.block(1) {
			for range n {
				c.walk(s.Items(), depth)
			}
		}
	case *avro.MapSchema:
		for n := c.block(1); n > 0; n = c.block(1) {
			for range n {
				c.text()
				c.walk(s.Values(), depth)
			}
		}
	case *avro.UnionSchema:
		if branch := c.long(); branch >= 0 && branch < int64(len(s.Types())) {
			c.walk(s.Types()[branch], depth)
		} else {
			c.fail("no branch %d in a union of %d", branch, len(s.Types()))
		}
	case *avro.EnumSchema:
		if n := c.int(); n < 0 || int(n) >= len(s.Symbols()) {
			c.fail("no symbol %d in an enum of %d", n, len(s.Symbols()))
		}
	case *avro.FixedSchema:
		c.take(int64(s.Size()))
	case *avro.NullSchema:
	case *avro.PrimitiveSchema:
		c.walkPrimitive(s.Type())
	default:
		c.fail("no values of type %s are known", s.Type())
	}
}

func (c *cursor) walkPrimitive(t avro.Type) {
	switch t {
	case avro.Boolean:
		c.bool()
	case avro.Int:
		c.int()
	case avro.Long:
		c.long()
	case avro.Float:
		c.take(4)
	case avro.Double:
		c.take(8)
	case avro.String:
		c.text()
	case avro.Bytes:
		c.take(c.long())
	case avro.Null:
	default:
		c.fail("no values of type %s are known", t)
	}
}
