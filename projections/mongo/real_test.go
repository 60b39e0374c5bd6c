package mongo

import (
	"context"
	"fmt"
	"net/url"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"
	"go.mongodb.org/mongo-driver/bson"

	"ugc/deploy/real/realtest"
	"ugc/projections"
	"ugc/projections/documents"
	"ugc/projections/documents/documentstest"
	"ugc/projections/projectionstest"
)

var databases atomic.Int64

// database is the address of an empty database of a server, gone with the test.
func database(t testing.TB, uri string) string {
	t.Helper()
	u, err := url.Parse(uri)
	require.NoError(t, err)
	u.Path = fmt.Sprintf("/test_%d", databases.Add(1))
	t.Cleanup(func() {
		s, err := Open(t.Context(), Options{URI: u.String()})
		require.NoError(t, err)
		defer func() { _ = s.Close() }()
		_ = s.db.RunCommand(context.Background(), bson.D{{Key: "dropDatabase", Value: 1}}).Err() // a server that was killed has none
	})
	return u.String()
}

func openAt(t testing.TB, o Options) *Store {
	t.Helper()
	s, err := Open(t.Context(), o)
	require.NoError(t, err)
	t.Cleanup(func() { _ = s.Close() })
	return s
}

// TestTheStoreKeepsTheContractOnARealServer runs what SQLite runs as well, and looks at every command that goes over the wire meanwhile.
func TestTheStoreKeepsTheContractOnARealServer(t *testing.T) {
	uri := realtest.MongoURI(t)
	w := watch()
	documentstest.Run(t, func(t *testing.T) func() documents.Store {
		at := database(t, uri)
		return func() documents.Store { return openAt(t, Options{URI: at, Monitor: w.monitor()}) }
	})
	w.check(t)
}

func TestDocumentViewsKeepTheContractOfSinksOnARealServer(t *testing.T) {
	uri := realtest.MongoURI(t)
	w := watch()
	for _, v := range documents.All() {
		t.Run(v.Name, func(t *testing.T) {
			projectionstest.RunSink(t, v.View, func(t *testing.T) projectionstest.Place {
				at := database(t, uri)
				open := func() documents.Generation {
					g, _, err := documents.Open(t.Context(), openAt(t, Options{URI: at, Monitor: w.monitor()}), v)
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
	w.check(t)
}
