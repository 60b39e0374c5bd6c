package domain

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// heartbeat is the n-th report of a session that plays on, one every step from the start of the film.
func heartbeat(session string, n int, step Millis) *RecordPlayback {
	at := start + Instant(Millis(n)*step)
	return &RecordPlayback{
		Fact: Fact{ID: NamedID(ID{}, fmt.Sprint(session, n)), User: "u", Movie: "m", Session: session,
			Sequence: int64(n), OccurredAt: at, SentAt: at, ReceivedAt: at},
		Type:     Heartbeat,
		Position: Millis(n-1) * step,
	}
}

func shuffled[T any](s []T, seed uint64) []T {
	s = slices.Clone(s)
	rand.New(rand.NewPCG(seed, 1)).Shuffle(len(s), func(i, j int) { s[i], s[j] = s[j], s[i] })
	return s
}

func session(name string, n int, step Millis) (out []PlaybackCommand) {
	for i := range n {
		out = append(out, heartbeat(name, i+1, step))
	}
	return out
}

func TestEvenReportsFirst(t *testing.T) {
	all := session("a", 100, 10_000)
	var even, odd []PlaybackCommand
	for i, c := range all {
		if i%2 == 1 {
			even = append(even, c)
		} else {
			odd = append(odd, c)
		}
	}
	require.Equal(t, Intervals{{0, 990_000}}, fold(append(even, odd...)).Watched)
}

// A session of 2,000 reports at its worst is a thousand pieces; then they join.
func TestLongSessionsInAnyOrder(t *testing.T) {
	for _, n := range []int{200, 2000} {
		all := session("a", n, 5_000)
		want := fold(all)
		require.Equal(t, Intervals{{0, Millis(n-1) * 5_000}}, want.Watched)
		for seed := range uint64(3) {
			got := fold(shuffled(all, seed))
			require.Equal(t, order(want), order(got))
			require.Len(t, got.Sessions[0].Pieces, 1)
		}
	}
}

func TestTwoHundredSessionsInterleaved(t *testing.T) {
	var all []PlaybackCommand
	for i := range 200 {
		// each shows the same 45 s of another part of the film
		for _, c := range session(fmt.Sprint("s", i), 10, 5_000) {
			c.(*RecordPlayback).Position += Millis(i) * 100_000
			all = append(all, c)
		}
	}
	want := fold(all)
	require.Equal(t, Millis(200*45_000), want.Watched.Total())
	require.Equal(t, order(want), order(fold(shuffled(all, 7))))
}

// Each session is two reports, 2 s apart; all first ones come before all second ones.
func TestManyShortSessionsInterleaved(t *testing.T) {
	const sessions = 2000
	var all []PlaybackCommand
	for n := range 2 {
		for i := range sessions {
			c := heartbeat(fmt.Sprint("s", i), n+1, 2_000)
			c.Position += Millis(i) * 3_000
			all = append(all, c)
		}
	}
	s := fold(all)
	require.Equal(t, Millis(sessions*2_000), s.Watched.Total())
	require.Len(t, s.Watched, sessions)
}

// Two thousand stretches of 2 s, one second apart, as ranges.
func TestManyStretchesAreExact(t *testing.T) {
	var ranges []Interval
	for i := range Millis(2000) {
		ranges = append(ranges, Interval{i * 3_000, i*3_000 + 2_000})
	}
	require.Equal(t, Millis(4_000_000), fold(ranged(shuffled(ranges, 3))).Watched.Total())
}

// Ten thousand stretches of a millisecond were watched: 10 s, and never more.
func TestWatchedTimeIsNeverMoreThanWasWatched(t *testing.T) {
	var ranges []Interval
	for i := range Millis(10_000) {
		ranges = append(ranges, Interval{i * 700, i*700 + 1})
	}
	var s PlaybackState
	for _, c := range ranged(ranges) {
		c.(*RecordPlayback).Duration = 7_000_000
		e := Playback.Decide(s, c)
		require.GreaterOrEqual(t, e.(*PlaybackRecorded).NewlyWatched, Millis(0))
		s = Playback.Evolve(s, e)
		require.LessOrEqual(t, s.Watched.Total(), Millis(10_000))
	}
	require.Equal(t, Millis(MaxIntervals), s.Watched.Total())
	require.False(t, s.Viewing().Completed)
}

