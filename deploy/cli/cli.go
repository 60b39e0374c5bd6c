// Package cli is the command line: it reads flags, asks deploy to build the parts, and runs them.
package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"

	"ugc/deploy/config"
)

// Exit codes. Scripts may rely on them.
const (
	exitOK      = 0
	exitFailed  = 1   // the work failed; the message says why
	exitUsage   = 2   // the command line or the configuration is wrong; nothing was done
	exitStopped = 130 // interrupted before the work was done
)

// usageError is a fault of the command line or the configuration.
type usageError struct{ error }

func (e usageError) Unwrap() error { return e.error }

// program is what every command shares.
type program struct {
	version string
	out     io.Writer
	err     io.Writer
	dotenv  string
}

// Main runs one command line and returns the exit code. The first signal to stop asks what runs to stop, a second one ends the process.
func Main(version string, args []string, out, err io.Writer) int {
	ctx, stop := signal.NotifyContext(context.Background(), stopSignals()...)
	defer stop()
	context.AfterFunc(ctx, stop) // the next signal has its usual effect
	p := &program{version: version, out: out, err: err}
	root := p.root()
	root.SetArgs(args)
	failure := root.ExecuteContext(ctx)
	switch {
	case failure == nil:
		return exitOK
	case errors.Is(failure, context.Canceled) && ctx.Err() != nil:
		_, _ = fmt.Fprintln(err, "ugc: interrupted")
		return exitStopped
	}
	_, _ = fmt.Fprintf(err, "ugc: %v\n", failure)
	if _, usage := errors.AsType[usageError](failure); usage {
		return exitUsage
	}
	return exitFailed
}

// stopSignals ask a command to stop. A terminal that closes sends SIGHUP; who started the program with nohup wants it to go on.
func stopSignals() []os.Signal {
	signals := []os.Signal{os.Interrupt, syscall.SIGTERM}
	if !signal.Ignored(syscall.SIGHUP) {
		signals = append(signals, syscall.SIGHUP)
	}
	return signals
}

func (p *program) root() *cobra.Command {
	root := &cobra.Command{
		Use:           "ugc",
		Short:         "What people do with films: taken once, decided once, shown exactly",
		Long:          "ugc takes playback reports, likes, bookmarks and ratings over HTTP, decides each of them once, and keeps views of them:\npositions, documents, analytics. `ugc run` starts everything on this machine.",
		SilenceUsage:  true,
		SilenceErrors: true,
		Version:       p.version,
		Args:          args(cobra.NoArgs),
		RunE:          func(c *cobra.Command, _ []string) error { return c.Help() },
	}
	root.SetOut(p.out)
	root.SetErr(p.err)
	root.SetVersionTemplate("ugc {{.Version}}\n")
	root.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return usageError{err} })
	root.PersistentFlags().StringVar(&p.dotenv, "env-file", ".env", "read settings from this file where the environment has none")
	root.CompletionOptions.HiddenDefaultCmd = true
	root.AddCommand(p.run(), p.init(), p.importing(), p.load(), p.audit(), p.log(), p.sql(), p.config(), p.topology(), p.key(), p.versionCommand(), p.engine())
	return root
}

// settings loads the configuration for a command; flags, as NAME=value, override the environment.
func (p *program) settings(flags ...string) (*config.Config, config.Sources, error) {
	c, from, err := config.Load(append(config.Environ(), flags...), p.dotenv)
	if err != nil {
		return nil, nil, usageError{fmt.Errorf("the configuration is wrong:\n%w", err)}
	}
	return c, from, nil
}

// args makes cobra's complaints about arguments usage errors.
func args(check cobra.PositionalArgs) cobra.PositionalArgs {
	return func(c *cobra.Command, a []string) error {
		if err := check(c, a); err != nil {
			return usageError{fmt.Errorf("%w\nusage: %s", err, c.UseLine())}
		}
		return nil
	}
}
