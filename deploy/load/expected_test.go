package load

import (
	"fmt"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"ugc/deploy/reference"
	"ugc/domain"
)

// applied is a command as the service folded it.
type applied struct {
	command domain.Command
	at      domain.Instant
	note    func(at domain.Instant) // told when a command without a time arrived; nil for others
}

// played is one pair's visits, what the ledger says of them, and what the service really did.
type played struct {
	writes []write
	log    []applied
}

// sending draws what becomes of the deliveries of a visit, in the order in which its device sends them.
type sending struct {
	*visit
	*record
	luck *dice
	log  []applied
}

// the run of the drawn worlds.
var drawnRun = ran{began: 2_000_000_000_000, whole: 600_000}

// attempt sends a delivery once. Where it is written the fact is up to most milliseconds newer for the way that it took.
func (s *sending) attempt(i int, f fate, written bool, most int64) {
	d := &s.deliveries[i]
	at := d.Command.Head().OccurredAt
	took := s.luck.between(0, most)
	switch {
	case at == 0: // noted when it is known where in the log it is
		s.log = append(s.log, applied{d.Command, 0, func(at domain.Instant) {
			sent := max(0, int64(at-drawnRun.began)-s.luck.between(0, most))
			s.note(i, f, uint32(sent), uint32(int64(at-drawnRun.began)-sent+s.luck.below(50)))
		}})
		if !written {
			s.log[len(s.log)-1].command = nil
		}
		return
	case s.manner != Live:
		at += domain.Instant(took) - s.clockError
		if d.Again {
			at += retryAge
		}
	}
	if s.note(i, f, 0, uint32(took)); written {
		s.log = append(s.log, applied{d.Command, at, nil})
	}
}

// drawPlayed draws what became of each delivery. The log keeps the order within a visit and mixes the visits in any way.
func drawPlayed(t *rapid.T, uncertain bool) played {
	s := NewStream(rapid.Uint64().Draw(t, "seed"), 1, 1)
	for s.Next(1<<20) != nil {
		continue
	}
	luck := throw(rapid.Uint64().Draw(t, "luck"))
	var all []*sending
	for n := range s.visits() {
		v := s.plan.visit(n)
		on := &sending{visit: v, record: newRecord(v), luck: luck}
		for i := range v.deliveries {
			choice := 0
			if uncertain {
				choice = int(luck.below(8))
			}
			switch choice {
			default:
				on.attempt(i, accepted, true, 3000)
			case 1:
				on.attempt(i, unknown, true, int64(drawnRun.whole)) // and written, perhaps much later
			case 2:
				on.attempt(i, unknown, false, 0)
			case 3: // never sent
			case 4:
				on.attempt(i, unknown, true, int64(drawnRun.whole))
				on.attempt(i, accepted, true, 3000)
			}
		}
		all = append(all, on)
	}
	p := played{log: mixed(all, luck)}
	for _, on := range all {
		p.writes = append(p.writes, on.writes(on.visit, drawnRun)...)
	}
	return p
}

// mixed puts the logs of visits together; what has no time arrives in the order of the log.
func mixed(all []*sending, luck *dice) (log []applied) {
	now := drawnRun.began + 10_000
	for left := slices.Clone(all); len(left) > 0; {
		i := int(luck.below(int64(len(left))))
		if len(left[i].log) == 0 {
			left = slices.Delete(left, i, i+1)
			continue
		}
		a := left[i].log[0]
		if left[i].log = left[i].log[1:]; a.note != nil {
			now += domain.Instant(luck.below(40))
			a.at = now
			a.note(now)
		}
		if a.command != nil {
			log = append(log, a)
		}
	}
	return log
}

// shown is what a service without a fault shows of it.
func (p played) shown(j judge) (row *shownPosition, opinions *reference.Opinions) {
	var f fold
	for _, a := range p.log {
		j.apply(&f, a.command, a.at)
	}
	v := f.playback.Viewing()
	if v.LastSeen == 0 {
		return nil, &f.feedback.Opinions
	}
	at := func(ms int64) moment { return moment{domain.Instant(ms)} }
	row = &shownPosition{Position: v.Position, PositionAt: at(v.PositionAt), Resume: v.Resume, ResumeAt: at(v.ResumeAt), WatchedTime: v.WatchedTime,
		Plays: v.Plays, Completed: v.Completed, ViewedSeconds: v.ViewedSeconds, FirstSeen: at(v.FirstSeen), LastSeen: at(v.LastSeen)}
	if v.Duration > 0 {
		row.Duration = &v.Duration
	}
	return row, &f.feedback.Opinions
}

