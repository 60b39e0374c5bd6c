package schemas

import (
	"fmt"
	"slices"

	"github.com/hamba/avro/v2"
)

// writer is what is known of one schema that is not today's: how to bring what it wrote to today's schema.
type writer struct {
	record record
	today  step
}

// step reads one value as it was written and appends it as today's schema wants it. Bytes go straight to bytes: the Avro library can do this
// too, by way of maps, but trusts every length that it reads, confuses versions of one name, and takes twenty times as long.
type step func(dst []byte, c *cursor) []byte

// maxValue bounds one value: more than a broker takes in one record.
const maxValue = 64 << 20

// maxDepth bounds how deep schemas nest; ours do six deep. One that names itself is not read.
const maxDepth = 32

// resolve prepares to read what this schema wrote. An error says why today's ugc cannot.
func resolve(text string) (*writer, error) {
	s, err := parse(text)
	if err != nil {
		return nil, fmt.Errorf("the schema itself cannot be read: %w", err)
	}
	named, ok := s.(*avro.RecordSchema)
	if !ok {
		return nil, fmt.Errorf("it is no record but a %s", s.Type())
	}
	r, ok := recordNamed(named.FullName())
	if !ok {
		return nil, fmt.Errorf("no record of ours is named %s", named.FullName())
	}
	if at := differs(parsed()[r], s, "", 0); at != "" {
		return nil, fmt.Errorf("%s cannot be read as today's: %s", named.FullName(), at)
	}
	if _, err := least(s, 0); err != nil {
		return nil, err
	}
	today, err := plan(parsed()[r], s)
	if err != nil {
		return nil, fmt.Errorf("%s cannot be read as today's: %w", named.FullName(), err)
	}
	return &writer{record: r, today: today}, nil
}

// toToday rewrites a value of this schema as one of today's.
func (w *writer) toToday(body []byte) ([]byte, error) {
	if len(body) > maxValue {
		return nil, fmt.Errorf("%d bytes are more than the %d of any record", len(body), maxValue)
	}
	c := cursor{b: body, of: len(body)}
	out := w.today(make([]byte, 0, len(body)+64), &c)
	return out, c.end()
}

// plan makes the step from writer to reader by Avro's rules of schema resolution. The two are known to be compatible.
func plan(reader, writer avro.Schema) (step, error) {
	reader, writer = deref(reader), deref(writer)
	if w, ok := writer.(*avro.UnionSchema); ok {
		return planUnion(reader, w)
	}
	if r, ok := reader.(*avro.UnionSchema); ok {
		branch, err := branchFor(r, writer)
		if err != nil {
			return nil, err
		}
		value, err := plan(r.Types()[branch], writer)
		return func(dst []byte, c *cursor) []byte { return value(appendLong(dst, int64(branch)), c) }, err
	}
	if reader.Type() != writer.Type() {
		return planPromotion(reader.Type(), writer.Type())
	}
	switch w := writer.(type) {
	case *avro.RecordSchema:
		return planRecord(reader.(*avro.RecordSchema), w)
	case *avro.ArraySchema:
		item, err := plan(reader.(*avro.ArraySchema).Items(), w.Items())
		return blocks(item), err
	case *avro.MapSchema:
		value, err := plan(reader.(*avro.MapSchema).Values(), w.Values())
		return blocks(func(dst []byte, c *cursor) []byte { return value(appendText(dst, c.text()), c) }), err
	case *avro.EnumSchema:
		return planEnum(reader.(*avro.EnumSchema), w), nil
	}
	return verbatim(writer), nil
}

// verbatim copies a value that looks the same in both schemas.
func verbatim(s avro.Schema) step {
	return func(dst []byte, c *cursor) []byte {
		from := c.b
		c.walk(s)
		return append(dst, from[:len(from)-len(c.b)]...)
	}
}

func planPromotion(reader, writer avro.Type) (step, error) {
	number := map[avro.Type]func(*cursor) float64{
		avro.Int:   func(c *cursor) float64 { return float64(c.int()) },
		avro.Long:  func(c *cursor) float64 { return float64(c.long()) },
		avro.Float: func(c *cursor) float64 { return float64(c.float()) },
	}[writer]
	switch {
	case writer == avro.Int && reader == avro.Long:
		return func(dst []byte, c *cursor) []byte { return appendLong(dst, c.int()) }, nil
	case writer == avro.String && reader == avro.Bytes, writer == avro.Bytes && reader == avro.String:
		return func(dst []byte, c *cursor) []byte { return appendText(dst, c.take(c.long())) }, nil
	case number != nil && reader == avro.Double:
		return func(dst []byte, c *cursor) []byte { return appendDouble(dst, number(c)) }, nil
	case number != nil && reader == avro.Float:
		return func(dst []byte, c *cursor) []byte { return appendFloat(dst, float32(number(c))) }, nil
	}
	return nil, fmt.Errorf("a %s cannot become a %s", writer, reader)
}

