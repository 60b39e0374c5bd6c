package streams

import (
	"context"
	"net"
	"strconv"
	"testing"
	"time"

	"github.com/lovoo/goka"
	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"

	"ugc/domain"
	"ugc/handlers"
	"ugc/schemas"
	"ugc/schemas/topics"
)

func tokenOf(r *kgo.Record) domain.Token { return domain.Token{markOf(r)} }

func bounded(t testing.TB, d time.Duration) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), d)
	t.Cleanup(cancel)
	return ctx
}

func TestAWriteIsReadOnceItsTokenIsReached(t *testing.T) {
	c := startCluster(t)
	dir := t.TempDir()
	c.run(c.options(t.TempDir()))
	v, running := c.view(c.options(dir))
	ctx := bounded(t, patience)
	var last domain.Token
	for n := 1; n <= 20; n++ {
		last = tokenOf(c.send(report("u", "m", n))[0])
		require.NoError(t, v.Wait(ctx, handlers.ViewPositions, last))
		p, ok, err := v.Position(ctx, "u", "m")
		require.NoError(t, err)
		require.True(t, ok)
		require.Equal(t, domain.Millis(n*10_000), p.Position)
		require.Equal(t, last[0].Version, p.Version)
		require.Equal(t, []string{"u", "m"}, []string{p.User, p.Movie})
	}
	require.NoError(t, v.Wait(ctx, handlers.ViewPositions, domain.Token{{Topic: topics.FeedbackCommands.Name, Version: 1 << 40}}), "not what the view is made of")
	require.NoError(t, v.Wait(ctx, handlers.ViewPositions, nil))
	require.Error(t, v.Wait(ctx, handlers.ViewLikes, nil))
	next := last[0]
	next.Version++
	require.ErrorIs(t, v.Wait(bounded(t, 100*time.Millisecond), handlers.ViewPositions, domain.Token{next}), context.DeadlineExceeded)

	// An old token is as good after a restart, whether the copy was kept or lost.
	running.stop()
	_, _, err := v.Position(ctx, "u", "m")
	require.Equal(t, domain.Unavailable, domain.KindOf(err))
	require.Equal(t, domain.Unavailable, domain.KindOf(v.Healthy()))
	for name, dir := range map[string]string{"kept": dir, "lost": t.TempDir()} {
		v, running := c.view(c.options(dir))
		require.NoError(t, v.Wait(ctx, handlers.ViewPositions, last), name)
		p, _, err := v.Position(ctx, "u", "m")
		require.NoError(t, err)
		require.Equal(t, domain.Millis(200_000), p.Position)
		running.stop()
	}
}

// shown is goka's context of a table's record.
type shown struct {
	goka.UpdateContext
	version domain.Version
}

func (s shown) Partition() int32 { return domain.Partition("u", partitions) }
func (s shown) Headers() goka.Headers {
	return goka.Headers{topics.HeaderVersion: versionText(s.version)}
}

// following is a view over a copy, of which the test is goka.
func following(t *testing.T, dir string) (*Positions, *store) {
	t.Helper()
	v := &Positions{options: Options{Codec: schemas.Offline()}, marks: newWatermarks(), stores: map[int32]*store{}, count: partitions}
	s := open(t, dir)
	v.open(s, shown{}.Partition())
	return v, s
}

// Nothing new may come for long, and old tokens are as good as before.
func TestAWatermarkOutlivesItsProcess(t *testing.T) {
	dir := t.TempDir()
	v, s := following(t, dir)
	require.NoError(t, s.Set("u/m", tableValue(t, 7, 1)))
	v.stored(shown{version: 7})
	require.NoError(t, s.SetOffset(0))
	require.NoError(t, s.Close())

	v, s = following(t, dir)
	defer func() { require.NoError(t, s.Close()) }()
	require.Equal(t, domain.Version(7), v.marks.of(shown{}.Partition()).raise(domain.NoVersion))
}

func TestNothingIsReadFromACopyThatIsBeingRestored(t *testing.T) {
	v, s := following(t, t.TempDir())
	defer func() { require.NoError(t, s.Close()) }()
	_, _, err := v.Position(t.Context(), "u", "m")
	require.Equal(t, domain.Unavailable, domain.KindOf(err), "it is no answer that the user has none")
	require.NoError(t, s.MarkRecovered())
	_, ok, err := v.Position(t.Context(), "u", "m")
	require.NoError(t, err)
	require.False(t, ok)
}

