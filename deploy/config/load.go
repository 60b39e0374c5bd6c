package config

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"reflect"
	"regexp"
	"slices"
	"strings"

	"github.com/caarlos0/env/v11"
	"github.com/joho/godotenv"
)

// prefix is what all our variables start with; others are none of our business.
const prefix = "UGC_"

// Names under these prefixes belong to tests and scripts, not to the program.
var foreign = []string{"UGC_TEST_", "UGC_REAL_", "UGC_REQUIRE_"}

// Sources say where each variable of a loaded configuration came from: default, .env or environment.
type Sources map[string]string

// Load reads the environment, given as NAME=value, and a dotenv file, whose values the environment overrides; a file that is
// not there is no error. All faults come back joined, each with what to do; then the Config is nil.
func Load(environ []string, dotenv string) (*Config, Sources, error) {
	vars, sources, others := map[string]string{}, Sources{}, map[string]string{}
	file, err := godotenv.Read(dotenv)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, nil, fmt.Errorf("read %s: %w; write one NAME=value a line", dotenv, err)
	}
	take := func(k, v, source string) {
		if strings.HasPrefix(k, prefix) {
			vars[k], sources[k] = v, source
		} else {
			others[k] = v
		}
	}
	for k, v := range file {
		take(k, v, ".env")
	}
	for _, kv := range environ {
		k, v, _ := strings.Cut(kv, "=")
		take(k, v, "environment")
	}
	for k, source := range sources {
		if source == "environment" && serviceLink(k) {
			delete(vars, k)
			delete(sources, k)
		}
	}
	resolve(vars, sources, func(name string) string { return others[name] })
	var c Config
	faults := unknownNames(vars)
	if err := env.ParseWithOptions(&c, env.Options{Environment: vars}); err != nil {
		var all env.AggregateError
		if !errors.As(err, &all) {
			return nil, nil, err
		}
		for _, e := range all.Errors {
			faults = append(faults, plain(e, vars))
		}
		return nil, nil, errors.Join(faults...)
	}
	if err := errors.Join(append(faults, c.validate()...)...); err != nil {
		return nil, nil, err
	}
	return &c, sources, nil
}

// Environ is the process's environment, for Load.
func Environ() []string { return os.Environ() }

// unknownNames refuses misspelt variables: a setting that silently does nothing is worse than none.
func unknownNames(vars map[string]string) (faults []error) {
	var known []string
	for _, f := range fields() {
		known = append(known, f.name)
	}
	var names []string
	for k := range vars {
		names = append(names, k)
	}
	slices.Sort(names)
	for _, k := range names {
		if slices.Contains(known, k) || slices.ContainsFunc(foreign, func(p string) bool { return strings.HasPrefix(k, p) }) {
			continue
		}
		faults = append(faults, fmt.Errorf("%s is not a setting; did you mean %s? (ugc config lists them all)", k, nearest(k, known)))
	}
	return faults
}

// links are the names that Kubernetes gives every container for each Service of its namespace: a Service named ugc or ugc-streams
// makes UGC_PORT or UGC_STREAMS_SERVICE_HOST (Kubernetes documentation, "Accessing the Service", environment variables).
var links = regexp.MustCompile(`^UGC(_[A-Z0-9]+)*_(SERVICE_HOST|SERVICE_PORT(_[A-Z0-9_]+)?|PORT(_[0-9]+_(TCP|UDP|SCTP)(_(PROTO|PORT|ADDR))?)?)$`)

// serviceLink tells such a name from a misspelt setting.
func serviceLink(name string) bool {
	return links.MatchString(name) && !slices.ContainsFunc(fields(), func(f field) bool { return f.name == name })
}

// plain says which variable a parse error is about, and what it holds unless it is a secret.
func plain(err error, vars map[string]string) error {
	var pe env.ParseError
	if !errors.As(err, &pe) {
		return err
	}
	for _, f := range fields() {
		if f.field == pe.Name {
			return fmt.Errorf("%s=%q: %w (%s)", f.name, vars[f.name], pe.Err, f.doc)
		}
	}
	return err
}

type field struct {
	field, name, def, doc string
	secret                bool
	value                 func(*Config) reflect.Value
}

// fields are the settings in the order of the struct.
func fields() []field {
	t := reflect.TypeFor[Config]()
	out := make([]field, 0, t.NumField())
	for i := range t.NumField() {
		f := t.Field(i)
		out = append(out, field{
			field: f.Name, name: f.Tag.Get("env"), def: f.Tag.Get("envDefault"), doc: f.Tag.Get("doc"),
			secret: f.Tag.Get("secret") == "true",
			value:  func(c *Config) reflect.Value { return reflect.ValueOf(c).Elem().Field(i) },
		})
	}
	return out
}

// nearest is the known name with the fewest edits from s.
func nearest(s string, known []string) string {
	return slices.MinFunc(known, func(a, b string) int { return distance(s, a) - distance(s, b) })
}

// distance is Levenshtein's.
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := diagonal
			if a[i] != b[j] {
				cost = 1 + min(diagonal, row[j], row[j+1])
			}
			diagonal, row[j+1] = row[j+1], cost
		}
	}
	return row[len(b)]
}

func cutScheme(s, scheme string) (string, bool) { return strings.CutPrefix(s, scheme) }

func splitList(s string) (out []string) {
	for part := range strings.SplitSeq(s, ",") {
		if part = strings.TrimSpace(part); part != "" {
			out = append(out, part)
		}
	}
	return out
}
