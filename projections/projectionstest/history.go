// Package projectionstest holds histories to project and the contract of projections.Sink as tests.
package projectionstest

import (
	"fmt"
	"math/rand/v2"

	"ugc/domain"
	"ugc/projections"
	"ugc/schemas"
	"ugc/schemas/topics"
)

// Partitions is how many partitions a history has.
const Partitions = 3

// History is what the deciders made of n random commands of a handful of users and movies: late, repeated and idle ones among them. The same seed gives the
// same history. Records of all partitions are interleaved; offsets start at 0 in each.
func History(source topics.Topic, seed uint64, n int) []projections.Record {
	g := &generator{
		r:        rand.New(rand.NewPCG(seed, 1)),
		opinions: map[string]domain.FeedbackState{}, playback: map[string]domain.PlaybackState{}, movies: map[string]domain.MovieState{},
	}
	records := make([]projections.Record, n)
	for i := range records {
		switch source.Name {
		case topics.FeedbackEvents.Name:
			e := g.feedback(i)
			records[i] = g.event(e.Head().Key(), e)
		case topics.PlaybackEvents.Name:
			e := g.played(i)
			records[i] = g.event(e.Head().Key(), e)
		case topics.MoviesTable.Name:
			records[i] = g.movie(i)
		default:
			panic("projectionstest: no history of topic " + source.Name)
		}
	}
	return records
}

type generator struct {
	r        *rand.Rand
	versions [Partitions]domain.Version // of the next command
	offsets  [Partitions]int64          // of the next record
	opinions map[string]domain.FeedbackState
	playback map[string]domain.PlaybackState
	movies   map[string]domain.MovieState
	folded   [Partitions]domain.Version
}

const start = 1_700_000_000_000

// fact is a report that may be late or a repetition.
func (g *generator) fact(i int) domain.Fact {
	user, movie := fmt.Sprintf("u%d", g.r.IntN(6)), fmt.Sprintf("m%d", g.r.IntN(4))
	at := i
	if g.r.IntN(5) == 0 {
		at = g.r.IntN(i + 1) // late; where user and movie agree, the same report again
	}
	p := domain.Partition(user, Partitions)
	f := domain.Fact{
		ID: domain.NamedID(domain.ID{}, fmt.Sprint(at)), User: user, Movie: movie,
		OccurredAt: domain.Instant(start + 1000*at), ReceivedAt: domain.Instant(start + 1000*i + 500),
		Origin: domain.Origin{Partition: p, Version: g.versions[p]},
	}
	g.versions[p]++
	return f
}

func (g *generator) event(key string, e domain.Event) projections.Record {
	f := e.Head()
	return g.record(f.Origin.Partition, key, f.Origin.Version, e, f.ReceivedAt)
}

func (g *generator) record(p int32, key string, v domain.Version, value any, at domain.Instant) projections.Record {
	r := projections.Record{Partition: p, Offset: g.offsets[p], Key: key, Version: v, Value: value, ReceivedAt: at}
	g.offsets[p]++
	return r
}

func (g *generator) feedback(i int) domain.FeedbackEvent {
	f := g.fact(i)
	var c domain.FeedbackCommand
	switch g.r.IntN(8) {
	case 0:
		c = &domain.SetLike{Fact: f, Dislike: g.r.IntN(2) == 0}
	case 1:
		c = &domain.ClearLike{Fact: f}
	case 2:
		c = &domain.SetBookmark{Fact: f}
	case 3:
		c = &domain.ClearBookmark{Fact: f}
	case 4, 5:
		c = &domain.SetRating{Fact: f, Score: int32(g.r.IntN(domain.MaxScore + 1))}
	case 6:
		c = &domain.ClearRating{Fact: f}
	default:
		c = &domain.TouchFeedback{Fact: f}
	}
	e := domain.Feedback.Decide(g.opinions[f.Key()], c)
	g.opinions[f.Key()] = domain.Feedback.Evolve(g.opinions[f.Key()], e)
	return e
}

func (g *generator) played(i int) domain.PlaybackEvent {
	f := g.fact(i)
	f.Session, f.Sequence = "s-"+f.User, int64(i)+1
	var c domain.PlaybackCommand
	switch g.r.IntN(8) {
	case 0:
		c = &domain.RecordViewing{Fact: f, ViewedSeconds: g.r.Int64N(100)}
	case 1:
		c = &domain.TouchPlayback{Fact: f}
	default:
		at := domain.Millis(g.r.Int64N(7_000_000))
		c = &domain.RecordPlayback{Fact: f, Type: domain.ReportType(1 + g.r.IntN(8)), Position: at, Duration: 7_200_000, Watched: []domain.Interval{{Start: at / 2, End: at/2 + 30_000}}}
	}
	e := domain.Playback.Decide(g.playback[f.Key()], c)
	g.playback[f.Key()] = domain.Playback.Evolve(g.playback[f.Key()], e)
	return e
}

// movie is the movies table after one more feedback event.
func (g *generator) movie(i int) projections.Record {
	e := g.feedback(i)
	movie := e.Head().Movie
	g.movies[movie] = domain.FoldMovie(g.movies[movie], e)
	p := domain.Partition(movie, Partitions)
	v := g.folded[p]
	g.folded[p]++
	t := &schemas.Table[domain.MovieState]{Applied: v, State: g.movies[movie]}
	return g.record(p, movie, v, t, 0)
}
