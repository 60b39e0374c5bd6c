package registry_test

import (
	"testing"

	"ugc/deploy/embedded/registry/registrytest"
	"ugc/deploy/real/realtest"
)

// TestRegistries runs one suite over the embedded registry, which differs from Confluent's in nothing that the suite asks, and over Apicurio's, which
// differs in what stands here.
func TestRegistries(t *testing.T) {
	t.Run("embedded", func(t *testing.T) {
		_, url, _ := start(t, t.TempDir())
		registrytest.Run(t, url, registrytest.Differences{})
	})
	t.Run("Real", func(t *testing.T) {
		registrytest.Run(t, realtest.SharedRegistry(t), registrytest.Differences{SilentChecks: true, NoModes: true, NoSubjectsByID: true, LevelOfNobody: true, BadLevelIs500: true})
	})
}
