package streams

import (
	"bytes"
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/lovoo/goka"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kgo"

	"ugc/domain"
	"ugc/handlers"
	"ugc/schemas"
	"ugc/schemas/topics"
)

func (c *cluster) letters() (letters []*schemas.DeadLetter) {
	c.t.Helper()
	for _, r := range c.all(topics.DeadLetters.Name) {
		d, err := c.codec.DecodeDeadLetter(r.Value)
		require.NoError(c.t, err)
		require.Equal(c.t, string(d.Key), string(r.Key))
		letters = append(letters, d)
	}
	return letters
}

// gathered are a metric's values that are not 0, by its labels' values.
func gathered(t testing.TB, r prometheus.Gatherer, name string) map[string]float64 {
	t.Helper()
	families, err := r.Gather()
	require.NoError(t, err)
	values := map[string]float64{}
	for _, f := range families {
		if f.GetName() != name {
			continue
		}
		for _, m := range f.GetMetric() {
			var labels []string
			for _, l := range m.GetLabel() {
				labels = append(labels, l.GetValue())
			}
			if v := m.GetCounter().GetValue() + m.GetGauge().GetValue(); v != 0 {
				values[strings.Join(labels, "/")] = v
			}
		}
	}
	return values
}

func TestPoisonIsSetAsideAndHoldsUpItsKeyAlone(t *testing.T) {
	c := startCluster(t)
	o := c.options(t.TempDir())
	registry := prometheus.NewRegistry()
	o.Metrics = registry
	_, running := c.run(o)
	poison := &kgo.Record{Topic: topics.PlaybackCommands.Name, Key: []byte("u/m"), Value: []byte("poison"),
		Headers: []kgo.RecordHeader{{Key: "h", Value: []byte("x")}}}
	nothing := &kgo.Record{Topic: topics.PlaybackCommands.Name, Key: []byte("u/none")} // goka would drop it, and commit past what is under way
	behind := c.record(report("u", "m", 2))
	c.produce(c.record(report("u", "m", 1)), poison, nothing, behind, c.record(report("u", "other", 1)), c.record(report("v", "m", 1)))
	c.committed(group("ugc-playback"))

	letters := c.letters()
	require.Len(t, letters, 3)
	require.Equal(t, []string{"undecodable", "undecodable", "behind"}, []string{letters[0].Reason, letters[1].Reason, letters[2].Reason})
	first := letters[0]
	require.Equal(t, "poison", string(first.Value))
	require.Equal(t, []schemas.Header{{Key: "h", Value: []byte("x")}}, first.Headers)
	require.Equal(t, []any{poison.Topic, poison.Partition, poison.Offset, "streams/playback"}, []any{first.Topic, first.Partition, first.Offset, first.Step})
	require.Nil(t, letters[1].Value, "no value is not an empty one")
	require.Equal(t, behind.Value, letters[2].Value)
	require.Len(t, c.eventsOf(topics.PlaybackEvents.Name), 3, "other keys go on, those of the same user, too")
	require.Equal(t, map[string]float64{"ugc-playback/behind": 1, "ugc-playback/undecodable": 2}, gathered(t, registry, "ugc_streams_dead_letters_total"))
	require.Equal(t, map[string]float64{"ugc-playback/applied": 3, "ugc-playback/refused": 3}, gathered(t, registry, "ugc_streams_inputs_total"))
	require.Equal(t, map[string]float64{"ugc-playback": 1, "ugc-feedback": 1, "ugc-movies": 1}, gathered(t, registry, "ugc_streams_running"))

	// A crash before the letters were known to be written writes them again, under the same ids.
	running.stop()
	c.rewind(group("ugc-playback"))
	o = c.options(t.TempDir())
	c.run(o)
	c.committed(group("ugc-playback"))
	for _, d := range c.letters() {
		i := 0
		for letters[i].ID != d.ID {
			i++
		}
		require.Equal(t, letters[i].Reason, d.Reason)
	}

	// Redriven: the first with the header that lets the key go on.
	fixed := c.record(report("u", "m", 3))
	fixed.Headers = append(fixed.Headers, kgo.RecordHeader{Key: HeaderRelease})
	before := len(c.letters())
	c.produce(fixed, c.record(report("u", "m", 2)))
	c.committed(group("ugc-playback"))
	require.Len(t, c.letters(), before)
	table := tableOf(c, topics.PlaybackTable.Name, c.codec.DecodePlaybackTable)
	require.False(t, table["u/m"].Blocked)
	require.True(t, table["u/none"].Blocked)
	require.Equal(t, domain.Millis(30_000), table["u/m"].State.Position.Value)
}

