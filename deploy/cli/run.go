package cli

import (
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"ugc/deploy"
	"ugc/deploy/embedded/clickhouse"
)

func (p *program) run() *cobra.Command {
	var roles []string
	c := &cobra.Command{
		Use: "run", Short: "start everything that the configuration asks for; without any, everything on this machine", Args: args(cobra.NoArgs),
		Long: "Starts the parts that the configuration asks for and runs until it is interrupted. Without any settings that is everything,\non loopback, with data under ./data. With servers named, one process can do a part of\nthe work, by --roles or UGC_ROLES, and every part can be done by many processes. Stopping drains: what was accepted is in the log before the process ends.",
		RunE: func(c *cobra.Command, _ []string) error {
			settings, _, err := p.settings(playing(c, roles)...)
			if err != nil {
				return err
			}
			holdMemory(c.Context())
			house := deploy.New(settings, p.version, deploy.NewLogger(settings, p.err))
			if err := house.Run(c.Context(), p.announce); err != nil {
				return err
			}
			_, err = fmt.Fprintln(p.out, "stopped")
			return err
		},
	}
	c.Flags().StringSliceVar(&roles, "roles", nil, "what this process does: edge, streams, projections; overrides UGC_ROLES")
	return c
}

// playing is the flag --roles as the variable that it overrides, nothing where it was not given.
func playing(c *cobra.Command, roles []string) []string {
	if !c.Flags().Changed("roles") {
		return nil
	}
	return []string{"UGC_ROLES=" + strings.Join(roles, ",")}
}

// announce tells a person where everything is.
func (p *program) announce(w deploy.Where) {
	say := func(format string, a ...any) { _, _ = fmt.Fprintf(p.out, format+"\n", a...) }
	say("ugc %s is ready after %s", p.version, w.Took.Round(10*time.Millisecond))
	if w.HTTP != "" && !w.Edge {
		say("  health   http://%s/healthz/ready   metrics http://%s/metrics", w.HTTP, w.HTTP)
	} else if w.HTTP != "" {
		say("  API      http://%s/api/v2   (movies_ugc's: http://%s/api/v1)", w.HTTP, w.HTTP)
		say("  OpenAPI  http://%s/api/v2/docs   http://%s/api/v1/openapi", w.HTTP, w.HTTP)
	}
	if w.Kafka != "" {
		say("  Kafka    %s", w.Kafka)
	}
	say("  data     %s", w.Data)
	say("Ctrl-C stops it.")
}

func (p *program) init() *cobra.Command {
	var o deploy.InitOptions
	c := &cobra.Command{
		Use: "init", Short: "make topics, schemas, tables and views; safe to repeat", Args: args(cobra.NoArgs),
		RunE: func(c *cobra.Command, _ []string) error {
			settings, _, err := p.settings()
			if err != nil {
				return err
			}
			changes, err := deploy.New(settings, p.version, deploy.NewLogger(settings, p.err)).Init(c.Context(), o)
			for _, change := range changes {
				_, _ = fmt.Fprintln(p.out, change)
			}
			if err == nil && len(changes) == 0 {
				_, err = fmt.Fprintln(p.out, "everything is there")
			}
			return err
		},
	}
	c.Flags().BoolVar(&o.Dry, "dry-run", false, "say what would be done, and do nothing")
	c.Flags().BoolVar(&o.ClickHouseLater, "clickhouse-later", false, "go on where ClickHouse cannot be reached; projections make its tables when it is there")
	return c
}

// engine is the child process that runs the embedded ClickHouse; `ugc run` starts it.
func (p *program) engine() *cobra.Command {
	return &cobra.Command{
		Use: "clickhouse-engine", Hidden: true, DisableFlagParsing: true,
		RunE: func(c *cobra.Command, a []string) error {
			options, err := clickhouse.ParseChild(a)
			if err != nil {
				return usageError{err}
			}
			return clickhouse.Child(c.Context(), options)
		},
	}
}
