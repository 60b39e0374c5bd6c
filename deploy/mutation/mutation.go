package main

import (
	"bytes"
	"fmt"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// mutation takes one cure out.
type mutation struct {
	name  string // never used for another: the table is compared over time
	cause string // id of the cause that it brings back
	takes string // what is taken out, for people
	file  string // from the root of the repository
	old   string // stands there exactly once
	new   string
	needs string   // a package of the standard library that new needs and the file does not import
	in    string   // the package whose tests must catch it, from the root
	by    []string // those tests; at least one must fail. One with a '/' names a subtest and stands alone
}

// apply is the file with the cure taken out. It is an error when the text that holds it does not stand there exactly once: then the mutation is
// stale, and would prove nothing.
func (m *mutation) apply(root string) ([]byte, error) {
	src, err := os.ReadFile(filepath.Join(root, filepath.FromSlash(m.file)))
	if err != nil {
		return nil, err
	}
	if n := bytes.Count(src, []byte(m.old)); n != 1 {
		return nil, fmt.Errorf("stale: the text to be replaced stands %d times in %s, not once: %q", n, m.file, m.old)
	}
	src = bytes.Replace(src, []byte(m.old), []byte(m.new), 1)
	if m.needs != "" {
		clause := []byte("\npackage ")
		at := bytes.Index(append([]byte("\n"), src...), clause)
		end := at + bytes.IndexByte(src[at:], '\n')
		src = slices.Concat(src[:end], fmt.Appendf(nil, "\n\nimport %q\n", m.needs), src[end:])
	}
	if filepath.Ext(m.file) == ".go" {
		if _, err := parser.ParseFile(token.NewFileSet(), m.file, src, parser.SkipObjectResolution); err != nil {
			return nil, fmt.Errorf("what it makes is no Go: %w", err)
		}
	}
	return src, nil
}

// pattern is the tests that must catch it, as go test -run takes it.
func (m *mutation) pattern() string {
	if strings.Contains(m.by[0], "/") {
		return "^" + strings.ReplaceAll(m.by[0], "/", "$/^") + "$"
	}
	return "^(" + strings.Join(m.by, "|") + ")$"
}

// tests are the top-level tests among them.
func (m *mutation) tests() (names []string) {
	for _, by := range m.by {
		name, _, _ := strings.Cut(by, "/")
		names = append(names, name)
	}
	return names
}
