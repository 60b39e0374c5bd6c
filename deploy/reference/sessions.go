package reference

import (
	"cmp"
	"slices"
)

// The bounds of what is remembered of sessions, of each user and movie.
const (
	NewestSessions = 200
	RecentReports  = 4096
	MostGaps       = 4096 // stretches of consecutive sequence numbers
)

// sessions are the places of reports that are remembered.
type sessions struct {
	of      map[string][]stretch // of one session in the order of sequence numbers; no two touch
	reports int64                // new ones so far, with a place or without
	count   int                  // stretches in all
}

// stretch is a row of consecutive sequence numbers that were reported.
type stretch struct {
	from, to    int64 // both included
	first, last moment
	newest      int64 // of its reports, counted as in sessions
}

// moment is what a stretch between two reports depends on.
type moment struct {
	clock, stands, cameUp int64
	rate                  float64
	stopped, unsaid       bool
}

// know says whether the place of a report was seen before.
func (s *sessions) know(r *Report) bool {
	return slices.ContainsFunc(s.of[r.Session], func(t stretch) bool { return t.from <= r.Sequence && r.Sequence <= t.to })
}

// take remembers the place of a new report, and gives the film that lies between it and its neighbours.
func (s *sessions) take(r *Report) (watched []Range) {
	if s.of == nil {
		s.of = map[string][]stretch{}
	}
	all := s.of[r.Session]
	this := stretch{from: r.Sequence, to: r.Sequence, first: momentOf(r), last: momentOf(r), newest: s.reports}
	at, _ := slices.BinarySearchFunc(all, r.Sequence-1, func(t stretch, n int64) int { return cmp.Compare(t.to, n) })
	end := at
	if end < len(all) && all[end].to+1 == r.Sequence {
		watched = append(watched, between(all[end].last, momentOf(r)))
		this.from, this.first = all[end].from, all[end].first
		end++
	}
	if end < len(all) && all[end].from-1 == r.Sequence {
		watched = append(watched, between(momentOf(r), all[end].first))
		this.to, this.last = all[end].to, all[end].last
		end++
	}
	s.count += 1 - (end - at)
	s.of[r.Session] = slices.Replace(all, at, end, this)
	return watched
}

func momentOf(r *Report) moment {
	m := moment{clock: r.OccurredAt, stands: r.Position, cameUp: r.Position, rate: r.Rate, stopped: r.Kind.stops()}
	if m.clock == 0 {
		m.clock = r.ReceivedAt
	}
	if m.rate == 0 {
		m.rate = 1
	}
	if r.Kind.jumps() {
		if m.unsaid = r.From == nil; !m.unsaid {
			m.cameUp = *r.From
		}
	}
	return m
}

// between is the film that was watched between two consecutive reports; an empty range where none was.
func between(n, next moment) Range {
	stretch, elapsed := next.cameUp-n.stands, next.clock-n.clock
	if n.stopped || next.unsaid || stretch <= 0 || elapsed < 0 || float64(stretch) > 1.1*n.rate*float64(elapsed)+2000 {
		return Range{}
	}
	return Range{n.stands, next.cameUp}
}

// forget keeps the memory within its bounds: sessions first, then the stretches that were extended longest ago.
func (s *sessions) forget() {
	for name := range s.of {
		if len(s.of) > NewestSessions && s.newest(name) <= s.reports-RecentReports && s.rank(name) >= NewestSessions {
			s.count -= len(s.of[name])
			delete(s.of, name)
		}
	}
	for s.count > MostGaps {
		name, oldest := "", int64(0)
		for of, all := range s.of {
			for _, t := range all {
				if name == "" || t.newest < oldest {
					name, oldest = of, t.newest
				}
			}
		}
		s.count--
		s.of[name] = slices.DeleteFunc(s.of[name], func(t stretch) bool { return t.newest == oldest })
		if len(s.of[name]) == 0 {
			delete(s.of, name)
		}
	}
}

// newest is the newest report on a session.
func (s *sessions) newest(session string) (newest int64) {
	for _, t := range s.of[session] {
		newest = max(newest, t.newest)
	}
	return newest
}

// rank is how many sessions were reported on later.
func (s *sessions) rank(session string) (later int) {
	for other := range s.of {
		if s.newest(other) > s.newest(session) {
			later++
		}
	}
	return later
}
