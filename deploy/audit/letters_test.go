package audit

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"ugc/domain"
	"ugc/schemas"
	"ugc/schemas/topics"
)

const commands = "ugc.playback.commands.v1"

// TestJustifiedDeadLettersAreOutcomes sets bad records aside, and good ones behind them.
func TestJustifiedDeadLettersAreOutcomes(t *testing.T) {
	w := newWorld(t)
	w.busy()
	about := func(user, movie string) domain.Command {
		return &domain.RecordViewing{Fact: w.fact(user, movie), ViewedSeconds: 1}
	}
	unknown := must(w.codec.EncodeCommand(about("u0", "m0")))
	copy(unknown[1:], []byte{9, 9, 9, 9})
	for _, value := range [][]byte{
		[]byte("not Avro"), nil, unknown,
		must(w.codec.EncodeCommand(about("u1", "m2"))), // of another key
		must(w.codec.EncodeCommand(&domain.RecordViewing{Fact: w.fact("u1", "m1"), ViewedSeconds: -1})),
		must(w.codec.EncodeCommand(&domain.SetBookmark{Fact: w.fact("u1", "m1")})), // of another topic
		must(w.codec.EncodeEvent(w.decided[0])),
	} {
		w.bad("u1/m1", value)
	}
	for range 3 { // behind them
		w.aside(about("u1", "m1"), "u1/m1")
	}
	w.release(about("u1", "m1"))
	w.bad("u1/m1", nil)
	w.aside(about("u1", "m1"), "u1/m1")
	w.give(about("u1", "m3")) // other keys go on

	r := w.audit()
	require.Empty(t, r.Differences)
	for _, c := range r.Counts {
		require.Equal(t, c.Accepted, c.Stored, "%+v", c)
	}
}

func (w *world) aside(c domain.Command, key string) domain.Origin {
	o := w.accept(c)
	w.letter(commands, o, key)
	w.blocked(o, key)
	return o
}

// release gives a command with the header that lets its key go on.
func (w *world) release(c domain.Command) {
	o := w.give(c)
	w.logs[commands][o.Partition][o.Version.Offset()].Release = true
}

// TestLettersWithoutACauseAreDifferences sets good commands aside as behind nothing, as a processor with a fault does.
func TestLettersWithoutACauseAreDifferences(t *testing.T) {
	w := newWorld(t)
	w.busy()
	w.bad("u1/m1", nil)
	w.release(&domain.RecordPlayback{Fact: w.fact("u1", "m1"), Type: domain.Pause})
	want := map[string]string{}
	for n := range 50 {
		c := &domain.RecordPlayback{Fact: w.fact("u1", "m1"), Type: domain.Pause, Position: domain.Millis(n)}
		o := w.aside(c, "u1/m1")
		want[fmt.Sprintf("%s/%d/%d", commands, o.Partition, o.Version.Offset())] = c.ID.String()
	}
	r := w.auditWith(Options{Limit: 40})
	require.EqualValues(t, 50, r.Total())
	require.Len(t, r.Differences, 40, "the list is bounded")
	for _, d := range r.Differences {
		require.Equal(t, Unjustified, d.Kind)
		require.Equal(t, topics.PlaybackEvents.Name, d.Check)
		require.Equal(t, "u1/m1", d.Key)
		require.Contains(t, d.Is, want[d.Origin])
		require.NotEmpty(t, want[d.Origin])
	}
}

// TestWhatEndsTheWaitBehindALetter sets a good command aside after the wait behind a bad one is over.
func TestWhatEndsTheWaitBehindALetter(t *testing.T) {
	pause := func(w *world) domain.Command {
		return &domain.RecordPlayback{Fact: w.fact("u1", "m1"), Type: domain.Pause}
	}
	for name, ends := range map[string]func(*world) domain.Origin{
		"a later command was processed": func(w *world) domain.Origin { w.give(pause(w)); return w.aside(pause(w), "u1/m1") },
		"it is itself released": func(w *world) domain.Origin {
			o := w.aside(pause(w), "u1/m1")
			w.logs[commands][o.Partition][o.Version.Offset()].Release = true
			return o
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.busy()
			w.bad("u1/m1", nil)
			w.aside(pause(w), "u1/m1")
			o := ends(w)
			r := w.audit()
			require.Len(t, r.Differences, 1, "%v", r.Differences)
			require.Equal(t, Unjustified, r.Differences[0].Kind)
			require.Equal(t, place{commands, o.Partition, o.Version.Offset()}.String(), r.Differences[0].Origin)
		})
	}
}

