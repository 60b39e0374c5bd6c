package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// patience bounds waits that end as soon as their condition holds.
const patience = 30 * time.Second

// TestMain is also every process that the tests start: they are made from the test's own binary and know the tests' contests.
func TestMain(m *testing.M) {
	real := registered
	registered = func() []Contest { return append(real(), played()...) }
	if len(os.Args) > 1 && os.Args[1] == childArgument {
		os.Exit(run(os.Args[1:], os.Stdout, os.Stderr))
	}
	os.Exit(m.Run())
}

// played are contests whose contenders do as they are told.
func played() []Contest {
	good := func(_ context.Context, w *Workplace) (Sample, error) {
		s, err := w.Measure(func() (int64, error) {
			sum := 0
			for i := range 20_000_000 {
				sum ^= i
			}
			return int64(sum&1 + 1000), nil
		})
		s.Figures["p99"] = float64(w.Setting("p99", 1))
		return s, err
	}
	contest := func(name string, ours func(context.Context, *Workplace) (Sample, error)) Contest {
		return Contest{Name: name, What: "w", Against: "a", Unit: "u", Goal: 0.01, Aim: 1000, Ours: Contender{"ours", ours}, Peer: Contender{"peer", good}, Bounds: []Bound{{"p99", "ms", 2, 1}}, Timeout: 10 * time.Second}
	}
	slow := contest("played-slow", func(ctx context.Context, w *Workplace) (Sample, error) {
		if _, err := w.Start(programBroker, w.Dir); err != nil {
			return Sample{}, err
		}
		<-ctx.Done()
		return Sample{}, ctx.Err()
	})
	slow.Timeout = time.Second
	return []Contest{
		contest("played-good", good),
		contest("played-failing", func(context.Context, *Workplace) (Sample, error) { return Sample{}, errors.New("it broke") }),
		contest("played-empty", func(_ context.Context, w *Workplace) (Sample, error) {
			return w.Measure(func() (int64, error) { return 0, nil })
		}),
		contest("played-unbounded", func(_ context.Context, w *Workplace) (Sample, error) {
			s, err := good(context.Background(), w)
			delete(s.Figures, "p99")
			return s, err
		}),
		contest("played-dying", func(context.Context, *Workplace) (Sample, error) { os.Exit(3); return Sample{}, nil }),
		contest("played-panicking", func(context.Context, *Workplace) (Sample, error) { panic("it panicked") }),
		slow,
	}
}

func bench(t *testing.T, args ...string) (out, errs string, code int) {
	t.Helper()
	t.Setenv("TMPDIR", t.TempDir())
	var o, e bytes.Buffer
	code = run(args, &o, &e)
	left, err := os.ReadDir(os.Getenv("TMPDIR"))
	require.NoError(t, err)
	require.Empty(t, left, "the folders of measurements are removed")
	return o.String(), e.String(), code
}

func TestEveryContestIsComplete(t *testing.T) {
	seen := map[string]bool{}
	for _, c := range contests() {
		require.NoError(t, c.Validate())
		require.False(t, seen[c.Name], "%s is there twice", c.Name)
		seen[c.Name] = true
	}
	out, _, code := bench(t, "-list")
	require.Zero(t, code)
	for name := range seen {
		require.Contains(t, out, name)
	}
}

func TestIncompleteContestsAreNamed(t *testing.T) {
	good := played()[0]
	require.NoError(t, good.Validate())
	for what, spoil := range map[string]func(*Contest){
		"the name":                    func(c *Contest) { c.Name = "Not Good" },
		"What":                        func(c *Contest) { c.What = "" },
		"Unit":                        func(c *Contest) { c.Unit = "" },
		"Ours":                        func(c *Contest) { c.Ours.Run = nil },
		"neither a peer nor bounds":   func(c *Contest) { c.Peer, c.Bounds, c.Goal, c.Aim, c.Against = Contender{}, nil, 0, 0, "" },
		"of no use without a peer":    func(c *Contest) { c.Peer.Run = nil },
		"Against":                     func(c *Contest) { c.Against = "" },
		"the peer needs a label":      func(c *Contest) { c.Peer.Label = "" },
		"no less than the Goal":       func(c *Contest) { c.Aim = c.Goal / 2 },
		"is bounded twice":            func(c *Contest) { c.Bounds = append(c.Bounds, c.Bounds[0]) },
		"no more than Goal":           func(c *Contest) { c.Bounds = []Bound{{"p99", "ms", 1, 2}} },
		"a bound needs a figure":      func(c *Contest) { c.Bounds = []Bound{{"", "ms", 2, 1}} },
		"Times and Timeout are not n": func(c *Contest) { c.Times = -1 },
	} {
		c := good
		spoil(&c)
		require.ErrorContains(t, c.Validate(), what)
	}
}

