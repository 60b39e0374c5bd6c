package load

import (
	"cmp"
	"slices"
	"strconv"

	"ugc/domain"
)

// Manner is how a visit reaches the service.
type Manner uint8

// The manners.
const (
	Live    Manner = iota // each report when it happens, without sent_at
	Clocked               // the same with sent_at; reports are a minute or more apart
	Offline               // the whole visit at once, later, with sent_at
)

// Delivery is one event on its way: the event, or a repetition of it.
type Delivery struct {
	Visit   int            // the visit that it belongs to, counted from 0
	N       int            // its place among the deliveries of its visit
	Command domain.Command // without sent_at and received_at; shared by all deliveries of the event: not to be changed
	Manner  Manner
	Late    bool // sent after what happened later
	Again   bool // a repetition
	turn    int64
}

// visit is what one viewer does with one film in one sitting.
type visit struct {
	number     int
	user       int
	movie      int
	device     int
	manner     Manner
	clockError domain.Instant
	undated    bool  // its feedback says no time
	batched    int64 // 0 to 999: sent in batches where this is below the share that the options ask for
	deliveries []Delivery
	record     *record // nil before the first is sent
}

// visit makes visit n of the plan; the same n always gives the same.
func (p *plan) visit(n int) *visit {
	b := p.bookings[n]
	d := throw(p.seed, 4, uint64(n))
	v := &visit{number: n, user: int(b.user), movie: int(b.movie), device: int(d.below(int64(len(devices))))}
	v.clockError = p.clockError(v.user, v.device)
	v.batched = d.below(1000)
	switch {
	case d.chance(offlinePerMille):
		v.manner = Offline
	case d.chance(clockPerMille):
		v.manner = Clocked
	case d.chance(undatedPerMille):
		v.undated = true
	}
	v.deliver(d, p.script(v, d))
	return v
}

// turns apart: how visits, reports and repetitions mix. Some hundred visits are under way at any time.
const (
	reportTurns  = 3
	laterTurns   = 400
	perMilleLate = 50
	perMilleDup  = 50
)

// deliver puts the events into the order in which they are sent: some late, some twice.
func (v *visit) deliver(d *dice, events []domain.Command) {
	start, lates := int64(v.number), 0
	for i, c := range events {
		turn, late := start+int64(i)*reportTurns, false
		if v.manner == Offline {
			turn = start + int64(len(events))*reportTurns
		} else if lates < latesPerVisit && d.chance(perMilleLate+5) { // a little more, for those beyond the bound
			lates, late = lates+1, true
			turn += d.between(1, 8)*reportTurns + 1
			if d.chance(200) {
				turn += d.below(laterTurns)
			}
		}
		v.deliveries = append(v.deliveries, Delivery{Command: c, Late: late, turn: turn})
		if v.manner != Offline && d.chance(perMilleDup) {
			again := turn
			if d.chance(500) {
				again += d.between(50, laterTurns)
			}
			v.deliveries = append(v.deliveries, Delivery{Command: c, Again: true, turn: again})
		}
	}
	if v.manner == Offline && d.chance(perMilleDup) { // an upload whose answer was lost on the way
		again := d.between(50, laterTurns)
		for _, o := range v.deliveries {
			o.turn, o.Again = o.turn+again, true
			v.deliveries = append(v.deliveries, o)
		}
	}
	slices.SortStableFunc(v.deliveries, func(a, b Delivery) int { return cmp.Compare(a.turn, b.turn) })
	for i := range v.deliveries {
		o := &v.deliveries[i]
		o.Visit, o.N, o.Manner = v.number, i, v.manner
	}
}

// retryAge is how long before a repetition its sent_at is: an app that got no answer sends the same body again, minutes later. A service that counted it would
// take the fact for that much newer.
const retryAge = 10 * 60_000

// visits begin this far apart, from the beginning of 2022: even the longest stream stays in the past.
const (
	dawn       = domain.Instant(1_640_995_200_000)
	visitEvery = 10_000
)

// session is the label of the visit's playback session.
func (v *visit) session() string { return "s" + strconv.Itoa(v.number) }
