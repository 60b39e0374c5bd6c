package streams

import (
	"context"
	"net"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"

	"ugc/deploy/embedded/broker"
	"ugc/domain"
	"ugc/schemas/topics"
)

// gate holds what is written to a topic back until it is opened, or loses it with the producer.
type gate struct {
	topic  string
	held   chan struct{} // closed when something is held
	once   sync.Once
	opened chan struct{}
}

func newGate(topic string) *gate {
	return &gate{topic: topic, held: make(chan struct{}), opened: make(chan struct{})}
}

func (g *gate) wrap(p *producer) *producer {
	write := p.write
	p.write = func(ctx context.Context, r *kgo.Record, then func(*kgo.Record, error)) {
		if r.Topic != g.topic {
			write(ctx, r, then)
			return
		}
		g.once.Do(func() { close(g.held) })
		select { // the caller waits: order holds
		case <-g.opened:
			write(ctx, r, then)
		case <-ctx.Done():
			then(r, context.Cause(ctx))
		}
	}
	return p
}

// otherRules are rules by which a report near the end of its film is decided otherwise.
func otherRules() domain.PlaybackRules {
	r := domain.PublishedRules
	r.CompletedReached = 0.95
	return r
}

func nearTheEnd() *domain.RecordPlayback {
	r := report("u", "m", 0)
	r.Position, r.Duration = 92_000, 100_000
	return r
}

func TestNoEventLeavesBeforeItsValueIsWritten(t *testing.T) {
	valueFirst(startCluster(t), t.TempDir)
}

// valueFirst kills a process between its decision and the value.
func valueFirst(c *cluster, folder func() string) {
	t := c.t
	g := newGate(topics.PlaybackTable.Name)
	o := c.options(folder())
	o.wrap, o.StopTimeout = g.wrap, 100*time.Millisecond
	_, first := c.run(o)
	c.send(nearTheEnd())
	select {
	case <-g.held:
	case <-time.After(patience):
		require.FailNow(t, "nothing was decided")
	}
	first.stop()
	require.Zero(t, c.total(topics.PlaybackEvents.Name))
	require.Zero(t, c.total(topics.PlaybackTable.Name))

	o = c.options(folder())
	o.Rules = otherRules()
	c.run(o)
	c.committed(group("ugc-playback"))
	require.Len(t, c.eventsOf(topics.PlaybackEvents.Name), 1)
}

func TestAnEventThatWasLostIsTheSameUnderOtherRules(t *testing.T) {
	eventLost(startCluster(t), t.TempDir)
}

// eventLost kills a process between the value and the event.
func eventLost(c *cluster, folder func() string) {
	t := c.t
	g := newGate(topics.PlaybackEvents.Name)
	o := c.options(folder())
	o.wrap, o.StopTimeout = g.wrap, 100*time.Millisecond
	_, first := c.run(o)
	c.send(nearTheEnd())
	select {
	case <-g.held:
	case <-time.After(patience):
		require.FailNow(t, "nothing was emitted")
	}
	first.stop()
	require.Zero(t, c.total(topics.PlaybackEvents.Name))
	decided := lastOf(c, topics.PlaybackTable.Name, c.codec.DecodePlaybackTable).Outbox
	require.Len(t, decided, 1)

	o = c.options(folder())
	o.Rules = otherRules()
	c.run(o)
	c.committed(group("ugc-playback"))
	events := c.all(topics.PlaybackEvents.Name)
	require.Len(t, events, 1)
	require.Equal(t, decided[0].Event, events[0].Value)
}

// Two owners decide the same command by different rules, and neither knows of the other: its group has given the
// partition to the second because the first hangs. Whichever value stands first counts, and only its event is ever
// seen.
func TestTwoOwnersOfOnePartitionMakeOneEvent(t *testing.T) {
	for name, late := range map[string]bool{"the first writes before the second": false, "the first writes after the second": true} {
		t.Run(name, func(t *testing.T) { twoOwners(startCluster(t), t.TempDir, late) })
	}
}

