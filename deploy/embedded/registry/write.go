package registry

import (
	"net/http"
	"slices"
	"strings"

	"github.com/hamba/avro/v2"
)

// offered is a schema that a client sends.
type offered struct {
	Schema     string      `json:"schema"`
	Type       string      `json:"schemaType"`
	References []reference `json:"references"`
	ID         int         `json:"id"`
	Version    int         `json:"version"`

	parsed   avro.Schema
	identity string
}

func offer(s *state, req *http.Request) (*offered, error) {
	var o offered
	if err := decode(req, &o); err != nil {
		return nil, err
	}
	if o.Type != "" && o.Type != "AVRO" {
		return nil, failure(42201, "Invalid schema: type %s is not supported, only AVRO", o.Type)
	}
	if strings.TrimSpace(o.Schema) == "" {
		return nil, failure(42201, "Invalid schema: it is empty")
	}
	// A bare name is a schema too, and not JSON.
	if slices.Contains(primitives, o.Schema) {
		o.Schema = `"` + o.Schema + `"`
	}
	var err error
	if o.parsed, err = s.parse(o.Schema, o.References); err != nil {
		return nil, err
	}
	if o.identity, err = identity(o.Schema, o.References); err != nil {
		return nil, failure(42201, "Invalid schema: %v", err)
	}
	if o.Schema, err = compact(o.Schema); err != nil {
		return nil, failure(42201, "Invalid schema: %v", err)
	}
	return &o, nil
}

// find is the version of a subject that holds the offered schema, nil where none does.
func (s *state) find(name string, o *offered, deleted bool) *version {
	for _, v := range s.live(name, deleted) {
		if s.Schemas[v.ID].Identity == o.identity {
			return v
		}
	}
	return nil
}

func lookup(r *Registry, req *http.Request) (any, error) {
	s := r.current.Load()
	name, _, err := s.versions(req, flag(req, "deleted"))
	if err != nil {
		return nil, err
	}
	o, err := offer(s, req)
	if err != nil {
		return nil, err
	}
	v := s.find(name, o, flag(req, "deleted"))
	if v == nil {
		return nil, failure(40403, "Schema not found")
	}
	return s.view(name, v), nil
}

type registered struct {
	ID int `json:"id"`
}

func register(r *Registry, req *http.Request) (any, error) {
	name := req.PathValue("subject")
	s := r.current.Load()
	o, err := offer(s, req)
	if err != nil {
		return nil, err
	}
	// Most registrations are repeats, and need no write.
	if v := s.find(name, o, false); v != nil && (o.ID <= 0 || o.ID == v.ID) {
		return registered{v.ID}, nil
	}
	var id int
	err = r.change(func(s *state) error {
		id, err = s.register(name, o)
		return err
	})
	return registered{id}, err
}

func (s *state) register(name string, o *offered) (int, error) {
	mode := s.mode(name)
	if strings.HasPrefix(mode, "READONLY") {
		return 0, failure(42205, "Subject %s is in read-only mode", name)
	}
	if v := s.find(name, o, false); v != nil && (o.ID <= 0 || o.ID == v.ID) {
		return v.ID, nil
	}
	if (o.ID > 0) != (mode == "IMPORT") {
		return 0, failure(42205, "Subject %s is in mode %s: a schema has an id of its own in mode IMPORT, and only there", name, mode)
	}
	if mode != "IMPORT" {
		why, err := s.incompatibilities(s.level(name), o.parsed, s.live(name, false))
		if err != nil {
			return 0, err
		}
		if len(why) > 0 {
			return 0, failure(409, "Schema being registered is incompatible with an earlier schema for subject \"%s\" at compatibility level %s: %s", name, s.level(name), strings.Join(why, "; "))
		}
	}
	e, err := s.keep(o)
	if err != nil {
		return 0, err
	}
	return e.ID, s.append(name, e.ID, o.Version)
}