// ranged reports ranges, as many at once as are taken.
func ranged(ranges []Interval) (out []PlaybackCommand) {
	for some := range slices.Chunk(ranges, MaxRanges) {
		n := len(out) + 1
		at := start + Instant(n)
		f := Fact{ID: testID(n), User: "u", Movie: "m", OccurredAt: at, ReceivedAt: at}
		out = append(out, &RecordPlayback{Fact: f, Type: Heartbeat, Watched: some})
	}
	return out
}

func TestSessionsAreForgottenByLogOrder(t *testing.T) {
	var s PlaybackState
	tell := func(name string, sequence int) Verdict {
		e := Playback.Decide(s, heartbeat(name, sequence, 1000))
		s = Playback.Evolve(s, e)
		return e.Judged()
	}
	known := func(name string) bool {
		return Playback.Decide(s, heartbeat(name, 1, 1000)).Judged() == Duplicate
	}
	for i := range MaxSessions + 1 {
		tell(fmt.Sprint("s", i), 1)
	}
	require.Len(t, s.Sessions, MaxSessions+1, "more than 200, as long as they are reported on")
	for i := 2; s.Reports < SessionReports; i++ {
		tell("s200", i)
	}
	require.True(t, known("s0"), "its report is the oldest of the last 4,096")
	tell("s200", 9_000)
	require.False(t, known("s0"))
	require.True(t, known("s1"), "200 sessions are always remembered")
	require.Len(t, s.Sessions, MaxSessions)
	for range 100 {
		require.Equal(t, Duplicate, tell("s1", 1), "what is known changes nothing, not even what is forgotten next")
	}
	tell("s0", 1)
	require.False(t, known("s1"))
	require.True(t, known("s0"))
}

func TestPiecesAreBounded(t *testing.T) {
	var s PlaybackState
	for i := range MaxPieces + 10 {
		s = fold1(s, heartbeat("a", 2*i+1, 1000))
	}
	require.Equal(t, MaxPieces, s.Sessions.pieces())
	require.Equal(t, int64(21), s.Sessions[0].Pieces[0].Last.Sequence,
		"those that were not extended for the longest are forgotten")
	s = fold1(s, heartbeat("a", 22, 1000)) // joins 21 and 23: they are newer now
	for i := range 2 {
		s = fold1(s, heartbeat("b", 2*i+1, 1000))
	}
	require.Equal(t, MaxPieces, s.Sessions.pieces())
	i, _ := s.Sessions.place(FingerprintOfSession("a"), 22)
	first := s.Sessions[i.session].Pieces[0]
	require.Equal(t, [2]int64{21, 23}, [2]int64{first.First.Sequence, first.Last.Sequence})
	one := Sessions{{ID: 1, Pieces: []Piece{{Touched: 1}}}, {ID: 2, Pieces: []Piece{{Touched: 2}, {Touched: 3}}}}
	require.Equal(t, Sessions{one[1]}, one.withoutOldestPiece(), "a session without pieces goes")
}

func TestRetryAfter999Others(t *testing.T) {
	fact := func(n int) Fact {
		return Fact{ID: testID(n), User: "u", Movie: "m", ReceivedAt: start + Instant(n)}
	}
	for name, report := range map[string]func(n int) PlaybackCommand{
		"heartbeats": func(n int) PlaybackCommand {
			c := &RecordPlayback{Fact: fact(n), Type: Heartbeat, Position: Millis(n)}
			c.OccurredAt = c.ReceivedAt
			return c
		},
		"undated plays": func(n int) PlaybackCommand { return &RecordPlayback{Fact: fact(n), Type: Play} },
		"viewings":      func(n int) PlaybackCommand { return &RecordViewing{Fact: fact(n), ViewedSeconds: 5} },
		"a session without sequence": func(n int) PlaybackCommand {
			c := &RecordPlayback{Fact: fact(n), Type: Heartbeat}
			c.Session = "s"
			return c
		},
	} {
		t.Run(name, func(t *testing.T) {
			var s PlaybackState
			for n := range MaxSeen {
				s = fold1(s, report(n))
			}
			again := report(0)
			again.Head().ReceivedAt += 1_000_000
			require.Equal(t, Duplicate, Playback.Decide(s, again).Judged())
			require.Equal(t, s, fold1(s, again))
			s = fold1(s, report(MaxSeen))
			require.Len(t, s.Seen, MaxSeen)
			require.NotEqual(t, Duplicate, Playback.Decide(s, again).Judged(), "the oldest is forgotten")
			require.Equal(t, Duplicate, Playback.Decide(s, report(1)).Judged())
		})
	}
}

