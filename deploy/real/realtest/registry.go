package realtest

import (
	"sync"
	"testing"
)

const registryScript = "registry.sh"

// Registry is a real schema registry.
type Registry struct{ held *held }

// StartRegistry starts one for a test; env are further settings of registry.sh. It ends with the test.
func StartRegistry(t testing.TB, env ...string) *Registry {
	t.Helper()
	Need(t, registryScript)
	r, err := startRegistry(env...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := r.held.release(); err != nil {
			t.Errorf("stop the registry: %v", err)
		}
	})
	return r
}

func startRegistry(env ...string) (*Registry, error) {
	h, err := hold(registryScript, append([]string{"UGC_REAL_REGISTRY_PORT=0"}, env...))
	if err != nil {
		return nil, err
	}
	return &Registry{held: h}, nil
}

var sharedRegistry = sync.OnceValues(func() (*Registry, error) { return startRegistry() })

// SharedRegistry is the URL of a registry that all tests of a package share: subjects need names of their own.
func SharedRegistry(t testing.TB) string {
	t.Helper()
	Need(t, registryScript)
	r, err := sharedRegistry()
	if err != nil {
		t.Fatal(err)
	}
	return r.URL()
}

// URL is the address for clients of Confluent's protocol.
func (r *Registry) URL() string { return r.held.said }

// Kill ends it as a power cut would; what it has answered is kept.
func (r *Registry) Kill(t testing.TB) {
	t.Helper()
	r.held.tell(t, registryScript, "kill")
}

// Start starts it again and returns when it serves.
func (r *Registry) Start(t testing.TB) {
	t.Helper()
	r.held.tell(t, registryScript, "start")
}