// keep gives the schema its global id: the one that it has in any subject, the one asked for, or the next.
func (s *state) keep(o *offered) (*entry, error) {
	e := s.byIdentity(o.identity)
	if o.ID > 0 {
		if there := s.Schemas[o.ID]; there != nil && there.Identity != o.identity {
			return nil, failure(42205, "Overwrite new schema with id %d is not permitted.", o.ID)
		}
		if e != nil && e.ID != o.ID {
			e = nil
		}
	}
	if e != nil {
		return e, nil
	}
	e = &entry{ID: o.ID, Text: o.Schema, References: o.References, Identity: o.identity}
	if e.ID <= 0 {
		e.ID = s.NextID
	}
	s.NextID = max(s.NextID, e.ID+1)
	s.Schemas[e.ID] = e
	return e, nil
}

func (s *state) append(name string, id, number int) error {
	sub := s.subject(name)
	next := 1
	if n := len(sub.Versions); n > 0 {
		next = sub.Versions[n-1].Version + 1
	}
	if number > 0 {
		if number < next {
			return failure(42205, "Version %d of subject %s is not above those that are there", number, name)
		}
		next = number
	}
	// What was deleted is there again under a new number.
	sub.Versions = slices.DeleteFunc(sub.Versions, func(v *version) bool { return v.Deleted && v.ID == id })
	sub.Versions = append(sub.Versions, &version{Version: next, ID: id})
	return nil
}

func deleteSubject(r *Registry, req *http.Request) (any, error) {
	numbers := []int{}
	err := r.change(func(s *state) error {
		name, vs, err := s.versions(req, true)
		if err != nil {
			return err
		}
		permanent := flag(req, "permanent")
		live := s.live(name, false)
		switch {
		case permanent && len(live) > 0:
			return failure(40405, "Subject '%s' was not deleted first before being permanently deleted", name)
		case !permanent && len(live) == 0:
			return failure(40404, "Subject '%s' was soft deleted. Set permanent=true to delete permanently", name)
		case !permanent:
			vs = live
		}
		for _, v := range vs {
			if err := s.deletable(name, v); err != nil {
				return err
			}
		}
		for _, v := range vs {
			numbers = append(numbers, v.Version)
			v.Deleted = true
		}
		if permanent {
			s.Subjects[name].Versions = nil
		}
		// A subject's settings go with it.
		s.Subjects[name].Level, s.Subjects[name].Mode = "", ""
		s.prune()
		return nil
	})
	return numbers, err
}

func deleteVersion(r *Registry, req *http.Request) (any, error) {
	var n int
	err := r.change(func(s *state) error {
		permanent := flag(req, "permanent")
		name, v, err := s.version(req, true)
		if err != nil {
			return err
		}
		if latest := req.PathValue("version"); (latest == "latest" || latest == "-1") && !permanent {
			if name, v, err = s.version(req, false); err != nil {
				return err
			}
		}
		switch {
		case permanent && !v.Deleted:
			return failure(40407, "Subject '%s' Version %d was not deleted first before being permanently deleted", name, v.Version)
		case !permanent && v.Deleted:
			return failure(40406, "Subject '%s' Version %d was soft deleted. Set permanent=true to delete permanently", name, v.Version)
		}
		if err := s.deletable(name, v); err != nil {
			return err
		}
		n, v.Deleted = v.Version, true
		if permanent {
			sub := s.Subjects[name]
			sub.Versions = slices.DeleteFunc(sub.Versions, func(x *version) bool { return x == v })
			s.prune()
		}
		return nil
	})
	return n, err
}

func (s *state) deletable(name string, v *version) error {
	if strings.HasPrefix(s.mode(name), "READONLY") {
		return failure(42205, "Subject %s is in read-only mode", name)
	}
	if ids := s.referrers(name, v.Version); len(ids) > 0 {
		return failure(42206, "One or more references exist to the schema {subject=%s,version=%d}: schemas %v", name, v.Version, ids)
	}
	return nil
}
