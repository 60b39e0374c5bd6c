package load

import "container/heap"

// Stream is everything that the viewers send, in order. It is not safe for concurrent use.
type Stream struct {
	plan   *plan
	active turns
	ended  bool
}

// NewStream is the stream of a seed and sizes, which must be positive; it begins at its first delivery.
func NewStream(seed uint64, users, movies int) *Stream {
	return &Stream{plan: newPlan(newWorld(seed, users, movies))}
}

// Next is what is sent next: one delivery, or a whole offline upload, at most limit deliveries of it. Nil when the world has nothing more
// to watch. The commands are shared and must not be changed.
func (s *Stream) Next(limit int) []Delivery {
	out, _ := s.next(limit)
	return out
}

func (s *Stream) next(limit int) ([]Delivery, *visit) {
	if limit <= 0 {
		return nil, nil
	}
	for !s.ended && (len(s.active) == 0 || s.active[0].turn() > int64(len(s.plan.bookings)-1)) {
		if !s.plan.book() {
			s.ended = true
			break
		}
		v := s.plan.visit(len(s.plan.bookings) - 1)
		heap.Push(&s.active, &turn{visit: v})
	}
	if len(s.active) == 0 {
		return nil, nil
	}
	t := s.active[0]
	n := 1
	if t.visit.manner == Offline {
		n = t.together()
	}
	out := t.visit.deliveries[t.next:][:min(n, limit)]
	t.next += len(out)
	if t.next == len(t.visit.deliveries) {
		heap.Pop(&s.active)
	} else {
		heap.Fix(&s.active, 0)
	}
	return out, t.visit
}

// visits is how many visits have begun.
func (s *Stream) visits() int { return len(s.plan.bookings) }

// turn is a visit under way.
type turn struct {
	visit *visit
	next  int
}

func (t *turn) turn() int64 { return t.visit.deliveries[t.next].turn }

// together is how many of the next deliveries have the same turn: one upload.
func (t *turn) together() int {
	rest := t.visit.deliveries[t.next:]
	n := 1
	for n < len(rest) && rest[n].turn == rest[0].turn {
		n++
	}
	return n
}

// turns is a heap by turn, then by visit, so that the order is total.
type turns []*turn

func (h turns) Len() int { return len(h) }
func (h turns) Less(i, j int) bool {
	if a, b := h[i].turn(), h[j].turn(); a != b {
		return a < b
	}
	return h[i].visit.number < h[j].visit.number
}
func (h turns) Swap(i, j int) { h[i], h[j] = h[j], h[i] }
func (h *turns) Push(x any)   { *h = append(*h, x.(*turn)) }
func (h *turns) Pop() any {
	old := *h
	last := old[len(old)-1]
	old[len(old)-1] = nil
	*h = old[:len(old)-1]
	return last
}

// lane is where the deliveries of a device are sent one after the other.
func (v *visit) lane(lanes int) int {
	return int(mix(uint64(v.user)*uint64(len(devices))+uint64(v.device)) % uint64(lanes))
}
