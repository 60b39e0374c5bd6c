package audit

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"ugc/domain"
	"ugc/schemas"
	"ugc/schemas/topics"
)

// next is a report of a viewer, each with another position.
func (w *world) next(key string) domain.Command {
	user, movie, _ := strings.Cut(key, "/")
	f := w.fact(user, movie)
	at := domain.Millis(w.now/1000%500) * 1000
	return &domain.RecordPlayback{Fact: f, Type: domain.Heartbeat, Position: at, Duration: 6_000_000,
		Watched: []domain.Interval{{Start: at, End: at + 700}}}
}

// beside is another key of the same partition.
func beside(key string) string {
	for n := 0; ; n++ {
		if k := fmt.Sprintf("bob%d/heat", n); domain.Partition(k, partitions) == domain.Partition(key, partitions) {
			return k
		}
	}
}

// displace writes a command where another one was decided, and sets it aside.
func (w *world) displace(c domain.Command) (offset int64) {
	o := w.accept(c)
	w.letterAs(schemas.ReasonDisplaced, "streams/playback", commands, o.Partition, o.Version.Offset(), c.Head().Key())
	return o.Version.Offset()
}

// again gives a command once more, which names where it stood.
func (w *world) again(c domain.Command, stood int64) {
	o := w.give(c)
	w.logs[commands][o.Partition][o.Version.Offset()].Again = []int64{stood}
}

// overgrown is the log of the streams' test TestCommandsUnderOldOffsetsAreDecidedBehindTheOldEnd: of ten commands that were decided the last five are lost,
// and twenty others stand there and behind. without says which copies are not there.
func (w *world) overgrown(first, second string, without func(c domain.Command) bool) (displaced []domain.Command) {
	p := domain.Partition(first, partitions)
	var lost []domain.Command
	for n := range 10 {
		w.give(w.next(first))
		if n >= 5 {
			lost = append(lost, domain.CommandOf(w.decided[len(w.decided)-1]))
		}
	}
	w.logs[commands][p] = w.logs[commands][p][:5]
	for range 5 {
		c := w.next(second)
		require.GreaterOrEqual(w.t, w.displace(c), int64(5))
		displaced = append(displaced, c)
	}
	for range 15 {
		w.give(w.next(second))
	}
	for _, commands := range [][]domain.Command{displaced, lost} {
		for n, c := range commands {
			if without == nil || !without(c) {
				w.again(c, int64(5+n))
			}
		}
	}
	return displaced
}

func TestCommandsUnderOldOffsetsAreNoDifferences(t *testing.T) {
	for name, second := range map[string]string{"of one key": "ann/heat", "of two keys": beside("ann/heat")} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.overgrown("ann/heat", second, nil)
			p := domain.Partition("ann/heat", partitions)
			require.Len(t, w.logs[commands][p], 35)
			require.Len(t, w.logs[topics.PlaybackEvents.Name][p], 35)
			r := w.audit()
			require.Empty(t, r.Differences)
			for _, c := range r.Counts {
				require.Equal(t, c.Accepted, c.Stored, "%+v", c)
			}
		})
	}
}

func TestDisplacedCommandsStandOnceMore(t *testing.T) {
	for name, spoil := range map[string]func(r *Record){
		"no copy":                  nil,
		"a copy without a header":  func(r *Record) { r.Again = nil },
		"a copy of another offset": func(r *Record) { r.Again[0]++ },
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			made := 0
			displaced := w.overgrown("ann/heat", beside("ann/heat"), func(domain.Command) bool {
				made++
				return made == 3 && spoil == nil
			})
			p := domain.Partition("ann/heat", partitions)
			if spoil != nil {
				spoil(&w.logs[commands][p][27])
			}
			r := w.audit()
			require.Len(t, r.Differences, 1, "%v", r.Differences)
			d := r.Differences[0]
			require.Equal(t, Unjustified, d.Kind)
			require.Equal(t, place{commands, p, 7}.String(), d.Origin)
			require.Contains(t, d.Is, displaced[2].Head().ID.String())
			require.Contains(t, d.Should, "ugc-again: 7")
		})
	}
}

// A command that was set aside before the log lost its end has no event: only its letter, and the value of its key, tell of it.
func TestCommandsWhereOthersWereSetAsideAreNoDifferences(t *testing.T) {
	w := newWorld(t)
	first, second := "ann/heat", beside("ann/heat")
	p := domain.Partition(first, partitions)
	w.give(w.next(first))
	w.bad(first, []byte("not Avro"))
	w.logs[commands][p] = w.logs[commands][p][:1]
	c := w.next(second)
	w.again(c, w.displace(c))
	w.aside(w.next(first), first) // it waits on
	require.Empty(t, w.audit().Differences)

	w = newWorld(t) // and there is no sign of what was lost
	w.give(w.next(second))
	c = w.next(first)
	w.again(c, w.displace(c))
	w.logs[topics.PlaybackTable.Name][p] = append(w.logs[topics.PlaybackTable.Name][p], w.logs[topics.PlaybackTable.Name][p][0])
	require.Empty(t, w.audit().Differences)
}

// A topic that lost its end is padded, so that no offset is given twice, and the lost events follow once more.
func TestPaddedFeedbackIsNoDifference(t *testing.T) {
	w := newWorld(t)
	w.busy()
	topic := topics.MoviesFeedback.Name
	p := domain.Partition("m1", partitions)
	lost := w.logs[topic][p][len(w.logs[topic][p])-3:]
	pad := &domain.FeedbackTouched{Change: domain.Change{Verdict: domain.Stale}}
	pad.Fact = domain.Fact{ID: domain.NamedID(domain.ID{}, "ugc/pad"), User: "ugc", Movie: "m1", Origin: domain.Origin{Version: domain.NoVersion}}
	value := must(w.codec.EncodeEvent(pad))
	events := append([]Record{}, lost...)
	for i := range lost {
		lost[i].Key, lost[i].Value = []byte("m1"), value
	}
	for _, r := range events {
		w.append(topic, p, string(r.Key), r.Value)
	}
	bad := w.append(topic, p, "m1", []byte("bad"))
	w.letterOf("streams/movies", topic, p, bad, "m1")
	w.letterOf("streams/movies", topic, p, w.append(topic, p, "m1", value), "m1") // a padding waits as all do
	w.committed["ugc-movies"][p] = int64(len(w.logs[topic][p]))
	require.Empty(t, w.audit().Differences)
}
