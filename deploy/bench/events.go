package main

import (
	"fmt"
	"iter"

	"ugc/domain"
)

// evening is when the first report arrives.
const evening domain.Instant = 1_772_305_200_000

// idOf is a name as players have them, always the same for the same thing.
func idOf(kind byte, n int) domain.ID { return domain.NamedID(domain.ID{kind}, fmt.Sprint(n)) }

// The kinds of names.
const (
	users byte = iota + 1
	movies
	sessions
	reports
)

// log gives facts their places: of each user in one partition, counted from 0.
type log struct{ next [partitions]domain.Version }

func (l *log) place(f *domain.Fact) {
	f.Origin.Partition = domain.Partition(f.User, partitions)
	f.Origin.Version = l.next[f.Origin.Partition]
	l.next[f.Origin.Partition]++
}

// playback is what the decider makes of n reports of so many viewers, who watch at the same time: each starts a film and then reports
// every ten seconds.
func playback(n, viewers int) iter.Seq[domain.Event] {
	return func(yield func(domain.Event) bool) {
		states := make([]domain.PlaybackState, viewers)
		names, films, runs := make([]string, viewers), make([]string, viewers), make([]string, viewers)
		for i := range names {
			names[i], films[i], runs[i] = idOf(users, i).String(), idOf(movies, i*i%2000).String(), idOf(sessions, i).String()
		}
		var log log
		for i := range n {
			who, round := i%viewers, i/viewers
			at := evening + domain.Instant(10_000*round+who%10_000)
			c := domain.RecordPlayback{
				Fact: domain.Fact{
					ID: idOf(reports, i), User: names[who], Movie: films[who], Session: runs[who], Device: "tv", Sequence: int64(round + 1),
					OccurredAt: at, SentAt: at, ReceivedAt: at + 40,
				},
				Type: domain.Heartbeat, Position: domain.Millis(10_000 * round), Duration: 7_200_000, Rate: 1,
			}
			if round == 0 {
				c.Type = domain.Play
			}
			log.place(&c.Fact)
			e := domain.Playback.Decide(states[who], &c)
			states[who] = domain.Playback.Evolve(states[who], e)
			if !yield(e) {
				return
			}
		}
	}
}

// rated is what the decider makes of n ratings, no two of the same user and film.
func rated(n int) iter.Seq[domain.Event] {
	const raters = 20_000
	return func(yield func(domain.Event) bool) {
		var log log
		for i := range n {
			f := domain.Fact{
				ID: idOf(reports, i), User: idOf(users, i%raters).String(), Movie: idOf(movies, i*7919%2000+2000*(i/raters)).String(),
				ReceivedAt: evening + domain.Instant(i/20),
			}
			log.place(&f)
			rating := &domain.SetRating{Fact: f, Score: int32(i % (domain.MaxScore + 1))}
			if !yield(domain.Feedback.Decide(domain.FeedbackState{}, rating)) {
				return
			}
		}
	}
}
