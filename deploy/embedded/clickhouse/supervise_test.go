package clickhouse_test

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"ugc/deploy/embedded/clickhouse"
)

// childPID is the process that holds the child's lock.
func childPID(t testing.TB, dir string) int {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(dir, "engine.lock"))
	require.NoError(t, err)
	pid, err := strconv.Atoi(strings.TrimSpace(string(b)))
	require.NoError(t, err)
	require.NotEqual(t, os.Getpid(), pid)
	return pid
}

func killChild(t testing.TB, dir string) {
	t.Helper()
	require.NoError(t, syscall.Kill(childPID(t, dir), syscall.SIGKILL))
}

func runToEnd(t *testing.T, o clickhouse.Options) error {
	t.Helper()
	e, err := clickhouse.New(o)
	require.NoError(t, err)
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	err = e.Run(ctx)
	require.NoError(t, ctx.Err(), "Run did not end by itself")
	require.ErrorIs(t, e.Healthy(), clickhouse.ErrNotRunning)
	return err
}

func TestMissingLibrarySaysWhatToDo(t *testing.T) {
	t.Chdir(t.TempDir())
	t.Setenv(clickhouse.LibraryVariable, "")
	o := options(t.TempDir(), "engine")
	err := runToEnd(t, o)
	require.ErrorIs(t, err, clickhouse.ErrNoLibrary)
	for _, word := range []string{"make setup", "UGC_CHDB_LIB", "UGC_CLICKHOUSE", o.DataDir} {
		require.ErrorContains(t, err, word)
	}

	t.Setenv(clickhouse.LibraryVariable, "nowhere/libchdb.so")
	err = runToEnd(t, o)
	require.ErrorIs(t, err, clickhouse.ErrNoLibrary)
	require.ErrorContains(t, err, "nowhere/libchdb.so")
}

func TestLibraryIsFoundWhereItIsSaidToBe(t *testing.T) {
	t.Chdir(t.TempDir())
	t.Setenv(clickhouse.LibraryVariable, "")
	data := t.TempDir()
	put := func(path string) string {
		require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o755))
		require.NoError(t, os.WriteFile(path, nil, 0o644))
		real, err := filepath.Abs(path)
		require.NoError(t, err)
		return real
	}
	find := func(path string) string {
		found, err := clickhouse.FindLibrary(path, data)
		require.NoError(t, err)
		return found
	}
	inData := put(filepath.Join(data, "libchdb.so"))
	require.Equal(t, inData, find(""))
	inTree := put("deploy/embedded/clickhouse/node_modules/@chdb/lib-linux-x64-gnu/libchdb.so")
	require.Equal(t, inTree, find(""))
	require.NoError(t, os.MkdirAll("some/where", 0o755))
	t.Chdir("some/where")
	require.Equal(t, inTree, find(""), "from a directory within the tree")
	named := put("named.so")
	t.Setenv(clickhouse.LibraryVariable, "named.so")
	require.Equal(t, named, find(""))
	given := put("given.so")
	require.Equal(t, given, find("given.so"))
}

func TestLibraryThatIsNone(t *testing.T) {
	requireLibrary(t)
	o := options(t.TempDir(), "engine")
	o.Library = filepath.Join(t.TempDir(), "libchdb.so")
	require.NoError(t, os.WriteFile(o.Library, []byte("text"), 0o644))
	require.ErrorContains(t, runToEnd(t, o), "load libchdb")
}

func TestChildThatNeverStarts(t *testing.T) {
	requireLibrary(t)
	o := options(t.TempDir(), "crash")
	o.BackOff = time.Millisecond
	err := runToEnd(t, o)
	require.ErrorContains(t, err, "exit status 7")
	require.ErrorContains(t, err, "cannot go on", "its last words")
	require.ErrorContains(t, err, "engine.log")

	o = options(t.TempDir(), "mute")
	o.BackOff, o.StartTimeout = time.Millisecond, 10*time.Millisecond
	require.ErrorContains(t, runToEnd(t, o), "did not answer within 10ms")
}

func TestChildThatWillNotStopIsKilled(t *testing.T) {
	requireLibrary(t)
	o := options(t.TempDir(), "stubborn")
	o.StopTimeout = 10 * time.Millisecond
	r, err := start(o)
	require.NoError(t, err)
	require.NoError(t, r.stop())
	require.ErrorIs(t, r.Healthy(), clickhouse.ErrNotRunning)
}

func TestChildInheritsNoSecrets(t *testing.T) {
	requireLibrary(t)
	t.Setenv("UGC_SECRET", "hunter2")
	o := options(t.TempDir(), "environment")
	o.BackOff = time.Millisecond
	err := runToEnd(t, o)
	require.ErrorContains(t, err, "TZ=UTC")
	require.NotContains(t, err.Error(), "hunter2")
}

