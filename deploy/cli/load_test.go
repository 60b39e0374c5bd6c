package cli

import (
	"bytes"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"ugc/deploy/load"
)

func TestLoadRefusesWhatItCannotDo(t *testing.T) {
	for name, tc := range map[string]struct {
		args []string
		says string
	}{
		"another machine": {[]string{"--url", "http://192.0.2.1:8000"}, "--allow-remote"},
		"no users":        {[]string{"--url", "http://127.0.0.1:1", "--users", "-1"}, "users"},
		"too large":       {[]string{"--url", "http://127.0.0.1:1", "--batch", "1001", "--connections", "5000"}, "connections"},
		"an argument":     {[]string{"here"}, "usage:"},
		"unknown flag":    {[]string{"--speed", "9"}, "--speed"},
	} {
		t.Run(name, func(t *testing.T) {
			var out, err bytes.Buffer
			require.Equal(t, exitUsage, Main("test", append([]string{"load", "--env-file", t.TempDir() + "/none"}, tc.args...), &out, &err))
			require.Contains(t, err.String(), tc.says)
			require.Empty(t, out.String())
		})
	}
	var out, err bytes.Buffer
	require.Equal(t, exitFailed, Main("test", []string{"load", "--env-file", t.TempDir() + "/none", "--url", "http://127.0.0.1:1"}, &out, &err))
	require.Contains(t, err.String(), "is the service running?")
}

func TestProgressOfALoad(t *testing.T) {
	require.Equal(t, "500 of 1000 events, 100/s, p50 1ms, p99 20ms, 3 sent again, 5s left",
		loadLine(load.Progress{Stage: load.Sending, Done: 500, Total: 1000, Rate: 100, P50: time.Millisecond, P99: 20 * time.Millisecond, Retries: 3}))
	require.Equal(t, "500 events, 100/s, p50 0s, p99 0s, 0 sent again", loadLine(load.Progress{Stage: load.Sending, Done: 500, Rate: 100}))
	require.Equal(t, "0 of 10 events, 0/s, p50 0s, p99 0s, 0 sent again", loadLine(load.Progress{Stage: load.Sending, Total: 10}))
	require.Equal(t, "comparing: 3 of 9 users", loadLine(load.Progress{Stage: load.Comparing, Done: 3, Total: 9}))
	require.Equal(t, "waiting until everything is visible", loadLine(load.Progress{Stage: load.Waiting}))

	var plain, live bytes.Buffer
	l := &loadLines{out: &plain, told: time.Now().Add(-time.Minute)}
	l.tell(load.Progress{Stage: load.Waiting})
	l.tell(load.Progress{Stage: load.Waiting}) // too soon
	l.end()
	require.Equal(t, "waiting until everything is visible\n", plain.String())
	l = &loadLines{out: &live, live: true}
	l.tell(load.Progress{Stage: load.Waiting})
	l.tell(load.Progress{Stage: load.Comparing, Total: 1})
	l.end()
	require.Equal(t, "\rwaiting until everything is visible\rcomparing: 0 of 1 users            \n", live.String())
}
