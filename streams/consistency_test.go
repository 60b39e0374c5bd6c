package streams

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"ugc/deploy/embedded/broker"
	"ugc/deploy/faults/faultstest"
	"ugc/domain"
	"ugc/schemas"
	"ugc/schemas/topics"
)

// decided writes the events of commands, as a processor does that decides them.
func (c *cluster) decided(commands []*kgo.Record) {
	c.t.Helper()
	_, events := pureFold(c.t, c.codec, commands)
	for _, r := range commands {
		e := events[domain.Origin{Partition: r.Partition, Version: domain.Version(r.Offset)}]
		value, err := c.codec.EncodeEvent(e)
		require.NoError(c.t, err)
		c.produce(&kgo.Record{Topic: topics.PlaybackEvents.Name, Partition: r.Partition, Key: r.Key, Value: value,
			Headers: []kgo.RecordHeader{{Key: topics.HeaderVersion, Value: versionText(domain.Version(r.Offset))}}})
	}
}

// ids counts the commands of a topic by id.
func (c *cluster) ids(topic string) map[domain.ID]int {
	c.t.Helper()
	ids := map[domain.ID]int{}
	for _, r := range c.all(topic) {
		cmd, err := c.codec.DecodeCommand(r.Value)
		require.NoError(c.t, err)
		ids[cmd.Head().ID]++
	}
	return ids
}

// requireMovies compares the summaries with the fold of all feedback events.
func (c *cluster) requireMovies() {
	c.t.Helper()
	want := map[string]domain.MovieState{}
	newest := map[int32]domain.Version{}
	for _, r := range c.all(topics.FeedbackEvents.Name) {
		e, err := c.codec.DecodeEvent(r.Value)
		require.NoError(c.t, err)
		if o := e.Head().Origin; o.Version >= newest[o.Partition] {
			want[e.Head().Movie], newest[o.Partition] = domain.FoldMovie(want[e.Head().Movie], e.(domain.FeedbackEvent)), o.Version
		}
	}
	require.EventuallyWithT(c.t, func(t *assertT) {
		got := tableOf(c, topics.MoviesTable.Name, c.codec.DecodeMoviesTable)
		for movie, state := range want {
			require.Contains(t, got, movie)
			require.Equal(t, state.Summary, got[movie].State.Summary, movie)
		}
	}, patience, tick)
}

func opinions(n int) (commands []domain.Command) {
	for i := range n {
		who, what := fmt.Sprint("u", i%13), fmt.Sprint("m", i%5)
		fact := domain.Fact{ID: domain.NamedID(domain.ID{3}, fmt.Sprint(i)), User: who, Movie: what, ReceivedAt: domain.Instant(1_800_000_000_000 + i)}
		switch i / 13 % 3 {
		case 0:
			commands = append(commands, &domain.SetLike{Fact: fact})
		case 1:
			commands = append(commands, rating(who, what, i, int32(i%11)))
		default:
			commands = append(commands, &domain.ClearLike{Fact: fact})
		}
	}
	return commands
}

// readyOrStopped runs the streams until they are ready, or say which partition stopped and what to do.
func (c *cluster) readyOrStopped(o Options) (running *started, ready bool) {
	c.t.Helper()
	s, err := New(o)
	require.NoError(c.t, err)
	running = start(c.t, s.Run)
	require.Eventually(c.t, func() bool {
		err := s.Healthy()
		ready = err == nil
		return ready || strings.Contains(err.Error(), "restore it into new topics") && strings.Contains(err.Error(), "partition ")
	}, patience, tick)
	return running, ready
}

// torn opens a broker on a folder whose files lost their ends, as a power cut leaves them.
func torn(t *testing.T, dir string) (*broker.Broker, *cluster) {
	t.Helper()
	b, err := broker.Open(broker.Options{DataDir: dir, Addr: "127.0.0.1:0", Logger: quietLog()})
	require.NoError(t, err)
	t.Cleanup(func() { _ = b.Close() })
	return b, joinCluster(t, b.Addr())
}

// cutFiles takes a share of the end off each file.
func cutFiles(t *testing.T, pattern string, share func() float64) {
	t.Helper()
	files, err := filepath.Glob(pattern)
	require.NoError(t, err)
	require.NotEmpty(t, files, pattern)
	for _, f := range files {
		info, err := os.Stat(f)
		require.NoError(t, err)
		require.NoError(t, os.Truncate(f, info.Size()-int64(float64(info.Size())*share())))
	}
}