func TestRunMeasuresInTurnAndReports(t *testing.T) {
	file := filepath.Join(t.TempDir(), "out.json")
	out, errs, code := bench(t, "-run", "played-good", "-times", "2", "-json", file, "-profile", t.TempDir())
	require.Zero(t, code, errs)
	require.Contains(t, out, "goal ≥ 0.01 met, aim 1,000 not yet")
	require.Contains(t, out, "goal ≤ 2.00 met, aim 1.00 met")
	var turns []string
	for line := range strings.Lines(errs) {
		turns = append(turns, strings.Fields(line)[2])
	}
	require.Equal(t, []string{"ours:", "peer:", "ours:", "peer:"}, turns)
	b, err := os.ReadFile(file)
	require.NoError(t, err)
	var r report
	require.NoError(t, json.Unmarshal(b, &r))
	require.Len(t, r.Results, 1)
	require.Len(t, r.Results[0].Ours, 2)
	require.Len(t, r.Results[0].Peer, 2)
	require.Positive(t, r.Results[0].Ours[0].Peak)
}

func TestMissedGoalsFailStrictRunsOnly(t *testing.T) {
	args := []string{"-run", "played-good", "-times", "1", "-set", "p99=5"}
	out, errs, code := bench(t, args...)
	require.Zero(t, code, errs)
	require.Contains(t, out, "goal ≤ 2.00 MISSED")
	_, errs, code = bench(t, append(args, "-strict")...)
	require.Equal(t, 1, code)
	require.Contains(t, errs, errMissed.Error())
}

func TestWhatCannotBeMeasuredFailsTheRun(t *testing.T) {
	for name, why := range map[string]string{
		"played-failing":   "it broke",
		"played-empty":     "it reported no u",
		"played-unbounded": "it reported no p99",
		"played-dying":     "ended without a word",
		"played-panicking": "it panicked",
		"played-slow":      "it took longer than 1s",
	} {
		t.Run(name, func(t *testing.T) {
			out, errs, code := bench(t, "-run", name+",played-good", "-times", "1")
			require.Equal(t, 1, code)
			require.Contains(t, errs, name+": measurement 1 of ours")
			require.Contains(t, errs, why)
			require.Contains(t, out, "played-good", "the others are measured all the same")
			require.NotContains(t, out, name)
		})
	}
}

func TestWrongCommandLines(t *testing.T) {
	for _, args := range [][]string{{"-run", "nothing"}, {"-times", "0"}, {"argument"}, {"-set", "p99"}, {"-unknown"}} {
		_, errs, code := bench(t, args...)
		require.Equal(t, 2, code, args)
		require.NotEmpty(t, errs)
	}
}

func TestChildrenEndWithTheirParent(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir())
	p, err := startProcess(programMeasure, measurement{Contest: "played-parent", Side: ours, Dir: t.TempDir()})
	require.NoError(t, err)
	defer func() { _ = p.End(t.Context()) }()
	require.ErrorContains(t, p.Hear(t.Context(), new(Sample)), `there is no contest "played-parent"`)

	p, err = startProcess(programBroker, t.TempDir())
	require.NoError(t, err)
	var b Backbone
	require.NoError(t, p.Hear(t.Context(), &b))
	require.NoError(t, p.lifeline.Close(), "as when this process dies")
	select {
	case <-p.exited:
	case <-time.After(patience):
		t.Fatal("the child did not end")
	}
	require.NoError(t, p.End(t.Context()))
	require.ErrorIs(t, syscall.Kill(p.PID(), 0), syscall.ESRCH)
}

func TestInterruptEndsTheRun(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir())
	ctx, cancel := context.WithCancel(t.Context())
	o, err := parse([]string{"-run", "played-slow"}, io.Discard)
	require.NoError(t, err)
	o.contests[0].Timeout = time.Minute
	ended := make(chan error, 1)
	go func() { ended <- compete(ctx, o, io.Discard, io.Discard) }()
	require.Eventually(t, func() bool { // the measurement and its broker are up
		found, _ := filepath.Glob(filepath.Join(os.Getenv("TMPDIR"), "*", "kafka", "*"))
		return len(found) > 0
	}, patience, 10*time.Millisecond)
	cancel()
	select {
	case err := <-ended:
		require.ErrorContains(t, err, "interrupted")
	case <-time.After(patience):
		t.Fatal("the run went on")
	}
	left, err := os.ReadDir(os.Getenv("TMPDIR"))
	require.NoError(t, err)
	require.Empty(t, left)
	require.NotContains(t, children(t), programBroker)
}

// children are the programs that run from this test's own binary.
func children(t *testing.T) (out []string) {
	t.Helper()
	exe, err := os.Executable()
	require.NoError(t, err)
	all, err := filepath.Glob("/proc/[0-9]*/cmdline")
	require.NoError(t, err)
	for _, path := range all {
		line, _ := os.ReadFile(path) // it may have ended meanwhile
		args := strings.Split(string(line), "\x00")
		if len(args) > 2 && args[0] == exe && args[1] == childArgument {
			out = append(out, args[2])
		}
	}
	return out
}