// TestALetterOfAnotherRecordStandsForNothing writes letters that are about no record, or about other bytes.
func TestALetterOfAnotherRecordStandsForNothing(t *testing.T) {
	w := newWorld(t)
	w.busy()
	o := w.accept(&domain.RecordViewing{Fact: w.fact("u1", "m1"), ViewedSeconds: 1})
	for _, d := range []schemas.DeadLetter{
		{Step: "streams/playback", Topic: commands, Partition: o.Partition, Offset: o.Version.Offset(), Value: []byte("of before the topic was made anew")},
		{Step: "streams/playback", Topic: commands, Partition: o.Partition, Offset: 1 << 40},
		{Step: "streams/playback", Topic: commands, Partition: 77},
		{Step: "streams/other", Topic: commands},
		{Step: "streams/playback", Topic: topics.FeedbackCommands.Name},
	} {
		w.append(topics.DeadLetters.Name, 0, "u1/m1", must(w.codec.EncodeDeadLetter(&d)))
	}
	r := w.audit()
	require.Equal(t, Missing, r.Differences[0].Kind)
	require.Equal(t, topics.PlaybackEvents.Name, r.Differences[0].Check)
	require.Contains(t, fmt.Sprint(r.Counts), "5 of other steps")
}

// TestViewsDoWithoutWhatIsJustified takes rows away that a view has letters for: behind a bad record they have a cause, behind nothing they have none.
func TestViewsDoWithoutWhatIsJustified(t *testing.T) {
	for _, v := range Running().Views {
		for name, justified := range map[string]bool{"behind a bad record": true, "behind nothing": false} {
			t.Run(v.Name+" "+name, func(t *testing.T) {
				w := newWorld(t)
				w.busy()
				source, key := v.Source.Name, "new/new"
				if v.Source == topics.MoviesTable {
					key = "new"
				}
				p := domain.Partition(key, partitions)
				if justified {
					w.letterOf("projections/"+v.Name, source, p, w.append(source, p, key, []byte("bad")), key)
				}
				w.give(&domain.RecordPlayback{Fact: w.fact("new", "new"), Type: domain.Play, Position: 1})
				for _, c := range []domain.Command{&domain.SetLike{}, &domain.SetBookmark{}, &domain.SetRating{Score: 1}} {
					*c.Head() = w.fact("new", "new")
					w.give(c)
				}
				for offset, r := range w.logs[source][p] {
					if string(r.Key) == key && string(r.Value) != "bad" {
						w.letterOf("projections/"+v.Name, source, p, int64(offset), key)
					}
				}
				for id, row := range w.rows[v.Name][p] {
					if row.Key == key {
						delete(w.rows[v.Name][p], id)
					}
				}
				kinds := map[Kind]int{}
				for _, d := range w.audit().Differences {
					if d.Check == v.Name || d.Kind != Unreadable && Running().Derived[d.Check] == nil {
						kinds[d.Kind]++
					}
				}
				if justified {
					require.Empty(t, kinds)
				} else {
					require.Positive(t, kinds[Unjustified])
					require.Len(t, kinds, 1)
				}
			})
		}
	}
}

// TestTheMoviesGroupDoesWithoutWhatIsJustified sets feedback aside before it is folded into a summary.
func TestTheMoviesGroupDoesWithoutWhatIsJustified(t *testing.T) {
	for name, justified := range map[string]bool{"behind a bad record": true, "behind nothing": false} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.busy()
			topic, p := topics.MoviesFeedback.Name, domain.Partition("m1", partitions)
			if justified {
				w.letterOf("streams/movies", topic, p, w.append(topic, p, "m1", []byte("bad")), "m1")
			}
			summary, state := w.rows["movie_summaries"][p]["m1"], w.movies["m1"]
			w.give(&domain.SetRating{Fact: w.fact("u1", "m1"), Score: 3})
			last := int64(len(w.logs[topic][p])) - 1
			w.letterOf("streams/movies", topic, p, last, "m1")
			w.committed["ugc-movies"][p] = last + 1
			w.rows["movie_summaries"][p]["m1"], w.movies["m1"] = summary, state
			table := &w.logs[topics.MoviesTable.Name][p]
			*table = (*table)[:len(*table)-1]
			r := w.audit()
			if justified {
				require.Empty(t, r.Differences)
				return
			}
			require.Len(t, r.Differences, 1, "%v", r.Differences)
			require.Equal(t, Unjustified, r.Differences[0].Kind)
			require.Equal(t, topics.MoviesTable.Name, r.Differences[0].Check)
		})
	}
}
