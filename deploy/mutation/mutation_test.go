package main

import (
	"errors"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// root is the repository, from the folder that this test runs in.
const root = "../.."

// A mutation that no longer fits the sources takes nothing out and proves nothing.
func TestEveryMutationFitsTodaysSources(t *testing.T) {
	for _, m := range all() {
		mutated, err := m.apply(root)
		require.NoError(t, err, "%s", m.name)
		require.NotContains(t, string(mutated), "\x00")
		for _, name := range m.tests() {
			require.Contains(t, testsOf(t, m.in), name, "%s is to be caught by it", m.name)
		}
		require.True(t, len(m.by) == 1 || !strings.Contains(strings.Join(m.by, ""), "/"), "%s: a subtest stands alone", m.name)
	}
}

var testNames = regexp.MustCompile(`(?m)^func (Test\w+)\(t \*testing\.T\)`)

// testsOf names the tests of a package.
func testsOf(t *testing.T, pkg string) (names []string) {
	files, err := filepath.Glob(filepath.Join(root, filepath.FromSlash(pkg), "*_test.go"))
	require.NoError(t, err)
	for _, file := range files {
		src, err := os.ReadFile(file)
		require.NoError(t, err)
		for _, found := range testNames.FindAllSubmatch(src, -1) {
			names = append(names, string(found[1]))
		}
	}
	return names
}

func TestEveryRuleAndHazardIsCovered(t *testing.T) {
	known, covered, names := map[string]bool{}, map[string]bool{}, map[string]bool{}
	for _, c := range causes {
		require.False(t, known[c.id], c.id)
		known[c.id] = true
	}
	for _, m := range all() {
		require.Regexp(t, `^[a-z0-9]+(-[a-z0-9]+)*$`, m.name)
		require.False(t, names[m.name], "two mutations are called %s", m.name)
		require.True(t, known[m.cause], "%s brings back %q, which is no cause", m.name, m.cause)
		require.NotEmpty(t, m.takes, m.name)
		names[m.name], covered[m.cause] = true, true
	}
	for _, c := range causes {
		require.NotEqual(t, covered[c.id], c.never != "", "%s: has mutations, or a reason why it has none", c.id)
	}
}

func TestTheDocumentNamesEveryMutation(t *testing.T) {
	page, err := os.ReadFile(filepath.Join(root, document))
	require.NoError(t, err, "make mutation-table writes it")
	var listed []string
	for _, m := range all() {
		listed = append(listed, m.name)
	}
	known := documented(page)
	require.ElementsMatch(t, listed, slices.Collect(maps.Keys(known)), "make mutation-table writes it anew")
	require.Equal(t, string(render(known)), string(page), "make mutation-table writes it anew")
}

func TestAMutationThatDoesNotFitIsStale(t *testing.T) {
	dir := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(dir, "a.go"), []byte("// Package a.\npackage a\n\nvar x = 1\n\nvar y = 1\n"), 0o600))
	m := mutation{file: "a.go", old: "y = 1", new: "y = time.Now()", needs: "time"}
	out, err := m.apply(dir)
	require.NoError(t, err)
	require.Equal(t, "// Package a.\npackage a\n\nimport \"time\"\n\n\nvar x = 1\n\nvar y = time.Now()\n", string(out))
	for old, why := range map[string]string{"1": "2 times", "z": "0 times", "y =": "no Go"} {
		m := mutation{file: "a.go", old: old, new: "+"}
		_, err := m.apply(dir)
		require.ErrorContains(t, err, why)
	}
}

func TestWhatGoTestSays(t *testing.T) {
	o, err := readEvents(strings.NewReader(`{"Action":"run","Test":"TestA"}
{"Action":"output","Test":"TestA/x","Output":"    a_test.go:1: red\n"}
{"Action":"fail","Test":"TestA/x"}
{"Action":"fail","Test":"TestA"}
{"Action":"pass","Test":"TestB/y"}
{"Action":"pass","Test":"TestB"}
{"Action":"skip","Test":"TestC"}
{"Action":"fail","Package":"p","Elapsed":1.5}
`))
	require.NoError(t, err)
	require.NoError(t, o.verdict())
	require.Equal(t, outcome{passed: []string{"TestB"}, failed: []string{"TestA"}, skipped: []string{"TestC"}, built: true, took: 1500 * time.Millisecond, output: "    a_test.go:1: red\n"}, o)

	o, err = readEvents(strings.NewReader(`{"Action":"build-output","Output":"a.go:1: undefined: x\n"}` + "\n" + `{"Action":"fail","FailedBuild":"p"}` + "\n"))
	require.NoError(t, err)
	require.False(t, o.built)
	require.ErrorContains(t, o.verdict(), "does not compile")

	o, err = readEvents(strings.NewReader(`{"Action":"output","Test":"TestA","Output":"panic: test timed out after 1s\n"}` + "\n" + `{"Action":"fail","Test":"TestA"}` + "\n"))
	require.NoError(t, err)
	require.ErrorContains(t, o.verdict(), "time out")

	o, err = readEvents(strings.NewReader(`{"Action":"pass","Test":"TestA"}`))
	require.NoError(t, err)
	require.ErrorContains(t, o.verdict(), "uncaught: TestA")

	o, err = readEvents(strings.NewReader(`{"Action":"skip","Test":"TestA"}`))
	require.NoError(t, err)
	require.ErrorContains(t, o.verdict(), "no test was run")
}

func TestTheDocumentKeepsTheRowsOfThoseThatWereNotRun(t *testing.T) {
	path := filepath.Join(t.TempDir(), "page.md")
	m := all()
	caught := []result{{mutation: m[0], by: []string{"TestX", "TestY"}, took: 1500 * time.Millisecond}, {mutation: m[1], by: []string{"TestZ"}}}
	require.NoError(t, writeDocument(path, caught))
	require.NoError(t, writeDocument(path, []result{{mutation: m[1], err: errors.New("uncaught")}, {mutation: m[2], by: []string{"TestU"}}}))
	page, err := os.ReadFile(path)
	require.NoError(t, err)
	require.Equal(t, map[string]row{m[0].name: {"TestX, TestY", "1.5"}, m[2].name: {"TestU", "0.0"}}, documented(page))
	for _, c := range causes {
		require.Contains(t, string(page), c.says)
	}
}
