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

	// An owner that starts from nothing keeps the right values, and has the last records put right, in each table.
	_, owner := c.run(o)
	o.DataDir = t.TempDir()
	view, following := c.view(o)
	c.repaired()
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
	c.requireFold()
	c.requireRatings()

	c.client.Close()
	b.Close()
	compacted, err := broker.Open(broker.Options{DataDir: dir, Addr: "127.0.0.1:0", CompactionLag: -1, Logger: quietLog()})
	require.NoError(t, err)
	defer func() { require.NoError(t, compacted.Close()) }()
	c.addr = compacted.Addr()
	c.reopen()
	require.Less(t, int64(len(c.all(topics.PlaybackTable.Name))), c.total(topics.PlaybackTable.Name), "some of it was compacted away")
	c.requireFold()
	c.requireRatings()
}

// pausing does it in rounds, each process with a folder of its own, and gives the options of the successors.
func pausing(c *cluster, folder func() string, rounds int) Options {
	t, chance := c.t, faultstest.Chance(c.t)
	const each = 4000
	commands := many(rounds * each)
	for i := range commands { // a part of them as ratings, for the other two tables
		if i%4 == 3 {
			f := commands[i].Head()
			commands[i] = rating(f.User, f.Movie, i, int32(i%11))
		}
	}
	o := c.options(folder())
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
		for _, g := range Topology() { // so it owns all of them: the sessions of the other are over
			c.committed(g)
		}
		zombie := c.total(topics.PlaybackTable.Name)
		c.send(commands[round*each+each*3/4 : round*each+each]...)
		require.NoError(t, paused.Process.Signal(syscall.SIGCONT))
		for _, g := range Topology() {
			require.Eventually(t, func() bool { return c.settled(g.Name, 2) }, patience, tick, "it is a member of %s again", g.Name)
		}
		require.NoError(t, paused.Process.Kill())
		require.Error(t, paused.Wait())
		for _, g := range Topology() {
			c.committed(g)
		}
		late += c.late(zombie)
		c.repaired()
		successor.stop()
	}
	t.Logf("%d records of the tables were written late", late)
	c.requireFold()
	c.requireRatings()
	return o
}

// settled says whether a group has so many members and all of them know their partitions. Whoever is killed before that is waited for until
// the rebalance times out.
func (c *cluster) settled(group string, members int) bool {
	described, err := c.adm.DescribeGroups(bounded(c.t, patience), group)
	require.NoError(c.t, err)
	return described[group].State == "Stable" && len(described[group].Members) == members
}

// late counts the records of the tables that do not stand where their owner meant them to.
func (c *cluster) late(from int64) (n int) {
	require.Greater(c.t, c.total(topics.PlaybackTable.Name), from)
	for _, g := range Topology() {
		for _, r := range c.all(g.Table.Name) {
			if !stands(r) {
				n++
			}
		}
	}
	return n
}

// requireRatings compares the tables of feedback and of movies with the pure fold of the commands.
func (c *cluster) requireRatings() {
	c.t.Helper()
	want := map[string]domain.FeedbackState{}
	for _, r := range c.all(topics.FeedbackCommands.Name) {
		cmd, err := c.codec.DecodeCommand(r.Value)
		require.NoError(c.t, err)
		f := cmd.(domain.FeedbackCommand)
		f.Head().Origin = domain.Origin{Partition: r.Partition, Version: domain.NewVersion(0, r.Offset)}
		want[string(r.Key)] = domain.Feedback.Evolve(want[string(r.Key)], domain.Feedback.Decide(want[string(r.Key)], f))
	}
	got := tableOf(c, topics.FeedbackTable.Name, c.codec.DecodeFeedbackTable)
	ratings := map[string]int64{}
	for key, state := range want {
		require.NotNil(c.t, got[key], key)
		require.Equal(c.t, state, got[key].State, key)
		if state.Rating.Set {
			ratings[movieOf(key)]++
		}
	}
	movies := tableOf(c, topics.MoviesTable.Name, c.codec.DecodeMoviesTable)
	for movie, n := range ratings {
		require.NotNil(c.t, movies[movie], movie)
		require.Equal(c.t, n, movies[movie].State.Summary.Ratings, movie)
	}
	c.eventsOf(topics.FeedbackEvents.Name)
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
		w.table = append(w.table, written{key: in.key, value: string(value), placed: strconv.Itoa(len(w.table))})
		if what := whatOf(&s); what != "" {
			if s.refused == nil {
				what += "r" // as an owner's rules mark it
			}
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
