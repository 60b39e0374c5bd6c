package docs

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
)

// reference is an OpenAPI document as the reading page shows it: every reference resolved, in the order of its tags.
type reference struct {
	Title, Version, Description, Base, OpenAPI string
	Groups                                     []group
}

type group struct {
	Name, Description string
	Operations        []operation
}

type operation struct {
	ID, Method, Path, Summary, Description string
	Parameters                             []row
	Body                                   *shape
	Responses                              []response
}

type response struct {
	Status, Description string
	Headers             []row
	Body                *shape
}

// shape is what a body looks like.
type shape struct {
	ContentType, Name string
	Rows              []row
}

// row is a parameter, a header or a field.
type row struct {
	Name, Type, Notes, Description string
	Required                       bool
	Depth                          int
}

// object is any part of the document.
type object = map[string]any

func readReference(document []byte) (*reference, error) {
	var doc object
	if err := json.Unmarshal(document, &doc); err != nil {
		return nil, err
	}
	r := reader{doc}
	info := at(doc, "info")
	out := &reference{Title: text(info, "title"), Version: text(info, "version"), Description: text(info, "description"), OpenAPI: text(doc, "openapi")}
	if servers, _ := doc["servers"].([]any); len(servers) > 0 {
		out.Base = text(servers[0].(object), "url")
	}
	for _, t := range list(doc, "tags") {
		tag := t.(object)
		g := group{Name: text(tag, "name"), Description: text(tag, "description")}
		paths := at(doc, "paths")
		for _, path := range sorted(paths) {
			for _, method := range []string{"get", "put", "post", "delete"} {
				op, ok := paths[path].(object)[method].(object)
				if ok && slices.Contains(list(op, "tags"), any(g.Name)) {
					g.Operations = append(g.Operations, r.operation(method, path, op))
				}
			}
		}
		out.Groups = append(out.Groups, g)
	}
	return out, nil
}

type reader struct{ doc object }

// follow resolves a reference within the document.
func (r reader) follow(o object) object {
	for ref := text(o, "$ref"); ref != ""; ref = text(o, "$ref") {
		o = r.doc
		for part := range strings.SplitSeq(strings.TrimPrefix(ref, "#/"), "/") {
			o = at(o, part)
		}
	}
	return o
}

func (r reader) operation(method, path string, op object) operation {
	out := operation{ID: text(op, "operationId"), Method: strings.ToUpper(method), Path: path, Summary: text(op, "summary"), Description: text(op, "description")}
	for _, p := range list(op, "parameters") {
		p := r.follow(p.(object))
		required, _ := p["required"].(bool)
		out.Parameters = append(out.Parameters, r.row(text(p, "name"), at(p, "schema"), required, 0))
		last := &out.Parameters[len(out.Parameters)-1]
		last.Notes = strings.TrimPrefix(text(p, "in")+"; "+last.Notes, "; ")
		if d := text(p, "description"); d != "" {
			last.Description = d
		}
	}
	out.Body = r.shape(at(op, "requestBody"))
	responses := at(op, "responses")
	for _, status := range sorted(responses) {
		res := r.follow(responses[status].(object))
		one := response{Status: status, Description: text(res, "description"), Body: r.shape(res)}
		headers := at(res, "headers")
		for _, name := range sorted(headers) {
			h := r.follow(headers[name].(object))
			one.Headers = append(one.Headers, row{Name: name, Type: kind(at(h, "schema")), Description: text(h, "description")})
		}
		out.Responses = append(out.Responses, one)
	}
	return out
}

// shape reads the content of a request or response, nil where there is none.
func (r reader) shape(o object) *shape {
	content := at(r.follow(o), "content")
	types := sorted(content)
	if len(types) == 0 {
		return nil
	}
	schema := at(content[types[0]].(object), "schema")
	name := text(schema, "$ref")
	s := &shape{ContentType: types[0], Name: name[strings.LastIndexByte(name, '/')+1:]}
	if s.Name == "" {
		s.Name = kind(schema)
	}
	s.Rows = r.rows(schema, 0)
	return s
}

const deepest = 3

// rows are the fields of a schema, those of nested objects below their own.
func (r reader) rows(schema object, depth int) (out []row) {
	schema = r.follow(schema)
	if items := at(schema, "items"); len(items) > 0 {
		return r.rows(items, depth)
	}
	properties := at(schema, "properties")
	required := list(schema, "required")
	names := sorted(properties)
	slices.SortStableFunc(names, func(a, b string) int { return place(required, a) - place(required, b) })
	for _, name := range names {
		field := properties[name].(object)
		out = append(out, r.row(name, field, slices.Contains(required, any(name)), depth))
		if depth < deepest {
			out = append(out, r.rows(field, depth+1)...)
		}
	}
	return out
}

func place(required []any, name string) int {
	if i := slices.Index(required, any(name)); i >= 0 {
		return i
	}
	return len(required)
}

func (r reader) row(name string, schema object, required bool, depth int) row {
	s := r.follow(schema)
	out := row{Name: name, Type: kind(s), Description: text(s, "description"), Required: required, Depth: depth}
	if kind(s) == "array" {
		out.Type = "array of " + kind(r.follow(at(s, "items")))
	}
	var notes []string
	for _, k := range []struct{ key, words string }{{"minLength", "at least %v characters"}, {"maxLength", "at most %v characters"}, {"minimum", "from %v"}, {"maximum", "to %v"}, {"default", "default %v"}} {
		if v, ok := s[k.key]; ok {
			if f, isNumber := v.(float64); isNumber {
				v = number(f)
			}
			notes = append(notes, fmt.Sprintf(k.words, v))
		}
	}
	if enum := list(s, "enum"); len(enum) > 0 {
		words := make([]string, len(enum))
		for i, e := range enum {
			words[i] = fmt.Sprint(e)
		}
		notes = append(notes, "one of "+strings.Join(words, ", "))
	}
	if null, _ := s["nullable"].(bool); null {
		notes = append(notes, "may be null")
	}
	out.Notes = strings.Join(notes, "; ")
	return out
}

// number writes a limit as people do; the greatest integer cannot pass through JSON's floats unharmed.
func number(f float64) string {
	if f >= 1<<63 {
		return "2⁶³−1"
	}
	return fmt.Sprintf("%.0f", f)
}

func kind(schema object) string {
	switch t := schema["type"].(type) {
	case string:
		return t
	case []any:
		return fmt.Sprint(t...)
	}
	if len(list(schema, "anyOf")) > 0 {
		return "text or number"
	}
	return ""
}

func at(o object, key string) object   { v, _ := o[key].(object); return v }
func text(o object, key string) string { v, _ := o[key].(string); return v }
func list(o object, key string) []any  { v, _ := o[key].([]any); return v }
func sorted(o object) (keys []string) {
	for k := range o {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}
