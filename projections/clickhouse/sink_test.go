package clickhouse_test

import (
	"fmt"
	"sync/atomic"
	"testing"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
	"github.com/stretchr/testify/require"

	"ugc/projections"
	"ugc/projections/clickhouse"
	"ugc/projections/projectionstest"
)

func TestSinksKeepTheContract(t *testing.T) {
	s, database := newStore(t, func(o *clickhouse.Options) { o.BlockRows = 50 })
	conn := connect(t, database)
	var numbers atomic.Int64
	for _, v := range s.Views() {
		t.Run(v.Name, func(t *testing.T) {
			projectionstest.RunSink(t, v, func(t *testing.T) projectionstest.Place {
				g := projections.Generation{View: v.Name, Number: int(numbers.Add(1)) + 1}
				require.NoError(t, s.CreateGeneration(t.Context(), g))
				return projectionstest.Place{
					Open: func() projections.Sink {
						sink, err := s.Sink(g)
						require.NoError(t, err)
						return sink
					},
					Rows: func() []string {
						require.NoError(t, s.Swap(t.Context(), g))
						return scan(t, conn, func(rows driver.Rows, r *string) error { return rows.Scan(r) }, fmt.Sprintf("SELECT toString(tuple(*)) FROM %s", v.Name))
					},
				}
			})
		})
	}
}
