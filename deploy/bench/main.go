// Command bench measures how fast ugc is beside peers that do the same without it, in one run on one machine. `make bench` runs every
// contest and prints a table, `make bench BENCH=name` runs one, `go run ./deploy/bench -list` names them all.
//
// # How it measures
//
// Each measurement of a contender is a process of its own, made from this same binary, with a fresh empty folder: its CPU time and peak memory are
// nobody else's. What it needs beside itself (broker, load generator, a whole service) are further processes, started through its
// Workplace. Contenders take turns, ours, peer, ours, peer …, so that whatever else the machine does hits both; a ratio is that of two neighbours,
// and the median of the ratios is what is judged.
//
// # How to add a contest
//
// Write one file with a function that returns the Contest, and add it to the list in contests.go:
//
//	func decide() Contest {
//		return Contest{
//			Name: "decide", What: "decisions with table and outcome, exact", Against: "the same fold with stock goka settings", Unit: "events",
//			Goal: 1.2, Aim: 2,
//			Ours: Contender{"ugc's processor", decideOurs},
//			Peer: Contender{"stock goka", decideStock},
//		}
//	}
//
//	func decideOurs(ctx context.Context, w *Workplace) (Sample, error) {
//		b, err := w.Backbone(ctx) // broker and registry in a process of its own; ends with this one
//		… prepare in w.Dir …
//		return w.Measure(func() (int64, error) { … do it …; return events, nil })
//	}
//
// Without a Peer a contest has Bounds instead: figures that its samples carry and that must not be exceeded. It may have both. A new kind of process
// beside the measured one is a Program in programs.go. While you work on a contender: -times 1, and -profile DIR, which leaves CPU and heap
// profiles of what is measured.
//
// Exit code: 0 everything was measured (goals met or not; with -strict only if all are met), 1 something could not be measured, 2 wrong command line.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"slices"
	"strings"
	"syscall"

	"ugc/deploy/cli"
)

func main() { os.Exit(run(os.Args[1:], os.Stdout, os.Stderr)) }

func run(args []string, out, errs io.Writer) int {
	if len(args) > 0 && args[0] == childArgument {
		return child(args[1:], errs)
	}
	if len(args) > 0 && args[0] == engineArgument {
		return cli.Main("bench", args, out, errs) // the ClickHouse child of a service that runs as one of our processes
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	context.AfterFunc(ctx, stop) // the next signal has its usual effect
	o, err := parse(args, errs)
	switch {
	case errors.Is(err, flag.ErrHelp):
		return 0
	case err != nil:
		_, _ = fmt.Fprintf(errs, "bench: %v\n", err)
		return 2
	}
	if o.list {
		list(out, o.contests)
		return 0
	}
	if err := compete(ctx, o, out, errs); err != nil {
		_, _ = fmt.Fprintf(errs, "bench: %v\n", err)
		return 1
	}
	return 0
}

// engineArgument is how a running service starts its ClickHouse child from the binary that it is in.
const engineArgument = "clickhouse-engine"

// options of one run.
type options struct {
	contests []Contest
	times    int
	list     bool
	strict   bool
	json     string
	profile  string
	settings settings
}

// settings are numbers that contenders ask for by name, where the command line says other than their default.
type settings map[string]int64

// String implements flag.Value.
func (s settings) String() string { return "" }

// Set implements flag.Value.
func (s settings) Set(text string) error {
	name, value, ok := strings.Cut(text, "=")
	var n int64
	if _, err := fmt.Sscan(strings.ReplaceAll(value, "_", ""), &n); !ok || name == "" || err != nil {
		return errors.New("give name=number")
	}
	s[name] = n
	return nil
}

func parse(args []string, errs io.Writer) (o options, err error) {
	o.settings = settings{}
	names, real := "", false
	f := flag.NewFlagSet("bench", flag.ContinueOnError)
	f.SetOutput(errs)
	f.StringVar(&names, "run", "", "contests to run, separated by commas; empty: all that need no real server")
	f.BoolVar(&real, "real", false, "all that need a real server, instead")
	f.IntVar(&o.times, "times", 5, "how often each contender is measured, where its contest does not say otherwise")
	f.BoolVar(&o.list, "list", false, "name the contests and run none")
	f.BoolVar(&o.strict, "strict", false, "fail where a goal is missed")
	f.StringVar(&o.json, "json", "", "write everything measured to this file too")
	f.StringVar(&o.profile, "profile", "", "leave CPU and heap profiles in this folder")
	f.Var(o.settings, "set", "name=number: a setting of a contest, such as events=10000000; may be repeated")
	if err := f.Parse(args); err != nil {
		return o, err
	}
	if f.NArg() > 0 || o.times < 1 {
		return o, errors.New("takes no arguments but flags, and -times is at least 1")
	}
	o.contests, err = choose(registered(), names)
	if names == "" && !o.list {
		o.contests = slices.DeleteFunc(o.contests, func(c Contest) bool { return c.Real != real })
	}
	return o, err
}

// choose picks contests by name, all where none is named. Names may be given in any order; the list's order is kept.
func choose(all []Contest, names string) ([]Contest, error) {
	if names == "" {
		return all, nil
	}
	wanted := map[string]bool{}
	for name := range strings.SplitSeq(names, ",") {
		wanted[strings.TrimSpace(name)] = true
	}
	var chosen []Contest
	for _, c := range all {
		if wanted[c.Name] {
			chosen = append(chosen, c)
			delete(wanted, c.Name)
		}
	}
	for name := range wanted {
		return nil, fmt.Errorf("there is no contest %q; -list names them", name)
	}
	return chosen, nil
}
