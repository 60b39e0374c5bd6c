package schemas

import (
	"fmt"
	"math"

	"github.com/hamba/avro/v2"
)

// walk passes one value of a schema without keeping anything. Time and stack are bounded by the bytes there are and by least.
func (c *cursor) walk(s avro.Schema) {
	if c.err != nil {
		return
	}
	switch s := deref(s).(type) {
	case *avro.RecordSchema:
		for _, f := range s.Fields() {
			c.walk(f.Type())
		}
	case *avro.ArraySchema:
		for n := c.block(1); n > 0; n = c.block(1) {
			for range n {
				c.walk(s.Items())
			}
		}
	case *avro.MapSchema:
		for n := c.block(1); n > 0; n = c.block(1) {
			for range n {
				c.text()
				c.walk(s.Values())
			}
		}
	case *avro.UnionSchema:
		if branch := c.branch(len(s.Types())); c.err == nil {
			c.walk(s.Types()[branch])
		}
	case *avro.EnumSchema:
		if n := c.int(); n < 0 || int(n) >= len(s.Symbols()) {
			c.fail("no symbol %d in an enum of %d", n, len(s.Symbols()))
		}
	case *avro.FixedSchema:
		c.take(int64(s.Size()))
	default:
		c.walkPrimitive(s.Type())
	}
}

func (c *cursor) walkPrimitive(t avro.Type) {
	switch t {
	case avro.Null:
	case avro.Boolean:
		c.bool()
	case avro.Int:
		c.int()
	case avro.Long:
		c.long()
	case avro.Float:
		c.float()
	case avro.Double:
		c.double()
	case avro.String:
		c.text()
	case avro.Bytes:
		c.take(c.long())
	default:
		c.fail("no values of type %s are known", t)
	}
}

// least is the length of the shortest value of a schema. It refuses what a short record could make large work of: schemas that name
// themselves, and arrays of things that take no bytes.
func least(s avro.Schema, depth int) (n int, err error) {
	if depth > maxDepth {
		return 0, fmt.Errorf("the schema names itself, or nests deeper than %d", maxDepth)
	}
	each := func(s avro.Schema) int {
		m, e := least(s, depth+1)
		if e != nil {
			err = e
		}
		return m
	}
	switch s := deref(s).(type) {
	case *avro.RecordSchema:
		for _, f := range s.Fields() {
			n = min(n+each(f.Type()), math.MaxInt32)
		}
		return n, err
	case *avro.ArraySchema:
		if each(s.Items()) == 0 && err == nil {
			err = fmt.Errorf("arrays of %s, which take no bytes, are not read", s.Items().Type())
		}
	case *avro.MapSchema:
		each(s.Values())
	case *avro.UnionSchema:
		for _, branch := range s.Types() {
			each(branch)
		}
	case *avro.FixedSchema:
		return s.Size(), nil
	default:
		switch s.Type() {
		case avro.Null:
			return 0, nil
		case avro.Float:
			return 4, nil
		case avro.Double:
			return 8, nil
		}
	}
	return 1, err
}
