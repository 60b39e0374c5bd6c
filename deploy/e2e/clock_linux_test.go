package e2e

import (
	"context"
	endian "encoding/binary"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"ugc/deploy/faults/faultstest"
	"ugc/deploy/load"
)

// stepVariable names the file whose first 8 bytes say, in seconds, how wrong the program's wall clock is.
const stepVariable = "UGC_TEST_CLOCK"

// stepSource is added to package time of the program under test. The monotonic clock stays as it is: that is what a step of the clock is.
const stepSource = `package time

import (
	"sync/atomic"
	"syscall"
	"unsafe"
)

var stepped *int64

func init() {
	path, ok := syscall.Getenv("` + stepVariable + `")
	if !ok {
		return
	}
	fd, err := syscall.Open(path, syscall.O_RDONLY, 0)
	if err != nil {
		panic(err)
	}
	page, err := syscall.Mmap(fd, 0, 8, syscall.PROT_READ, syscall.MAP_SHARED)
	if err != nil {
		panic(err)
	}
	stepped = (*int64)(unsafe.Pointer(&page[0]))
}

func step() int64 {
	if stepped == nil {
		return 0
	}
	return atomic.LoadInt64(stepped)
}
`

// steppedProgram builds the program over a package time whose wall clock can be stepped. The clock of the machine stays alone.
func steppedProgram(t *testing.T) string {
	t.Helper()
	out, err := exec.Command("go", "env", "GOROOT").Output()
	require.NoError(t, err)
	library := filepath.Join(strings.TrimSpace(string(out)), "src", "time")
	cache, err := os.UserCacheDir()
	require.NoError(t, err)
	dir := filepath.Join(cache, "ugc-stepped-clock") // always the same, or the compiler would begin anew each time
	require.NoError(t, os.MkdirAll(dir, 0o755))
	source, err := os.ReadFile(filepath.Join(library, "time.go"))
	require.NoError(t, err)
	const reading = "sec, nsec, mono := runtimeNow()\n"
	if n := strings.Count(string(source), reading); n == 0 {
		t.Skip("this Go reads the clock in another way than the test knows")
	}
	replaced := map[string]string{}
	for name, text := range map[string]string{
		"time.go": strings.ReplaceAll(string(source), reading, reading+"\tsec += step()\n"),
		"step.go": stepSource,
	} {
		path := filepath.Join(dir, name)
		require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
		replaced[filepath.Join(library, name)] = path
	}
	overlay, err := json.Marshal(map[string]any{"Replace": replaced})
	require.NoError(t, err)
	list := filepath.Join(dir, "overlay.json")
	require.NoError(t, os.WriteFile(list, overlay, 0o600))
	program := filepath.Join(t.TempDir(), "ugc")
	built, err := exec.Command("go", "build", "-overlay", list, "-o", program, "ugc").CombinedOutput()
	require.NoError(t, err, "%s", built)
	return program
}

// TestClockSteps lets the program's wall clock jump back and forward, by seconds and by days, while clients post and wait. What it stamps is what its clock
// says; no position goes back; nothing that waits, backs off or keeps a session looks at that clock, so that nothing is refused, times out or starts again.
func TestClockSteps(t *testing.T) {
	faultstest.NeedWhole(t, "it builds the program and all it is made of once more")
	chance := faultstest.Chance(t)
	clock := filepath.Join(t.TempDir(), "clock")
	var wrong int64
	set := func(seconds int64) {
		wrong = seconds
		f, err := os.OpenFile(clock, os.O_RDWR|os.O_CREATE, 0o600)
		require.NoError(t, err)
		_, err = f.WriteAt(endian.NativeEndian.AppendUint64(nil, uint64(seconds)), 0)
		require.NoError(t, err)
		require.NoError(t, f.Close())
	}
	set(0)
	s := &service{t: t, dir: t.TempDir(), program: steppedProgram(t)}
	s.env = environ(t, s.dir, stepVariable+"="+clock, "UGC_HTTP_ADDR="+keptAddress(t))
	s.start()
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("the service said:\n%s", s.out.String())
		}
		s.kill()
	})
	w := s.witness("witness")
	played := make(chan error, 1)
	rounds := 40
	go func() { // reports that say when they were sent are off by as much as the clock is
		result, err := load.Run(context.Background(), load.Options{URL: "http://" + s.addr, Seed: chance.Uint64(), Events: 8000, Rate: 200, ClockSlack: 100 * time.Hour})
		if err == nil && result.Retries > 0 {
			err = fmt.Errorf("%d requests were sent again: %v", result.Retries, result.Reasons)
		}
		played <- err
	}()

	shown, n := int64(0), 0
	for range rounds {
		set([]int64{0, -1, 1, -60, 3600, -3600, 26 * 3600, -47 * 3600, chance.Int64N(200_000) - 100_000}[chance.IntN(9)])
		n++
		began := time.Now()
		a := s.call(http.MethodPost, "/api/v2/events", fmt.Sprintf(`{"type":"pause","event_id":%q,"user_id":"ann","movie_id":"heat","position_ms":%d,"duration_ms":6000000,"occurred_at":"2026-01-02T20:%02d:00Z"}`,
			id(n), n*60_000, n), "Prefer", "wait=20")
		require.Equal(t, http.StatusOK, a.status, "it is shown while the clock is off by %d s: %s", wrong, a.body)
		require.Less(t, time.Since(began), 10*time.Second)
		p := s.call(http.MethodGet, "/api/v2/users/ann/positions/heat", "").json(t)
		require.Equal(t, fmt.Sprint(n*60_000), fmt.Sprint(p["position_ms"]), "the client says when, so the last report counts")

		a = s.call(http.MethodPost, "/api/v2/events", fmt.Sprintf(`{"type":"pause","user_id":"ann","movie_id":"ronin","position_ms":%d,"duration_ms":6000000}`, n*60_000), "Prefer", "wait=20")
		require.Equal(t, http.StatusOK, a.status, "%s", a.body)
		at, err := time.Parse(time.RFC3339Nano, fmt.Sprint(s.call(http.MethodGet, "/api/v2/users/ann/positions/ronin", "").json(t)["position_at"]))
		require.NoError(t, err)
		require.GreaterOrEqual(t, at.UnixMilli(), shown, "where only our clock says when, the newest by it counts, and nothing older comes back")
		shown = at.UnixMilli()
		s.await("the stamp is what the clock says", func() bool {
			out, code := s.command("sql", "--format", "csv", fmt.Sprintf("SELECT toUnixTimestamp64Milli(received_at) FROM playback_events WHERE user_id = 'ann' AND event_id = '%s'", id(n)))
			lines := strings.Fields(out)
			if code != 0 || len(lines) == 0 {
				return false
			}
			var stamp int64
			_, err := fmt.Sscan(strings.Trim(lines[len(lines)-1], `"`), &stamp)
			if err != nil {
				return false
			}
			off := time.UnixMilli(stamp).Sub(began.Add(time.Duration(wrong) * time.Second))
			require.Less(t, off.Abs(), 15*time.Second, "received_at is off by %d s, as the clock is", wrong)
			return true
		})
	}
	require.NoError(t, <-played)
	w.end()
	for id, accepted := range w.accepted {
		require.True(t, accepted, "%s was refused: nothing was away", id)
	}
	w.testify(s)
	for name, v := range s.metrics() {
		if strings.HasPrefix(name, "ugc_streams_restarts_total") || strings.HasPrefix(name, "ugc_view_stalled") {
			require.Zero(t, v, name)
		}
	}
	set(0)
	s.auditIsClean()
	s.inOrder()
}
