package load

import "ugc/domain"

// script is a visit while it is being written.
type script struct {
	*plan
	*dice
	v        *visit
	events   []domain.Command
	now      domain.Instant // true time
	pos      domain.Millis  // where the film stands
	told     domain.Millis  // up to where the player has said what it showed
	length   domain.Millis
	rate     float64
	fact     domain.Fact // what all facts of the visit say
	session  string      // "" for players that know none
	ranges   bool        // the player says what it showed
	sequence int64
	plays    int
	jumps    int
	views    int
}

// script writes what happens in a visit, in the order in which it happens.
func (p *plan) script(v *visit, d *dice) []domain.Command {
	s := &script{plan: p, dice: d, v: v, length: p.duration(v.movie), rate: 1, session: v.session()}
	s.fact = domain.Fact{User: p.user(v.user), Movie: p.movie(v.movie), Device: devices[v.device]}
	s.now = dawn + domain.Instant(v.number)*visitEvery + domain.Instant(d.below(3_600_000))
	if d.chance(50) {
		s.session = ""
	}
	s.ranges = d.chance(100)
	if d.chance(80) {
		s.rate = 1.5
	}
	if d.chance(400) { // goes on somewhere
		s.pos = domain.Millis(d.below(int64(s.length) * 9 / 10))
	}
	if d.chance(200) {
		s.feedback(&domain.SetBookmark{})
	}
	s.watch()
	s.opine()
	return s.events
}

// watch is the playback of a visit.
func (s *script) watch() {
	s.told = s.pos
	s.tick()
	s.report(domain.Play)
	steps := s.between(3, 12)
	if s.chance(300) {
		steps += s.below(60)
	}
	ended := false
	for range steps {
		if s.run(); s.pos >= s.length {
			s.pos, ended = s.length, true
			s.report(domain.End)
			break
		}
		s.act()
	}
	if !ended && !s.chance(80) { // the others just vanish
		s.run()
		s.pos = min(s.pos, s.length)
		s.report(domain.Stop)
	}
	s.view()
}

// act is what happens at one moment of playback.
func (s *script) act() {
	switch n := s.below(1000); {
	case n < 40 && s.jumps < jumpsPerVisit:
		s.jump(domain.FastForward, s.pos+domain.Millis(s.between(10_000, 600_000)))
	case n < 70 && s.jumps < jumpsPerVisit:
		s.jump(domain.Rewind, s.pos-domain.Millis(s.between(10_000, 300_000)))
	case n < 110 && s.jumps < jumpsPerVisit:
		s.jump(domain.Seek, domain.Millis(s.below(int64(s.length))))
	case n < 160 && s.plays < playsPerVisit:
		s.report(domain.Pause)
		s.pass(s.between(1, 30) * 60_000)
		s.report(domain.Play)
	case n < 170 && s.views+1 < viewsPerVisit:
		s.view()
	default:
		s.report(domain.Heartbeat)
	}
}

// run lets the film play until the next moment; players lag a little.
func (s *script) run() {
	gap := s.between(5_000, 15_000)
	s.pass(gap)
	if s.v.manner != Live {
		more := s.between(60_000, 150_000)
		s.pass(more)
		gap += more
	}
	s.pos += domain.Millis(float64(gap-s.below(300)) * s.rate)
}

func (s *script) pass(ms int64) { s.now += domain.Instant(ms) }

func (s *script) jump(t domain.ReportType, to domain.Millis) {
	s.jumps++
	c := s.playback(t)
	if !s.chance(120) { // the others do not say where they came from
		c.From = domain.Some(s.pos)
	}
	s.pos = max(0, min(to, s.length-1))
	s.told = s.pos
	c.Position = s.pos
}

// tell is the film that was shown since the player last said so.
func (s *script) tell() []domain.Interval {
	if !s.ranges || s.pos <= s.told {
		return nil
	}
	shown := []domain.Interval{{Start: s.told, End: s.pos}}
	s.told = s.pos
	return shown
}

func (s *script) report(t domain.ReportType) { s.playback(t) }

// playback writes a report of the film as it stands.
func (s *script) playback(t domain.ReportType) *domain.RecordPlayback {
	c := &domain.RecordPlayback{Fact: s.head(), Type: t, Position: s.pos, Duration: s.length, Watched: s.tell()}
	if s.rate != 1 {
		c.Rate = s.rate
	}
	if s.session != "" {
		s.sequence++
		c.Session, c.Sequence = s.session, s.sequence
	}
	if t == domain.Play {
		s.plays++
	}
	s.events = append(s.events, c)
	return c
}

// view reports viewed seconds. It has no place in the sequence, which counts playback reports alone.
func (s *script) view() {
	s.views++
	s.tick()
	c := &domain.RecordViewing{Fact: s.head(), ViewedSeconds: s.between(1, 7200)}
	c.Session = s.session
	s.events = append(s.events, c)
}

// opine is what the viewer thinks of the film, and thinks better of.
func (s *script) opine() {
	if s.chance(250) {
		s.feedback(&domain.SetRating{Score: int32(s.between(0, domain.MaxScore))})
		if s.chance(150) {
			s.feedback(&domain.SetRating{Score: int32(s.between(0, domain.MaxScore))})
		}
	}
	if s.chance(60) {
		s.feedback(&domain.ClearRating{})
	}
	if s.chance(200) {
		s.feedback(&domain.SetLike{Dislike: s.chance(250)})
	}
	if s.chance(60) {
		s.feedback(&domain.ClearLike{})
	}
	if s.chance(100) {
		s.feedback(&domain.ClearBookmark{})
	}
}

func (s *script) feedback(c domain.FeedbackCommand) {
	s.tick()
	*c.Head() = s.head()
	if s.v.undated {
		c.Head().OccurredAt = 0
	}
	s.events = append(s.events, c)
}

// tick keeps two things apart that happen after each other: by seconds, or by minutes where sent_at blurs the time of the fact.
func (s *script) tick() {
	s.pass(s.between(1_000, 20_000))
	if s.v.manner != Live {
		s.pass(60_000)
	}
}

func (s *script) head() domain.Fact {
	f := s.fact
	f.ID, f.OccurredAt = s.eventID(s.v.number, len(s.events)), s.now+s.v.clockError
	return f
}
