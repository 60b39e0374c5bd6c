package schemas

import (
	"flag"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// A released version is a folder with every schema as it was, and golden bytes of each record. Neither is ever edited. A new one is made by
//
//	go test ./schemas -run TestRelease -release v2
var release = flag.String("release", "", "write today's schemas and golden bytes as this released version, such as v2")

const (
	releasedDir = "released"
	goldenDir   = "testdata/golden"
)

func TestRelease(t *testing.T) {
	if *release == "" {
		t.Skip("nothing to release: give -release v2 to release today's schemas as v2")
	}
	require.Regexp(t, `^v[1-9][0-9]*$`, *release)
	dir := filepath.Join(releasedDir, *release)
	require.NoDirExists(t, dir, "a released version is never edited")
	require.NoError(t, os.MkdirAll(dir, 0o755))
	require.NoError(t, os.MkdirAll(filepath.Join(goldenDir, *release), 0o755))
	for i, s := range All() {
		require.NoError(t, os.WriteFile(filepath.Join(dir, s.File), []byte(s.Text), 0o644))
		writeGolden(t, *release, i)
	}
}

// releases lists the released versions, oldest first.
func releases(t *testing.T) []string {
	entries, err := os.ReadDir(releasedDir)
	require.NoError(t, err)
	names := make([]string, 0, len(entries))
	for _, e := range entries {
		names = append(names, e.Name())
	}
	number := func(name string) int {
		n, err := strconv.Atoi(strings.TrimPrefix(name, "v"))
		require.NoError(t, err, "%s is no version", name)
		return n
	}
	slices.SortFunc(names, func(a, b string) int { return number(a) - number(b) })
	return names
}

func releasedText(t *testing.T, version, file string) (string, bool) {
	b, err := os.ReadFile(filepath.Join(releasedDir, version, file))
	if os.IsNotExist(err) {
		return "", false
	}
	require.NoError(t, err)
	return string(b), true
}

func TestTodayIsReleased(t *testing.T) {
	newest := releases(t)
	for _, s := range All() {
		text, _ := releasedText(t, newest[len(newest)-1], s.File)
		require.Equal(t, text, s.Text, "%s differs from the newest release: run go test ./schemas -run TestRelease -release v%d", s.File, len(newest)+1)
	}
}

// Everything stays readable by everything: old records by new programs, and new ones by old programs that are still running.
func TestFullTransitiveCompatibility(t *testing.T) {
	versions := releases(t)
	require.NotEmpty(t, versions)
	today := map[string]string{}
	for _, s := range All() {
		today[s.File] = s.Text
	}
	for i, version := range versions {
		files, err := os.ReadDir(filepath.Join(releasedDir, version))
		require.NoError(t, err)
		require.NotEmpty(t, files)
		for _, f := range files {
			require.Contains(t, today, f.Name(), "%s was released in %s: records of it are kept for ever", f.Name(), version)
			text, _ := releasedText(t, version, f.Name())
			require.NoError(t, Compatible(today[f.Name()], text), "%s and %s", f.Name(), version)
			for _, later := range versions[i+1:] {
				if other, ok := releasedText(t, later, f.Name()); ok {
					require.NoError(t, Compatible(other, text), "%s of %s and %s", f.Name(), later, version)
				}
			}
		}
	}
}

func TestCompatibleSaysWhatDiffers(t *testing.T) {
	text := All()[setRating].Text
	change := func(old, next string) string {
		out := strings.Replace(text, old, next, 1)
		require.NotEqual(t, text, out)
		return out
	}
	for name, c := range map[string]struct{ other, says string }{
		"the same":               {text, ""},
		"new field with default": {change(`{"name": "score"`, `{"name": "note", "type": "string", "default": ""}, {"name": "score"`), ""},
		"new field without":      {change(`{"name": "score"`, `{"name": "note", "type": "string"}, {"name": "score"`), "the other cannot read today's: field note: has no default and is not written"},
		"field removed":          {change(`"name": "score"`, `"name": "stars"`), "today's cannot read the other: field score: has no default and is not written"},
		"type changed":           {change(`"score", "type": "int"`, `"score", "type": "string"`), "today's cannot read the other: field score: reader schema int not compatible with writer schema string"},
		"wider one way":          {change(`"score", "type": "int"`, `"score", "type": "long"`), "today's cannot read the other: field score: reader schema int not compatible with writer schema long"},
		"fixed of another size":  {change(`"size": 16`, `"size": 8`), "field event_id: "},
		"another record":         {change(`"SetRating"`, `"SetPrice"`), "names do not match"},
		"no schema":              {`{`, "the other schema: "},
		"doc changed":            {change(`"0 to 10"`, `"0 to 10 stars"`), ""},
	} {
		t.Run(name, func(t *testing.T) {
			err := Compatible(text, c.other)
			if c.says == "" {
				require.NoError(t, err)
				return
			}
			require.ErrorContains(t, err, c.says)
		})
	}
}

func TestSchemasAreWellFormed(t *testing.T) {
	defs := map[string]any{}
	subjects := map[string]bool{}
	for _, s := range All() {
		require.Equal(t, s.Topic.Name+"-"+s.Name, s.Subject)
		require.False(t, subjects[s.Subject])
		subjects[s.Subject] = true
		require.Contains(t, s.Text, `"name": "`+s.Name[strings.LastIndex(s.Name, ".")+1:]+`"`)
		for name := range namedTypes(s.Text) {
			names := namedTypes(s.Text)
			def := redefine(names[name], names, map[string]bool{}) // with all that it names
			if known, ok := defs[name]; ok {
				require.Equal(t, known, def, "%s means something else in %s", name, s.File)
			}
			defs[name] = def
		}
	}
	files, err := filepath.Glob("*.avsc")
	require.NoError(t, err)
	require.Len(t, files, len(All()), "every .avsc file is in the list, and nothing else")
	for name, def := range defs {
		if def := def.(map[string]any); def["type"] == "enum" {
			require.Equal(t, "unknown", def["default"], name)
			require.Equal(t, "unknown", def["symbols"].([]any)[0], name)
		}
	}
}
