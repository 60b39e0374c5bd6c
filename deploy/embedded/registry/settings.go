package registry

import (
	"net/http"
	"slices"
	"strings"
)

func checkVersion(r *Registry, req *http.Request) (any, error) {
	s := r.current.Load()
	name, v, err := s.version(req, false)
	if err != nil {
		return nil, err
	}
	return check(s, req, []*version{v}, s.level(name))
}

// checkAll is a check against what the subject's level asks for: the latest version, or all.
func checkAll(r *Registry, req *http.Request) (any, error) {
	s := r.current.Load()
	name := req.PathValue("subject")
	return check(s, req, s.live(name, false), s.level(name))
}

type checked struct {
	Compatible bool     `json:"is_compatible"`
	Messages   []string `json:"messages,omitempty"`
}

func check(s *state, req *http.Request, olds []*version, level string) (any, error) {
	o, err := offer(s, req)
	if err != nil {
		return nil, err
	}
	why, err := s.incompatibilities(level, o.parsed, olds)
	if err != nil {
		return nil, err
	}
	c := checked{Compatible: len(why) == 0}
	if flag(req, "verbose") {
		c.Messages = why
	}
	return c, nil
}

type levelAnswer struct {
	Level string `json:"compatibilityLevel"`
}

func getLevel(r *Registry, req *http.Request) (any, error) {
	s, name := r.current.Load(), req.PathValue("subject")
	if name == "" || flag(req, "defaultToGlobal") {
		return levelAnswer{s.level(name)}, nil
	}
	if sub := s.Subjects[name]; sub != nil && sub.Level != "" {
		return levelAnswer{sub.Level}, nil
	}
	return nil, failure(40408, "Subject '%s' does not have subject-level compatibility configured", name)
}

func setLevel(r *Registry, req *http.Request) (any, error) {
	var body struct {
		Level string `json:"compatibility"`
	}
	if err := decode(req, &body); err != nil {
		return nil, err
	}
	level := strings.ToUpper(body.Level)
	if !slices.Contains(levels, level) {
		return nil, failure(42203, "Invalid compatibility level '%s'. Valid values are %s", body.Level, strings.Join(levels, ", "))
	}
	body.Level = level
	return body, r.change(func(s *state) error {
		if name := req.PathValue("subject"); name != "" {
			s.subject(name).Level = level
		} else {
			s.Level = level
		}
		return nil
	})
}

// resetLevel answers with the level that was.
func resetLevel(r *Registry, req *http.Request) (any, error) {
	was, err := getLevel(r, req)
	if err != nil {
		return nil, err
	}
	return was, r.change(func(s *state) error {
		if name := req.PathValue("subject"); name != "" {
			s.subject(name).Level = ""
		} else {
			s.Level = ""
		}
		s.prune()
		return nil
	})
}

type modeAnswer struct {
	Mode string `json:"mode"`
}

func getMode(r *Registry, req *http.Request) (any, error) {
	s, name := r.current.Load(), req.PathValue("subject")
	if name == "" || flag(req, "defaultToGlobal") {
		return modeAnswer{s.mode(name)}, nil
	}
	if sub := s.Subjects[name]; sub != nil && sub.Mode != "" {
		return modeAnswer{sub.Mode}, nil
	}
	return nil, failure(40409, "Subject '%s' does not have subject-level mode configured", name)
}

func setMode(r *Registry, req *http.Request) (any, error) {
	var body modeAnswer
	if err := decode(req, &body); err != nil {
		return nil, err
	}
	mode := strings.ToUpper(body.Mode)
	if !slices.Contains(modes, mode) {
		return nil, failure(42204, "Invalid mode '%s'. Valid values are %s", body.Mode, strings.Join(modes, ", "))
	}
	return modeAnswer{mode}, r.change(func(s *state) error {
		name := req.PathValue("subject")
		// Ids of another registry must not meet those given here.
		if mode == "IMPORT" && !flag(req, "force") && (name == "" && len(s.Schemas) > 0 || len(s.live(name, false)) > 0) {
			return failure(42205, "Cannot import since found existing schemas")
		}
		if name != "" {
			s.subject(name).Mode = mode
		} else {
			s.Mode = mode
		}
		return nil
	})
}

// resetMode answers with the mode that was.
func resetMode(r *Registry, req *http.Request) (any, error) {
	was, err := getMode(r, req)
	if err != nil {
		return nil, err
	}
	return was, r.change(func(s *state) error {
		if name := req.PathValue("subject"); name != "" {
			s.subject(name).Mode = ""
		} else {
			s.Mode = ""
		}
		s.prune()
		return nil
	})
}
