package schemas

import (
	"errors"
	"fmt"
	"slices"

	"github.com/hamba/avro/v2"
)

// Compatible says whether each of two schemas can read what the other wrote (Avro's FULL compatibility): nil, or what is in the way,
// field by field.
func Compatible(today, other string) error {
	a, err := parse(today)
	if err != nil {
		return fmt.Errorf("today's schema: %w", err)
	}
	b, err := parse(other)
	if err != nil {
		return fmt.Errorf("the other schema: %w", err)
	}
	return errors.Join(
		obstacle("today's cannot read the other: ", a, b),
		obstacle("the other cannot read today's: ", b, a),
	)
}

func obstacle(prefix string, reader, writer avro.Schema) error {
	if at := differs(reader, writer, "", 0); at != "" {
		return errors.New(prefix + at)
	}
	return nil
}

// differs names the first place that keeps reader from reading what writer wrote, "" where nothing does.
func differs(reader, writer avro.Schema, path string, depth int) string {
	err := avro.NewSchemaCompatibility().Compatible(reader, writer)
	if err == nil {
		return ""
	}
	r, isRecord := deref(reader).(*avro.RecordSchema)
	w, same := deref(writer).(*avro.RecordSchema)
	if !isRecord || !same || r.FullName() != w.FullName() || depth >= maxDepth {
		return place(path) + err.Error()
	}
	for _, f := range r.Fields() {
		i := slices.IndexFunc(w.Fields(), func(o *avro.Field) bool { return o.Name() == f.Name() || slices.Contains(f.Aliases(), o.Name()) })
		switch {
		case i >= 0:
			if at := differs(f.Type(), w.Fields()[i].Type(), path+"."+f.Name(), depth+1); at != "" {
				return at
			}
		case !f.HasDefault():
			return place(path+"."+f.Name()) + "has no default and is not written"
		}
	}
	return place(path) + err.Error()
}

func place(path string) string {
	if path == "" {
		return ""
	}
	return "field " + path[1:] + ": "
}

func deref(s avro.Schema) avro.Schema {
	if ref, ok := s.(*avro.RefSchema); ok {
		return ref.Schema()
	}
	return s
}