func TestRecordsOfNoOrAnothersKeyAreSetAsideWithoutAState(t *testing.T) {
	c := startCluster(t)
	c.run(c.options(t.TempDir()))
	stray := c.record(report("u", "m", 1))
	stray.Partition = domain.Partition("u/m", partitions)%(partitions-1) + 1
	if stray.Partition == domain.Partition("u/m", partitions) {
		stray.Partition = stray.Partition%(partitions-1) + 1
	}
	none := c.record(report("u", "m", 2))
	none.Key = nil
	big := &kgo.Record{Topic: topics.PlaybackCommands.Name, Key: []byte("big/m"), Value: bytes.Repeat([]byte("x"), 970<<10)}
	c.produce(stray, none, big, c.record(report("u", "m", 3)))
	c.committed(group("ugc-playback"))
	reasons := map[string]string{}
	for _, d := range c.letters() {
		reasons[string(d.Key)] = d.Reason
		if string(d.Key) == "big/m" {
			require.Greater(t, len(d.Value), 900<<10)
			require.Contains(t, d.Message, "stands whole at its origin")
		}
	}
	require.Equal(t, map[string]string{"u/m": "not_applicable", "": "not_applicable", "big/m": "undecodable"}, reasons)
	table := tableOf(c, topics.PlaybackTable.Name, c.codec.DecodePlaybackTable)
	require.Len(t, table, 2)
	require.False(t, table["u/m"].Blocked, "the stray says nothing about the key's own partition")
}

func TestFeedbackReachesItsMovie(t *testing.T) {
	c := startCluster(t)
	c.run(c.options(t.TempDir()))
	c.send(rating("u", "m", 1, 8), rating("v", "m", 1, 6), rating("u", "m", 0, 2), rating("u", "n", 1, 3))
	c.committed(group("ugc-feedback"))
	require.Len(t, c.all(topics.MoviesFeedback.Name), 4, "also the stale one: somebody may wait for it")
	c.committed(group("ugc-movies"))
	table := tableOf(c, topics.MoviesTable.Name, c.codec.DecodeMoviesTable)
	require.InDelta(t, 7, table["m"].State.Summary.Mean(), 0)
	require.Equal(t, int64(1), table["n"].State.Summary.Ratings)
	for _, r := range c.all(topics.FeedbackEvents.Name) {
		require.Equal(t, topics.ContentTypeAvro, header(r, topics.HeaderContentType))
		require.NotEmpty(t, header(r, topics.HeaderCommandID))
		require.True(t, strings.HasPrefix(header(r, topics.HeaderTrace), "00-"))
	}
}

func TestATableValueThatCannotBeReadIsNeverOverwritten(t *testing.T) {
	c := startCluster(t)
	damaged := append(tableValue(t, 5, 1)[:7:7], "not the rest of it"...)
	c.produce(&kgo.Record{Topic: topics.PlaybackTable.Name, Key: []byte("u/m"), Value: damaged,
		Headers: []kgo.RecordHeader{{Key: topics.HeaderPlace, Value: []byte("0")}}}) // as an owner writes it
	s, _ := c.run(c.options(t.TempDir()))
	c.send(report("u", "m", 1))
	require.Eventually(t, func() bool {
		err := s.Healthy()
		return err != nil && strings.Contains(err.Error(), "It is not overwritten")
	}, patience, tick)
	require.Equal(t, domain.Unavailable, domain.KindOf(s.Healthy()))
	require.Equal(t, int64(1), c.total(topics.PlaybackTable.Name))
	require.Empty(t, c.letters())
}

