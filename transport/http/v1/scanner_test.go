package v1

import (
	"bufio"
	"encoding/json"
	"os"
	"strconv"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/require"
)

// lines reads a file of JSON pairs.
func lines(t *testing.T, name string) (pairs [][2]string) {
	t.Helper()
	f, err := os.Open(name)
	require.NoError(t, err)
	defer f.Close()
	s := bufio.NewScanner(f)
	for s.Scan() {
		var p [2]string
		require.NoError(t, json.Unmarshal(s.Bytes(), &p))
		pairs = append(pairs, p)
	}
	require.NoError(t, s.Err())
	require.NotEmpty(t, pairs)
	return pairs
}

// testdata/cpython.jsonl holds documents, most of them broken, and what json.loads of CPython 3.11 says of each: nothing, or where and why.
func TestScannerSaysWhatCPythonSays(t *testing.T) {
	for _, p := range lines(t, "testdata/cpython.jsonl") {
		_, err := parse(p[0])
		if p[1] == "" {
			require.NoError(t, err, "%q", p[0])
		} else {
			require.EqualError(t, err, p[1], "%q", p[0])
		}
	}
}

// testdata/floats.jsonl holds numbers and Python's repr of each.
func TestFloatsReadAsInPython(t *testing.T) {
	for _, p := range lines(t, "testdata/floats.jsonl") {
		f, err := strconv.ParseFloat(p[0], 64)
		require.NoError(t, err)
		require.Equal(t, p[1], pyFloat(f), p[0])
	}
}

func FuzzScanner(f *testing.F) {
	for _, s := range []string{`{"a":[1,2.5,"x\u00e9",null,true]}`, `"\ud83d\ude00"`, "[[[[", `{"a":1,"a":2}`, "\ufeff{}", "NaN"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, doc string) {
		_, err := parse(doc)
		strict := json.Valid([]byte(doc)) && utf8.ValidString(doc) && strings.Count(doc, "[")+strings.Count(doc, "{") < maxDepth && len(doc) < maxDigits
		if strict {
			require.NoError(t, err, "%q", doc) // whatever is JSON is read
		}
	})
}

func TestMatch(t *testing.T) {
	for path, want := range map[string]string{
		"/healthcheck/ping":          "/healthcheck/ping",
		"/favorites/users/u":         "/favorites/users/{user_id}",
		"/likes/users/u/movies/m":    "/likes/users/{user_id}/movies/{movie_id}",
		"/likes/users//movies/m":     "",
		"/likes/users/u/movies/":     "",
		"/likes/users/u/movies/m/":   "",
		"/likes/users/u/movies/m/n":  "",
		"/":                          "",
		"":                           "",
		"//healthcheck/ping":         "",
		"/healthcheck":               "",
		"/healthcheck/ping/anything": "",
	} {
		var r request
		got, _ := find("POST", path, &r)
		if got == nil {
			got, _ = find("GET", path, &r)
		}
		if want == "" {
			require.Nil(t, got, path)
		} else {
			require.Equal(t, want, got.Path, path)
		}
	}
}
