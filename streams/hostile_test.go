package streams

import (
	"bytes"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kgo"

	"ugc/domain"
	"ugc/schemas"
	"ugc/schemas/topics"
	"ugc/transport/kafka/kafkatest"
)

// keyed makes keys of the partition: the same name always gives the same one.
func keyed(topic topics.Topic, p int32) func(string) string {
	return func(name string) string {
		for i := 0; ; i++ {
			key := fmt.Sprint(name, i, "/m")
			if topic.CheckKey(key) != nil {
				key = fmt.Sprint(name, i)
			}
			if domain.Partition(key, partitions) == p {
				return key
			}
		}
	}
}

func writeHostile(c *cluster, topic topics.Topic, p int32) kafkatest.Hostile {
	return kafkatest.WriteHostile(c.t, c.addr, topic.Name, p, keyed(topic, p))
}

func TestHostileInputsAreSetAsideInBounds(t *testing.T) {
	t.Run("playback", func(t *testing.T) { hostileInputs(startCluster(t), group("ugc-playback"), "ann/heat") })
	t.Run("feedback", func(t *testing.T) { hostileInputs(startCluster(t), group("ugc-feedback"), "ann/heat") })
	t.Run("movies", func(t *testing.T) { hostileInputs(startCluster(t), group("ugc-movies"), "heat") })
}

// hostileInputs writes hostile records into a group's input, between two good ones of another key.
func hostileInputs(c *cluster, g Group, key string) {
	good := func(n int) {
		if g.Input == topics.PlaybackCommands {
			c.send(report("ann", "heat", n))
		} else {
			c.send(rating("ann", "heat", n, int32(n)))
		}
	}
	c.run(c.options(c.t.TempDir()))
	good(1)
	h := writeHostile(c, g.Input, domain.Partition(key, partitions))
	good(2)
	if g.Name == "ugc-movies" {
		c.committed(group("ugc-feedback"))
	}
	c.committed(g)

	aside, ids := map[string]*schemas.DeadLetter{}, map[domain.ID]bool{}
	records := c.all(topics.DeadLetters.Name)
	for _, r := range records {
		require.LessOrEqual(c.t, len(r.Key)+len(r.Value), schemas.MaxLetterBytes)
		require.LessOrEqual(c.t, len(r.Key), 2048)
		d, err := c.codec.DecodeDeadLetter(r.Value)
		require.NoError(c.t, err)
		aside[fmt.Sprint(d.Partition, "/", d.Offset)], ids[d.ID] = d, true
	}
	require.Len(c.t, aside, h.Written())
	require.Len(c.t, ids, h.Written(), "a letter that is written again, after a rebalance, has the same id")
	for _, r := range h.Strays {
		d := aside[fmt.Sprint(r.Partition, "/", r.Offset)]
		require.NotNil(c.t, d)
		require.Equal(c.t, schemas.ReasonNotApplicable, d.Reason)
		require.True(c.t, bytes.HasPrefix(r.Key, d.Key))
	}
	for _, r := range h.Poison {
		d := aside[fmt.Sprint(r.Partition, "/", r.Offset)]
		require.Equal(c.t, schemas.ReasonUndecodable, d.Reason)
		require.Equal(c.t, r.Key, d.Key)
		require.True(c.t, bytes.HasPrefix(r.Value, d.Value))
	}
	newest := map[string]*kgo.Record{}
	for _, r := range c.all(g.Table.Name) {
		require.NoError(c.t, g.Table.CheckKey(string(r.Key)), "no state under a key that is nobody's")
		newest[string(r.Key)] = r
	}
	require.Len(c.t, newest, 1+len(h.Poison))
	applied, err := schemas.AppliedOf(newest[key].Value)
	require.NoError(c.t, err)
	require.Equal(c.t, c.ends(g.Input.Name)[newest[key].Partition]-1, applied.Offset(), "the last input is the other key's")
}

// A command may carry headers of any size; its event, which carries some of them on, must fit all the same.
func TestLargeHeadersOfACommandStayBehind(t *testing.T) {
	c := startCluster(t)
	c.run(c.options(t.TempDir()))
	for _, name := range []string{topics.HeaderCommandID, topics.HeaderTrace, topics.HeaderVersion, HeaderRelease, "other"} {
		r := c.record(report("ann", name, 1))
		r.Headers = []kgo.RecordHeader{{Key: name, Value: make([]byte, 900<<10)}}
		c.produce(r)
	}
	c.committed(group("ugc-playback"))
	require.Empty(t, c.letters())
	require.Len(t, c.eventsOf(topics.PlaybackEvents.Name), 5)
	for _, r := range c.all(topics.PlaybackEvents.Name) {
		for _, h := range r.Headers {
			require.LessOrEqual(t, len(h.Value), maxCarried)
		}
	}
}

func TestHostileRecordsOfTablesHoldUpNobody(t *testing.T) {
	c := startCluster(t)
	for _, topic := range []topics.Topic{topics.PlaybackTable, topics.FeedbackTable, topics.DeadLetters} {
		writeHostile(c, topic, domain.Partition("ann/heat", partitions))
	}
	writeHostile(c, topics.MoviesTable, domain.Partition("heat", partitions))
	o := c.options(t.TempDir())
	c.run(o) // restores them
	v, _ := c.view(o)
	sent := c.send(report("ann", "heat", 1), rating("ann", "heat", 1, 9))
	require.NoError(t, v.Wait(bounded(t, patience), "positions", tokenOf(sent[0])))
	for _, g := range Topology() {
		c.committed(g)
	}
	p, ok, err := v.Position(bounded(t, patience), "ann", "heat")
	require.NoError(t, err)
	require.True(t, ok)
	require.Equal(t, domain.Millis(10_000), p.Position)
}