// A power cut takes ends of files that nobody had synced, of each file another: commands, events, tables, commits, in any combination.
// What was accepted and stands in any of them is there afterwards, once, and everything is the fold of the commands.
func TestEndsThatAPowerCutTookAreMadeGood(t *testing.T) {
	t.Parallel()
	chance := faultstest.Chance(t)
	whole := t.TempDir()
	b, c := torn(t, whole)
	o := c.options(t.TempDir())
	patient(o.Sarama)
	_, running := c.run(o)
	played, rated := many(200), opinions(200)
	for i := 0; i < len(played); i += 20 { // so that there are batches to lose
		c.send(played[i : i+20]...)
		c.send(rated[i : i+20]...)
		c.committed(group("ugc-playback"))
		c.committed(group("ugc-movies"))
	}
	c.committed(group("ugc-feedback"))
	running.stop()
	c.client.Close()
	require.NoError(t, b.Close())

	logs := map[string]string{
		"commands": "ugc.*.commands.v1-*/*.dat", "events": "ugc.*.events.v1-*/*.dat", "tables": "ugc-*-table-*/*.dat", "movies": "ugc.movies.feedback.v1-*/*.dat",
	}
	for _, lost := range [][]string{
		{"commands"}, {"events"}, {"tables"}, {"movies"}, {"commands", "groups"}, {"commands", "events"}, {"commands", "tables"}, {"events", "tables"},
		{"movies", "tables"}, {"commands", "events", "movies", "groups"}, {"commands", "tables", "movies", "groups"}, {"events", "movies", "tables", "groups"},
	} {
		for range faultstest.Times(1, 5) {
			t.Run(strings.Join(lost, "_"), func(t *testing.T) {
				dir := t.TempDir()
				require.NoError(t, os.CopyFS(dir, os.DirFS(whole)))
				require.NoError(t, os.Remove(filepath.Join(dir, "CLEAN")))
				for _, what := range lost {
					if what == "groups" {
						cutFiles(t, filepath.Join(dir, "groups.log"), chance.Float64)
						continue
					}
					cutFiles(t, filepath.Join(dir, "partitions", logs[what]), chance.Float64)
				}
				b, c := torn(t, dir)
				o := c.options(t.TempDir())
				patient(o.Sarama)
				running, ready := c.readyOrStopped(o)
				if !ready {
					require.Subset(t, lost, []string{"commands", "events"}, "only these can hold what nothing else does")
					return
				}
				c.send(report("after", "heat", 1), report("u1", "m1", 1000))
				c.send(rating("after", "m1", 1, 7))
				for _, g := range Topology() {
					c.committed(g)
				}
				c.requireFold()
				c.requireMovies()
				if !slices.Contains(lost, "commands") || !slices.Contains(lost, "events") {
					require.Len(t, c.ids(topics.PlaybackCommands.Name), 202, "no command is lost")
					require.Len(t, c.ids(topics.FeedbackCommands.Name), 201)
				}
				running.stop()
				c.client.Close()
				require.NoError(t, b.Close())
			})
		}
	}
}

// The log of commands lost its end and has grown past it before a processor looks: versions were given twice. No accepted command is lost, and each has one event or a
// letter that says where it is decided.
func TestCommandsUnderOldOffsetsAreDecidedBehindTheOldEnd(t *testing.T) {
	c := startCluster(t)
	o := c.options(t.TempDir())
	_, first := c.run(o)
	for n := range 10 {
		c.send(report("ann", "heat", n))
	}
	c.committed(group("ugc-playback"))
	first.stop()

	ctx := bounded(t, patience)
	_, err := c.adm.DeleteTopics(ctx, topics.PlaybackCommands.Name)
	require.NoError(t, err)
	_, err = c.adm.CreateTopic(ctx, partitions, 1, nil, topics.PlaybackCommands.Name)
	require.NoError(t, err)
	c.reopen()
	for n := range 5 { // what is left of it
		c.send(report("ann", "heat", n))
	}
	for n := range 20 { // accepted since
		c.send(report("ann", "heat", 100+n))
	}
	for range 2 { // the second time there is nothing to do
		c.rewind(group("ugc-playback"))
		_, next := c.run(o)
		c.committed(group("ugc-playback"))
		next.stop()
	}
	got := map[domain.ID]int{}
	for origin, e := range c.eventsOf(topics.PlaybackEvents.Name) {
		require.GreaterOrEqual(t, origin.Version.Offset(), int64(0))
		got[e.Head().ID]++
	}
	for n := range 20 {
		require.Equal(t, 1, got[report("ann", "heat", 100+n).ID], "command %d is decided once", n)
	}
	ids := c.ids(topics.PlaybackCommands.Name)
	require.Len(t, ids, 30, "the lost ones are in the log again")
	require.EqualValues(t, 5+20+5+5, c.total(topics.PlaybackCommands.Name), "each of those concerned is appended once")
	letters := map[int64]bool{}
	for _, d := range c.letters() {
		require.Equal(t, schemas.ReasonDisplaced, d.Reason)
		letters[d.Offset] = true
	}
	require.Equal(t, map[int64]bool{5: true, 6: true, 7: true, 8: true, 9: true}, letters)
}

