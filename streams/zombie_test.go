package streams

import (
	"net"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kfake"
	"pgregory.net/rapid"

	"ugc/deploy/embedded/broker"
	"ugc/deploy/faults/faultstest"
	"ugc/domain"
	"ugc/schemas"
	"ugc/schemas/topics"
)

// A processor is stopped (SIGSTOP) in the middle of its work for longer than its session lasts; another takes its partitions over and works on the same keys; then the first
// goes on with what it had in hand, as a zombie. The table is the fold: in its topic, in a copy that is restored from it, in a view, and
// also after compaction has left only the last record of each key.
func TestAPausedProcessorThatGoesOnBesideItsSuccessorChangesNothing(t *testing.T) {
	t.Parallel()
	port, dir := freePort(t), t.TempDir()
	b, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.Ports(port), kfake.DataDir(dir), kfake.GroupMinSessionTimeout(100*time.Millisecond))
	require.NoError(t, err)
	defer func() { b.Close() }()
	c := joinCluster(t, net.JoinHostPort("127.0.0.1", strconv.Itoa(port)))
	o := pausing(c, t.TempDir, faultstest.Times(1, 12))

	// A reader that starts from nothing keeps the right values, and has the last records put right.
	_, owner := c.run(o)
	o.DataDir = t.TempDir()
	view, following := c.view(o)
	require.EventuallyWithT(t, func(t *assertT) {
		first, last := map[string]domain.Version{}, map[string]domain.Version{}
		for _, r := range c.all(topics.PlaybackTable.Name) {
			v, err := schemas.AppliedOf(r.Value)
			require.NoError(t, err)
			first[string(r.Key)] = max(first[string(r.Key)], v)
			last[string(r.Key)] = v
		}
		require.Equal(t, first, last, "the last record of each key is its newest")
	}, patience, 100*time.Millisecond)
	c.committed(group("ugc-playback"))
	for key, table := range tableOf(c, topics.PlaybackTable.Name, c.codec.DecodePlaybackTable) {
		user, movie, _ := strings.Cut(key, "/")
		require.Eventually(t, func() bool {
			p, _, err := view.Position(bounded(t, patience), user, movie)
			return err == nil && p.Position == table.State.Position.Value
		}, patience, tick, key)
	}
	owner.stop()
	following.stop()
	c.drain(o)
	c.requireFold()

	c.client.Close()
	b.Close()
	compacted, err := broker.Open(broker.Options{DataDir: dir, Addr: "127.0.0.1:0", CompactionLag: -1, Logger: quietLog()})
	require.NoError(t, err)
	defer func() { require.NoError(t, compacted.Close()) }()
	c.addr = compacted.Addr()
	c.reopen()
	require.Less(t, int64(len(c.all(topics.PlaybackTable.Name))), c.total(topics.PlaybackTable.Name), "some of it was compacted away")
	c.requireFold()
}

// pausing does it in rounds, each process with a folder of its own, and gives the options of the successors.
func pausing(c *cluster, folder func() string, rounds int) Options {
	t, chance := c.t, faultstest.Chance(c.t)
	const each = 4000
	commands := many(rounds * each)

	o := c.options(folder())
	o.Commands, o.healAfter = c, time.Millisecond
	late := 0
	for round := range rounds {
		paused := c.child(folder())
		before := c.total(topics.PlaybackEvents.Name)
		c.send(commands[round*each : round*each+each/2]...)
		enough := before + 100 + int64(chance.IntN(each/4))
		require.Eventually(t, func() bool { return c.total(topics.PlaybackEvents.Name) > enough }, patience, time.Millisecond)
		require.NoError(t, paused.Process.Signal(syscall.SIGSTOP))

		_, successor := c.run(o)
		c.send(commands[round*each+each/2 : round*each+each*3/4]...)
		c.committed(group("ugc-playback")) // so it owns all of them: the session of the other is over
		zombie := c.total(topics.PlaybackTable.Name)
		c.send(commands[round*each+each*3/4 : round*each+each]...)
		require.NoError(t, paused.Process.Signal(syscall.SIGCONT))
		for _, g := range Topology() {
			require.Eventually(t, func() bool { return c.settled(g.Name, 2) }, patience, tick, "it is a member of %s again", g.Name)
		}
		require.NoError(t, paused.Process.Kill())
		require.Error(t, paused.Wait())
		c.committed(group("ugc-playback"))
		late += c.regressions(zombie)
		successor.stop()
	}
	t.Logf("%d records of the table were older than what stood there before", late)
	c.drain(o)
	c.requireFold()
	return o
}