func TestPositionsListAUsersMoviesInOrder(t *testing.T) {
	c := startCluster(t)
	c.run(c.options(t.TempDir()))
	v, _ := c.view(c.options(t.TempDir()))
	ctx := bounded(t, patience)
	sent := c.send(report("u", "b", 1), report("u", "a", 1), report("u", "ab", 1), report("u2", "x", 1), report("t", "x", 1),
		&domain.TouchPlayback{Fact: report("u", "touched", 1).Fact})
	for _, r := range sent {
		require.NoError(t, v.Wait(ctx, handlers.ViewPositions, tokenOf(r)))
	}
	list := func(after string, limit int) (movies []string) {
		ps, err := v.Positions(ctx, "u", after, limit)
		require.NoError(t, err)
		for _, p := range ps {
			require.Equal(t, "u", p.User)
			movies = append(movies, p.Movie)
		}
		return movies
	}
	require.Equal(t, []string{"a", "ab", "b"}, list("", 10), "and nothing that was only touched")
	require.Equal(t, []string{"a", "ab"}, list("", 2))
	require.Equal(t, []string{"ab", "b"}, list("a", 10))
	require.Empty(t, list("b", 10))
	require.Empty(t, list("", 0))
	_, ok, err := v.Position(ctx, "u", "touched")
	require.NoError(t, err)
	require.False(t, ok)
	_, ok, err = v.Position(ctx, "nobody", "m")
	require.NoError(t, err)
	require.False(t, ok)
}

// An owner whose copy was ahead of the topic sets values again that are newer than the input it is at. What they show of their own key says nothing
// of others.
func TestTheWatermarkIsTheInputAndNotTheValue(t *testing.T) {
	c := startCluster(t)
	v, _ := c.view(c.options(t.TempDir()))
	r := c.tableRecord("u/m", 50, 3)
	c.produce(r)
	mark := domain.Mark{Topic: topics.PlaybackCommands.Name, Partition: r.Partition, Version: 3}
	require.NoError(t, v.Wait(bounded(t, patience), handlers.ViewPositions, domain.Token{mark}))
	mark.Version = 4
	require.ErrorIs(t, v.Wait(bounded(t, 200*time.Millisecond), handlers.ViewPositions, domain.Token{mark}), context.DeadlineExceeded)
}

// tableRecord is a record of the playback table, as an owner writes it while it is at the input.
func (c *cluster) tableRecord(key string, applied, input domain.Version) *kgo.Record {
	return &kgo.Record{Topic: topics.PlaybackTable.Name, Key: []byte(key), Value: tableValue(c.t.(*testing.T), applied, domain.Millis(applied)),
		Headers: []kgo.RecordHeader{{Key: topics.HeaderVersion, Value: versionText(input)}}}
}

func TestAZombiesLateWriteIsNeitherShownNorRestoredAndIsRepaired(t *testing.T) {
	c := startCluster(t)
	_, running := c.run(c.options(t.TempDir()))
	for n := 1; n <= 3; n++ { // one by one, or only the newest state would be written
		c.send(report("u", "m", n))
		c.committed(group("ugc-playback"))
	}
	running.stop()
	records := c.all(topics.PlaybackTable.Name)
	require.Len(t, records, 3)
	old := &kgo.Record{Topic: records[0].Topic, Key: records[0].Key, Value: records[0].Value, Headers: records[0].Headers}
	c.produce(old) // now the last record of the key

	ctx := bounded(t, patience)
	v, _ := c.view(c.options(t.TempDir()))
	p, ok, err := v.Position(ctx, "u", "m")
	require.NoError(t, err)
	require.True(t, ok)
	require.Equal(t, domain.Millis(30_000), p.Position)

	// The owner, restored from the topic alone, writes the right value again, without any input.
	c.run(c.options(t.TempDir()))
	c.repaired()
	c.requireFold()
	records = c.all(topics.PlaybackTable.Name)
	require.Len(t, records, 5)
	require.Equal(t, records[2].Value, records[4].Value)
}

func lastOf[T any](c *cluster, topic string, decode func([]byte) (T, error)) T {
	records := c.all(topic)
	t, err := decode(records[len(records)-1].Value)
	require.NoError(c.t, err)
	return t
}

func TestStreamsAndViewOutliveTheirBroker(t *testing.T) {
	port, dir := freePort(t), t.TempDir()
	broker := func() *kfake.Cluster {
		b, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.Ports(port), kfake.DataDir(dir), kfake.GroupMinSessionTimeout(100*time.Millisecond))
		require.NoError(t, err)
		return b
	}
	b := broker()
	defer func() { b.Close() }()
	c := joinCluster(t, net.JoinHostPort("127.0.0.1", strconv.Itoa(port)))
	s, _ := c.run(c.options(t.TempDir()))
	v, _ := c.view(c.options(t.TempDir()))
	ctx := bounded(t, 2*patience)
	for n := 1; n <= 3; n++ {
		token := tokenOf(c.send(report("u", "m", n))[0])
		require.NoError(t, v.Wait(ctx, handlers.ViewPositions, token))
		c.client.Close()
		b.Close()
		require.Eventually(t, func() bool { return v.Healthy() != nil }, patience, tick)
		_, ok, err := v.Position(ctx, "u", "m")
		require.NoError(t, err, "what is known stays readable while the view connects again")
		require.True(t, ok)
		b = broker()
		c.reopen()
	}
	c.committed(group("ugc-playback"))
	require.NoError(t, s.Ready(ctx))
	require.NoError(t, v.Ready(ctx))
	c.requireFold()
}

func freePort(t *testing.T) int {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer func() { require.NoError(t, l.Close()) }()
	return l.Addr().(*net.TCPAddr).Port
}
