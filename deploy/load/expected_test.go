package load

import (
	"fmt"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"ugc/domain"
)

// applied is a command as the service folded it.
type applied struct {
	command domain.Command
	at      domain.Instant
}

// played is one pair's visits, what the ledger says of them, and what the service really did.
type played struct {
	writes []write
	log    []applied
}

// play draws what became of each delivery. The log keeps the order within a visit and mixes the visits in any way.
func drawPlayed(t *rapid.T, uncertain bool) played {
	const whole = 600_000
	s := NewStream(rapid.Uint64().Draw(t, "seed"), 1, 1)
	for s.Next(1<<20) != nil {
		continue
	}
	luck := throw(rapid.Uint64().Draw(t, "luck"))
	var p played
	var logs [][]applied
	for n := range s.visits() {
		v := s.plan.visit(n)
		r := newRecord(v)
		var log []applied
		for i, d := range v.deliveries {
			base := d.Command.Head().OccurredAt
			write := func(most int64) int64 {
				var took int64
				if v.manner != Live {
					took = luck.between(0, most)
					log = append(log, applied{d.Command, base - v.clockError + domain.Instant(took)})
				} else {
					log = append(log, applied{d.Command, base})
				}
				return took
			}
			choice := 0
			if uncertain {
				choice = int(luck.below(8))
			}
			switch choice {
			default:
				r.note(i, accepted, uint32(write(3000)))
			case 1:
				r.note(i, unknown, 0) // and written, perhaps much later
				write(whole)
			case 2:
				r.note(i, unknown, 0)
			case 3: // never sent
			case 4:
				r.note(i, unknown, 0)
				write(whole)
				r.note(i, accepted, uint32(write(3000)))
			}
		}
		p.writes = append(p.writes, r.writes(v, whole, 0)...)
		logs = append(logs, log)
	}
	for len(logs) > 0 {
		i := int(luck.below(int64(len(logs))))
		if len(logs[i]) == 0 {
			logs = slices.Delete(logs, i, i+1)
			continue
		}
		p.log = append(p.log, logs[i][0])
		logs[i] = logs[i][1:]
	}
	return p
}

// shown is what a service without a fault shows of it.
func (p played) shown(d deciders) (row *shownPosition, opinions domain.Opinions) {
	var f fold
	for _, a := range p.log {
		d.apply(&f, a.command, a.at)
	}
	v := d.rules.Viewing(f.playback)
	if v.LastSeen == 0 {
		return nil, f.opinions.Opinions
	}
	row = &shownPosition{Position: int64(v.Position), PositionAt: moment{v.PositionAt}, Resume: int64(v.Resume), ResumeAt: moment{v.ResumeAt}, WatchedTime: int64(v.WatchedTime),
		Plays: v.Plays, Completed: v.Completed, ViewedSeconds: v.ViewedSeconds, FirstSeen: moment{v.FirstSeen}, LastSeen: moment{v.LastSeen}}
	if v.Duration > 0 {
		length := int64(v.Duration)
		row.Duration = &length
	}
	return row, f.opinions.Opinions
}

func expectNothingWrong(t *rapid.T, p played) expected {
	d := newDeciders(domain.PublishedRules)
	e := d.expect(p.writes)
	row, opinions := p.shown(d)
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
		o := opinions.Of(kind)
		got := candidate{set: o.Set, value: int64(o.Value), lo: o.Stamp.At}
		require.True(t, e.opinions[kind].allows(got), "%s: shown %s, expected %s", kind, text(got), text(&e.opinions[kind]))
	}
	var state domain.MovieSummary
	if opinions.Rating.Set {
		state.Ratings, state.Histogram[opinions.Rating.Value] = 1, 1
	}
	require.True(t, sum.ratings.holds(state.Ratings))
	for score, n := range state.Histogram {
		require.True(t, sum.histogram[score].holds(n))
	}
	require.True(t, sum.likes.holds(count(opinions.Like.Set && opinions.Like.Value == domain.LikeValue)))
	require.True(t, sum.dislikes.holds(count(opinions.Like.Set && opinions.Like.Value == domain.DislikeValue)))
	require.True(t, sum.bookmarks.holds(count(opinions.Bookmark.Set)))
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
			e := newDeciders(domain.PublishedRules).expect(tc.writes)
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
	e := newDeciders(domain.PublishedRules).expect(w)
	require.False(t, e.resume.certain)
	rules := domain.PublishedRules
	rules.ResumeAfter = 40_000
	e = newDeciders(rules).expect(w)
	require.True(t, e.resume.certain)
}
