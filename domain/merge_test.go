package domain

import (
	"encoding/json"
	"math"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// Facts merge: any order of the same reports gives the same state where they say when they occurred, and a repeated
// report changes nothing.

// reports draws up to 30 different reports about one film: within the bounds of a state, sequences unique in their session.
func reports(t *rapid.T) []PlaybackCommand {
	used := map[string]bool{}
	out := make([]PlaybackCommand, rapid.IntRange(1, 30).Draw(t, "reports"))
	for i := range out {
		f := Fact{ID: testID(i + 1), User: "u", Movie: "m", ReceivedAt: start + Instant(rapid.IntRange(0, 60).Draw(t, "received"))*1000}
		if rapid.Bool().Draw(t, "has occurred") {
			f.OccurredAt = start + Instant(rapid.IntRange(-30, 60).Draw(t, "occurred"))*1000
			if rapid.Bool().Draw(t, "has sent") {
				f.SentAt = f.OccurredAt + Instant(rapid.IntRange(-2, 10).Draw(t, "sent"))*1000
			}
		}
		f.Session = rapid.SampledFrom([]string{"", "a", "b"}).Draw(t, "session")
		if f.Session != "" {
			f.Sequence = int64(rapid.IntRange(0, 12).Draw(t, "sequence"))
			place := f.Session + string(rune('A'+f.Sequence))
			if used[place] {
				f.Sequence = 0
			}
			used[place] = true
		}
		if rapid.IntRange(0, 9).Draw(t, "kind") == 0 {
			out[i] = &RecordViewing{Fact: f, ViewedSeconds: rapid.OneOf(rapid.Int64Range(0, 100), rapid.Just(int64(1)<<62)).Draw(t, "viewed")}
			continue
		}
		c := &RecordPlayback{
			Fact:     f,
			Type:     ReportType(rapid.IntRange(int(Play), int(End)).Draw(t, "type")),
			Position: Millis(rapid.IntRange(0, 100).Draw(t, "position")) * 1000,
			Duration: rapid.SampledFrom([]Millis{0, 90_000, 100_000}).Draw(t, "duration"),
			Rate:     rapid.SampledFrom([]float64{0, 0.5, 1, 2}).Draw(t, "rate"),
		}
		if rapid.Bool().Draw(t, "has from") {
			c.From = Some(Millis(rapid.IntRange(0, 100).Draw(t, "from")) * 1000)
		}
		c.Watched = withSpare(rapid.SliceOfN(rapid.Custom(func(t *rapid.T) Interval {
			from := Millis(rapid.IntRange(0, 99).Draw(t, "start")) * 1000
			return Interval{from, from + Millis(rapid.IntRange(1, 20).Draw(t, "length"))*1000}
		}), 0, 3).Draw(t, "watched"), Interval{7, 77})
		out[i] = c
	}
	return out
}

// withSpare gives a slice whose array goes on behind its length, as slices in real life do; what stands there is not ours to write.
func withSpare[S ~[]T, T any](s S, mark T) S {
	return append(append(S{}, s...), mark, mark, mark)[:len(s)]
}

func spare[S ~[]T, T any](s S) S { return s[:cap(s)][len(s):] }

func fold(cmds []PlaybackCommand) (s PlaybackState) {
	for _, c := range cmds {
		s = Playback.Evolve(s, Playback.Decide(s, c))
	}
	return s
}

// order is a state without what the log's order alone explains: who touched which piece when, and which id is older.
func order(s PlaybackState) PlaybackState {
	s.Seen = slices.Clone(s.Seen)
	slices.Sort(s.Seen)
	s.Sessions = slices.Clone(s.Sessions)
	for i := range s.Sessions {
		pieces := slices.Clone(s.Sessions[i].Pieces)
		for j := range pieces {
			pieces[j].Touched = 0
		}
		s.Sessions[i].Pieces = pieces
	}
	return s
}

func dated(cmds []PlaybackCommand) []PlaybackCommand {
	for _, c := range cmds {
		if f := c.Head(); f.OccurredAt == 0 {
			f.OccurredAt = f.ReceivedAt
		}
	}
	return cmds
}

func TestAnyOrderOfDatedReportsGivesTheSamePlayback(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		cmds := dated(reports(t))
		for _, c := range cmds {
			require.NoError(t, c.Validate())
		}
		once, other := fold(cmds), fold(rapid.Permutation(cmds).Draw(t, "order"))
		require.Equal(t, order(once), order(other))
		require.Equal(t, once.Viewing(), other.Viewing())
	})
}

