package registry

import (
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
)

// subjectSchema is a version as clients see it. The type of Avro schemas goes without saying, as in Confluent's registry.
type subjectSchema struct {
	Subject    string      `json:"subject"`
	ID         int         `json:"id"`
	Version    int         `json:"version"`
	Schema     string      `json:"schema"`
	References []reference `json:"references,omitempty"`
}

func (s *state) view(name string, v *version) subjectSchema {
	e := s.Schemas[v.ID]
	return subjectSchema{Subject: name, ID: v.ID, Version: v.Version, Schema: e.Text, References: e.References}
}

// names lists the subjects that have versions.
func (s *state) names(req *http.Request) []string {
	prefix := strings.TrimPrefix(req.URL.Query().Get("subjectPrefix"), ":*:")
	names := []string{}
	for _, name := range slices.Sorted(maps.Keys(s.Subjects)) {
		live, all := len(s.live(name, false)) > 0, len(s.live(name, true)) > 0
		if !strings.HasPrefix(name, prefix) || !all {
			continue
		}
		if live && !flag(req, "deletedOnly") || !live && (flag(req, "deleted") || flag(req, "deletedOnly")) {
			names = append(names, name)
		}
	}
	return names
}

func listSubjects(r *Registry, req *http.Request) (any, error) {
	return r.current.Load().names(req), nil
}

func listSchemas(r *Registry, req *http.Request) (any, error) {
	s := r.current.Load()
	out := []subjectSchema{}
	for _, name := range s.names(req) {
		vs := s.live(name, flag(req, "deleted"))
		if flag(req, "latestOnly") && len(vs) > 0 {
			vs = vs[len(vs)-1:]
		}
		for _, v := range vs {
			out = append(out, s.view(name, v))
		}
	}
	return out, nil
}

func entryByID(r *Registry, req *http.Request) (*state, *entry, error) {
	s := r.current.Load()
	id, err := strconv.Atoi(req.PathValue("id"))
	if err != nil {
		return nil, nil, failure(404, "schema id %q is not a number", req.PathValue("id"))
	}
	e := s.Schemas[id]
	if e == nil {
		return nil, nil, failure(40403, "Schema %d not found", id)
	}
	return s, e, nil
}

func schemaByID(r *Registry, req *http.Request) (any, error) {
	_, e, err := entryByID(r, req)
	if err != nil {
		return nil, err
	}
	return struct {
		Schema     string      `json:"schema"`
		References []reference `json:"references,omitempty"`
	}{e.Text, e.References}, nil
}

func schemaTextByID(r *Registry, req *http.Request) (any, error) {
	_, e, err := entryByID(r, req)
	if err != nil {
		return nil, err
	}
	return plain(e.Text), nil
}

type subjectVersion struct {
	Subject string `json:"subject"`
	Version int    `json:"version"`
}

func versionsOf(r *Registry, req *http.Request) ([]subjectVersion, error) {
	s, e, err := entryByID(r, req)
	if err != nil {
		return nil, err
	}
	out := []subjectVersion{}
	for _, name := range slices.Sorted(maps.Keys(s.Subjects)) {
		for _, v := range s.live(name, flag(req, "deleted")) {
			if v.ID == e.ID {
				out = append(out, subjectVersion{name, v.Version})
			}
		}
	}
	return out, nil
}

func versionsByID(r *Registry, req *http.Request) (any, error) { return versionsOf(r, req) }

func subjectsByID(r *Registry, req *http.Request) (any, error) {
	vs, err := versionsOf(r, req)
	if err != nil {
		return nil, err
	}
	names := []string{}
	for _, v := range vs {
		if !slices.Contains(names, v.Subject) {
			names = append(names, v.Subject)
		}
	}
	return names, nil
}

// versions of the subject in the path, which must have some.
func (s *state) versions(req *http.Request, deleted bool) (string, []*version, error) {
	name := req.PathValue("subject")
	vs := s.live(name, deleted)
	if len(vs) == 0 {
		return name, nil, failure(40401, "Subject '%s' not found.", name)
	}
	return name, vs, nil
}

func listVersions(r *Registry, req *http.Request) (any, error) {
	_, vs, err := r.current.Load().versions(req, flag(req, "deleted"))
	if err != nil {
		return nil, err
	}
	numbers := make([]int, len(vs))
	for i, v := range vs {
		numbers[i] = v.Version
	}
	return numbers, nil
}

// number of the version in the path: 1 and up, or latest (also -1).
func number(req *http.Request) (n int, latest bool, err error) {
	text := req.PathValue("version")
	n, convErr := strconv.Atoi(text)
	switch {
	case text == "latest" || n == -1:
		return 0, true, nil
	case convErr != nil || n < 1 || n > 1<<31-1:
		return 0, false, failure(42202, "The specified version '%s' is not a valid version id. Allowed values are between [1, 2^31-1] and the string \"latest\"", text)
	}
	return n, false, nil
}

func (s *state) version(req *http.Request, deleted bool) (string, *version, error) {
	n, latest, err := number(req)
	if err != nil {
		return "", nil, err
	}
	name, vs, err := s.versions(req, deleted)
	if err != nil {
		return "", nil, err
	}
	if latest {
		return name, vs[len(vs)-1], nil
	}
	for _, v := range vs {
		if v.Version == n {
			return name, v, nil
		}
	}
	return "", nil, failure(40402, "Version %d not found.", n)
}

func getVersion(r *Registry, req *http.Request) (any, error) {
	s := r.current.Load()
	name, v, err := s.version(req, flag(req, "deleted"))
	if err != nil {
		return nil, err
	}
	return s.view(name, v), nil
}

func getVersionText(r *Registry, req *http.Request) (any, error) {
	s := r.current.Load()
	_, v, err := s.version(req, flag(req, "deleted"))
	if err != nil {
		return nil, err
	}
	return plain(s.Schemas[v.ID].Text), nil
}

func referencedBy(r *Registry, req *http.Request) (any, error) {
	s := r.current.Load()
	name, v, err := s.version(req, true)
	if err != nil {
		return nil, err
	}
	return append([]int{}, s.referrers(name, v.Version)...), nil
}
