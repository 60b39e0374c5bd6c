package cli

import (
	"fmt"
	"runtime"

	"github.com/spf13/cobra"

	"ugc/deploy"
	"ugc/deploy/config"
)

func (p *program) config() *cobra.Command {
	var reference bool
	c := &cobra.Command{
		Use: "config", Short: "print the effective configuration, secrets masked", Args: args(cobra.NoArgs),
		RunE: func(*cobra.Command, []string) error {
			if reference {
				return config.Reference(p.out)
			}
			settings, from, err := p.settings()
			if err != nil {
				return err
			}
			return settings.Print(p.out, from)
		},
	}
	c.Flags().BoolVar(&reference, "reference", false, "print the table of all settings instead, in Markdown")
	return c
}

func (p *program) topology() *cobra.Command {
	return &cobra.Command{
		Use: "topology", Short: "print what flows where", Args: args(cobra.NoArgs),
		RunE: func(*cobra.Command, []string) error { return deploy.PrintTopology(p.out) },
	}
}

func (p *program) versionCommand() *cobra.Command {
	return &cobra.Command{
		Use: "version", Short: "print the version", Args: args(cobra.NoArgs),
		RunE: func(*cobra.Command, []string) error {
			_, err := fmt.Fprintf(p.out, "ugc %s %s %s/%s\n", p.version, runtime.Version(), runtime.GOOS, runtime.GOARCH)
			return err
		},
	}
}