func TestATopicThatWasMadeAnewIsNotTakenForTheOldOne(t *testing.T) {
	c := startCluster(t)
	c.produce(c.tableRecord("u/m", 500, 500))
	s, err := New(c.options(t.TempDir()))
	require.NoError(t, err)
	start(t, s.Run)
	c.send(report("u", "m", 1))
	require.Eventually(t, func() bool {
		err := s.Healthy()
		return err != nil && strings.Contains(err.Error(), "raise the epoch")
	}, patience, tick)
	require.Empty(t, c.all(topics.PlaybackEvents.Name))
}

// One record that no program of ours wrote must not take all positions away, nor all other keys: neither while it comes nor when the table is restored.
func TestForeignRecordsOfATableHoldUpNobody(t *testing.T) {
	c := startCluster(t)
	o := c.options(t.TempDir())
	_, running := c.run(o)
	v, following := c.view(o)
	ctx := bounded(t, 2*patience)
	require.NoError(t, v.Wait(ctx, handlers.ViewPositions, tokenOf(c.send(report("u", "m", 1), report("u", "m", 2))[1])))
	for _, key := range []string{"u/m", "u/nobody"} {
		c.produce(&kgo.Record{Topic: topics.PlaybackTable.Name, Key: []byte(key), Value: []byte("?")})
	}
	c.produce(&kgo.Record{Topic: topics.PlaybackTable.Name, Value: []byte("?"), Partition: domain.Partition("u/m", partitions)})
	c.repaired()
	check := func(v *Positions, n int) {
		t.Helper()
		for _, movie := range []string{"m", "other"} {
			require.NoError(t, v.Wait(ctx, handlers.ViewPositions, tokenOf(c.send(report("u", movie, n))[0])))
			p, ok, err := v.Position(ctx, "u", movie)
			require.NoError(t, err)
			require.True(t, ok)
			require.Equal(t, domain.Millis(n*10_000), p.Position)
		}
		require.Eventually(t, func() bool {
			_, ok, err := v.Position(ctx, "u", "nobody")
			return err == nil && !ok
		}, patience, tick, "its owner has found that there never was one")
	}
	check(v, 3)
	running.stop()
	following.stop()

	c.produce(&kgo.Record{Topic: topics.PlaybackTable.Name, Key: []byte("u/m"), Value: []byte("?")}) // for whoever restores it, the last of its key
	o.DataDir = t.TempDir()
	c.run(o)
	v, _ = c.view(o)
	check(v, 4)
	c.committed(group("ugc-playback"))
	require.Empty(t, c.letters())
}

type gokaContext = interface{ goka.Context }

// stopping is goka's context while the processor is being stopped: Fail returns.
type stopping struct {
	gokaContext
	deferred []error
	failed   error
}

func (s *stopping) Partition() int32 { return 0 }
func (s *stopping) Offset() int64    { return 4 }
func (s *stopping) Key() string      { return "u/m" }
func (s *stopping) Fail(err error)   { s.failed = err }
func (s *stopping) DeferCommit() func(error) {
	return func(err error) { s.deferred = append(s.deferred, err) }
}

func TestARecordThatFailsWhileStoppingIsNotCommitted(t *testing.T) {
	run := &incarnation{group: group("ugc-playback"), out: producerOf(nil)}
	run.assigned([]int32{0})
	away := domain.Wrap(domain.Unavailable, "ask the registry", errTest)
	ctx := &stopping{}
	run.callback(func(goka.Context, *partition, *input) error { return away })(ctx, []byte("v"))
	require.ErrorIs(t, ctx.failed, away)
	require.Equal(t, []error{away}, ctx.deferred, "goka commits what has no failed promise")
	require.Equal(t, domain.Unavailable, domain.KindOf(run.ended(errors.New("a stack trace"))))
	require.Equal(t, domain.Version(3), run.partition(0).lane.ackedUpTo(), "what lies before the session's first input is committed")
}

func TestAStoppedBrokerHoldsNobodyUp(t *testing.T) {
	c := startCluster(t)
	o := c.options(t.TempDir())
	o.StopTimeout = 100 * time.Millisecond
	o.wrap = func(p *producer) *producer { // nothing is ever answered
		p.write = func(ctx context.Context, r *kgo.Record, f func(*kgo.Record, error)) {
			context.AfterFunc(ctx, func() { f(r, context.Cause(ctx)) })
		}
		return p
	}
	_, running := c.run(o)
	c.send(report("u", "m", 1))
	running.stop()
}