func expectNothingWrong(t *rapid.T, p played) expected {
	j := newJudge(domain.PublishedRules)
	e := j.expect(p.writes)
	row, opinions := p.shown(j)
	c := &comparison{to: &Result{}}
	if row == nil {
		require.Zero(t, e.playback.lo)
	} else {
		require.EqualValues(t, 1, e.playback.hi)
		(&sight{c: c}).position("u/m", row, &e)
	}
	var sum tally
	sum.add(&e)
	for kind := domain.LikeKind; kind <= domain.RatingKind; kind++ {
		o := opinions.Of(abouts[kind])
		got := candidate{set: o.There(), value: o.Value, lo: domain.Instant(o.Stamp.At)}
		require.True(t, e.opinions[kind].allows(got), "%s: shown %s, expected %s", kind, text(got), text(&e.opinions[kind]))
	}
	var state reference.Summary
	if opinions.Rating.There() {
		state.Ratings, state.Histogram[opinions.Rating.Value] = 1, 1
	}
	require.True(t, sum.ratings.holds(state.Ratings))
	for score, n := range state.Histogram {
		require.True(t, sum.histogram[score].holds(n))
	}
	require.True(t, sum.likes.holds(count(opinions.Like.There() && opinions.Like.Value == 1)))
	require.True(t, sum.dislikes.holds(count(opinions.Like.There() && opinions.Like.Value == -1)))
	require.True(t, sum.bookmarks.holds(count(opinions.Bookmark.There())))
	require.Empty(t, c.to.Differences)
	return e
}

// A service without a fault is never blamed, whatever became of each delivery and in whatever order the visits came.
func TestNoFalseAlarm(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) { expectNothingWrong(t, drawPlayed(t, true)) })
}

// Where all outcomes are known the bounds are no bounds: one value alone is right.
func TestWithoutUnknownOutcomesOneValueIsRight(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		e := expectNothingWrong(t, drawPlayed(t, false))
		for _, s := range []span{e.watched, e.plays, e.viewed, e.completed, e.playback} {
			require.Equal(t, s.lo, s.hi)
		}
		if e.exact { // in the others times overlap, so that two may have won
			for _, r := range []register{e.position, e.resume, e.duration, e.opinions[1], e.opinions[2], e.opinions[3]} {
				values := map[string]bool{}
				for _, c := range r.candidates {
					values[fmt.Sprint(c.set, c.value)] = true
				}
				require.LessOrEqual(t, len(values), 1, "%v", r)
			}
			require.Equal(t, e.first.lo, e.first.hi)
			require.Equal(t, e.last.lo, e.last.hi)
		}
	})
}

func at(ms int64) domain.Instant { return domain.Instant(ms) }

func rated(id byte, lo, hi int64, score int32, certain bool) write {
	return write{command: &domain.SetRating{Fact: domain.Fact{ID: domain.ID{id}, User: "u", Movie: "m", OccurredAt: at(lo)}, Score: score}, lo: at(lo), hi: at(hi), certain: certain}
}

