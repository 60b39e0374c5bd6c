package e2e

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"ugc/deploy/faults/faultstest"
)

// Waits end as soon as their condition holds; the bound is for a very busy machine.
const (
	patience = 90 * time.Second
	poll     = 20 * time.Millisecond
)

// binary is the program, built once for all tests.
var binary string

func TestMain(m *testing.M) {
	os.Exit(func() int {
		dir, err := os.MkdirTemp("", "ugc-e2e-*")
		if err != nil {
			panic(err)
		}
		defer func() { _ = os.RemoveAll(dir) }()
		binary = filepath.Join(dir, "ugc")
		build := exec.Command("go", "build", "-o", binary, "ugc")
		if out, err := build.CombinedOutput(); err != nil {
			panic(fmt.Sprintf("build the program: %v\n%s", err, out))
		}
		return m.Run()
	}())
}

// engineLibrary is where make setup puts the ClickHouse engine.
func engineLibrary(t *testing.T) string {
	t.Helper()
	found, err := filepath.Glob("../embedded/clickhouse/node_modules/@chdb/lib-linux-x64-gnu/libchdb.so")
	require.NoError(t, err)
	if len(found) == 0 {
		if os.Getenv("UGC_REQUIRE_ENGINE") != "" {
			t.Fatal("the ClickHouse engine is not installed: run make setup")
		}
		t.Skip("the ClickHouse engine is not installed: run make setup")
	}
	path, err := filepath.Abs(found[0])
	require.NoError(t, err)
	return path
}

// service is one running ugc.
type service struct {
	t    *testing.T
	dir  string
	addr string
	env  []string
	args []string // after run
	cmd  *exec.Cmd
	out  *log
	done chan struct{}

	program string // binary unless another one
	orphans []int  // engines that were left behind when the service was killed
}

// log collects what a process prints.
type log struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *log) Write(p []byte) (int, error) { l.mu.Lock(); defer l.mu.Unlock(); return l.b.Write(p) }
func (l *log) String() string              { l.mu.Lock(); defer l.mu.Unlock(); return l.b.String() }

// environ is what a program of ours runs with, on a data folder of its own and free ports.
func environ(t *testing.T, dir string, extra ...string) []string {
	t.Helper()
	env := []string{"PATH=" + os.Getenv("PATH"), "HOME=" + t.TempDir(), "TMPDIR=" + os.TempDir(), "UGC_DATA_DIR=" + dir,
		"UGC_HTTP_ADDR=127.0.0.1:0", "UGC_KAFKA=embedded://127.0.0.1:0", "UGC_CHDB_LIB=" + engineLibrary(t), "UGC_CLICKHOUSE_FLUSH_INTERVAL=100ms"}
	return append(env, extra...)
}

// start runs the program on a data folder and waits until it is ready.
func start(t *testing.T, dir string, extra ...string) *service {
	t.Helper()
	s := &service{t: t, dir: dir, env: environ(t, dir, extra...)}
	s.run()
	return s
}

// run starts the service and sees to its end.
func (s *service) run() {
	s.t.Helper()
	s.t.Cleanup(func() {
		if s.cmd == nil || s.cmd.Process == nil {
			return
		}
		if s.t.Failed() {
			s.t.Logf("the service on %s said:\n%s", s.dir, s.out.String())
		}
		s.kill()
		faultstest.AwaitEnd(s.t, s.orphans) // an engine still writes into the folder while it ends
	})
	s.start()
}

func (s *service) start() {
	s.t.Helper()
	s.launch()
	s.ready()
}

// launch starts the program and waits for nothing.
func (s *service) launch() {
	s.t.Helper()
	_ = os.Remove(filepath.Join(s.dir, "http.addr"))
	s.out, s.done = &log{}, make(chan struct{})
	s.cmd = exec.Command(binary, append([]string{"run"}, s.args...)...)
	if s.program != "" {
		s.cmd.Path = s.program
	}
	s.cmd.Env, s.cmd.Stdout, s.cmd.Stderr = s.env, s.out, s.out
	s.cmd.Dir = s.t.TempDir() // no .env of the developer's
	require.NoError(s.t, faultstest.Start(s.cmd))
	go func(cmd *exec.Cmd, done chan struct{}) { _ = cmd.Wait(); close(done) }(s.cmd, s.done)
}

