package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"
)

// laboratory runs mutations over one repository.
type laboratory struct {
	root string
	tool []string // the go command
	jobs int

	mu  sync.Mutex
	out io.Writer
}

// result is what became of one mutation. err is nil where a test caught it.
type result struct {
	mutation mutation
	by       []string
	took     time.Duration
	err      error
}

// run checks that the chosen tests pass as things are, then takes one cure out after another. The results are in the order of their end. The error
// is about the run itself, and comes with the results until then; what goes uncaught stands in the results.
func (l *laboratory) run(ctx context.Context, chosen []mutation) ([]result, error) {
	for i := range chosen { // before anything that takes long
		if _, err := chosen[i].apply(l.root); err != nil {
			return nil, fmt.Errorf("%s: %w", chosen[i].name, err)
		}
	}
	if err := l.baseline(ctx, chosen); err != nil {
		return nil, err
	}
	var results []result
	work, ctx := errgroup.WithContext(ctx)
	work.SetLimit(l.jobs)
	for i := range chosen {
		work.Go(func() error {
			by, took, err := l.mutate(ctx, &chosen[i])
			if ctx.Err() != nil {
				return context.Cause(ctx)
			}
			l.mu.Lock()
			defer l.mu.Unlock()
			r := result{mutation: chosen[i], by: by, took: took, err: err}
			results = append(results, r)
			l.say(r.String())
			return nil
		})
	}
	err := work.Wait()
	return results, err
}

// String is what became of it, on a line.
func (r result) String() string {
	if r.err != nil {
		return fmt.Sprintf("NOT CAUGHT %s: %v", r.mutation.name, r.err)
	}
	return fmt.Sprintf("caught %-36s %-18s %5.1f s  %s", r.mutation.name, r.mutation.cause, r.took.Seconds(), strings.Join(r.by, ", "))
}

// say must be called with mu held.
func (l *laboratory) say(line string) { fmt.Fprintln(l.out, line) }

// baseline runs each test that the mutations name once, unmutated: a test that fails anyway catches nothing.
func (l *laboratory) baseline(ctx context.Context, chosen []mutation) error {
	tests := map[string]map[string]bool{} // by package
	for i := range chosen {
		m := &chosen[i]
		if tests[m.in] == nil {
			tests[m.in] = map[string]bool{}
		}
		for _, name := range m.tests() {
			tests[m.in][name] = true
		}
	}
	work, ctx := errgroup.WithContext(ctx)
	work.SetLimit(l.jobs)
	for pkg, names := range tests {
		work.Go(func() error { return l.passes(ctx, pkg, slices.Sorted(maps.Keys(names))) })
	}
	return work.Wait()
}

func (l *laboratory) passes(ctx context.Context, pkg string, names []string) error {
	o, err := l.goTest(ctx, pkg, "-run", "^("+strings.Join(names, "|")+")$")
	if err != nil {
		return fmt.Errorf("%s as it is: %w", pkg, err)
	}
	if !o.built || len(o.failed) > 0 || o.timedOut {
		return fmt.Errorf("%s as it is: %s fail, so they prove nothing:%s", pkg, strings.Join(o.failed, ", "), o.tail())
	}
	for _, name := range names {
		if !slices.Contains(o.passed, name) {
			return fmt.Errorf("%s as it is: %s was not run or was skipped:%s", pkg, name, o.tail())
		}
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.say(fmt.Sprintf("as it is: %2d tests of %s pass, %.1f s", len(names), pkg, o.took.Seconds()))
	return nil
}

// mutate runs the tests of one mutation with the cure taken out, and names those that fail.
func (l *laboratory) mutate(ctx context.Context, m *mutation) (by []string, took time.Duration, err error) {
	overlay, clean, err := l.overlay(m)
	if err != nil {
		return nil, 0, err
	}
	defer clean()
	o, err := l.goTest(ctx, m.in, "-count=1", "-overlay="+overlay, "-run", m.pattern())
	if err != nil {
		return nil, 0, err
	}
	return o.failed, o.took, o.verdict()
}

// verdict is nil where a test caught the mutation.
func (o *outcome) verdict() error {
	switch {
	case !o.built:
		return fmt.Errorf("broken: it does not compile:%s", o.tail())
	case o.timedOut:
		return fmt.Errorf("broken: the tests time out, which is no catch:%s", o.tail())
	case len(o.failed) > 0:
		return nil
	case len(o.passed) == 0:
		return fmt.Errorf("broken: no test was run:%s", o.tail())
	}
	return errors.New("uncaught: " + strings.Join(o.passed, ", ") + " pass without the cure")
}

// overlay writes the mutated file, and the list by which go reads it in place of the real one, to a folder of their own.
func (l *laboratory) overlay(m *mutation) (path string, clean func(), err error) {
	mutated, err := m.apply(l.root)
	if err != nil {
		return "", nil, err
	}
	dir, err := os.MkdirTemp("", "ugc-mutation-")
	if err != nil {
		return "", nil, err
	}
	clean = func() { _ = os.RemoveAll(dir) }
	file := filepath.Join(dir, filepath.Base(m.file))
	list, err := json.Marshal(map[string]any{"Replace": map[string]string{filepath.Join(l.root, filepath.FromSlash(m.file)): file}})
	path = filepath.Join(dir, "overlay.json")
	if err = errors.Join(err, os.WriteFile(file, mutated, 0o600), os.WriteFile(path, list, 0o600)); err != nil {
		clean()
		return "", nil, err
	}
	return path, clean, nil
}