func twoOwners(c *cluster, folder func() string, late bool) {
	t := c.t
	hangs, waits := newGate(topics.PlaybackTable.Name), newGate(topics.PlaybackTable.Name)
	o := c.options(folder())
	o.Groups, o.wrap, o.lookEvery = []string{"ugc-playback"}, hangs.wrap, time.Hour
	c.run(o)
	c.send(nearTheEnd())
	held := func(g *gate) {
		t.Helper()
		select {
		case <-g.held:
		case <-time.After(patience):
			require.FailNow(t, "nothing was decided")
		}
	}
	held(hangs)
	o = c.options(folder())
	o.Groups, o.Rules, o.wrap = []string{"ugc-playback"}, otherRules(), waits.wrap
	if late {
		close(waits.opened)
	}
	s, err := New(o)
	require.NoError(t, err)
	start(t, s.Run)
	held(waits) // the group has waited for the first in vain, and the second has restored the table and decided
	if late {
		c.committed(group("ugc-playback"))
		close(hangs.opened)
	} else {
		close(hangs.opened)
		require.Eventually(t, func() bool { return c.total(topics.PlaybackEvents.Name) > 0 }, patience, tick)
		close(waits.opened)
	}
	c.committed(group("ugc-playback"))
	require.Eventually(t, func() bool { // both have written, and the one that lost has made good what it wrote
		return c.total(topics.PlaybackTable.Name) >= 3 && len(c.unrepaired(topics.PlaybackTable.Name)) == 0
	}, patience, tick)
	c.eventsOf(topics.PlaybackEvents.Name)
	e, err := c.codec.DecodeEvent(c.all(topics.PlaybackEvents.Name)[0].Value)
	require.NoError(t, err)
	require.Equal(t, !late, e.(*domain.PlaybackRecorded).After.Completed, "decided by the rules of whose value stands first")
}

// No input comes that could tell goka of it.
func TestAnIdleOwnerThatMeetsAnotherStartsAgain(t *testing.T) {
	c := startCluster(t)
	o := c.options(t.TempDir())
	registry := prometheus.NewRegistry()
	o.Metrics = registry
	c.run(o)
	c.send(report("u", "m", 1))
	c.committed(group("ugc-playback"))
	others := c.tableRecord("u/m", 0, 0) // of another owner, that knew everything before it
	others.Headers = append(others.Headers, kgo.RecordHeader{Key: topics.HeaderPlace, Value: []byte("1")})
	c.produce(others)
	require.Eventually(t, func() bool {
		return gathered(t, registry, "ugc_streams_restarts_total")["ugc-playback"] == 1 &&
			gathered(t, registry, "ugc_streams_running")["ugc-playback"] == 1
	}, patience, tick)
	c.send(report("u", "m", 2))
	c.committed(group("ugc-playback"))
	require.Len(t, c.eventsOf(topics.PlaybackEvents.Name), 2)
}

// wrong are records that must not count, behind the right ones: a late write of an owner, one of an earlier version, a
// tombstone, an event, bytes, and a value of another table.
func (c *cluster) wrong(old *kgo.Record) map[string]*kgo.Record {
	event := c.record(report("u", "m", 9))
	other := c.all(topics.FeedbackTable.Name)[0]
	if old.Topic == other.Topic {
		other = c.all(topics.MoviesTable.Name)[0]
	}
	in := func(value []byte, headers ...kgo.RecordHeader) *kgo.Record {
		return &kgo.Record{Topic: old.Topic, Key: old.Key, Value: value, Headers: headers}
	}
	return map[string]*kgo.Record{
		"a late write": in(old.Value, old.Headers...), "a late write of an earlier version": in(old.Value),
		"a tombstone": in(nil), "a command": in(event.Value), "no Avro": in([]byte("?")), "a value of another table": in(other.Value),
	}
}

