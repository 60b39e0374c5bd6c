package validate

import (
	"os/exec"
	"testing"

	"github.com/stretchr/testify/require"
)

// The targets that people know from movies_ugc, and what each runs.
func TestTargetsThatPeopleKnow(t *testing.T) {
	const compose = "docker compose --env-file .env.local -f deploy/compose/compose.yaml "
	for target, want := range map[string]string{
		"up":                            compose + " --profile default up -d --build",
		"run-olap":                      compose + " --profile olap up -d --build",
		"run-oltp":                      compose + " --profile oltp up -d --build",
		"run-nosql":                     compose + " --profile nosql up -d --build",
		"run-api":                       compose + " --profile api up -d --build",
		"logs s=edge":                   "logs -f --tail 200 edge",
		"bash":                          "exec edge sh",
		"bash s=streams":                "exec streams sh",
		"stop s=nginx":                  "stop nginx",
		"down":                          "down",
		"remove":                        "down --volumes --remove-orphans",
		"config":                        "config",
		"up ENVIRONMENT=development":    "-f deploy/compose/compose.dev.yaml --profile default up",
		"env":                           "deploy/compose/env.example",
		"prebuild ENVIRONMENT=whatever": "build",
	} {
		make := exec.CommandContext(t.Context(), "sh", "-c", "make -n "+target)
		make.Dir = root
		out, err := make.CombinedOutput()
		require.NoError(t, err, "%s: %s", target, out)
		require.Contains(t, string(out), want, target)
	}
}