func TestSecondOwnerIsRefused(t *testing.T) {
	o := options(t.TempDir(), "engine")
	r := startEngine(t, o)
	err := runToEnd(t, o)
	require.ErrorIs(t, err, clickhouse.ErrInUse)
	require.ErrorContains(t, err, "process "+strconv.Itoa(os.Getpid()))
	require.ErrorContains(t, err, "UGC_DATA_DIR")
	require.NoError(t, r.Healthy(), "the first owner goes on")

	require.NoError(t, r.stop())
	startEngine(t, o)
}

func TestRunIsForOnce(t *testing.T) {
	r := sharedEngine(t)
	require.ErrorContains(t, r.Run(t.Context()), "before")
}

func TestDeepDirectory(t *testing.T) {
	dir := filepath.Join(t.TempDir(), strings.Repeat("deep/", 30))
	r := startEngine(t, options(dir, "engine"))
	require.NoError(t, open(t, r.ClientOptions("")).Ping(t.Context()))
	require.NoFileExists(t, filepath.Join(dir, "engine.sock"))
}

func TestDialWithoutEngine(t *testing.T) {
	e, err := clickhouse.New(options(t.TempDir(), "engine"))
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err = e.DialContext(ctx, clickhouse.Addr)
	require.ErrorIs(t, err, clickhouse.ErrNotRunning)
	require.ErrorIs(t, e.Ready(ctx), context.Canceled)
}

func TestInterruptOfTheTerminalIsNotForTheChild(t *testing.T) {
	r := sharedEngine(t)
	pid := childPID(t, shared.dir)
	group, err := syscall.Getpgid(pid)
	require.NoError(t, err)
	require.Equal(t, pid, group, "the child is in a process group of its own")
	restarts := r.Restarts()
	require.NoError(t, syscall.Kill(pid, syscall.SIGINT))
	conn := connect(t)
	for range 20 {
		require.NoError(t, conn.Ping(t.Context()))
	}
	require.Equal(t, restarts, r.Restarts())
}

func TestStopLetsStatementsFinish(t *testing.T) {
	r := startEngine(t, options(t.TempDir(), "engine"))
	conn := open(t, r.ClientOptions(""))
	sum := make(chan uint64, 1)
	go func() {
		var n uint64
		_ = conn.QueryRow(context.Background(), "SELECT sum(number + sleepEachRow(0.1)) FROM numbers(10) SETTINGS max_block_size = 1").Scan(&n)
		sum <- n
	}()
	require.Eventually(t, func() bool { return runs(t, conn, "sleepEachRow") == 1 }, patience, tick)
	require.NoError(t, r.stop())
	require.Equal(t, uint64(45), <-sum)
}

func TestStopDoesNotWaitForEver(t *testing.T) {
	o := options(t.TempDir(), "engine")
	o.StopTimeout = 300 * time.Millisecond
	r := startEngine(t, o)
	conn := open(t, r.ClientOptions(""))
	failed := make(chan error, 1)
	go func() {
		failed <- conn.Exec(context.Background(), "SELECT sum(sipHash64(number)) FROM numbers(100000000000)")
	}()
	require.Eventually(t, func() bool { return runs(t, conn, "sipHash64") == 1 }, patience, tick)
	require.NoError(t, r.stop())
	require.Error(t, <-failed)
}

// The parent is killed; its child must end, and the next owner must not be kept out by what the two left behind.
func TestChildEndsWithItsParent(t *testing.T) {
	requireLibrary(t)
	dir := t.TempDir()
	parent := exec.Command(os.Args[0], dir)
	parent.Env = append(os.Environ(), childVariable+"=parent")
	require.NoError(t, parent.Start())
	ended := make(chan struct{})
	go func() { _ = parent.Wait(); close(ended) }()
	t.Cleanup(func() { _ = parent.Process.Kill(); <-ended })

	o, err := clickhouse.New(options(dir, "engine"))
	require.NoError(t, err)
	socket := filepath.Join(dir, "engine.sock")
	require.Eventually(t, func() bool { _, err := os.Stat(socket); return err == nil }, patience, tick)
	child := childPID(t, dir)
	require.ErrorIs(t, o.Run(t.Context()), clickhouse.ErrInUse)
	require.NoError(t, parent.Process.Kill())
	<-ended

	r := startEngine(t, options(dir, "engine"))
	require.NotEqual(t, child, childPID(t, dir))
	require.Eventually(t, func() bool { return isGone(child) }, patience, tick)
	require.NoError(t, open(t, r.ClientOptions("")).Ping(t.Context()))
}

// isGone also takes a zombie for gone: who adopts it may take its time to reap it.
func isGone(pid int) bool {
	b, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), "stat"))
	return err != nil || strings.Contains(string(b), ") Z ")
}
