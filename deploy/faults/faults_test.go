package faults

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

var update = flag.Bool("update", false, "write docs/FAULTS.md")

const root = "../.."

// TestThePageIsTheMatrix also fails where a test of the matrix does not exist.
func TestThePageIsTheMatrix(t *testing.T) {
	page, err := Render(root, Matrix)
	require.NoError(t, err)
	path := filepath.Join(root, "docs", "FAULTS.md")
	if *update {
		require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o755))
		require.NoError(t, os.WriteFile(path, []byte(page), 0o644))
	}
	written, err := os.ReadFile(path)
	require.NoError(t, err)
	require.Equal(t, page, string(written), "make fault-matrix writes it again")
}

func TestEveryInvariantIsShown(t *testing.T) {
	for _, i := range Invariants {
		shown := false
		for _, f := range Matrix {
			shown = shown || strings.Contains(f.Holds, i.Name)
		}
		require.True(t, shown, i.Name)
	}
}

func TestATestThatDoesNotExistIsNamed(t *testing.T) {
	_, err := Render(root, []Fault{{Name: "an eclipse", Tests: tests{"deploy/faults": {"TestEveryInvariantIsShown", "TestTheSunComesBack"}}}})
	require.ErrorContains(t, err, "TestTheSunComesBack")
}