func planUnion(reader avro.Schema, w *avro.UnionSchema) (step, error) {
	branches := make([]step, len(w.Types()))
	for i, s := range w.Types() {
		var err error
		if branches[i], err = plan(reader, s); err != nil {
			return nil, err
		}
	}
	return func(dst []byte, c *cursor) []byte {
		if i := c.branch(len(branches)); c.err == nil {
			return branches[i](dst, c)
		}
		return dst
	}, nil
}

// branchFor is the branch of the reader's union that takes what the writer wrote: the one of its own type, else the first it can become.
func branchFor(r *avro.UnionSchema, writer avro.Schema) (int, error) {
	fits := func(s avro.Schema) bool { return differs(s, writer, "", 0) == "" }
	i := slices.IndexFunc(r.Types(), func(s avro.Schema) bool { return deref(s).Type() == writer.Type() && fits(s) })
	if i < 0 {
		i = slices.IndexFunc(r.Types(), fits)
	}
	if i < 0 {
		return 0, fmt.Errorf("no branch of %s takes a %s", r, writer.Type())
	}
	return i, nil
}

func planEnum(r, w *avro.EnumSchema) step {
	to := make([]int64, len(w.Symbols()))
	for i, symbol := range w.Symbols() {
		to[i] = int64(slices.Index(r.Symbols(), symbol))
		if to[i] < 0 {
			to[i] = int64(slices.Index(r.Symbols(), r.Default()))
		}
	}
	return func(dst []byte, c *cursor) []byte {
		n := c.int()
		if n < 0 || int(n) >= len(to) {
			c.fail("no symbol %d in an enum of %d", n, len(to))
			return dst
		}
		return appendLong(dst, to[n])
	}
}

// blocks rewrites an array or a map.
func blocks(item step) step {
	return func(dst []byte, c *cursor) []byte {
		for n := c.block(1); n > 0; n = c.block(1) {
			dst = appendLong(dst, int64(n))
			for range n {
				if dst = item(dst, c); len(dst) > maxValue {
					c.fail("today's form is larger than the %d bytes of any record", maxValue)
				}
				if c.err != nil {
					return dst
				}
			}
		}
		return append(dst, 0)
	}
}

func planRecord(r, w *avro.RecordSchema) (step, error) {
	type field struct {
		from  int // place in the writer's record, -1: not there
		value step
		given []byte // what stands for a field that is not there
	}
	fields := make([]field, len(r.Fields()))
	skip := make([]avro.Schema, len(w.Fields()))
	for i, f := range w.Fields() {
		skip[i] = f.Type()
	}
	for i, f := range r.Fields() {
		from := slices.IndexFunc(w.Fields(), func(o *avro.Field) bool { return o.Name() == f.Name() || slices.Contains(f.Aliases(), o.Name()) })
		fields[i].from = from
		var err error
		if from < 0 {
			fields[i].given, err = appendDefault(nil, f.Type(), f.Default())
		} else {
			fields[i].value, err = plan(f.Type(), w.Fields()[from].Type())
		}
		if err != nil {
			return nil, fmt.Errorf("field %s: %w", f.Name(), err)
		}
	}
	return func(dst []byte, c *cursor) []byte {
		var room [64][]byte
		starts := room[:0] // where each of the writer's fields that c has passed begins
		for i := range fields {
			f := &fields[i]
			switch {
			case f.from < 0:
				dst = append(dst, f.given...)
			case f.from < len(starts): // the writer had its fields in another order
				back := cursor{b: starts[f.from], of: c.of}
				dst = f.value(dst, &back)
				c.also(back.err)
			default:
				for len(starts) < f.from {
					starts = append(starts, c.b)
					c.walk(skip[len(starts)-1])
				}
				starts = append(starts, c.b)
				dst = f.value(dst, c)
			}
		}
		for _, s := range skip[len(starts):] {
			c.walk(s)
		}
		return dst
	}, nil
}

// appendDefault writes the default of a field of ours.
func appendDefault(b []byte, s avro.Schema, value any) ([]byte, error) {
	switch v := value.(type) {
	case nil:
		if s.Type() == avro.Union {
			return append(b, 0), nil // a union's default is of its first branch
		}
	case bool:
		return appendBool(b, v), nil
	case int:
		return appendLong(b, int64(v)), nil
	case int64:
		return appendLong(b, v), nil
	case float64:
		if s.Type() == avro.Double {
			return appendDouble(b, v), nil
		}
	case string:
		if s.Type() == avro.String {
			return appendText(b, v), nil
		}
	case []byte:
		return appendText(b, v), nil
	case []any:
		if len(v) == 0 {
			return append(b, 0), nil
		}
	}
	return nil, fmt.Errorf("no default %v (%T) of type %s is known", value, value, s.Type())
}
