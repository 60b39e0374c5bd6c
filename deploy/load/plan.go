package load

import (
	"strconv"

	"ugc/domain"
)

// world is everything that follows from seed and sizes: who there is, what the films are, how wrong the clocks go.
type world struct {
	seed          uint64
	users, movies int
	userSkew      *skew
	movieSkew     *skew
	prefix        string
}

// generation is part of every id: change it when the stream changes, so that the streams of two versions never mix in one service.
const generation = 2

func newWorld(seed uint64, users, movies int) *world {
	w := &world{users: users, movies: movies, seed: throw(generation, seed, uint64(users), uint64(movies)).next()}
	w.userSkew, w.movieSkew = newSkew(users, 0.7), newSkew(movies, 1.0)
	w.prefix = "load-" + strconv.FormatUint(w.seed>>40|1<<24, 16)[1:]
	return w
}

// Every world has users and movies of its own, so that runs with different seeds can share a service.
func (w *world) user(n int) string  { return w.prefix + "-u" + strconv.Itoa(n) }
func (w *world) movie(n int) string { return w.prefix + "-m" + strconv.Itoa(n) }

// duration is the length of a film, 20 minutes to 3 hours.
func (w *world) duration(movie int) domain.Millis {
	return domain.Millis(throw(w.seed, 1, uint64(movie)).between(20*60, 180*60) * 1000)
}

var devices = [...]string{"tv", "phone", "tablet"}

// clockError is how far a device's clock is off: mostly little, sometimes by minutes, and now and then by days.
func (w *world) clockError(user, device int) domain.Instant {
	d := throw(w.seed, 2, uint64(user), uint64(device))
	bound := int64(2_000)
	switch {
	case d.chance(50):
		bound = 3 * 24 * 3600 * 1000
	case d.chance(200):
		bound = 5 * 60 * 1000
	}
	return domain.Instant(d.between(-bound, bound))
}

// eventID names an event by world, visit and place in it, so that an id found in a log leads back to its visit. (UUID version 8.)
func (w *world) eventID(visit, event int) domain.ID {
	var id domain.ID
	for i := range 6 {
		id[i] = byte(w.seed >> (56 - 8*i))
	}
	id[6], id[7] = 0x80|byte(event>>8)&0x0f, byte(event)
	for i := range 8 {
		id[15-i] = byte(uint64(visit) >> (8 * i))
	}
	id[8] = id[8]&0x3f | 0x80
	return id
}

// booking says who watches what.
type booking struct{ user, movie uint32 }

// plan is the row of all visits so far; it grows as the stream goes on.
type plan struct {
	*world
	bookings []booking
	taken    map[booking]uint8
	full     map[uint32]int // movies that a user has watched as often as may be
}

func newPlan(w *world) *plan {
	return &plan{world: w, taken: map[booking]uint8{}, full: map[uint32]int{}}
}

// book adds the next visit; false when every user has watched every film as often as a state remembers.
func (p *plan) book() bool {
	d := throw(p.seed, 3, uint64(len(p.bookings)))
	b := booking{user: uint32(p.userSkew.draw(d)), movie: uint32(p.movieSkew.draw(d))}
	for range p.users {
		for range p.movies {
			if p.full[b.user] == p.movies {
				break
			}
			if n := p.taken[b]; n < visitsPerPair {
				p.taken[b] = n + 1
				if n+1 == visitsPerPair {
					p.full[b.user]++
				}
				p.bookings = append(p.bookings, b)
				return true
			}
			b.movie = (b.movie + 1) % uint32(p.movies)
		}
		b.user = (b.user + 1) % uint32(p.users)
	}
	return false
}
