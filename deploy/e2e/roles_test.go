package e2e

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"

	"ugc/deploy/faults/faultstest"
	"ugc/deploy/real/realtest"
	"ugc/schemas/topics"
)

// split is a deployment over real servers: processes of every role, on one machine, with a data folder each.
type split struct {
	t    *testing.T
	env  []string         // of all
	ends map[string]int64 // of the command topics, by topic and partition
}

// role starts one more process. The file of documents is shared.
func (d *split) role(role string, extra ...string) *service {
	d.t.Helper()
	dir := d.t.TempDir()
	s := &service{t: d.t, dir: dir, args: []string{"--roles", role}, env: environ(d.t, dir, append(append([]string(nil), d.env...), extra...)...)}
	s.run()
	return s
}

// freeAddr is a loopback address that nobody listens on, for a process that is to come back where it was.
func freeAddr(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer func() { require.NoError(t, l.Close()) }()
	return l.Addr().String()
}

// accepted is how many commands stand in the log. A partition without a leader counts as what it had when it was last asked.
func (d *split) accepted(adm *kadm.Client) (n int64) {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	if ends, err := adm.ListEndOffsets(ctx, topics.PlaybackCommands.Name, topics.FeedbackCommands.Name); err == nil {
		ends.Each(func(o kadm.ListedOffset) {
			at := fmt.Sprint(o.Topic, "/", o.Partition)
			d.ends[at] = max(d.ends[at], o.Offset)
		})
	}
	for _, end := range d.ends {
		n += end
	}
	return n
}

// TestRolesOverRealBrokers runs two processes of every role on three brokers, with viewers at each edge, and kills, stops and adds processes and
// brokers meanwhile. Then the viewers find what they were told was accepted, and an audit finds everything once.
func TestRolesOverRealBrokers(t *testing.T) {
	k, r := realtest.StartKafka(t, 3), realtest.StartRegistry(t)
	d := &split{t: t, ends: map[string]int64{}, env: append(overServers(k, r), "UGC_DOCUMENTS=sqlite:"+filepath.Join(t.TempDir(), "documents.sqlite"))}
	adm := k.Admin(t)

	engine := d.role("projections") // the one that owns the engine of the analytics
	out, code := engine.command("init", "--dry-run")
	require.Equal(t, 1, code, "the folder is in use")
	require.Contains(t, out, "is in use by process")
	theirs := "UGC_CLICKHOUSE=embedded:" + engine.dir
	views := d.role("projections", theirs)
	streams := []*service{d.role("streams"), d.role("streams")}
	edges := []*service{d.role("edge", "UGC_HTTP_ADDR="+freeAddr(t)), d.role("edge", "UGC_HTTP_ADDR="+freeAddr(t))}
	for _, s := range []*service{engine, views, streams[0], streams[1]} {
		require.Equal(t, http.StatusNotFound, s.call(http.MethodGet, "/api/v2/users/ann/ratings", "").status, "no edge, no API")
		require.Contains(t, string(s.call(http.MethodGet, "/metrics", "").body), "go_goroutines")
	}

	const seconds = 60
	loads, said := make(chan error, len(edges)), []*log{{}, {}}
	for i, e := range edges {
		load := exec.Command(binary, "load", "--url", "http://"+e.addr, "--duration", fmt.Sprint(seconds, "s"), "--rate", "150", "--seed", fmt.Sprint(i+1), "--users", "300",
			"--patience", "3m", "--visible", "3m", "--connections", "8")
		load.Env, load.Dir, load.Stdout, load.Stderr = e.env, t.TempDir(), said[i], said[i]
		require.NoError(t, faultstest.Start(load))
		ended := make(chan struct{})
		t.Cleanup(func() { _ = load.Process.Kill(); <-ended })
		go func() { loads <- load.Wait(); close(ended) }()
	}
	began := time.Now()
	for _, step := range []struct {
		what string
		do   func()
	}{
		{"kill -9 of a streams process", func() { streams[0].kill() }},
		{"it comes back", func() { streams[0].start() }},
		{"kill -9 of a broker", func() { k.Kill(t, 2) }},
		{"kill -9 of an edge", func() { edges[0].kill() }},
		{"it comes back", func() { edges[0].start() }},
		{"the broker comes back", func() { k.Restart(t, 2) }},
		{"kill -9 of a projections process", func() { views.kill() }},
		{"a third streams process", func() { streams = append(streams, d.role("streams")) }},
		{"the projections process comes back", func() { views.start() }},
		{"another leader for every partition", func() { d.elect(adm) }},
		{"a streams process stops", func() { require.Zero(t, streams[1].stop()) }},
		{"a broker restarts", func() { k.Restart(t, 1) }},
		{"the next", func() { k.Restart(t, 2) }},
		{"and the last", func() { k.Restart(t, 3) }},
		{"kill -9 of the process with the engine", func() { engine.kill() }},
		{"it comes back", func() { engine.start() }},
	} {
		before := d.accepted(adm)
		if time.Since(began) < (seconds-15)*time.Second { // under load: something was written since the step before
			require.Eventually(t, func() bool { return d.accepted(adm) > before+50 }, patience, poll, "before: %s", step.what)
		}
		t.Logf("%5.1f s, %d accepted: %s", time.Since(began).Seconds(), d.accepted(adm), step.what)
		step.do()
	}
	for range edges {
		select {
		case err := <-loads:
			require.NoError(t, err, "%s\n%s", said[0], said[1])
		case <-time.After(4 * time.Minute):
			t.Fatalf("the viewers do not come to an end:\n%s\n%s", said[0], said[1])
		}
	}
	for _, out := range said {
		require.Contains(t, out.String(), "\n0 differences", "%s", out)
		t.Log(out)
	}
	out, code = engine.command("audit", "--wait", "2m")
	require.Zero(t, code, out)
	require.Contains(t, out, "\n0 differences; ", out)
	t.Log(out)
}

// elect gives every partition back to the replica that it prefers.
func (d *split) elect(adm *kadm.Client) {
	d.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	done, err := adm.ElectLeaders(ctx, kadm.ElectPreferredReplica, nil)
	require.NoError(d.t, err)
	changed := 0
	for _, partitions := range done {
		for _, p := range partitions {
			if p.Err == nil {
				changed++
			} else if !errors.Is(p.Err, kerr.ElectionNotNeeded) {
				require.NoError(d.t, p.Err)
			}
		}
	}
	d.t.Logf("%d partitions have another leader", changed)
	require.Positive(d.t, changed, "after a broker died and came back, it leads nothing until it is asked to")
}
