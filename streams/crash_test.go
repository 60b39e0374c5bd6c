package streams

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"ugc/deploy/faults/faultstest"
	"ugc/domain"
	"ugc/schemas"
	"ugc/schemas/topics"
)

const (
	childAddr = "UGC_STREAMS_TEST_CHILD"
	childDir  = "UGC_STREAMS_TEST_DIR"
	childReal = "UGC_STREAMS_TEST_REAL" // set: the broker is one that others wrote
)

// TestMain runs the streams, and nothing else, in a process that is there to be killed.
func TestMain(m *testing.M) {
	addr := os.Getenv(childAddr)
	if addr == "" {
		os.Exit(m.Run())
	}
	c := cluster{addr: addr, real: os.Getenv(childReal) != ""}
	s, err := New(c.options(os.Getenv(childDir)))
	if err == nil {
		err = s.Run(context.Background())
	}
	fmt.Fprintln(os.Stderr, err)
	os.Exit(1)
}

func (c *cluster) child(dir string) *exec.Cmd {
	c.t.Helper()
	self, err := os.Executable()
	require.NoError(c.t, err)
	cmd := exec.Command(self, "-test.run=^$")
	cmd.Env = append(os.Environ(), childAddr+"="+c.addr, childDir+"="+dir)
	if c.real {
		cmd.Env = append(cmd.Env, childReal+"=1")
	}
	require.NoError(c.t, faultstest.Start(cmd))
	c.t.Cleanup(func() { // a test that fails half-way leaves nothing running, nor stopped
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	return cmd
}

func (c *cluster) total(topic string) (n int64) {
	for _, end := range c.ends(topic) {
		n += end
	}
	return n
}

func many(n int) (commands []domain.Command) {
	for i := range n {
		commands = append(commands, report(fmt.Sprint("u", i%37), fmt.Sprint("m", i%2), i/37))
	}
	return commands
}

func TestKillingTheProcessLosesAndDoublesNothing(t *testing.T) {
	killing(startCluster(t), t.TempDir(), 4)
}

// killing kills a process so often, at work.
func killing(c *cluster, dir string, times int) {
	t := c.t
	const n = 16_000
	c.send(many(n)...)
	for k := range times {
		before := c.total(topics.PlaybackEvents.Name)
		child := c.child(dir)
		require.Eventually(t, func() bool { return c.total(topics.PlaybackEvents.Name) > before+200 }, patience, time.Millisecond)
		require.NoError(t, child.Process.Kill())
		require.Error(t, child.Wait())
		if k%2 == 1 { // its copy of the tables is lost, too
			require.NoError(t, os.RemoveAll(filepath.Join(dir, "streams")))
		}
	}
	c.run(c.options(dir))
	c.committed(group("ugc-playback"))
	c.requireFold()
	t.Logf("%d commands, %d event records, %d table records", n, c.total(topics.PlaybackEvents.Name), c.total(topics.PlaybackTable.Name))
}

func TestInputsThatComeAgainChangeNothing(t *testing.T) {
	t.Run("the copy kept", func(t *testing.T) {
		dir := t.TempDir()
		again(startCluster(t), dir, dir)
	})
	t.Run("the copy lost", func(t *testing.T) { again(startCluster(t), t.TempDir(), t.TempDir()) })
}

// again has every input processed twice, with the copies of the tables in a folder each time.
func again(c *cluster, dirs ...string) {
	c.send(many(500)...)
	for _, dir := range dirs {
		_, running := c.run(c.options(dir))
		c.committed(group("ugc-playback"))
		running.stop()
		c.rewind(group("ugc-playback"))
	}
	c.requireFold()
}

// first changes how the first producer of a group writes; later ones are left alone.
func first(change func(write writer) writer) func(*producer) *producer {
	var changed atomic.Bool
	return func(p *producer) *producer {
		if !changed.Swap(true) {
			p.write = change(p.write)
		}
		return p
	}
}

type writer = func(context.Context, *kgo.Record, func(*kgo.Record, error))

// lossy loses what is written to a topic after n records, as for a process that is killed before its answers come.
func lossy(topic string, n int64, lost *atomic.Int64) func(writer) writer {
	return func(write writer) writer {
		var seen atomic.Int64
		return func(ctx context.Context, r *kgo.Record, f func(*kgo.Record, error)) {
			if r.Topic != topic || seen.Add(1) <= n {
				write(ctx, r, f)
				return
			}
			lost.Add(1)
			context.AfterFunc(ctx, func() { f(r, context.Cause(ctx)) })
		}
	}
}

func TestWhatIsLostOnItsWayIsWrittenAgain(t *testing.T) {
	for _, tc := range []struct {
		name, topic string
		commands    []domain.Command
		least       int64 // so much must be on its way when the process ends
	}{
		{"to the table", topics.PlaybackTable.Name, many(400), 1}, // a flush, or what there is room for in it
		{"to the events", topics.PlaybackEvents.Name, many(400), maxOutcomes},
		{"to the events, with a full outbox", topics.PlaybackEvents.Name, hot(400), maxOutcomes},
	} {
		t.Run(tc.name, func(t *testing.T) {
			losing(startCluster(t), t.TempDir(), tc.topic, tc.commands, tc.least)
		})
	}
}

// losing loses what goes to the topic, until at least so much is lost, and goes on with the copy of the tables that is left.
func losing(c *cluster, dir, topic string, commands []domain.Command, least int64) {
	c.send(commands...)
	o := c.options(dir)
	o.Groups = []string{"ugc-playback"}
	o.StopTimeout = 100 * time.Millisecond
	var lost atomic.Int64
	o.wrap = first(lossy(topic, 50, &lost))
	_, running := c.run(o)
	require.Eventually(c.t, func() bool { return lost.Load() >= least }, patience, tick)
	running.stop()
	require.Less(c.t, c.total(topic), int64(len(commands)))

	o.wrap = nil
	c.run(o)
	c.committed(group("ugc-playback"))
	c.requireFold()
}

// A topic that lost what it had acknowledged, or a copy of an earlier version of ugc, which wrote it first: outcomes come out of the outboxes.
func TestACopyAheadOfItsTopicIsWrittenAgain(t *testing.T) {
	c := startCluster(t)
	dir := t.TempDir()
	c.send(many(400)...)
	g := group("ugc-playback")
	l, err := inspect(bounded(t, patience), c.options(dir).Kgo, g)
	require.NoError(t, err)
	copies, err := tableDir(dir, g.Name, l)
	require.NoError(t, err)
	r := decided(domain.Playback, c.codec, c.codec.DecodePlaybackTable, c.codec.EncodePlaybackTable)
	ahead := map[int32]map[string]*schemas.Table[domain.PlaybackState]{}
	for _, record := range c.all(g.Input.Name) {
		if ahead[record.Partition] == nil {
			ahead[record.Partition] = map[string]*schemas.Table[domain.PlaybackState]{}
		}
		if record.Offset >= 40 {
			continue
		}
		keys, key := ahead[record.Partition], string(record.Key)
		if keys[key] == nil {
			keys[key] = newTable[domain.PlaybackState]()
		}
		s, err := r.step(keys[key], &input{origin: domain.Origin{Partition: record.Partition, Version: domain.Version(record.Offset)}, key: key, value: record.Value}, domain.NoVersion)
		require.NoError(t, err)
		keys[key] = s.table
	}
	for p, keys := range ahead {
		s, err := openStore(copies, g.Table.Name, p)
		require.NoError(t, err)
		for key, table := range keys {
			value, err := r.encode(table)
			require.NoError(t, err)
			require.NoError(t, s.Set(key, value))
		}
		require.NoError(t, s.Close())
	}
	c.run(c.options(dir))
	c.committed(g)
	c.requireFold()
}

// refusingOne refuses the 50th record of a topic, late: after the 200th is written.
func refusingOne(topic string, refused *atomic.Bool) func(writer) writer {
	return func(write writer) writer {
		var seen atomic.Int64
		later := make(chan struct{})
		return func(ctx context.Context, r *kgo.Record, f func(*kgo.Record, error)) {
			if r.Topic != topic {
				write(ctx, r, f)
				return
			}
			switch seen.Add(1) {
			case 50:
				go func() {
					<-later
					refused.Store(true)
					f(r, errTest)
				}()
			case 200:
				write(ctx, r, func(r *kgo.Record, err error) { f(r, err); close(later) })
			default:
				write(ctx, r, f)
			}
		}
	}
}

func TestAFailedEmitIsNotCommittedPast(t *testing.T) {
	c := startCluster(t)
	c.send(many(400)...)
	o := c.options(t.TempDir())
	o.Groups = []string{"ugc-playback"}
	// One event is refused, late; what is emitted meanwhile is written. goka would commit past the one that is not.
	var refused atomic.Bool
	o.wrap = first(refusingOne(topics.PlaybackEvents.Name, &refused))
	c.run(o)
	require.Eventually(t, refused.Load, patience, tick)
	c.committed(group("ugc-playback"))
	c.requireFold()
}

func TestAFailedLetterIsNotCommittedPast(t *testing.T) {
	c := startCluster(t)
	var poison []*kgo.Record
	for i := range 400 {
		poison = append(poison, &kgo.Record{Topic: topics.PlaybackCommands.Name, Key: fmt.Appendf(nil, "u%d/m", i), Value: []byte("poison")})
	}
	c.produce(poison...)
	o := c.options(t.TempDir())
	o.Groups = []string{"ugc-playback"}
	var refused atomic.Bool
	o.wrap = first(refusingOne(topics.DeadLetters.Name, &refused))
	c.run(o)
	require.Eventually(t, refused.Load, patience, tick)
	c.committed(group("ugc-playback"))
	set := map[string]bool{}
	for _, d := range c.letters() {
		set[string(d.Key)] = true
	}
	require.Len(t, set, len(poison), "each of them is in the dead letters")
}

// hot is many reports about one key.
func hot(n int) (commands []domain.Command) {
	for i := range n {
		commands = append(commands, report("u", "m", i))
	}
	return commands
}

// What was committed before the session began was acknowledged to another process. A full outbox of it must not be waited for.
func TestAnOutboxOfCommittedOutcomesHoldsNobodyUp(t *testing.T) {
	c := startCluster(t)
	const commits = maxOutcomes + 4
	c.decided(c.send(hot(commits + 1)...)[:commits])
	table := &schemas.Table[domain.PlaybackState]{Applied: commits - 1}
	for v := range domain.Version(maxOutcomes) {
		table.Outbox = append(table.Outbox, schemas.Outcome{Version: commits - maxOutcomes + v, Event: []byte("written long ago")})
	}
	value, err := c.codec.EncodePlaybackTable(table)
	require.NoError(t, err)
	c.produce(&kgo.Record{Topic: topics.PlaybackTable.Name, Key: []byte("u/m"), Value: value,
		Headers: []kgo.RecordHeader{{Key: topics.HeaderVersion, Value: versionText(commits - 1)}}})
	offsets := kadm.Offsets{}
	offsets.AddOffset(topics.PlaybackCommands.Name, domain.Partition("u/m", partitions), commits, -1)
	_, err = c.adm.CommitOffsets(bounded(t, patience), "ugc-playback", offsets)
	require.NoError(t, err)

	c.run(c.options(t.TempDir()))
	c.committed(group("ugc-playback"))
	require.Len(t, c.eventsOf(topics.PlaybackEvents.Name), commits+1)
	require.Len(t, lastOf(c, topics.PlaybackTable.Name, c.codec.DecodePlaybackTable).Outbox, 1)
}

func TestPartitionsMoveBetweenMembersUnderLoad(t *testing.T) {
	moving(startCluster(t), t.TempDir)
}

// moving has members come and go, each with a folder of its own.
func moving(c *cluster, folder func() string) {
	t := c.t
	commands := many(6000)
	c.send(commands[:2000]...)
	o, first := c.options(folder()), prometheus.NewRegistry()
	o.Metrics = first
	_, a := c.run(o)
	c.send(commands[2000:3000]...)
	c.committed(group("ugc-playback"))
	o, second := c.options(folder()), prometheus.NewRegistry()
	o.Metrics = second
	_, b := c.run(o) // takes half of them
	c.send(commands[3000:4000]...)
	c.committed(group("ugc-playback"))
	require.NotEmpty(t, gathered(t, second, "ugc_streams_inputs_total"), "the second member did nothing")
	b.stop() // a has them back, and must not believe what it remembers of them
	c.send(commands[4000:5000]...)
	c.committed(group("ugc-playback"))
	require.Empty(t, gathered(t, first, "ugc_streams_restarts_total"), "a rebalance is no failure")
	c.run(c.options(folder()))
	c.send(commands[5000:]...)
	a.stop()
	c.committed(group("ugc-playback"))
	c.requireFold()
}
