package clickhouse

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"syscall"
	"time"
)

// Descriptors of the child: the first ones after standard input, output and error.
const (
	lifelineFD = 3 // ends when the parent does
	reportFD   = 4 // takes the child's report
)

// report is the one line that a child writes when it answers or gives up.
type report struct {
	Version string `json:"version,omitempty"`
	Error   string `json:"error,omitempty"`
}

const maxReport = 64 << 10

// process is one life of the child.
type process struct {
	cmd      *exec.Cmd
	lifeline *os.File // open as long as the child shall live
	exited   chan struct{}
	last     *relay
}

// start starts a child and waits until it answers. On error no child is left.
func (e *Engine) start(ctx context.Context, o ChildOptions) (*process, string, error) {
	last := &relay{logger: e.o.Logger}
	cmd := exec.Command(e.o.Executable, append(append([]string(nil), e.o.Args...), o.Args()...)...)
	cmd.Dir = e.dir
	cmd.Env = childEnv(e.dir, e.o.Env)
	cmd.Stdout, cmd.Stderr = last, last
	cmd.WaitDelay = time.Second
	ownGroup(cmd)
	p := &process{cmd: cmd, exited: make(chan struct{}), last: last}

	theirLifeline, lifeline, err := os.Pipe()
	if err != nil {
		return nil, "", fmt.Errorf("start the engine: %w", err)
	}
	reports, theirReport, err := os.Pipe()
	if err != nil {
		return nil, "", errors.Join(fmt.Errorf("start the engine: %w", err), theirLifeline.Close(), lifeline.Close())
	}
	defer reports.Close()
	p.lifeline = lifeline
	cmd.ExtraFiles = []*os.File{theirLifeline, theirReport}
	err = cmd.Start()
	_ = theirLifeline.Close()
	_ = theirReport.Close()
	if err != nil {
		_ = lifeline.Close()
		return nil, "", fmt.Errorf("start the engine: %w", err)
	}
	go func() { _ = cmd.Wait(); close(p.exited) }()
	_ = yield(cmd.Process.Pid) // where that is not to be had, the two share the processors evenly

	version, err := p.ready(ctx, reports, e.o.StartTimeout)
	if err != nil {
		p.stop(e.o.StopTimeout)
		return nil, "", err
	}
	return p, version, nil
}

// childEnv passes nothing on that the engine does not need: the parent's environment holds secrets.
func childEnv(home string, extra []string) []string {
	env := []string{"HOME=" + home, "LANG=C.UTF-8", "TZ=UTC"}
	for _, name := range []string{"PATH", "TMPDIR"} {
		if value, ok := os.LookupEnv(name); ok {
			env = append(env, name+"="+value)
		}
	}
	return append(env, extra...)
}

func (p *process) pid() int { return p.cmd.Process.Pid }

// ready waits for the child's report.
func (p *process) ready(ctx context.Context, reports *os.File, timeout time.Duration) (version string, err error) {
	lines := make(chan []byte, 1)
	go func() {
		line, _ := bufio.NewReader(io.LimitReader(reports, maxReport)).ReadBytes('\n')
		lines <- line
	}()
	late := time.NewTimer(timeout)
	defer late.Stop()
	select {
	case line := <-lines:
		var r report
		if err := json.Unmarshal(line, &r); err != nil { // it died before it could say why
			p.stop(timeout)
			return "", p.death()
		}
		if r.Error != "" {
			return "", errors.New(r.Error)
		}
		return r.Version, nil
	case <-late.C:
		return "", fmt.Errorf("the engine did not answer within %v", timeout)
	case <-ctx.Done():
		return "", ctx.Err()
	}
}

// wait returns why the child has died, or stops it when ctx ends and returns nil.
func (p *process) wait(ctx context.Context, timeout time.Duration) error {
	select {
	case <-p.exited:
		_ = p.lifeline.Close()
		return p.death()
	case <-ctx.Done():
		p.stop(timeout)
		return nil
	}
}

// stop asks the child to end, kills it when it takes longer than timeout, and waits for its end.
func (p *process) stop(timeout time.Duration) {
	defer p.lifeline.Close()
	_ = p.cmd.Process.Signal(syscall.SIGTERM)
	late := time.NewTimer(timeout)
	defer late.Stop()
	select {
	case <-p.exited:
	case <-late.C:
		_ = p.cmd.Process.Kill()
		<-p.exited
	}
}

func (p *process) death() error {
	err := fmt.Errorf("the engine's process %d ended: %v", p.pid(), p.cmd.ProcessState)
	if words := p.last.tail(); words != "" {
		err = fmt.Errorf("%w; its last words: %s", err, words)
	}
	return err
}
