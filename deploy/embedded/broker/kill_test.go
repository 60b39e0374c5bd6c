package broker_test

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"ugc/deploy/embedded/broker"
	"ugc/deploy/faults/faultstest"
)

const childDir = "UGC_TEST_BROKER_DIR"

// TestMain is also the child that tests kill: a broker and nothing else.
func TestMain(m *testing.M) {
	dir := os.Getenv(childDir)
	if dir == "" {
		os.Exit(m.Run())
	}
	b, err := broker.Open(broker.Options{DataDir: dir, Addr: "127.0.0.1:0", Logger: quiet})
	if err != nil {
		fmt.Println("failed:", err)
		os.Exit(1)
	}
	fmt.Println("up", b.Addr())
	_ = b.Run(context.Background())
}

// child starts a broker in a process of its own and returns its address.
func child(t *testing.T, dir string) (*exec.Cmd, string) {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), childDir+"="+dir)
	out, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, faultstest.Start(cmd))
	t.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
	line, err := bufio.NewReader(out).ReadString('\n')
	require.NoError(t, err)
	addr, ok := strings.CutPrefix(strings.TrimSpace(line), "up ")
	require.True(t, ok, line)
	return cmd, addr
}

// Several producers write as fast as they can, the broker is killed in the middle, again and again; whatever was
// acknowledged must be there once and in order.
func TestKillMinus9LosesNothingThatWasAcknowledged(t *testing.T) {
	dir := t.TempDir()
	b := open(t, dir)
	create(t, b, "t", 4, nil)
	require.NoError(t, b.Close())

	const rounds, producers, killAfter = 3, 4, 2000
	acked := make([][]string, producers)
	for round := range rounds {
		cmd, addr := child(t, dir)
		var n atomic.Int64
		enough := make(chan struct{})
		var wg sync.WaitGroup
		ctx, cancel := context.WithCancel(within(t))
		for p := range producers {
			wg.Go(func() {
				cl, err := kgo.NewClient(kgo.SeedBrokers(addr), kgo.ProducerLinger(0), kgo.DefaultProduceTopic("t"), kgo.RecordPartitioner(kgo.ManualPartitioner()))
				if err != nil {
					return
				}
				defer cl.Close()
				for i := 0; ctx.Err() == nil; i++ {
					v := fmt.Sprintf("%d/%d/%d", p, round, i)
					cl.Produce(ctx, &kgo.Record{Value: []byte(v), Partition: int32(p)}, func(r *kgo.Record, err error) {
						if err != nil {
							return
						}
						acked[p] = append(acked[p], v)
						if n.Add(1) == killAfter {
							close(enough)
						}
					})
				}
			})
		}
		<-enough
		require.NoError(t, cmd.Process.Kill())
		_ = cmd.Wait()
		cancel()
		wg.Wait()
	}

	b = open(t, dir)
	cl := client(t, b, kgo.ConsumeTopics("t"), kgo.FetchMaxWait(100*time.Millisecond))
	ends, err := kadm.NewClient(cl).ListEndOffsets(within(t), "t")
	require.NoError(t, err)
	left := int64(0)
	ends.Each(func(o kadm.ListedOffset) { left += o.Offset })
	there := make([][]string, producers)
	for left > 0 {
		fs := cl.PollFetches(within(t))
		require.NoError(t, fs.Err())
		fs.EachRecord(func(r *kgo.Record) {
			there[r.Partition] = append(there[r.Partition], string(r.Value))
			left--
		})
	}
	for p := range producers {
		seen := map[string]bool{}
		next := 0
		for _, v := range there[p] {
			require.False(t, seen[v], "%s is there twice", v)
			seen[v] = true
			if next < len(acked[p]) && acked[p][next] == v {
				next++
			}
		}
		if next < len(acked[p]) {
			require.True(t, seen[acked[p][next]], "%s was acknowledged and is lost", acked[p][next])
			require.Fail(t, "out of order", "%s", acked[p][next])
		}
	}
}
