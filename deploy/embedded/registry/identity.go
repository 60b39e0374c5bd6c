package registry

import (
	"bytes"
	"encoding/json"
	"slices"
	"strings"
)

// identity is what two texts of one schema have in common: white space, the order of attributes and the way a name is written do not
// count; everything else does, also what says nothing about the bytes (defaults, aliases, docs, properties of one's own), because it is part of the schema that
// a reader gets. This is what Confluent's registry does with normalisation off.
func identity(text string, refs []reference) (string, error) {
	d := json.NewDecoder(strings.NewReader(text))
	d.UseNumber()
	var v any
	if err := d.Decode(&v); err != nil {
		return "", err
	}
	raw, err := json.Marshal([]any{canonicalType(v, ""), refs}) // keys of maps come out sorted
	return string(raw), err
}

func compact(text string) (string, error) {
	var b bytes.Buffer
	err := json.Compact(&b, []byte(text))
	return b.String(), err
}

var primitives = []string{"null", "boolean", "int", "long", "float", "double", "bytes", "string"}

// canonicalType is a schema with full names; namespace is the one that it stands in.
func canonicalType(v any, namespace string) any {
	switch v := v.(type) {
	case string:
		if !slices.Contains(primitives, v) && !strings.Contains(v, ".") && namespace != "" {
			return namespace + "." + v
		}
		return v
	case []any:
		out := make([]any, len(v))
		for i, x := range v {
			out[i] = canonicalType(x, namespace)
		}
		return out
	case map[string]any:
		return canonicalObject(v, namespace)
	}
	return v
}

func canonicalObject(v map[string]any, namespace string) any {
	kind, _ := v["type"].(string)
	if len(v) == 1 && v["type"] != nil {
		return canonicalType(v["type"], namespace)
	}
	out := map[string]any{}
	for k, x := range v {
		out[k] = x
	}
	switch kind {
	case "record", "error", "enum", "fixed":
		name, _ := v["name"].(string)
		if ns, ok := v["namespace"].(string); ok {
			namespace = ns
		}
		if i := strings.LastIndexByte(name, '.'); i >= 0 {
			namespace, name = name[:i], name[i+1:]
		}
		delete(out, "namespace")
		out["name"] = strings.TrimPrefix(namespace+"."+name, ".")
		if fields, ok := v["fields"].([]any); ok {
			out["fields"] = canonicalFields(fields, namespace)
		}
	case "array":
		out["items"] = canonicalType(v["items"], namespace)
	case "map":
		out["values"] = canonicalType(v["values"], namespace)
	default:
		out["type"] = canonicalType(v["type"], namespace)
	}
	return out
}

func canonicalFields(fields []any, namespace string) []any {
	out := make([]any, len(fields))
	for i, f := range fields {
		m, ok := f.(map[string]any)
		if !ok {
			out[i] = f
			continue
		}
		c := map[string]any{}
		for k, x := range m {
			c[k] = x
		}
		c["type"] = canonicalType(m["type"], namespace)
		out[i] = c
	}
	return out
}
