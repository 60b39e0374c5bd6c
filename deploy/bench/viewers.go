package main

import (
	"encoding/binary"
	"fmt"
	"math/rand/v2"

	"ugc/domain"
)

// viewers report what they watch: 10,000 of them, of whom some watch much and most little, 2,000 films likewise, each viewer in one film at a time, with a report
// every ten seconds until the visit is over. The same ones each time.
type viewers struct {
	random  *rand.Rand
	users   *rand.Zipf
	movies  *rand.Zipf
	visits  map[uint64]*visit
	reports domain.Instant
}

// visit is one viewer in one film.
type visit struct {
	movie    uint64
	number   int
	sequence int64
	position domain.Millis
	left     int // reports to come
}

const (
	filmLength  = 5_400_000 // ms
	reportEvery = 10_000    // ms
	dawn        = 1_750_000_000_000
)

func newViewers() *viewers {
	random := rand.New(rand.NewPCG(1, 2))
	return &viewers{random: random, users: rand.NewZipf(random, 1.1, 20, 9_999), movies: rand.NewZipf(random, 1.2, 10, 1_999), visits: make(map[uint64]*visit)}
}

// next is the report that comes next, of whomever.
func (v *viewers) next() *domain.RecordPlayback {
	user := v.users.Uint64()
	at := v.visits[user]
	if at == nil || at.left == 0 {
		at = v.visit(user, at)
	}
	at.sequence++
	at.left--
	at.position += reportEvery
	kind := domain.Heartbeat
	switch {
	case at.sequence == 1:
		kind = domain.Play
	case at.left == 0:
		kind = domain.Stop
	case v.random.IntN(20) == 0:
		kind = domain.Seek
		at.position = domain.Millis(v.random.IntN(filmLength))
	}
	v.reports++
	now := domain.Instant(dawn + at.sequence*reportEvery)
	c := &domain.RecordPlayback{
		Fact: domain.Fact{
			User: fmt.Sprintf("user-%05d", user), Movie: fmt.Sprintf("tt%07d", at.movie), Session: fmt.Sprintf("s-%05d-%04d", user, at.number), Device: "tv",
			Sequence: at.sequence, OccurredAt: now, SentAt: now + 20, ReceivedAt: dawn + 3_600_000 + v.reports,
		},
		Type: kind, Position: at.position, Duration: filmLength, Rate: 1,
	}
	binary.BigEndian.PutUint64(c.ID[:8], v.random.Uint64())
	binary.BigEndian.PutUint64(c.ID[8:], v.random.Uint64())
	return c
}

// visit begins where the viewer goes after the last one.
func (v *viewers) visit(user uint64, last *visit) *visit {
	next := &visit{movie: v.movies.Uint64(), position: domain.Millis(v.random.IntN(filmLength / 2)), left: 5 + v.random.IntN(60)}
	if last != nil {
		next.number = last.number + 1
	}
	v.visits[user] = next
	return next
}
