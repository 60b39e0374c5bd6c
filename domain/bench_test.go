package domain

import (
	"math/rand/v2"
	"testing"
)

// beat is the n-th report of a session that plays on, 10 s after the one before.
func beat(session string, n int) *RecordPlayback {
	at := start + Instant(n)*10_000
	return &RecordPlayback{
		Fact: Fact{ID: ID{8: 0x80, 13: byte(n >> 16), 14: byte(n >> 8), 15: byte(n)}, User: "u", Movie: "m",
			Session: session, Sequence: int64(n), OccurredAt: at, SentAt: at, ReceivedAt: at + 50},
		Type:     Heartbeat,
		Position: Millis(n-1) * 10_000,
		Duration: 100_000_000,
	}
}

var sink PlaybackState

// BenchmarkPlayback is the cost of one report, decided and merged.
func BenchmarkPlayback(b *testing.B) {
	const uuid = "6f9619ff-8b86-d011-b42d-00cf4fc964f"
	step := func(s PlaybackState, c *RecordPlayback) PlaybackState {
		return Playback.Evolve(s, Playback.Decide(s, c))
	}
	b.Run("heartbeat", func(b *testing.B) { // of the second of three sessions, in order
		var s PlaybackState
		for i := range 3 {
			for n := range 100 {
				s = step(s, beat(uuid+string(rune('a'+i)), n+1))
			}
		}
		c := beat(uuid+"b", 101)
		b.ReportAllocs()
		for b.Loop() {
			sink = step(s, c)
		}
	})
	b.Run("first", func(b *testing.B) {
		c := beat(uuid+"a", 1)
		b.ReportAllocs()
		for b.Loop() {
			sink = step(PlaybackState{}, c)
		}
	})
	b.Run("hot", func(b *testing.B) { // 200,000 reports of one key, in order
		b.ReportAllocs()
		n := 0
		var s PlaybackState
		for b.Loop() {
			if n++; n > 200_000 {
				n, s = 1, PlaybackState{}
			}
			s = step(s, beat(uuid+"a", n))
		}
		sink = s
	})
	b.Run("unplaced", func(b *testing.B) { // without session and sequence
		b.ReportAllocs()
		var s PlaybackState
		for n := 1; b.Loop(); n++ {
			c := beat("", n)
			c.Session, c.Sequence = "", 0
			s = step(s, c)
		}
		sink = s
	})
	b.Run("disordered", func(b *testing.B) { // a session of 2,000
		var all []*RecordPlayback
		for n := range 2000 {
			all = append(all, beat(uuid+"a", n+1))
		}
		rand.New(rand.NewPCG(1, 2)).Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
		b.ReportAllocs()
		var s PlaybackState
		for n := 0; b.Loop(); n++ {
			if n == len(all) {
				n, s = 0, PlaybackState{}
			}
			s = step(s, all[n])
		}
		sink = s
	})
	b.Run("ranges", func(b *testing.B) { // a report with ten stretches, over fifty
		var s PlaybackState
		c := beat("", 1)
		for i := range Millis(50) {
			c.Watched = append(c.Watched, Interval{i * 100_000, i*100_000 + 5_000})
		}
		s = step(s, c)
		c = beat("", 2)
		for i := range Millis(10) {
			c.Watched = append(c.Watched, Interval{i * 400_000, i*400_000 + 7_000})
		}
		b.ReportAllocs()
		for b.Loop() {
			sink = step(s, c)
		}
	})
}
