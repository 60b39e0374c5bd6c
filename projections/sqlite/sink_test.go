package sqlite

import (
	"fmt"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"ugc/projections"
	"ugc/projections/documents"
	"ugc/projections/projectionstest"
)

func TestDocumentViewsKeepTheContractOfSinks(t *testing.T) {
	for _, v := range documents.All() {
		t.Run(v.Name, func(t *testing.T) {
			projectionstest.RunSink(t, v.View, func(t *testing.T) projectionstest.Place {
				path := filepath.Join(t.TempDir(), "documents.db")
				open := func() documents.Generation {
					g, _, err := documents.Open(t.Context(), openAt(t, path), v)
					require.NoError(t, err)
					return g
				}
				return projectionstest.Place{
					Open: func() projections.Sink { return documents.Sink(v, open()) },
					Rows: func() (rows []string) {
						docs, err := open().Scan(t.Context(), "", 10_000)
						require.NoError(t, err)
						for _, d := range docs {
							rows = append(rows, fmt.Sprint(d))
						}
						return rows
					},
				}
			})
		})
	}
}