// What is not a register needs no time at all.
func TestAnyOrderOfReportsGivesTheSameWatchedTime(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		cmds := reports(t)
		once, other := fold(cmds), fold(rapid.Permutation(cmds).Draw(t, "order"))
		for _, s := range []*PlaybackState{&once, &other} {
			s.Position, s.Resume, s.Duration = Register[Millis]{}, Register[Millis]{}, Register[Millis]{}
		}
		require.Equal(t, order(once), order(other))
	})
}

// A client hears no answer and sends the same report again: with another sent_at, to an edge with another clock, at
// once or much later.
func TestRetriedReportsChangeNothing(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		cmds := reports(t)
		var log []PlaybackCommand
		var retry []bool
		for i, c := range cmds {
			log, retry = append(log, c), append(retry, false)
			for range rapid.IntRange(0, 2).Draw(t, "retries") {
				log, retry = append(log, retried(t, cmds[rapid.IntRange(0, i).Draw(t, "of")])), append(retry, true)
			}
		}
		var s PlaybackState
		for i, c := range log {
			before := s
			e := Playback.Decide(s, c)
			s = Playback.Evolve(s, e)
			require.Equal(t, retry[i], e.Judged() == Duplicate)
			if retry[i] {
				require.Equal(t, before, s, "a repetition changes nothing at all")
			}
		}
		require.Equal(t, fold(cmds), s)
	})
}

// retried is the same report as it arrives another time. Its place, where it has one, is its identity: the id may be
// another.
func retried(t *rapid.T, c PlaybackCommand) PlaybackCommand {
	f := *c.Head()
	f.ReceivedAt += Instant(rapid.IntRange(-100_000, 1_000_000).Draw(t, "arrives later by"))
	if f.OccurredAt != 0 && rapid.Bool().Draw(t, "says when it is sent") {
		f.SentAt = f.OccurredAt + Instant(rapid.IntRange(0, 1_000_000).Draw(t, "sent later by"))
	}
	v, viewing := c.(*RecordViewing)
	if viewing {
		return &RecordViewing{Fact: f, ViewedSeconds: v.ViewedSeconds}
	}
	if c.(*RecordPlayback).placed() && rapid.Bool().Draw(t, "another id") {
		f.ID = testID(5000 + rapid.IntRange(0, 1000).Draw(t, "id"))
	}
	next := *c.(*RecordPlayback)
	next.Fact = f
	return &next
}

// Where no client gives a time the order of the log decides, whatever the clocks of the edges say.
func TestUndatedReportsStandInTheOrderOfTheLog(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var s PlaybackState
		at := start + 1_000_000
		if rapid.Bool().Draw(t, "a dated report from an edge ahead") {
			s = fold1(s, &RecordPlayback{Fact: Fact{ID: testID(0), OccurredAt: at, ReceivedAt: at}, Type: Seek,
				Position: 1})
		}
		for i := range rapid.IntRange(1, 10).Draw(t, "reports") {
			received := start + Instant(rapid.IntRange(0, 3).Draw(t, "received"))
			c := &RecordPlayback{Fact: Fact{ID: testID(i + 1), ReceivedAt: received}, Type: Seek,
				Position: Millis(i) + 10, Duration: Millis(i) + 100}
			if rapid.Bool().Draw(t, "an edge ahead") {
				c.ReceivedAt += 500_000
			}
			e := Playback.Decide(s, c)
			require.Equal(t, Applied, e.Judged())
			v := e.Viewed()
			require.Equal(t, []Millis{c.Position, c.Position, c.Duration}, []Millis{v.Position, v.Resume, v.Duration})
			s = Playback.Evolve(s, e)
		}
	})
}