// ready waits until the program says that it is.
func (s *service) ready() {
	s.t.Helper()
	s.await("the service is ready", func() bool {
		select {
		case <-s.done:
			s.t.Fatalf("the service ended while starting:\n%s", s.out.String())
		default:
		}
		b, err := os.ReadFile(filepath.Join(s.dir, "http.addr"))
		if err != nil {
			return false
		}
		s.addr = strings.TrimSpace(string(b))
		resp, err := http.Get("http://" + s.addr + "/healthz/ready")
		if err != nil {
			return false
		}
		_ = resp.Body.Close()
		return resp.StatusCode == http.StatusOK
	})
}

// await polls until a condition holds.
func (s *service) await(what string, holds func() bool) {
	s.t.Helper()
	require.Eventually(s.t, holds, patience, poll, "wait until %s", what)
}

// stop asks the program to end, as Ctrl-C does, and returns its exit code.
func (s *service) stop() int {
	s.t.Helper()
	require.NoError(s.t, s.cmd.Process.Signal(syscall.SIGINT))
	select {
	case <-s.done:
	case <-time.After(patience):
		s.t.Fatalf("the service did not stop:\n%s", s.out.String())
	}
	return s.cmd.ProcessState.ExitCode()
}

// kill ends the program at once, as a power cut of the process would.
func (s *service) kill() {
	select {
	case <-s.done:
		return
	default:
	}
	s.orphans = append(s.orphans, faultstest.Kill(s.cmd.Process)...)
	<-s.done
}

// command runs another command of the program on the same data and returns what it printed.
func (s *service) command(args ...string) (out string, code int) {
	s.t.Helper()
	return runCommand(s.t, s.env, args...)
}

func runCommand(t *testing.T, env []string, args ...string) (string, int) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, binary, args...)
	cmd.Env, cmd.Dir = env, t.TempDir()
	said := &log{}
	cmd.Stdout, cmd.Stderr = said, said
	require.NoError(t, faultstest.Start(cmd))
	_ = cmd.Wait() // how it ended is its exit code
	return said.String(), cmd.ProcessState.ExitCode()
}

// sql is a query's result as rows of JSON.
func (s *service) sql(query string) (rows []map[string]any) {
	s.t.Helper()
	out, code := s.command("sql", "--format", "jsonl", query)
	require.Zero(s.t, code, "%s\n%s", query, out)
	d := json.NewDecoder(strings.NewReader(out))
	d.UseNumber()
	for {
		var row map[string]any
		if err := d.Decode(&row); err == io.EOF {
			return rows
		} else if err != nil {
			s.t.Fatalf("%s answered %q: %v", query, out, err)
		}
		rows = append(rows, row)
	}
}

// number is the one number that a query answers with.
func (s *service) number(query string) string {
	s.t.Helper()
	rows := s.sql(query)
	require.Len(s.t, rows, 1, query)
	for _, v := range rows[0] {
		return fmt.Sprint(v)
	}
	return ""
}

// answer is what an HTTP request was answered with.
type answer struct {
	status int
	header http.Header
	body   []byte
}

func (a answer) json(t *testing.T) map[string]any {
	t.Helper()
	var m map[string]any
	d := json.NewDecoder(bytes.NewReader(a.body))
	d.UseNumber()
	require.NoError(t, d.Decode(&m), "%s", a.body)
	return m
}

// call makes a request; headers are name, value pairs.
func (s *service) call(method, path, body string, headers ...string) answer {
	s.t.Helper()
	a, err := s.try(method, path, body, headers...)
	require.NoError(s.t, err)
	return a
}

func (s *service) try(method, path, body string, headers ...string) (answer, error) {
	req, err := http.NewRequest(method, "http://"+s.addr+path, strings.NewReader(body))
	if err != nil {
		return answer{}, err
	}
	if body != "" {
		req.Header.Set("Content-Type", "application/json")
	}
	for i := 0; i+1 < len(headers); i += 2 {
		req.Header.Set(headers[i], headers[i+1])
	}
	client := http.Client{Timeout: 30 * time.Second, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	resp, err := client.Do(req)
	if err != nil {
		return answer{}, err
	}
	defer func() { _ = resp.Body.Close() }()
	b, err := io.ReadAll(resp.Body)
	return answer{resp.StatusCode, resp.Header, b}, err
}

// shell runs lines of a shell script with the service's environment.
func (s *service) shell(script string) (string, int) {
	s.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, "bash", "-euo", "pipefail", "-c", script)
	cmd.Env, cmd.Dir = s.env, s.t.TempDir()
	b, err := cmd.CombinedOutput()
	if err != nil && cmd.ProcessState == nil {
		s.t.Fatal(err)
	}
	return string(b), cmd.ProcessState.ExitCode()
}