// What an uncertain rating may do, written out.
func TestBoundsOfARegister(t *testing.T) {
	clear := write{command: &domain.ClearRating{Fact: domain.Fact{ID: domain.ID{9}, User: "u", Movie: "m", OccurredAt: 500}}, lo: 500, hi: 500, certain: true}
	for name, tc := range map[string]struct {
		writes []write
		says   string
		tally  span
	}{
		"certain":                        {[]write{rated(1, 100, 100, 5, true)}, "5 at 1970-01-01T00:00:00.100Z", span{1, 1}},
		"an older one changes nothing":   {[]write{rated(1, 100, 100, 5, true), rated(2, 99, 99, 7, false)}, "5 at 1970-01-01T00:00:00.100Z", span{1, 1}},
		"a newer one may have won":       {[]write{rated(1, 100, 100, 5, true), rated(2, 101, 101, 7, false)}, "5 at 1970-01-01T00:00:00.100Z or 7 at 1970-01-01T00:00:00.101Z", span{1, 1}},
		"alone it may not be there":      {[]write{rated(2, 101, 101, 7, false)}, "7 at 1970-01-01T00:00:00.101Z or nothing", span{0, 1}},
		"times that overlap":             {[]write{rated(1, 100, 120, 5, true), rated(2, 110, 130, 7, true)}, "5 at 1970-01-01T00:00:00.110Z to 1970-01-01T00:00:00.120Z or 7 at 1970-01-01T00:00:00.110Z to 1970-01-01T00:00:00.130Z", span{1, 1}},
		"times that do not":              {[]write{rated(1, 100, 109, 5, true), rated(2, 110, 130, 7, true)}, "7 at 1970-01-01T00:00:00.110Z to 1970-01-01T00:00:00.130Z", span{1, 1}},
		"taken back":                     {[]write{rated(1, 100, 100, 5, true), clear}, "nothing", span{0, 0}},
		"taken back, perhaps set again":  {[]write{clear, rated(1, 600, 600, 5, false)}, "nothing or 5 at 1970-01-01T00:00:00.600Z", span{0, 1}},
		"the same again after no answer": {[]write{rated(1, 100, 100, 5, false), rated(1, 100, 100, 5, true)}, "5 at 1970-01-01T00:00:00.100Z", span{1, 1}},
	} {
		t.Run(name, func(t *testing.T) {
			e := newJudge(domain.PublishedRules).expect(tc.writes)
			require.Equal(t, tc.says, text(&e.opinions[domain.RatingKind]))
			var sum tally
			sum.add(&e)
			require.Equal(t, tc.tally, sum.ratings)
		})
	}
}

// The rules of a deployment are its own.
func TestRulesOfTheDeploymentAreUsed(t *testing.T) {
	c := &domain.RecordPlayback{Fact: domain.Fact{ID: domain.ID{1}, User: "u", Movie: "m", OccurredAt: 5}, Type: domain.Heartbeat, Position: 50_000, Duration: 10_000_000}
	w := []write{{command: c, lo: 5, hi: 5, certain: true}}
	e := newJudge(domain.PublishedRules).expect(w)
	require.False(t, e.resume.certain)
	rules := domain.PublishedRules
	rules.ResumeAfter = 40_000
	e = newJudge(rules).expect(w)
	require.True(t, e.resume.certain)
}

// likes are the deliveries of a visit without times: a like, taken back, and the like sent again by an app that got no answer.
func likes(fates ...fate) (*visit, *record) {
	v := &visit{undated: true}
	head := func(id byte) domain.Fact { return domain.Fact{ID: domain.ID{id}, User: "u", Movie: "m"} }
	like := &domain.SetLike{Fact: head(1)}
	v.deliveries = []Delivery{{Command: like}, {Command: &domain.ClearLike{Fact: head(2)}}, {Command: like, Again: true}}
	r := newRecord(v)
	for n, f := range fates {
		if f != 0 {
			r.note(n, f, uint32(n)*100, 50)
		}
	}
	return v, r
}

// A retry changes nothing once its first record is known to be there; where that is not known, either may have been the first.
func TestTheFirstRecordOfAnIDDecides(t *testing.T) {
	for name, tc := range map[string]struct {
		fates       []fate
		like, clear bool // may be shown
	}{
		"all accepted":           {[]fate{accepted, accepted, accepted}, false, true},
		"first lost":             {[]fate{0, accepted, accepted}, true, false},
		"first not known":        {[]fate{unknown, accepted, accepted}, true, true},
		"taken back, not known":  {[]fate{accepted, unknown, accepted}, true, true},
		"taken back, and lost":   {[]fate{accepted, 0, accepted}, true, false},
		"retry of what was lost": {[]fate{0, accepted, unknown}, true, true},
	} {
		t.Run(name, func(t *testing.T) {
			v, r := likes(tc.fates...)
			e := newJudge(domain.PublishedRules).expect(r.writes(v, ran{began: 1000, whole: 5000}))
			like := &e.opinions[domain.LikeKind]
			require.Equal(t, tc.clear, like.allows(candidate{}), "%s", text(like))
			shown := slices.ContainsFunc(like.candidates, func(c candidate) bool { return c.set })
			require.Equal(t, tc.like, shown, "%s", text(like))
		})
	}
}