// A topic that lost what nothing else holds stops its group, with the partition and what to do.
func TestAGapInAnInputStopsTheGroup(t *testing.T) {
	c := startCluster(t)
	c.send(opinions(100)...)
	o := c.options(t.TempDir())
	_, first := c.run(o)
	for _, g := range Topology()[1:] {
		c.committed(g)
	}
	first.stop()
	before := tableOf(c, topics.MoviesTable.Name, c.codec.DecodeMoviesTable)

	// Its first records expired, and its table is lost: what is left folds to likes of -1.
	ctx := bounded(t, patience)
	gone := kadm.Offsets{}
	for p, end := range c.ends(topics.MoviesFeedback.Name) {
		gone.AddOffset(topics.MoviesFeedback.Name, p, end/2, -1)
	}
	_, err := c.adm.DeleteRecords(ctx, gone)
	require.NoError(t, err)
	c.anew(topics.MoviesTable.Name, "compact")
	s, err := New(o)
	require.NoError(t, err)
	stopped := start(t, s.Run)
	require.EventuallyWithT(t, func(t *assertT) {
		err := s.Healthy()
		require.ErrorContains(t, err, "ugc.movies.feedback.v1 begins at offset")
		require.ErrorContains(t, err, "delete the topics ugc.movies.feedback.v1 and ugc-movies-table")
	}, patience, tick)
	stopped.stop()
	require.Empty(t, c.all(topics.MoviesTable.Name), "nothing is folded of what is left")

	// What the error says is done, and all is there again.
	c.anew(topics.MoviesTable.Name, "compact")
	c.anew(topics.MoviesFeedback.Name, "delete")
	_, again := c.run(o)
	c.requireMovies()
	again.stop()
	for movie, table := range tableOf(c, topics.MoviesTable.Name, c.codec.DecodeMoviesTable) {
		require.Equal(t, before[movie].State, table.State)
	}
}

// A table of movies that is lost is folded again from its input, which is kept for ever.
func TestALostTableOfMoviesIsFoldedAgain(t *testing.T) {
	c := startCluster(t)
	c.send(opinions(100)...)
	o := c.options(t.TempDir())
	_, first := c.run(o)
	for _, g := range Topology()[1:] {
		c.committed(g)
	}
	first.stop()
	before := tableOf(c, topics.MoviesTable.Name, c.codec.DecodeMoviesTable)
	c.anew(topics.MoviesTable.Name, "compact")
	_, again := c.run(o)
	c.requireMovies()
	again.stop()
	for movie, table := range tableOf(c, topics.MoviesTable.Name, c.codec.DecodeMoviesTable) {
		require.Equal(t, before[movie].State, table.State)
	}
}

// anew deletes a topic and makes it again.
func (c *cluster) anew(topic, policy string) {
	c.t.Helper()
	ctx := bounded(c.t, patience)
	_, err := c.adm.DeleteTopics(ctx, topic)
	require.NoError(c.t, err)
	keep := "-1"
	_, err = c.adm.CreateTopic(ctx, partitions, 1, map[string]*string{"cleanup.policy": &policy, "retention.ms": &keep}, topic)
	require.NoError(c.t, err)
	c.reopen()
}

// Inputs that leave no state stand before a commit and not in the table. They are no reason to go back at every start.
func TestInputsWithoutAStateAreNotProcessedAgain(t *testing.T) {
	c := startCluster(t)
	o := c.options(t.TempDir())
	o.Groups = []string{"ugc-playback"}
	c.send(report("u", "m", 1))
	p := domain.Partition("u/m", partitions)
	c.produce(&kgo.Record{Topic: topics.PlaybackCommands.Name, Partition: p, Value: []byte("no key")})
	_, first := c.run(o)
	c.committed(group("ugc-playback"))
	first.stop()
	c.run(o)
	c.send(report("u", "m", 2))
	c.committed(group("ugc-playback"))
	require.Len(t, c.letters(), 1, "one letter, written once")
	require.Len(t, c.all(topics.PlaybackEvents.Name), 2)
}
