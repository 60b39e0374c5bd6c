// Package faults lists what is broken on purpose, what must hold all the same, and the tests that show it. docs/FAULTS.md is made
// of it (make fault-matrix).
package faults

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"path/filepath"
	"slices"
	"strings"
)

// Fault is one row of the matrix.
type Fault struct {
	Name   string // what happens
	Broken string // to what
	Holds  string // the invariants that are checked; see Invariants
	Tests  tests
}

// tests are names by the folder of their package, from the root of the repository.
type tests map[string][]string

// Invariants say what must hold whatever is broken.
var Invariants = []struct{ Name, Says string }{
	{"I1", "a command that was answered with 2xx is in each view exactly once"},
	{"I2", "every state is the pure fold of its commands in log order"},
	{"I3", "the events of a key are in the order of its commands"},
	{"I4", "a view that is made again is the view that was there"},
	{"I5", "a command that was not answered with 2xx is there at most once"},
	{"I6", "commands are events and dead letters, for each partition"},
}

// Runs says how much of a test make test has time for.
type Runs string

// What make test runs of a test; make test-faults runs all of it.
const (
	Whole   Runs = "whole"   // the same in both
	Shorter Runs = "shorter" // fewer rounds, or fewer draws
	Never   Runs = "never"   // only make test-faults runs it
)

// runs reads from the tests of the packages what make test runs of each. root is the root of the repository.
func runs(root string, dirs []string) (map[string]Runs, error) {
	found := map[string]Runs{}
	for _, dir := range dirs {
		files, err := filepath.Glob(filepath.Join(root, dir, "*_test.go"))
		if err != nil {
			return nil, err
		}
		for _, path := range files {
			file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.SkipObjectResolution)
			if err != nil {
				return nil, fmt.Errorf("read the tests of %s: %w", dir, err)
			}
			for _, d := range file.Decls {
				if f, ok := d.(*ast.FuncDecl); ok && f.Recv == nil && strings.HasPrefix(f.Name.Name, "Test") {
					found[dir+"."+f.Name.Name] = runsOf(f)
				}
			}
		}
	}
	return found, nil
}

// runsOf looks for the calls by which a test makes itself shorter.
func runsOf(f *ast.FuncDecl) Runs {
	calls := map[string]bool{}
	ast.Inspect(f, func(n ast.Node) bool {
		if s, ok := n.(*ast.SelectorExpr); ok {
			if of, ok := s.X.(*ast.Ident); ok && of.Name == "faultstest" {
				calls[s.Sel.Name] = true
			}
		}
		return true
	})
	switch {
	case calls["NeedWhole"]:
		return Never
	case calls["Times"], calls["Whole"], calls["Rapid"]:
		return Shorter
	}
	return Whole
}

// dirs are the folders of all tests of the matrix, sorted.
func dirs(matrix []Fault) []string {
	all := map[string]bool{}
	for _, f := range matrix {
		for dir := range f.Tests {
			all[dir] = true
		}
	}
	return slices.Sorted(maps.Keys(all))
}

// Render is the matrix as a page. It fails where a test that is listed does not exist.
func Render(root string, matrix []Fault) (string, error) {
	runs, err := runs(root, dirs(matrix))
	if err != nil {
		return "", err
	}
	var b strings.Builder
	b.WriteString(head)
	for _, i := range Invariants {
		fmt.Fprintf(&b, "- **%s** %s\n", i.Name, i.Says)
	}
	b.WriteString("\n| what happens | to what | what must hold | shown by |\n|---|---|---|---|\n")
	for _, f := range matrix {
		var shown []string
		for _, dir := range slices.Sorted(maps.Keys(f.Tests)) {
			shown = append(shown, "`"+dir+"`")
			for _, name := range f.Tests[dir] {
				r, ok := runs[dir+"."+name]
				if !ok {
					return "", fmt.Errorf("%q is to be shown by %s in %s, which does not exist", f.Name, name, dir)
				}
				shown[len(shown)-1] += " `" + name + "`" + marks[r]
			}
		}
		fmt.Fprintf(&b, "| %s | %s | %s | %s |\n", f.Name, f.Broken, f.Holds, strings.Join(shown, "<br>"))
	}
	return b.String(), nil
}

var marks = map[Runs]string{Whole: "", Shorter: " ¹", Never: " ²"}

const head = `<!-- Made of deploy/faults by make fault-matrix: change it there. -->
# Faults

What is broken on purpose, and the tests that show that nothing comes of it. ` + "`make test`" + ` runs part of it, ` + "`make test-faults`" + ` the whole, with a
seed that it prints; ` + "`make test-faults SEED=n RUN=TestName`" + ` repeats what a test drew. What the kernel lets run when does not follow from the seed.

¹ shorter in ` + "`make test`" + `, ² only in ` + "`make test-faults`" + `.

What must hold:

`
