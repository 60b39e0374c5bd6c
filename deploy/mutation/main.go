// Command mutation switches the cures of exactness off, one at a time, and shows which test catches it.
//
// A mutation is a value: a piece of source that holds a rule up or sets a stock setting on purpose, what stands there when the cure is taken out,
// and the tests that must turn red. It is applied through go test's overlay, so the tree is never touched. The run fails when a mutation
// goes uncaught, and when the source that it names has changed under it.
package main

import (
	"cmp"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"
)

// document is the generated table, from the root of the repository.
const document = "docs/MUTATIONS.md"

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, os.Args[1:], os.Stdout)
	stop()
	if errors.Is(err, flag.ErrHelp) {
		return
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "mutation:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string, out io.Writer) error {
	flags := flag.NewFlagSet("mutation", flag.ContinueOnError)
	root := flags.String("root", ".", "the repository")
	name := flags.String("m", "", "only the mutations of these names, by commas; they may be patterns such as sarama-*")
	in := flags.String("in", "", "only the mutations that tests of this package catch")
	missing := flags.Bool("missing", false, "only the mutations that "+document+" does not have")
	list := flags.Bool("list", false, "list the mutations and run nothing")
	write := flags.Bool("write", false, "write what was caught into "+document+"; rows of mutations that were not run stay as they are")
	tool := flags.String("go", "go", "the go command, with what is to be run before it, such as 'nice go'")
	jobs := flags.Int("jobs", 2, "mutations at once")
	limit := flags.Duration("limit", 45*time.Minute, "the longest that the whole run may take")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if flags.NArg() > 0 || *jobs < 1 || strings.TrimSpace(*tool) == "" {
		return errors.New("usage: mutation [-list] [-m name] [-in package] [-missing] [-write] [-jobs n] [-limit d] [-go command] [-root folder]")
	}
	absolute, err := filepath.Abs(*root)
	if err != nil {
		return err
	}
	known := map[string]row{}
	if *missing {
		if known, err = readDocument(filepath.Join(absolute, document)); err != nil {
			return err
		}
	}
	chosen := slices.DeleteFunc(all(), func(m mutation) bool {
		named := slices.ContainsFunc(strings.Split(cmp.Or(*name, "*"), ","), func(pattern string) bool {
			fits, err := path.Match(pattern, m.name)
			return fits && err == nil
		})
		_, has := known[m.name]
		return !named || has || *in != "" && m.in != *in
	})
	if len(chosen) == 0 {
		return fmt.Errorf("there is no mutation %s %s: -list lists them", *name, *in)
	}
	if *list {
		for _, m := range chosen {
			fmt.Fprintf(out, "%-36s %-10s %s\n", m.name, m.cause, m.takes)
		}
		return nil
	}
	ctx, cancel := context.WithTimeoutCause(ctx, *limit, fmt.Errorf("the run took longer than %s", *limit))
	defer cancel()
	l := &laboratory{root: absolute, tool: strings.Fields(*tool), jobs: *jobs, out: out}
	began := time.Now()
	results, err := l.run(ctx, chosen)
	if *write {
		err = errors.Join(err, writeDocument(filepath.Join(absolute, document), results))
	}
	return errors.Join(err, report(out, results, time.Since(began)))
}

// report says what became of the run. The error counts what is not as it should be.
func report(out io.Writer, results []result, took time.Duration) error {
	bad := 0
	for _, r := range results {
		if r.err != nil {
			bad++
			fmt.Fprintln(out, r)
		}
	}
	fmt.Fprintf(out, "%d of %d mutations caught in %s\n", len(results)-bad, len(results), took.Round(time.Second))
	if bad > 0 {
		return fmt.Errorf("%d of %d mutations are not caught", bad, len(results))
	}
	return nil
}
