package main

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// rooms says who may import whom; a room may always import itself. (DESIGN, the house.)
var rooms = map[string][]string{
	"domain":      {},
	"schemas":     {"domain"},
	"handlers":    {"domain"},
	"streams":     {"domain", "schemas", "handlers"},
	"projections": {"domain", "schemas", "handlers"},
	"transport":   {"domain", "schemas", "handlers"},
	"deploy":      {"domain", "schemas", "handlers", "streams", "projections", "transport"},
	"main":        {"deploy"},
}

// byReference are the rooms that judge the service by deploy/reference, and what they may therefore not use of domain: nothing there that decides.
var (
	byReference = []string{"deploy/audit", "deploy/load", "deploy/reference"}
	deciding    = []string{"Playback", "Feedback", "FoldMovie", "Decider", "Decide", "Evolve"}
)

// TestTheReferenceSharesNothingWithTheService holds the wall between the rules and their second reading.
func TestTheReferenceSharesNothingWithTheService(t *testing.T) {
	for _, room := range byReference {
		require.NoError(t, filepath.WalkDir(room, func(path string, d fs.DirEntry, err error) error {
			if err != nil || filepath.Ext(path) != ".go" || strings.HasSuffix(path, "_test.go") {
				return err
			}
			file, err := parser.ParseFile(token.NewFileSet(), path, nil, 0)
			require.NoError(t, err)
			if filepath.ToSlash(filepath.Dir(path)) == "deploy/reference" {
				for _, spec := range file.Imports {
					imported, err := strconv.Unquote(spec.Path.Value)
					require.NoError(t, err)
					first := strings.Split(imported, "/")[0]
					require.False(t, first == "ugc" || strings.Contains(first, "."), "%s imports %s: the reference imports the standard library alone", path, imported)
				}
			}
			for _, used := range decides(file) {
				require.Fail(t, "the rules are used where they are judged", "%s uses %s", path, used)
			}
			return nil
		}))
	}
}

// decides lists what a file uses of domain that decides: a name of the package, or a method of whatever value.
func decides(file *ast.File) (used []string) {
	ast.Inspect(file, func(n ast.Node) bool {
		s, ok := n.(*ast.SelectorExpr)
		if !ok || !slices.Contains(deciding, s.Sel.Name) {
			return true
		}
		x, named := s.X.(*ast.Ident)
		if named && x.Name == "domain" || slices.Contains([]string{"Decider", "Decide", "Evolve"}, s.Sel.Name) {
			used = append(used, fmt.Sprint(s.X, ".", s.Sel.Name))
		}
		return true
	})
	return used
}

// TestRoomsImportOnlyWhatTheyMay holds the plan of the house against the code. Tests may start any real part.
func TestRoomsImportOnlyWhatTheyMay(t *testing.T) {
	seen := map[string]bool{}
	require.NoError(t, filepath.WalkDir(".", func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && (strings.HasPrefix(d.Name(), ".") && path != "." || slices.Contains([]string{"node_modules", "tools", "data", "testdata"}, d.Name())) {
			return filepath.SkipDir
		}
		room := strings.Split(filepath.ToSlash(path), "/")[0]
		if filepath.Ext(path) != ".go" || strings.HasSuffix(path, "_test.go") || strings.HasSuffix(filepath.Dir(path), "test") {
			return nil
		}
		if room == path {
			room = "main"
		}
		allowed, known := rooms[room]
		require.True(t, known, "%s lies in no room of the house", path)
		seen[room] = true
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.ImportsOnly)
		require.NoError(t, err)
		for _, spec := range file.Imports {
			imported, err := strconv.Unquote(spec.Path.Value)
			require.NoError(t, err)
			if of, ours := strings.CutPrefix(imported, "ugc/"); ours {
				target := strings.Split(of, "/")[0]
				require.True(t, target == room || slices.Contains(allowed, target), "%s imports %s: %s may import %v alone", path, imported, room, allowed)
			}
			if room == "domain" {
				require.NotContains(t, strings.Split(imported, "/")[0], ".", "%s imports %s: domain imports the standard library alone", path, imported)
			}
		}
		return nil
	}))
	require.Len(t, seen, len(rooms), "every room of the plan is there: %v", seen)
}