// Whatever wrong stands behind the right value of a key in any table, its owner writes the right one again: while it
// works and nothing comes in, and when it restores the table. Nobody else is there, such as an edge. So compaction
// keeps the right value, and a member with an empty disk finds it.
func TestEveryTableIsRepairedByItsOwner(t *testing.T) {
	t.Parallel()
	port, dir := freePort(t), t.TempDir()
	b, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.Ports(port), kfake.DataDir(dir), kfake.GroupMinSessionTimeout(100*time.Millisecond))
	require.NoError(t, err)
	defer func() { b.Close() }()
	c := joinCluster(t, net.JoinHostPort("127.0.0.1", strconv.Itoa(port)))
	o := c.options(t.TempDir())
	registry := prometheus.NewRegistry()
	o.Metrics = registry
	_, owner := c.run(o)
	for n := range 3 { // one by one, or only the newest state would be written
		c.send(rating("u", "m", n, int32(7+n)), report("u", "m", n))
		for _, g := range Topology() {
			c.committed(g)
		}
	}
	var olds []*kgo.Record
	for _, g := range Topology() {
		olds = append(olds, c.all(g.Table.Name)[0])
	}
	for _, old := range olds {
		for name, r := range c.wrong(old) {
			c.produce(r)
			require.Eventually(t, func() bool { return len(c.unrepaired(old.Topic)) == 0 }, patience, tick, "%s in %s", name, old.Topic)
		}
	}
	require.Empty(t, gathered(t, registry, "ugc_streams_restarts_total"), "no owner has ended for it")
	require.Equal(t, map[string]float64{"ugc-playback": 6, "ugc-feedback": 6, "ugc-movies": 6}, gathered(t, registry, "ugc_streams_table_repairs_total"))
	passed := gathered(t, registry, "ugc_streams_table_passed_over_total")
	require.Equal(t, []float64{4, 2}, []float64{passed["ugc-movies/foreign"], passed["ugc-movies/late"]})
	owner.stop()

	// While nobody runs; and whoever restores it dies before it can repair.
	for _, old := range olds {
		for _, r := range c.wrong(old) {
			c.produce(r)
		}
	}
	o = c.options(o.DataDir)
	o.StopTimeout = 100 * time.Millisecond
	o.wrap = func(p *producer) *producer {
		p.write = func(ctx context.Context, r *kgo.Record, then func(*kgo.Record, error)) {
			context.AfterFunc(ctx, func() { then(r, context.Cause(ctx)) })
		}
		return p
	}
	_, dies := c.run(o)
	dies.stop()
	o.wrap = nil
	_, owner = c.run(o)
	c.repaired()
	owner.stop()
	check := func() {
		t.Helper()
		c.requireFold()
		c.requireRatings()
	}
	check()

	c.client.Close()
	b.Close()
	compacted, err := broker.Open(broker.Options{DataDir: dir, Addr: "127.0.0.1:0", CompactionLag: -1, Logger: quietLog()})
	require.NoError(t, err)
	defer func() { require.NoError(t, compacted.Close()) }()
	c.addr = compacted.Addr()
	c.reopen()
	o = c.options(t.TempDir())
	patient(o.Sarama)
	c.run(o)
	c.send(rating("u", "other", 1, 1), report("u", "m", 3))
	for _, g := range Topology() {
		c.committed(g)
	}
	check()
	require.EqualValues(t, 9, tableOf(c, topics.FeedbackTable.Name, c.codec.DecodeFeedbackTable)["u/m"].State.Rating.Value)
}

// Compaction was faster than the repair: what is left of a key is foreign. Its state is made again from the input.
func TestAValueThatWasCompactedAwayIsRebuilt(t *testing.T) {
	c := startCluster(t)
	_, owner := c.run(c.options(t.TempDir()))
	c.send(rating("u", "m", 1, 9), report("u", "m", 1), report("u", "n", 1))
	for _, g := range Topology() {
		c.committed(g)
	}
	owner.stop()
	ctx := bounded(t, patience)
	for _, g := range Topology() { // only the foreign record is left
		_, err := c.adm.DeleteTopics(ctx, g.Table.Name)
		require.NoError(t, err)
		policy := "compact"
		_, err = c.adm.CreateTopic(ctx, partitions, 1, map[string]*string{"cleanup.policy": &policy}, g.Table.Name)
		require.NoError(t, err)
	}
	c.reopen()
	for topic, keys := range map[string][]string{
		topics.PlaybackTable.Name: {"u/m", "u/n", "u/nobody"}, topics.FeedbackTable.Name: {"u/m"}, topics.MoviesTable.Name: {"m"},
	} {
		for _, key := range keys {
			c.produce(&kgo.Record{Topic: topic, Key: []byte(key), Value: []byte("?")})
		}
	}
	c.run(c.options(t.TempDir()))
	c.send(rating("u", "x", 2, 3), report("u", "x", 2))
	for _, g := range Topology() { // all inputs come again, because the tables have none of them
		c.committed(g)
	}
	c.repaired()
	c.requireRatings()
	states, _ := pureFold(t, c.codec, c.all(topics.PlaybackCommands.Name))
	table := tableOf(c, topics.PlaybackTable.Name, c.codec.DecodePlaybackTable)
	for key, want := range states {
		require.Equal(t, viewed(want), viewed(table[key].State), key)
	}
	require.Equal(t, domain.NoVersion, table["u/nobody"].Applied)
	require.Len(t, c.eventsOf(topics.PlaybackEvents.Name), 3)
}
