package edge_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/pb33f/libopenapi"
	validator "github.com/pb33f/libopenapi-validator"
	"github.com/stretchr/testify/require"

	"ugc/handlers/handlerstest"
	v1 "ugc/transport/http/v1"
	v2 "ugc/transport/http/v2"
)

func TestDocumentsAreValidOpenAPI(t *testing.T) {
	for version, raw := range map[string][]byte{"3.0.2": v1.Document, "3.1.0": v2.Document} {
		doc, err := libopenapi.NewDocument(raw)
		require.NoError(t, err)
		require.Equal(t, version, doc.GetVersion())
		_, err = doc.BuildV3Model()
		require.NoError(t, err)
		v, errs := validator.NewValidator(doc)
		require.Empty(t, errs)
		ok, faults := v.ValidateDocument()
		for _, f := range faults {
			t.Errorf("%s: %s: %s %+v", version, f.Message, f.Reason, f.SchemaValidationErrors)
		}
		require.True(t, ok)
	}
}

// The documents describe every route, and nothing else.
func TestDocumentsMatchTheRoutes(t *testing.T) {
	pages := []string{"/openapi.json", "/openapi", "/redoc", "/docs"}
	var routes1, routes2 []string
	for _, r := range v1.Routes() {
		if !slices.Contains(pages, r.Path) {
			routes1 = append(routes1, r.Method+" "+r.Path)
		}
	}
	for _, r := range v2.Routes() {
		if !slices.Contains(pages, r.Path) {
			routes2 = append(routes2, r.Method+" "+r.Path)
		}
	}
	require.ElementsMatch(t, routes1, operations(t, v1.Document))
	require.ElementsMatch(t, routes2, operations(t, v2.Document))
}

func operations(t *testing.T, document []byte) (out []string) {
	var doc struct {
		Paths map[string]map[string]struct {
			OperationID string
			Parameters  []json.RawMessage
		}
	}
	require.NoError(t, json.Unmarshal(document, &doc))
	seen := map[string]bool{}
	for path, methods := range doc.Paths {
		for method, op := range methods {
			out = append(out, strings.ToUpper(method)+" "+path)
			require.NotEmpty(t, op.OperationID)
			require.False(t, seen[op.OperationID], op.OperationID)
			seen[op.OperationID] = true
			for _, name := range []string{"user_id", "movie_id"} {
				described := slices.ContainsFunc(op.Parameters, func(p json.RawMessage) bool { return strings.Contains(string(p), name) })
				require.Equal(t, strings.Contains(path, "{"+name+"}"), described, "%s %s: %s", method, path, name)
			}
		}
	}
	return out
}

// Every route of /api/v2 is really there, and answers every method that the document gives it and no other.
func TestRoutesAnswer(t *testing.T) {
	s := start(t, &handlerstest.House{}, nil)
	methods := map[string][]string{}
	for _, r := range v2.Routes() {
		methods[r.Path] = append(methods[r.Path], r.Method)
	}
	for path, allowed := range methods {
		target := v2.Prefix + strings.NewReplacer("{user_id}", "u", "{movie_id}", "m").Replace(path)
		for _, m := range []string{"GET", "HEAD", "POST", "PUT", "DELETE", "PATCH", "OPTIONS"} {
			a := s.ask(m, target, "")
			if slices.Contains(allowed, m) || m == "HEAD" && slices.Contains(allowed, "GET") {
				require.NotEqual(t, http.StatusMethodNotAllowed, a.status, "%s %s", m, target)
				continue
			}
			require.Equal(t, http.StatusMethodNotAllowed, a.status, "%s %s", m, target)
			for _, want := range allowed {
				require.Contains(t, a.header.Get("Allow"), want, fmt.Sprint(m, target))
			}
		}
		require.Equal(t, http.StatusNotFound, s.ask("GET", target+"/", "").status, "a trailing slash is another address")
	}
}
