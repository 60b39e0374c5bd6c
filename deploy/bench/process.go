package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"time"
)

const (
	childArgument = "child" // first argument of a process that another one of ours started
	lifelineFD    = 3       // ends when the process that started us does
	reportFD      = 4       // takes what a program says

	endWithin  = 20 * time.Second // for a process to end when it is asked to
	keptOutput = 8 << 10          // of what a process prints, for the error where it fails
)

// Process is one run of a Program, started by this process. It ends at the latest when this process does.
type Process struct {
	program  string
	cmd      *exec.Cmd
	lifeline *os.File
	reports  *os.File
	decoder  *json.Decoder
	printed  *tail
	exited   chan struct{}
	err      error // valid after exited
}

// startProcess starts a program with an argument that JSON can carry.
func startProcess(program string, argument any, env ...string) (*Process, error) {
	exe, err := os.Executable()
	if err != nil {
		return nil, err
	}
	arg, err := json.Marshal(argument)
	if err != nil {
		return nil, err
	}
	theirLifeline, lifeline, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	reports, theirReports, err := os.Pipe()
	if err != nil {
		return nil, errors.Join(err, theirLifeline.Close(), lifeline.Close())
	}
	p := &Process{program: program, lifeline: lifeline, reports: reports, decoder: json.NewDecoder(reports), printed: &tail{}, exited: make(chan struct{})}
	p.cmd = exec.Command(exe, childArgument, program, string(arg))
	p.cmd.Env = append(environment(), env...)
	p.cmd.Stdout, p.cmd.Stderr = p.printed, p.printed
	p.cmd.ExtraFiles = []*os.File{theirLifeline, theirReports}
	p.cmd.WaitDelay = time.Second
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // an interrupt at the terminal is ours to pass on, in order
	err = p.cmd.Start()
	_, _ = theirLifeline.Close(), theirReports.Close()
	if err != nil {
		return nil, errors.Join(fmt.Errorf("start %s: %w", program, err), lifeline.Close(), reports.Close())
	}
	go func() { p.err = p.cmd.Wait(); close(p.exited) }()
	return p, nil
}

// environment is ours without settings of a service: what is measured must not depend on who measures it.
func environment() (env []string) {
	for _, v := range os.Environ() {
		if !strings.HasPrefix(v, "UGC_") {
			env = append(env, v)
		}
	}
	return env
}

// message is one line of what a program says.
type message struct {
	Value json.RawMessage `json:"value,omitempty"`
	Error string          `json:"error,omitempty"`
}

// Hear waits for the next thing that the program says and reads it into v. It is an error when the program fails or ends instead, or ctx ends.
func (p *Process) Hear(ctx context.Context, v any) error {
	stop := context.AfterFunc(ctx, func() { _ = p.reports.SetReadDeadline(time.Unix(1, 0)) })
	defer stop()
	var m message
	switch err := p.decoder.Decode(&m); {
	case ctx.Err() != nil:
		return fmt.Errorf("wait for %s: %w", p.program, context.Cause(ctx))
	case err != nil:
		return fmt.Errorf("%s ended without a word%s", p.program, p.printed)
	case m.Error != "":
		return fmt.Errorf("%s: %s%s", p.program, m.Error, p.printed)
	}
	return json.Unmarshal(m.Value, v)
}

// PID names the process to the kernel.
func (p *Process) PID() int { return p.cmd.Process.Pid }

// End asks the process to end, waits until it has, and kills it and all it started where it does not or ctx ends meanwhile. The error is nil
// where it ended well. Safe to call twice.
func (p *Process) End(ctx context.Context) error {
	_ = p.lifeline.Close()
	defer func() { _ = p.reports.Close() }()
	patience := time.NewTimer(endWithin)
	defer patience.Stop()
	select {
	case <-p.exited:
		if p.err != nil {
			return fmt.Errorf("%s: %w%s", p.program, p.err, p.printed)
		}
		return nil
	case <-patience.C:
	}
	_ = syscall.Kill(-p.PID(), syscall.SIGKILL)
	<-p.exited
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return fmt.Errorf("%s did not end within %s and was killed%s", p.program, endWithin, p.printed)
}

// tail keeps the end of what a process prints.
type tail struct {
	mu sync.Mutex
	b  []byte
}

// Write implements io.Writer.
func (t *tail) Write(p []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.b = append(t.b, p...)
	if over := len(t.b) - keptOutput; over > 0 {
		t.b = append(t.b[:0], t.b[over:]...)
	}
	return len(p), nil
}

// String is what was printed, as the end of an error message.
func (t *tail) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	if len(t.b) == 0 {
		return ""
	}
	return "; it printed:\n" + strings.TrimSpace(string(bytes.ToValidUTF8(t.b, nil)))
}
