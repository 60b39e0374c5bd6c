package registry

import (
	"fmt"
	"slices"
	"strings"

	"github.com/hamba/avro/v2"
)

// levels are those of Confluent's registry: which of a new and an old schema must be able to read what the other has written, and whether
// all old versions count or the latest.
var levels = []string{"NONE", "BACKWARD", "BACKWARD_TRANSITIVE", "FORWARD", "FORWARD_TRANSITIVE", "FULL", "FULL_TRANSITIVE"}

var modes = []string{"READWRITE", "READONLY", "READONLY_OVERRIDE", "IMPORT"}

// parse checks a schema together with those that it refers to.
func (s *state) parse(text string, refs []reference) (avro.Schema, error) {
	cache := &avro.SchemaCache{} // one for all would mix up versions of one name
	if err := s.parseReferences(refs, cache, 0); err != nil {
		return nil, err
	}
	schema, err := avro.ParseWithCache(text, "", cache)
	if err != nil {
		return nil, failure(42201, "Invalid schema: %v", err)
	}
	return schema, nil
}

func (s *state) parseReferences(refs []reference, cache *avro.SchemaCache, depth int) error {
	if depth > 20 {
		return failure(42201, "Invalid schema: references go deeper than 20")
	}
	for _, r := range refs {
		e := s.schemaOf(r.Subject, r.Version)
		if e == nil {
			return failure(42201, "Invalid schema: no schema reference found for subject %q and version %d", r.Subject, r.Version)
		}
		if cache.Get(r.Name) != nil {
			continue
		}
		if err := s.parseReferences(e.References, cache, depth+1); err != nil {
			return err
		}
		if _, err := avro.ParseWithCache(e.Text, "", cache); err != nil {
			return failure(42201, "Invalid schema: reference %q: %v", r.Name, err)
		}
	}
	return nil
}

func (s *state) schemaOf(name string, number int) *entry {
	for _, v := range s.live(name, true) {
		if v.Version == number {
			return s.Schemas[v.ID]
		}
	}
	return nil
}

// incompatibilities says, one by one, why a new schema may not follow the old versions at a level; none means that it may.
func (s *state) incompatibilities(level string, schema avro.Schema, olds []*version) ([]string, error) {
	if level == "NONE" || len(olds) == 0 {
		return nil, nil
	}
	direction, all := strings.CutSuffix(level, "_TRANSITIVE")
	if !all {
		olds = olds[len(olds)-1:]
	}
	var why []string
	for _, v := range slices.Backward(olds) {
		e := s.Schemas[v.ID]
		old, err := s.parse(e.Text, e.References)
		if err != nil {
			return nil, err
		}
		if direction == "BACKWARD" || direction == "FULL" {
			if err := compatible(schema, old); err != nil {
				why = append(why, fmt.Sprintf("the new schema can't read what version %d has written: %v", v.Version, err))
			}
		}
		if direction == "FORWARD" || direction == "FULL" {
			if err := compatible(old, schema); err != nil {
				why = append(why, fmt.Sprintf("version %d can't read what the new schema will write: %v", v.Version, err))
			}
		}
	}
	return why, nil
}

// compatible is asked of a new checker each time: it remembers answers by fingerprint, which does not see defaults.
func compatible(reader, writer avro.Schema) error {
	return avro.NewSchemaCompatibility().Compatible(reader, writer)
}
