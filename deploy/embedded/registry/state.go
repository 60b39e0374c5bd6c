package registry

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
)

// state is everything that the registry knows, as it lies in its file.
type state struct {
	Format   int                 `json:"format"`
	NextID   int                 `json:"next_id"` // ids are never given twice, not even after a deletion
	Level    string              `json:"level,omitempty"`
	Mode     string              `json:"mode,omitempty"`
	Schemas  map[int]*entry      `json:"schemas"`
	Subjects map[string]*subject `json:"subjects"`
}

// entry is one schema under its global id.
type entry struct {
	ID         int         `json:"id"`
	Text       string      `json:"schema"`
	References []reference `json:"references,omitempty"`
	Identity   string      `json:"identity"` // what two texts of the same schema have in common
}

// subject is a line of versions. It may have settings before it has versions.
type subject struct {
	Versions []*version `json:"versions,omitempty"` // ascending
	Level    string     `json:"level,omitempty"`
	Mode     string     `json:"mode,omitempty"`
}

type version struct {
	Version int  `json:"version"`
	ID      int  `json:"id"`
	Deleted bool `json:"deleted,omitempty"`
}

type reference struct {
	Name    string `json:"name"`
	Subject string `json:"subject"`
	Version int    `json:"version"`
}

const format = 1

func load(path string) (*state, error) {
	raw, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return &state{Format: format, NextID: 1, Schemas: map[int]*entry{}, Subjects: map[string]*subject{}}, nil
	}
	if err != nil {
		return nil, fmt.Errorf("embedded registry: %w", err)
	}
	var s state
	if err := json.Unmarshal(raw, &s); err != nil || s.Schemas == nil || s.Subjects == nil {
		return nil, fmt.Errorf("embedded registry: %s is damaged, which a crash can't do; restore it from a backup: %w", path, err)
	}
	if s.Format != format {
		return nil, fmt.Errorf("embedded registry: %s has format %d and this program knows %d: use the program that wrote it", path, s.Format, format)
	}
	return &s, nil
}

// save replaces the file: a kill at any point leaves the old one or the new one.
func (s *state) save(path string) error {
	raw, err := json.Marshal(s)
	if err != nil {
		return err
	}
	tmp := path + ".tmp"
	f, err := os.OpenFile(tmp, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o644)
	if err != nil {
		return err
	}
	_, err = f.Write(raw)
	if err := errors.Join(err, f.Sync(), f.Close()); err != nil {
		return err
	}
	if err := os.Rename(tmp, path); err != nil {
		return err
	}
	d, err := os.Open(filepath.Dir(path))
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

func (s *state) clone() (*state, error) {
	raw, err := json.Marshal(s)
	if err != nil {
		return nil, err
	}
	c := &state{}
	return c, json.Unmarshal(raw, c)
}

// subject finds or makes a subject, for changes.
func (s *state) subject(name string) *subject {
	if s.Subjects[name] == nil {
		s.Subjects[name] = &subject{}
	}
	return s.Subjects[name]
}

// live are a subject's versions that are not deleted, or with deleted all that are not gone for good.
func (s *state) live(name string, deleted bool) []*version {
	sub := s.Subjects[name]
	if sub == nil {
		return nil
	}
	var vs []*version
	for _, v := range sub.Versions {
		if deleted || !v.Deleted {
			vs = append(vs, v)
		}
	}
	return vs
}

// byIdentity is the schema that a text is, nil where it is new.
func (s *state) byIdentity(identity string) *entry {
	var found *entry // the first, where an import has brought in one schema under several ids
	for _, e := range s.Schemas {
		if e.Identity == identity && (found == nil || e.ID < found.ID) {
			found = e
		}
	}
	return found
}

func (s *state) level(name string) string {
	if sub := s.Subjects[name]; sub != nil && sub.Level != "" {
		return sub.Level
	}
	return orElse(s.Level, "BACKWARD")
}

func (s *state) mode(name string) string {
	if sub := s.Subjects[name]; sub != nil && sub.Mode != "" && s.Mode != "READONLY_OVERRIDE" {
		return sub.Mode
	}
	return orElse(s.Mode, "READWRITE")
}

// referrers are the ids of schemas in use that refer to a version of a subject.
func (s *state) referrers(name string, number int) []int {
	ids := map[int]bool{}
	for _, sub := range s.Subjects {
		for _, v := range sub.Versions {
			if slices.ContainsFunc(s.Schemas[v.ID].References, func(r reference) bool { return r.Subject == name && r.Version == number }) {
				ids[v.ID] = ids[v.ID] || !v.Deleted
			}
		}
	}
	maps.DeleteFunc(ids, func(_ int, used bool) bool { return !used })
	return slices.Sorted(maps.Keys(ids))
}

// prune forgets schemas that no version has any more, and subjects that say nothing.
func (s *state) prune() {
	used := map[int]bool{}
	for name, sub := range s.Subjects {
		for _, v := range sub.Versions {
			used[v.ID] = true
		}
		if len(sub.Versions) == 0 && sub.Level == "" && sub.Mode == "" {
			delete(s.Subjects, name)
		}
	}
	maps.DeleteFunc(s.Schemas, func(id int, _ *entry) bool { return !used[id] })
}

func orElse(v, otherwise string) string {
	if v == "" {
		return otherwise
	}
	return v
}