func TestUndatedFactsOverARegister(t *testing.T) {
	const at = start + 10_000
	undated := func(received Instant, sequence int64) Fact {
		f := Fact{ID: testID(2), ReceivedAt: received, Sequence: sequence}
		if sequence > 0 {
			f.Session = "s"
		}
		return f
	}
	for name, c := range map[string]struct {
		old  Stamp
		f    Fact
		want Stamp // zero: it loses
	}{
		"newer":                             {Stamp{at, 0, testID(1)}, undated(at+1, 0), Stamp{at + 1, 0, testID(2)}},
		"its edge's clock is behind":        {Stamp{at, 7, testID(1)}, undated(at-5, 0), Stamp{at, 8, testID(2)}},
		"behind, with a sequence":           {Stamp{at, 7, testID(1)}, undated(at-5, 3), Stamp{at, 8, testID(2)}},
		"the same millisecond":              {Stamp{at, 0, testID(3)}, undated(at, 0), Stamp{at, 1, testID(2)}},
		"the same, one without a sequence":  {Stamp{at, 7, testID(1)}, undated(at, 0), Stamp{at, 8, testID(2)}},
		"the same, the other without":       {Stamp{at, 0, testID(1)}, undated(at, 3), Stamp{at, 3, testID(2)}},
		"the same, both with one: smaller":  {Stamp{at, 7, testID(1)}, undated(at, 6), Stamp{}},
		"the same, both with one: greater":  {Stamp{at, 7, testID(1)}, undated(at, 8), Stamp{at, 8, testID(2)}},
		"the same, both with one: equal":    {Stamp{at, 7, testID(3)}, undated(at, 7), Stamp{}},
		"the greatest sequence is there":    {Stamp{at, math.MaxInt64, testID(1)}, undated(at-1, 0), Stamp{at, math.MaxInt64, testID(2)}},
		"a register that was never written": {Stamp{}, undated(at, 0), Stamp{at, 0, testID(2)}},
		"a dated one that is older": {
			Stamp{at, 0, testID(1)}, Fact{ID: testID(2), OccurredAt: at - 1, ReceivedAt: at + 5}, Stamp{},
		},
	} {
		got, wins := c.f.over(c.old)
		require.Equal(t, !c.want.IsZero(), wins, name)
		if wins {
			require.Equal(t, c.want, got, name)
			require.True(t, c.old.Before(got), name)
		}
	}
}

func TestEventsSayWhatTheStateBecame(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var s PlaybackState
		var newly Millis
		cmds := reports(t)
		for _, c := range append(cmds, cmds...) {
			e := Playback.Decide(s, c)
			require.Equal(t, *c.Head(), *e.Head(), "an event repeats its command")
			next := Playback.Evolve(s, e)
			require.Equal(t, next.Viewing(), *e.Viewed())
			require.Equal(t, next.Rules, e.DecidedBy())
			require.Equal(t, next.Watched.Total(), e.Viewed().WatchedTime)
			if r, ok := e.(*PlaybackRecorded); ok {
				require.GreaterOrEqual(t, r.NewlyWatched, Millis(0))
				newly += r.NewlyWatched
			}
			before, after := s.Viewing(), next.Viewing()
			before.FirstSeen, before.LastSeen, after.FirstSeen, after.LastSeen = 0, 0, 0, 0
			if e.Judged() != Applied {
				require.Equal(t, before, after, "%s, but it moved something", e.Judged())
			}
			s = next
		}
		require.Equal(t, s.Watched.Total(), newly, "newly watched time sums up to watched time")
		require.Equal(t, int64(len(cmds)), s.Reports)
		for _, c := range cmds {
			require.Equal(t, Duplicate, Playback.Decide(s, c).Judged())
		}
	})
}

func TestPlaybackIsPure(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var s PlaybackState
		for _, c := range reports(t) {
			s.Watched = withSpare(s.Watched, Interval{7, 77})
			s.Sessions = withSpare(s.Sessions, Session{ID: 7})
			for i := range s.Sessions {
				s.Sessions[i].Pieces = withSpare(s.Sessions[i].Pieces, Piece{Touched: 77})
			}
			s.Seen = withSpare(s.Seen, 777)
			snapshot := func() string {
				var behind []Interval
				if r, ok := c.(*RecordPlayback); ok {
					behind = spare(r.Watched)
				}
				var pieces [][]Piece
				for i := range s.Sessions {
					pieces = append(pieces, spare(s.Sessions[i].Pieces))
				}
				b, err := json.Marshal([]any{s, spare(s.Watched), spare(s.Sessions), pieces, spare(s.Seen), c, behind})
				require.NoError(t, err)
				return string(b)
			}
			before := snapshot()
			e := Playback.Decide(s, c)
			require.Equal(t, before, snapshot(), "decide changed its arguments")
			require.Equal(t, e, Playback.Decide(s, c), "the same arguments give the same event")
			next := Playback.Evolve(s, e)
			require.Equal(t, before, snapshot(), "evolve changed its arguments")
			require.Equal(t, next, Playback.Evolve(s, e))
			s = next
		}
	})
}

func fold1(s PlaybackState, c PlaybackCommand) PlaybackState {
	return Playback.Evolve(s, Playback.Decide(s, c))
}
