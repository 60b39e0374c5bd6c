package cli

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"ugc/deploy"
	"ugc/deploy/audit"
)

// audit is `ugc audit`: whether everything that was accepted is stored, once and as it should be.
func (p *program) audit() *cobra.Command {
	var o audit.Options
	c := &cobra.Command{
		Use: "audit", Short: "compare what was accepted with what is stored, in every partition and view", Args: args(cobra.NoArgs),
		Long: `Folds every command of the log once more, by a second reading of README's rules that shares no code with the service, and holds the result against
what is stored: for each command one event, or one dead letter that the record itself or an earlier letter of its key justifies; for each event one row;
and every state - tables, viewing, feedback, likes, bookmarks, ratings, movie summaries, and the views that ClickHouse derives: movie_audience,
watch_by_hour, retention. An event is judged by the rules that it names, so a changed setting makes no difference. It names what is missing, doubled,
different or set aside without a cause with the record to look at, and fails if there is anything.

It runs beside a running service, which may go on taking events, and changes nothing. What was accepted when it begins must be there; it waits for
processors and views to get so far. Derived views are compared at a moment when nothing is being written to them; where there was none, the audit says which
were not compared, and fails: run it again with a longer --wait.

Memory: what is known of one partition's keys at a time, and 18 bytes for each of its commands.`,
		Example: "  ugc audit\n  ugc audit --wait 5m --limit 1000",
		RunE: func(c *cobra.Command, _ []string) error {
			settings, _, err := p.settings()
			if err != nil {
				return err
			}
			if o.Wait < 0 || o.Wait > time.Hour || o.Limit < 1 || o.Limit > 100_000 {
				return usageError{errors.New("--wait must be 0 to 1h, --limit 1 to 100000")}
			}
			lines := newStages(p.err)
			o.Progress = lines.tell
			result, err := deploy.Audit(c.Context(), settings, o)
			lines.end()
			if err != nil {
				return errors.Join(context.Cause(c.Context()), err)
			}
			if _, err := result.WriteTo(p.out); err != nil {
				return fmt.Errorf("print the result: %w", err)
			}
			if n := result.Total(); n > 0 {
				return fmt.Errorf("%d differences between what was accepted and what is stored", n)
			}
			if left := result.Uncompared(); len(left) > 0 {
				return fmt.Errorf("no difference was found, but %s could not be compared: %s", strings.Join(left, ", "), audit.HowToCompare)
			}
			return nil
		},
	}
	c.Flags().DurationVar(&o.Wait, "wait", 30*time.Second, "how long processors and views may take to reach what was accepted when the audit begins")
	c.Flags().IntVar(&o.Limit, "limit", 100, "differences listed of each check; all are counted")
	return c
}
