package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// outcome is what go test said of one package.
type outcome struct {
	passed, failed, skipped []string // top-level tests, in the order of their end
	built                   bool
	timedOut                bool
	took                    time.Duration // of the tests, without compiling
	output                  string        // the end of all it printed
}

// event is a line of go test -json.
type event struct {
	Action, Test, Output, FailedBuild string
	Elapsed                           float64 // s
}

const (
	testTimeout  = 4 * time.Minute  // of the tests of one package; go test then ends them
	buildTimeout = 20 * time.Minute // beyond it, for compiling on a busy machine
	keptOutput   = 1 << 10
)

// goTest runs tests of a package of the repository. An error means that go itself could not be run; tests that fail are no error.
func (l *laboratory) goTest(ctx context.Context, pkg string, args ...string) (outcome, error) {
	ctx, cancel := context.WithTimeout(ctx, testTimeout+buildTimeout)
	defer cancel()
	command := slices.Concat(l.tool, []string{"test", "-json", "-vet=off", "-timeout=" + testTimeout.String()}, args, []string{"./" + pkg})
	if l.rapid(pkg) {
		command = append(command, "-args", "-rapid.nofailfile") // or a property that fails leaves a file in the tree
	}
	cmd := exec.CommandContext(ctx, command[0], command[1:]...)
	cmd.Dir = l.root
	cmd.Env = append(os.Environ(), "UGC_REQUIRE_ENGINE=1")
	cmd.WaitDelay = 10 * time.Second
	var complaints bytes.Buffer
	cmd.Stderr = &complaints
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		return outcome{}, err
	}
	if err := cmd.Start(); err != nil {
		return outcome{}, err
	}
	o, reading := readEvents(stdout)
	err = cmd.Wait()
	if ctx.Err() != nil {
		return outcome{}, context.Cause(ctx)
	}
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) || reading != nil {
		return outcome{}, errors.Join(err, reading)
	}
	o.output += complaints.String()
	return o, nil
}

// rapid says whether tests of the package check properties with it.
func (l *laboratory) rapid(pkg string) bool {
	files, _ := filepath.Glob(filepath.Join(l.root, filepath.FromSlash(pkg), "*_test.go")) // the pattern is a good one
	return slices.ContainsFunc(files, func(file string) bool {
		src, err := os.ReadFile(file)
		return err == nil && bytes.Contains(src, []byte(`"pgregory.net/rapid"`))
	})
}

func readEvents(r io.Reader) (outcome, error) {
	o := outcome{built: true}
	lines := bufio.NewScanner(r)
	lines.Buffer(nil, 4<<20)
	for lines.Scan() {
		var e event
		if json.Unmarshal(lines.Bytes(), &e) != nil { // go says some things in plain words
			o.note(lines.Text() + "\n")
			continue
		}
		o.take(e)
	}
	return o, lines.Err()
}

func (o *outcome) take(e event) {
	if e.Action == "build-fail" || e.FailedBuild != "" {
		o.built = false
	}
	if e.Output != "" {
		o.note(e.Output)
		o.timedOut = o.timedOut || strings.HasPrefix(e.Output, "panic: test timed out after ")
	}
	if e.Test == "" && e.Elapsed > 0 {
		o.took = time.Duration(e.Elapsed * float64(time.Second))
	}
	name, _, _ := strings.Cut(e.Test, "/")
	switch {
	case name == "":
	case e.Action == "fail" && !slices.Contains(o.failed, name):
		o.failed = append(o.failed, name)
	case e.Action == "pass" && name == e.Test:
		o.passed = append(o.passed, name)
	case e.Action == "skip" && name == e.Test:
		o.skipped = append(o.skipped, name)
	}
}

func (o *outcome) note(s string) {
	o.output += s
	if len(o.output) > 2*keptOutput {
		o.output = o.output[len(o.output)-keptOutput:]
	}
}

// tail is the end of what was printed, for an error.
func (o *outcome) tail() string {
	s := strings.TrimSpace(o.output)
	if len(s) > keptOutput {
		s = s[len(s)-keptOutput:]
	}
	return fmt.Sprintf("\n%s", s)
}
