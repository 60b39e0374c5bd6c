package edge_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"ugc/handlers/handlerstest"
	edge "ugc/transport/http"
)

// A view that is late is told, and turns nobody away.
func TestReportsAreNoChecks(t *testing.T) {
	s := start(t, &handlerstest.House{}, func(o *edge.Options) {
		o.CheckTimeout = patience
		o.Checks = map[string]func(context.Context) error{"broker": func(context.Context) error { return nil }}
		o.Reports = map[string]func(context.Context) error{
			"view ratings": func(context.Context) error { return errors.New("write fails since noon") },
			"view likes":   func(context.Context) error { return nil },
		}
	})
	require.Eventually(t, func() bool { return s.ask("GET", "/healthz/ready", "").status == 200 }, patience, time.Millisecond)
	require.JSONEq(t, `{"status":"ready","checks":{"broker":"ok"},"reports":{"view likes":"ok","view ratings":"write fails since noon"}}`,
		s.ask("GET", "/healthz/ready", "").body)
}
