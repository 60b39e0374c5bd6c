package faultstest_test

import (
	"bufio"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"ugc/deploy/faults/faultstest"
)

const (
	roleVariable = "UGC_TEST_ROLE"
	patience     = 30 * time.Second
	tick         = 10 * time.Millisecond
)

// The main thread never ends, so it is the main goroutine's alone: the tests' goroutines run on others.
func init() { runtime.LockOSThread() }

// TestMain is also the parent whose end a test looks at, and the child: an echo, which ends by itself only when nobody can talk to it any more.
func TestMain(m *testing.M) {
	role := os.Getenv(roleVariable)
	switch role {
	case "":
		os.Exit(m.Run())
	case "echo":
		_, _ = io.Copy(os.Stdout, os.Stdin)
		return
	}
	child := self("echo")
	child.Stdin, child.Stdout = os.Stdin, os.Stdout
	if err := faultstest.Start(child); err != nil {
		panic(err)
	}
	if role == "parent that panics" {
		_, _ = bufio.NewReader(os.NewFile(3, "when")).ReadString('\n')
		panic("as go test's time-out does")
	}
	_ = child.Wait()
}

func self(role string) *exec.Cmd {
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), roleVariable+"="+role)
	return cmd
}

// echo is a running child, or the parent of one, and the two ends of what it is talked to by.
type echo struct {
	cmd *exec.Cmd
	in  io.Writer
	out *os.File
	end func() error // of a parent that panics
}

func startEcho(t *testing.T, role string, start func(*exec.Cmd) error) *echo {
	t.Helper()
	theirs, in, err := os.Pipe()
	require.NoError(t, err)
	out, theirOut, err := os.Pipe()
	require.NoError(t, err)
	when, end, err := os.Pipe()
	require.NoError(t, err)
	cmd := self(role)
	cmd.Stdin, cmd.Stdout, cmd.ExtraFiles = theirs, theirOut, []*os.File{when}
	require.NoError(t, start(cmd))
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		_ = errors.Join(in.Close(), out.Close())
	})
	require.NoError(t, errors.Join(theirs.Close(), theirOut.Close(), when.Close(), out.SetReadDeadline(time.Now().Add(patience))))
	return &echo{cmd, in, out, end.Close}
}

func (e *echo) requireAlive(t *testing.T) {
	t.Helper()
	_, err := io.WriteString(e.in, "ping\n")
	require.NoError(t, err)
	line := make([]byte, len("ping\n"))
	_, err = io.ReadFull(e.out, line)
	require.NoError(t, err)
	require.Equal(t, "ping\n", string(line))
}

// requireGone reads to the end of what the child and its parent hold open, which is there when both have ended.
func (e *echo) requireGone(t *testing.T) {
	t.Helper()
	_, err := io.Copy(io.Discard, e.out)
	require.NoError(t, err, "the child goes on")
}

func TestAChildEndsWithWhoStartedIt(t *testing.T) {
	t.Run("killed", func(t *testing.T) {
		e := startEcho(t, "parent", faultstest.Start)
		e.requireAlive(t)
		require.NoError(t, e.cmd.Process.Kill())
		e.requireGone(t)
	})
	t.Run("in a panic", func(t *testing.T) {
		e := startEcho(t, "parent that panics", faultstest.Start)
		e.requireAlive(t)
		require.NoError(t, e.end())
		e.requireGone(t)
	})
}

func TestAChildOutlivesTheThreadThatAskedForIt(t *testing.T) {
	e := startEcho(t, "echo", func(cmd *exec.Cmd) error {
		thread, started := 0, make(chan error)
		go func() {
			runtime.LockOSThread() // and it is never unlocked, so that the thread ends with the goroutine
			thread = syscall.Gettid()
			started <- faultstest.Start(cmd)
		}()
		err := <-started
		require.Eventually(t, func() bool {
			_, err := os.Stat(filepath.Join("/proc/self/task", strconv.Itoa(thread)))
			return errors.Is(err, os.ErrNotExist)
		}, patience, tick, "the thread ends")
		return err
	})
	e.requireAlive(t)
}
