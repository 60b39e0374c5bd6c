package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"ugc/deploy/load"
)

// load is `ugc load`: simulated viewers against a running service, and the comparison of what it shows with what it accepted.
func (p *program) load() *cobra.Command {
	var o load.Options
	var events int
	c := &cobra.Command{
		Use:   "load",
		Short: "play simulated viewers against the running service and check what it shows",
		Long: `Plays simulated viewers against a running service over HTTP: sessions with heartbeats, jumps and pauses on several devices, repetitions, late
reports, offline uploads, viewed seconds, bookmarks, likes and ratings. What they do follows from --seed, --users and --movies alone. Then it
compares every position, resume point, watched time, bookmark, like, rating and movie summary that the service shows with its own fold of what
was accepted, prints every difference, and fails if there is one.

The service may be stopped and started meanwhile: what it does not take is sent again with the same ids for as long as --patience says. Running it
again with the same seed and sizes changes nothing but must not be shorter than before; another seed has users and movies of its own.`,
		Example: "  ugc load --events 100000 --connections 64\n  ugc load --rate 1000 --duration 5m --singles 0.8 --patience 2m",
		Args:    args(cobra.NoArgs),
		RunE: func(c *cobra.Command, _ []string) error {
			settings, _, err := p.settings()
			if err != nil {
				return err
			}
			if o.URL == "" {
				o.URL = serviceURL(settings)
			}
			if o.Events = events; o.Duration > 0 && !c.Flags().Changed("events") {
				o.Events = 0
			}
			o.Rules, o.Key = settings.Rules(), settings.APIKey
			if err := o.Validate(); err != nil {
				return usageError{err}
			}
			return p.playLoad(c.Context(), o)
		},
	}
	f := c.Flags()
	f.StringVar(&o.URL, "url", "", "the service; default: the one that runs with this configuration")
	f.BoolVar(&o.AllowRemote, "allow-remote", false, "load a service on another machine, with its owner's consent")
	f.Uint64Var(&o.Seed, "seed", 1, "what the viewers do follows from it")
	f.IntVar(&o.Users, "users", 1000, "simulated viewers")
	f.IntVar(&o.Movies, "movies", 500, "films")
	f.IntVar(&events, "events", 10_000, "events to send, repetitions among them")
	f.DurationVar(&o.Duration, "duration", 0, "send for so long; with --events, until the first of both")
	f.Float64Var(&o.Rate, "rate", 0, "events a second; 0: as fast as it goes")
	f.IntVar(&o.Connections, "connections", 16, "requests at once, 1 to 1024")
	f.IntVar(&o.Batch, "batch", 100, "events in one request of those that come in batches, 1 to 1000")
	f.Float64Var(&o.Singles, "singles", 0.5, "share of visits whose events are posted one by one, 0 to 1")
	f.DurationVar(&o.Patience, "patience", time.Minute, "how long one request is tried again while the service is away")
	f.DurationVar(&o.Timeout, "timeout", 10*time.Second, "of one request")
	f.DurationVar(&o.Visible, "visible", time.Minute, "how long to wait at the end until everything accepted is visible")
	f.IntVar(&o.Readers, "readers", 8, "reads at once while comparing")
	f.DurationVar(&o.ClockSlack, "clock-slack", time.Second, "how far the service's clock may be from this machine's, or be stepped meanwhile")
	return c
}

func (p *program) playLoad(ctx context.Context, o load.Options) error {
	lines := &loadLines{out: p.err, live: terminal(p.err), told: time.Now()}
	o.Progress = lines.tell
	result, err := load.Run(ctx, o)
	lines.end()
	if result == nil {
		return err
	}
	_, printing := result.WriteTo(p.out)
	return errors.Join(err, printing)
}

// loadLines shows how far a run is: one line that changes on a terminal, a plain one every few seconds elsewhere.
type loadLines struct {
	out  io.Writer
	live bool
	told time.Time
	wide int
}

func (l *loadLines) tell(p load.Progress) {
	now := time.Now()
	if !l.live && now.Sub(l.told) < tellEvery {
		return
	}
	l.told = now
	text := loadLine(p)
	if !l.live {
		_, _ = fmt.Fprintln(l.out, text)
		return
	}
	_, _ = fmt.Fprintf(l.out, "\r%s%s", text, strings.Repeat(" ", max(0, l.wide-len(text))))
	l.wide = len(text)
}

func (l *loadLines) end() {
	if l.live && l.wide > 0 {
		_, _ = fmt.Fprintln(l.out)
	}
}

func loadLine(p load.Progress) string {
	switch p.Stage {
	case load.Waiting:
		return string(p.Stage)
	case load.Comparing:
		return fmt.Sprintf("%s: %d of %d users", p.Stage, p.Done, p.Total)
	}
	text := fmt.Sprintf("%d", p.Done)
	if p.Total > 0 {
		text += fmt.Sprintf(" of %d", p.Total)
	}
	text += fmt.Sprintf(" events, %.0f/s, p50 %s, p99 %s, %d sent again", p.Rate, p.P50.Round(10*time.Microsecond), p.P99.Round(10*time.Microsecond), p.Retries)
	if left := float64(p.Total-p.Done) / p.Rate; p.Total > 0 && p.Done > 0 {
		text += fmt.Sprintf(", %s left", time.Duration(left*float64(time.Second)).Round(time.Second))
	}
	return text
}