// The first record with an identity decides: whatever its retry says, what came between stands.
func TestARetryDoesNotUndo(t *testing.T) {
	report := func(id int, kind ReportType, position Millis, occurred, received Instant) *RecordPlayback {
		f := Fact{ID: testID(id), User: "u", Movie: "m", OccurredAt: occurred, SentAt: occurred, ReceivedAt: received}
		return &RecordPlayback{Fact: f, Type: kind, Position: position}
	}
	for name, occurred := range map[string]Instant{"dated": start, "undated": 0} {
		var s PlaybackState
		s = fold1(s, report(1, Heartbeat, 100_000, occurred, start))
		s = fold1(s, report(2, Seek, 3_000_000, start+5_000, start+5_000))
		again := Playback.Decide(s, report(1, Heartbeat, 100_000, occurred, start+10_000))
		require.Equal(t, Duplicate, again.Judged(), name)
		require.Equal(t, Millis(3_000_000), again.Viewed().Position, name)
		require.Equal(t, s, Playback.Evolve(s, again), name)
	}
}

func TestAPlaceIsAnIdentity(t *testing.T) {
	s := fold(session("a", 3, 1000))
	again := heartbeat("a", 2, 1000)
	again.ID, again.Type, again.Position = testID(9), Play, 77_000
	require.Equal(t, Duplicate, Playback.Decide(s, again).Judged(), "the same place under another id")
	other := heartbeat("a", 4, 1000)
	other.ID = heartbeat("a", 2, 1000).ID
	require.Equal(t, Applied, Playback.Decide(s, other).Judged(), "another place under the same id")
	require.Empty(t, s.Seen, "a place needs no other memory")
}

// How fingerprints are made never changes: they are in stored tables.
func TestFingerprintsAreFixed(t *testing.T) {
	id, err := ParseID("0198c0de-0000-7000-8000-000000000001")
	require.NoError(t, err)
	require.Equal(t, Fingerprint(0x9324598b46516c58), FingerprintOfID(id))
	require.Equal(t, Fingerprint(0x6393d51c06c618dc), FingerprintOfID(ID{}))
	for text, want := range map[string]Fingerprint{
		"":                                     0xf290399b2f63a5a1,
		"s1":                                   0xe724a5185900e9f7,
		"12345678":                             0x24d1a8b3a14b5a74,
		"6f9619ff-8b86-d011-b42d-00cf4fc964ff": 0x8ab1da070d04c3e0,
	} {
		require.Equal(t, want, FingerprintOfSession(text), text)
	}
}

func TestFingerprintsDiffer(t *testing.T) {
	seen := map[Fingerprint]string{}
	add := func(f Fingerprint, of string) {
		if other, known := seen[f]; known {
			t.Fatalf("%s and %s have the same", other, of)
		}
		seen[f] = of
	}
	for bit := range 128 { // ids that differ in one bit, and their complements
		var id, not ID
		id[bit/8] |= 1 << (bit % 8)
		for i := range not {
			not[i] = ^id[i]
		}
		add(FingerprintOfID(id), id.String())
		add(FingerprintOfID(not), not.String())
	}
	for n := range 20_000 {
		id := ID{6: 0x70, 8: 0x80, 13: byte(n >> 16), 14: byte(n >> 8), 15: byte(n)}
		id[5] = byte(n)
		add(FingerprintOfID(id), id.String())
	}
	rapid.Check(t, func(t *rapid.T) {
		a, b := rapid.String().Draw(t, "a"), rapid.String().Draw(t, "b")
		require.Equal(t, a == b, FingerprintOfSession(a) == FingerprintOfSession(b))
		require.NotEqual(t, FingerprintOfSession(a), FingerprintOfSession(a+"\x00"))
	})
}