// settled says whether a group has so many members and all of them know their partitions. Whoever is killed before that is waited for until
// the rebalance times out.
func (c *cluster) settled(group string, members int) bool {
	described, err := c.adm.DescribeGroups(bounded(c.t, patience), group)
	require.NoError(c.t, err)
	return described[group].State == "Stable" && len(described[group].Members) == members
}

// drain processes what healers have touched since the test last waited. A touch is a command like any other, and healers send it when they like: also after
// committed has seen the last one's commit, and before stop ends the only processor that would answer it. Such a command has no event yet, which is no loss, but
// looks like one. Call it when all healers have stopped; what it runs has nothing to touch through.
func (c *cluster) drain(o Options) {
	c.t.Helper()
	o.Commands = nil
	_, last := c.run(o)
	c.committed(group("ugc-playback"))
	last.stop()
}

// regressions counts the records of the playback table that were older than what stood before them, from a number of records on.
func (c *cluster) regressions(from int64) (n int) {
	newest, seen := map[string]domain.Version{}, int64(0)
	for _, r := range c.all(topics.PlaybackTable.Name) {
		v, err := schemas.AppliedOf(r.Value)
		require.NoError(c.t, err)
		if seen++; v < newest[string(r.Key)] {
			n++
		}
		newest[string(r.Key)] = max(newest[string(r.Key)], v)
	}
	require.Greater(c.t, seen, from)
	return n
}

// What is delivered again need not come in the order in which it came first, as long as each key's own order stays: neither to who has
// seen it all, nor to who has seen nothing.
func TestRedeliveryInAnotherOrderAcrossKeysChangesNothing(t *testing.T) {
	faultstest.Rapid(t, 2000)
	rapid.Check(t, func(t *rapid.T) {
		w := newWorld(drawInputs(t))
		known := map[string]*schemas.Table[domain.FeedbackState]{}
		w.deliver(t, w.inputs, known)
		require.NoError(t, w.check(t))

		other := otherOrder(t, w.inputs)
		type values = map[string]*schemas.Table[domain.FeedbackState]
		for name, seen := range map[string]values{"seen before": known, "seen nothing": {}} {
			w.deliver(t, other, seen)
			require.NoError(t, w.check(t), name)
		}
	})
}

// deliver folds the inputs in the order given into what is known, and writes every value and outcome.
func (w *world) deliver(t require.TestingT, inputs []input, known map[string]*schemas.Table[domain.FeedbackState]) {
	for i := range inputs {
		in := &inputs[i]
		if known[in.key] == nil {
			known[in.key] = newTable[domain.FeedbackState]()
		}
		s, err := w.rule.step(known[in.key], in, domain.NoVersion)
		require.NoError(t, err)
		value, err := w.rule.encode(s.table)
		require.NoError(t, err)
		known[in.key] = s.table
		w.table = append(w.table, written{key: in.key, value: string(value)})
		if what := whatOf(&s); what != "" {
			w.outcomes = append(w.outcomes, outcome{in: in.origin.Version, what: what})
		}
	}
}

// otherOrder shuffles inputs, but keeps those of one key in order.
func otherOrder(t *rapid.T, inputs []input) []input {
	keys := make([]string, len(inputs))
	queues := map[string][]input{}
	for i, in := range inputs {
		keys[i] = in.key
		queues[in.key] = append(queues[in.key], in)
	}
	shuffled := make([]input, len(inputs))
	for i, key := range rapid.Permutation(keys).Draw(t, "order of keys") {
		shuffled[i], queues[key] = queues[key][0], queues[key][1:]
	}
	return shuffled
}
