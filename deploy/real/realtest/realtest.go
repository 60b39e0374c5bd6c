// Package realtest gives tests servers that others wrote, Apache Kafka and a schema registry, by the scripts in the folder above it. What
// a test starts is on free loopback ports, in folders of its own, and ends with the test, however that ends.
package realtest

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"
)

// Env says what a test that needs such a server does: off (unset is the same) skips it, auto skips it where the server is not installed,
// required fails there. `make test-real` installs them and requires.
const Env = "UGC_TEST_REAL"

// startWithin bounds the start of a server; on a busy machine three brokers take half a minute.
const startWithin = 2 * time.Minute

// Need skips the test where the server behind a script (kafka.sh, registry.sh, mongo.sh) is not wanted or not there, or fails it where it is required.
func Need(t testing.TB, script string) {
	t.Helper()
	switch state := os.Getenv(Env); state {
	case "", "off":
		t.Skipf("real servers are off; `make test-real` tests with them, or %s=auto where %s is installed", Env, script)
	case "auto", "required":
		if err := command(t.Context(), script, nil, "installed").Run(); err == nil {
			return
		} else if state == "auto" {
			t.Skipf("%s is not installed (%v); `make real` installs it", script, err)
		} else {
			t.Fatalf("%s=required, and %s is not installed (%v); `make real` installs it", Env, script, err)
		}
	default:
		t.Fatalf("%s=%q: must be off, auto or required", Env, state)
	}
}

// command is a call of one of the scripts; env are settings of it.
func command(ctx context.Context, script string, env []string, args ...string) *exec.Cmd {
	_, here, _, _ := runtime.Caller(0)
	cmd := exec.CommandContext(ctx, "bash", append([]string{filepath.Join(filepath.Dir(here), "..", script)}, args...)...)
	cmd.Env = append(os.Environ(), env...)
	return cmd
}

// held is a server that runs for as long as this process holds its standard input. When the test is killed, the pipe breaks and the script
// ends the server by itself.
type held struct {
	dir     string
	said    string // what the script printed when the server was ready: where it is
	release func() error
}

// hold starts a server with its data in a folder that exists as long as the server. args stand between the verb run and the folder.
func hold(script string, env []string, args ...string) (_ *held, err error) {
	parent, err := os.MkdirTemp("", "ugc-real-*")
	if err != nil {
		return nil, err
	}
	dir := filepath.Join(parent, strings.TrimSuffix(script, ".sh"))
	cmd := command(context.Background(), script, env, append(append([]string{"run"}, args...), dir)...)
	said := &tail{}
	cmd.Stderr = said
	in, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	h := &held{dir: dir, release: sync.OnceValue(func() error {
		_ = in.Close()
		_, _ = io.Copy(io.Discard, out)
		err := cmd.Wait()
		return errors.Join(err, os.RemoveAll(parent))
	})}
	late := time.AfterFunc(startWithin, func() { _ = in.Close(); _ = cmd.Process.Signal(os.Interrupt) })
	defer late.Stop()
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		_ = h.release()
		return nil, fmt.Errorf("start %s: %w: %s", script, err, said)
	}
	h.said = strings.TrimSpace(line)
	return h, nil
}

// tail keeps the end of what a script says.
type tail struct {
	mu sync.Mutex
	b  []byte
}

func (t *tail) Write(p []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.b = append(t.b, p...)
	t.b = t.b[max(0, len(t.b)-8192):]
	return len(p), nil
}

func (t *tail) String() string { t.mu.Lock(); defer t.mu.Unlock(); return string(t.b) }

// tell runs a verb on a held server.
func (h *held) tell(t testing.TB, script string, args ...string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), startWithin)
	defer cancel()
	cmd, said := command(ctx, script, nil, append(args, h.dir)...), &tail{}
	cmd.Stderr = said
	if err := cmd.Run(); err != nil {
		t.Fatalf("%s %v: %v: %s", script, args, err, said)
	}
}
