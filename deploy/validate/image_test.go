package validate

import (
	"debug/elf"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/moby/buildkit/frontend/dockerfile/instructions"
	"github.com/moby/buildkit/frontend/dockerfile/parser"
	"github.com/stretchr/testify/require"
)

func dockerfile(t *testing.T) []instructions.Stage {
	t.Helper()
	f, err := os.Open(filepath.Join(root, "deploy/images/Dockerfile"))
	require.NoError(t, err)
	defer func() { _ = f.Close() }()
	parsed, err := parser.Parse(f)
	require.NoError(t, err)
	require.Empty(t, parsed.Warnings)
	stages, _, err := instructions.Parse(parsed.AST, nil)
	require.NoError(t, err)
	return stages
}

func TestImageIsThinAndRunsAsNobody(t *testing.T) {
	stages := dockerfile(t)
	require.Len(t, stages, 2, "what builds the program is not in the image")
	last := stages[1]
	require.Contains(t, last.BaseName, "busybox")
	var user, health, env string
	for _, c := range last.Commands {
		switch x := c.(type) {
		case *instructions.UserCommand:
			user = x.User
		case *instructions.HealthCheckCommand:
			health = strings.Join(x.Health.Test, " ")
		case *instructions.RunCommand:
			t.Fatal("nothing is installed into the image")
		case *instructions.CopyCommand:
			require.NotEmpty(t, x.From, "nothing but what was built is copied")
		case *instructions.EnvCommand:
			for _, kv := range x.Env {
				env += kv.Key + " "
			}
		}
	}
	require.Equal(t, "65532:65532", user)
	require.Contains(t, health, "/healthz/ready")
	onlySettings(t, "the image", strings.Fields(env))
}

// The image's C library is all that it has: the binary must ask for nothing else. Built as the image builds it.
func TestImageHasTheLibrariesThatTheBinaryNeeds(t *testing.T) {
	var build string
	for _, c := range dockerfile(t)[0].Commands {
		if run, ok := c.(*instructions.RunCommand); ok && strings.Contains(strings.Join(run.CmdLine, " "), "go build") {
			build = strings.Join(run.CmdLine, " ")
		}
	}
	require.Contains(t, build, "CGO_ENABLED=1")
	require.Contains(t, build, "-tags netgo,osusergo")
	binary, err := elf.Open(programAs(t, "-tags", "netgo,osusergo"))
	require.NoError(t, err)
	defer func() { _ = binary.Close() }()
	libraries, err := binary.ImportedLibraries()
	require.NoError(t, err)
	require.Equal(t, []string{"libc.so.6"}, libraries)
}

// programAs builds ugc.
func programAs(t *testing.T, flags ...string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "ugc")
	build := exec.CommandContext(t.Context(), "go", append(append([]string{"build", "-o", path}, flags...), ".")...)
	build.Dir, build.Env = root, append(os.Environ(), "CGO_ENABLED=1")
	out, err := build.CombinedOutput()
	require.NoError(t, err, string(out))
	return path
}
