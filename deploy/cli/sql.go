package cli

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"ugc/deploy"
	"ugc/projections/clickhouse"
)

// maxStatement bounds what is read as one query.
const maxStatement = 1 << 20

func (p *program) sql() *cobra.Command {
	var format string
	c := &cobra.Command{
		Use: "sql QUERY", Short: "ask the analytics, read-only; - reads the query from standard input",
		Long: "Asks ClickHouse: the engine of the service that runs on this data folder, or the server that UGC_CLICKHOUSE names. Nothing can be changed.\nTables: playback_events, viewing, feedback_events, feedback, movie_audience, watch_by_hour, retention.",
		Args: args(cobra.ExactArgs(1)),
		Example: `  ugc sql "SELECT movie_id, viewers, mean_rating FROM movie_audience ORDER BY viewers DESC LIMIT 10"
  ugc sql --format csv "SELECT * FROM viewing" > viewing.csv`,
		RunE: func(c *cobra.Command, a []string) error {
			settings, _, err := p.settings()
			if err != nil {
				return err
			}
			if format == "" {
				format = "csv"
				if terminal(p.out) {
					format = "table"
				}
			}
			f, err := clickhouse.ParseFormat(format)
			if err != nil {
				return usageError{err}
			}
			query := a[0]
			if query == "-" {
				b, err := io.ReadAll(io.LimitReader(os.Stdin, maxStatement+1))
				if err != nil {
					return fmt.Errorf("read the query: %w", err)
				}
				if len(b) > maxStatement {
					return usageError{errors.New("the query is longer than 1 MiB")}
				}
				query = string(b)
			}
			if strings.TrimSpace(query) == "" {
				return usageError{errors.New("the query is empty")}
			}
			return deploy.Query(c.Context(), settings, query, f, p.out)
		},
	}
	c.Flags().StringVar(&format, "format", "", "table, csv or jsonl (one object a line); default: table on a terminal, csv elsewhere")
	return c
}
