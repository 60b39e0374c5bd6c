package reference

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// The numbers in these tests are computed by hand from README's rules, and by no program.

const t0 = int64(1_700_000_000_000)

// place is a report of session s at a sequence number, at a second of the session's clock and of the film.
func place(n int64, kind Kind, second, position int64) *Report {
	return &Report{Fact: Fact{ID: ID{1, byte(n >> 8), byte(n)}, User: "u", Movie: "m", Session: "s", Sequence: n,
		OccurredAt: t0 + 1000*second, ReceivedAt: t0 + 86_400_000}, Kind: kind, Position: 1000 * position, Duration: 1_000_000}
}

// loose is a report without a place, that arrives at a second.
func loose(id int, kind Kind, second, position int64) *Report {
	return &Report{Fact: Fact{ID: ID{2, byte(id >> 8), byte(id)}, User: "u", Movie: "m", ReceivedAt: t0 + 1000*second}, Kind: kind, Position: 1000 * position}
}

func take(p *Playback, reports ...*Report) (d Decision) {
	for _, r := range reports {
		d = p.Take(r, Published)
	}
	return d
}

func with(r *Report, change func(*Report)) *Report { change(r); return r }

func TestTimeOfAFact(t *testing.T) {
	for _, c := range []struct{ occurred, sent, received, want int64 }{
		{0, 0, 5000, 5000},
		{4000, 0, 5000, 4000},
		{4000, 4500, 5000, 4500},
		{6000, 0, 5000, 5000},
		{4900, 4000, 5000, 5000},
		{4000, 9000, 5000, 1},
		{100, 5000, 1000, 1},
	} {
		f := Fact{OccurredAt: c.occurred, SentAt: c.sent, ReceivedAt: c.received}
		require.Equal(t, c.want, f.At(), "%+v", c)
	}
}

func TestTheFirstRecordOfAnIdentityDecides(t *testing.T) {
	var p Playback
	take(&p, place(1, Play, 0, 0), place(2, Seek, 10, 500))
	again := with(place(1, Play, 0, 0), func(r *Report) { r.ID, r.ReceivedAt, r.SentAt = ID{9}, t0+90_000_000, t0 }) // the same place under another id, shifted by the retry
	d := p.Take(again, Rules{})
	require.Equal(t, Duplicate, d.Verdict)
	require.Equal(t, Published, d.Rules, "of the newest report that was new")
	require.EqualValues(t, 500_000, d.After.Position)
	require.EqualValues(t, 1, d.After.Plays)
	require.Zero(t, d.NewlyWatched)

	require.Equal(t, Applied, take(&p, loose(1, Viewed, 100, 0).viewed(30)).Verdict)
	require.Equal(t, Duplicate, take(&p, loose(1, Viewed, 200, 0).viewed(30)).Verdict)
	require.EqualValues(t, 30, p.Viewing().ViewedSeconds)
	placed := loose(2, Viewed, 300, 0).viewed(1) // a count of seconds has no place, whatever it says
	placed.Session, placed.Sequence = "s", 1
	require.Equal(t, Applied, take(&p, placed).Verdict)
}

func (r *Report) viewed(seconds int64) *Report { r.ViewedSeconds = seconds; return r }

func TestAThousandIDsAreRemembered(t *testing.T) {
	var p Playback
	for id := range 1000 {
		take(&p, loose(id, Viewed, 0, 0).viewed(1))
	}
	require.Equal(t, Duplicate, take(&p, loose(0, Viewed, 0, 0).viewed(1)).Verdict)
	take(&p, loose(1000, Viewed, 0, 0).viewed(1))
	require.Equal(t, Duplicate, take(&p, loose(1, Viewed, 0, 0).viewed(1)).Verdict)
	require.Equal(t, Applied, take(&p, loose(0, Viewed, 0, 0).viewed(1)).Verdict, "the oldest is forgotten")
}

func TestRegisters(t *testing.T) {
	dated := func(id byte, at, sequence, value int64) *Fact {
		return &Fact{ID: ID{id}, OccurredAt: at, Sequence: sequence, ReceivedAt: 100_000}
	}
	undated := func(id byte, received, sequence int64) *Fact {
		return &Fact{ID: ID{id}, Sequence: sequence, ReceivedAt: received}
	}
	for name, c := range map[string]struct {
		first, second *Fact
		want          Stamp
	}{
		"a later time":                     {dated(1, 5000, 0, 0), dated(2, 5001, 0, 0), Stamp{5001, 0, ID{2}}},
		"an earlier time":                  {dated(1, 5000, 0, 0), dated(2, 4999, 9, 0), Stamp{5000, 0, ID{1}}},
		"a greater sequence":               {dated(9, 5000, 1, 0), dated(2, 5000, 2, 0), Stamp{5000, 2, ID{2}}},
		"a smaller id":                     {dated(9, 5000, 1, 0), dated(2, 5000, 1, 0), Stamp{5000, 1, ID{9}}},
		"no time, a later clock":           {dated(1, 5000, 0, 0), undated(2, 6000, 0), Stamp{6000, 0, ID{2}}},
		"no time, a clock that is behind":  {undated(1, 9000, 7), undated(2, 6000, 0), Stamp{9000, 8, ID{2}}},
		"no time, the same millisecond":    {undated(9, 6000, 0), undated(2, 6000, 0), Stamp{6000, 1, ID{2}}},
		"the same, with sequences":         {undated(9, 6000, 5), undated(2, 6000, 4), Stamp{6000, 5, ID{9}}},
		"the same, with greater sequences": {undated(9, 6000, 5), undated(2, 6000, 6), Stamp{6000, 6, ID{2}}},
		"another one, with sequences":      {undated(9, 6001, 5), undated(2, 6000, 4), Stamp{6001, 6, ID{2}}},
		"only one has a sequence":          {undated(9, 6000, 5), undated(2, 6000, 0), Stamp{6000, 6, ID{2}}},
	} {
		t.Run(name, func(t *testing.T) {
			var r Register
			require.True(t, r.write(c.first, 1))
			require.Equal(t, c.want.ID == c.second.ID, r.write(c.second, 2))
			require.Equal(t, c.want, r.Stamp)
		})
	}
}

func TestResumePoint(t *testing.T) {
	for _, c := range []struct {
		kind                       Kind
		position, duration, resume int64
		written                    bool
	}{
		{Heartbeat, 59_999, 0, 0, false},
		{Heartbeat, 60_000, 0, 60_000, true},
		{Heartbeat, 50_000, 1_000_000, 50_000, true}, // 5 %
		{Heartbeat, 49_999, 1_000_000, 0, false},
		{Seek, 10, 0, 10, true},
		{Rewind, 10, 0, 10, true},
		{FastForward, 10, 0, 0, false},
	} {
		var p Playback
		r := loose(1, c.kind, 1, 0)
		r.Position, r.Duration = c.position, c.duration
		take(&p, r)
		require.Equal(t, c.resume, p.Resume.Value, "%+v", c)
		require.Equal(t, c.written, p.Resume.Written, "%+v", c)
		require.Equal(t, c.duration > 0, p.Length.Written)
		require.Equal(t, c.position, p.Position.Value)
	}
}

// README's example: 0 to 90 s, then 90 to 100 s, 600 to 610 s, 540 to 550 s and 1,800 to 1,830 s are watched.
func TestReadmesExample(t *testing.T) {
	from := func(second int64) func(*Report) {
		return func(r *Report) { ms := 1000 * second; r.From = &ms; r.Duration = 10_200_000 }
	}
	reports := []*Report{
		place(1, Play, 0, 0), place(2, Heartbeat, 60, 60), place(3, Pause, 90, 90), place(4, Play, 600, 90),
		with(place(5, FastForward, 610, 600), from(100)), with(place(6, Rewind, 620, 540), from(610)),
		with(place(7, Seek, 630, 1800), from(550)), place(8, Stop, 660, 1830),
	}
	for _, order := range [][]int{{0, 1, 2, 3, 4, 5, 6, 7}, {7, 6, 5, 4, 3, 2, 1, 0}, {1, 3, 5, 7, 0, 2, 4, 6}} {
		var p Playback
		newly := int64(0)
		for _, i := range order {
			newly += take(&p, reports[i]).NewlyWatched
		}
		v := p.Viewing()
		require.Equal(t, []Range{{0, 100_000}, {540_000, 550_000}, {600_000, 610_000}, {1_800_000, 1_830_000}}, v.Watched)
		require.EqualValues(t, 150_000, v.WatchedTime)
		require.EqualValues(t, 150_000, newly)
		require.EqualValues(t, 2, v.Plays)
		require.EqualValues(t, 1_830_000, v.Position)
		require.Equal(t, t0+660_000, v.PositionAt)
		require.Equal(t, []int64{t0, t0 + 660_000}, []int64{v.FirstSeen, v.LastSeen})
	}
}

func TestStretchesBetweenReports(t *testing.T) {
	from := int64(90_000)
	for name, c := range map[string]struct {
		first, next *Report
		want        int64
	}{
		"as fast as the clock":             {place(1, Play, 0, 0), place(2, Heartbeat, 10, 10), 10_000},
		"at the limit":                     {place(1, Play, 0, 0), place(2, Heartbeat, 10, 13), 13_000}, // 1.1 × 10 s + 2 s
		"beyond the limit":                 {place(1, Play, 0, 0), with(place(2, Heartbeat, 10, 13), func(r *Report) { r.Position++ }), 0},
		"at twice the rate":                {with(place(1, Play, 0, 0), func(r *Report) { r.Rate = 2 }), place(2, Heartbeat, 10, 24), 24_000}, // 1.1 × 2 × 10 s + 2 s
		"not consecutive":                  {place(1, Play, 0, 0), place(3, Heartbeat, 10, 10), 0},
		"after a pause":                    {place(1, Pause, 0, 0), place(2, Heartbeat, 10, 10), 0},
		"after a stop":                     {place(1, Stop, 0, 0), place(2, Heartbeat, 10, 10), 0},
		"after an end":                     {place(1, End, 0, 0), place(2, Heartbeat, 10, 10), 0},
		"up to a pause":                    {place(1, Play, 0, 0), place(2, Pause, 10, 10), 10_000},
		"a jump that does not say":         {place(1, Play, 0, 0), place(2, Seek, 10, 10), 0},
		"a jump that says":                 {place(1, Play, 0, 85), with(place(2, Seek, 10, 700), func(r *Report) { r.From = &from }), 5_000},
		"after a jump":                     {place(1, Seek, 0, 50), place(2, Heartbeat, 10, 60), 10_000},
		"backwards in the film":            {place(1, Play, 0, 50), place(2, Heartbeat, 10, 40), 0},
		"backwards in time":                {place(1, Play, 10, 0), place(2, Heartbeat, 9, 1), 0},
		"in no time, within two seconds":   {place(1, Play, 0, 0), place(2, Heartbeat, 0, 2), 2_000},
		"a heartbeat is no jump with from": {place(1, Play, 0, 0), with(place(2, Heartbeat, 10, 10), func(r *Report) { r.From = &from }), 10_000},
	} {
		t.Run(name, func(t *testing.T) {
			for _, order := range [][]*Report{{c.first, c.next}, {c.next, c.first}} {
				var p Playback
				require.Equal(t, c.want, take(&p, order...).NewlyWatched)
			}
		})
	}
	t.Run("by arrival where there is no time", func(t *testing.T) {
		arrived := func(second int64) func(*Report) {
			return func(r *Report) { r.OccurredAt, r.ReceivedAt = 0, t0+1000*second }
		}
		var p Playback
		require.EqualValues(t, 10_000, take(&p, with(place(1, Play, 0, 0), arrived(0)), with(place(2, Heartbeat, 0, 10), arrived(10))).NewlyWatched)
	})
}

func TestRangesThatThePlayerGives(t *testing.T) {
	var p Playback
	d := take(&p, with(loose(1, Heartbeat, 1, 1), func(r *Report) {
		r.Duration = 100_000
		r.Watched = []Range{{0, 10_000}, {5_000, 20_000}, {20_000, 30_000}, {90_000, 150_000}, {120_000, 130_000}, {50, 50}}
	}))
	require.Equal(t, []Range{{0, 30_000}, {90_000, 100_000}}, d.After.Watched)
	require.EqualValues(t, 40_000, d.NewlyWatched)
	d = take(&p, with(loose(2, Heartbeat, 2, 1), func(r *Report) { r.Watched = []Range{{95_000, 105_000}} })) // no length, no cut
	require.EqualValues(t, 5_000, d.NewlyWatched)
}

func TestTheShortestStretchesAreForgotten(t *testing.T) {
	var p Playback
	for i := range int64(2048) {
		take(&p, with(loose(int(i), Heartbeat, i, 0), func(r *Report) { r.Watched = []Range{{i * 100, i*100 + 10 + i%2}} }))
	}
	require.EqualValues(t, 2048*10+1024, p.Viewing().WatchedTime)
	d := take(&p, with(loose(5000, Heartbeat, 0, 0), func(r *Report) { r.Watched = []Range{{900_000, 900_005}} }))
	require.Zero(t, d.NewlyWatched, "it is itself the shortest")
	d = take(&p, with(loose(5001, Heartbeat, 0, 0), func(r *Report) { r.Watched = []Range{{900_000, 900_020}} }))
	require.EqualValues(t, 10, d.NewlyWatched, "20 more, 10 forgotten")
	require.Len(t, d.After.Watched, 2048)
}

func TestCompleted(t *testing.T) {
	for name, c := range map[string]struct {
		reports []*Report
		want    bool
	}{
		"at 90 %":                {[]*Report{place(1, Heartbeat, 0, 900)}, true},
		"before 90 %":            {[]*Report{place(1, Heartbeat, 0, 899)}, false},
		"a jump does not count":  {[]*Report{place(1, Seek, 0, 950)}, false},
		"the end":                {[]*Report{place(1, End, 0, 3)}, true},
		"no length":              {[]*Report{loose(1, Heartbeat, 0, 950)}, false},
		"80 % watched":           {[]*Report{with(place(1, Seek, 0, 1), func(r *Report) { r.Watched = []Range{{0, 800_000}} })}, true},
		"less":                   {[]*Report{with(place(1, Seek, 0, 1), func(r *Report) { r.Watched = []Range{{0, 799_999}} })}, false},
		"by the newest length":   {[]*Report{place(1, Heartbeat, 0, 900), with(place(2, Seek, 1, 1), func(r *Report) { r.Duration = 2_000_000 })}, false},
		"a length that is older": {[]*Report{place(1, Heartbeat, 5, 900), with(place(2, Seek, 1, 1), func(r *Report) { r.Duration = 2_000_000 })}, true},
	} {
		var p Playback
		require.Equal(t, c.want, take(&p, c.reports...).After.Completed, name)
	}
}

// A changed setting holds from the next new report on.
func TestRulesHoldFromTheNextReport(t *testing.T) {
	var p Playback
	strict := Published
	strict.CompletedReached = 0.95
	require.True(t, p.Take(place(1, Heartbeat, 0, 900), Published).After.Completed)
	d := p.Take(place(1, Heartbeat, 0, 900), strict)
	require.True(t, d.After.Completed, "a duplicate changes nothing")
	require.Equal(t, Published, d.Rules)
	d = p.Take(place(2, Pause, 1, 900), strict)
	require.False(t, d.After.Completed)
	require.Equal(t, Applied, d.Verdict)
}

func TestVerdictsOfPlayback(t *testing.T) {
	var p Playback
	require.Equal(t, Applied, take(&p, place(2, Heartbeat, 10, 100)).Verdict)
	require.Equal(t, Stale, take(&p, place(9, Heartbeat, 5, 50)).Verdict, "an older one, which proves nothing")
	require.Equal(t, Applied, take(&p, place(1, Heartbeat, 0, 90)).Verdict, "an older one between which and the next something was watched")
	require.Equal(t, Applied, take(&p, place(8, Play, 5, 50)).Verdict, "one more start")
	require.Equal(t, Duplicate, take(&p, place(9, Heartbeat, 500, 50)).Verdict)
	require.Equal(t, Stale, take(&p, loose(1, Viewed, 0, 0)).Verdict, "no seconds")
}

// Of 4,296 sessions the newest 200 are remembered, and whatever was reported on within the last 4,096 reports.
func TestSessionsThatAreForgotten(t *testing.T) {
	var p Playback
	session := func(s int) *Report {
		return with(place(1, Heartbeat, 0, 1), func(r *Report) { r.Session = fmt.Sprint("s", s) })
	}
	for s := range 4096 {
		take(&p, session(s))
	}
	require.Equal(t, Duplicate, take(&p, session(0)).Verdict)
	take(&p, session(4096))
	require.Equal(t, Duplicate, take(&p, session(1)).Verdict, "within the last 4,096 reports")
	require.NotEqual(t, Duplicate, take(&p, session(0)).Verdict)
}

func TestFeedback(t *testing.T) {
	var u User
	give := func(id byte, about About, second, value int64) Verdict {
		f := &Feedback{Fact: Fact{ID: ID{id}, OccurredAt: t0 + second*1000, ReceivedAt: t0 + 86_400_000}, About: about, Value: value, Cleared: value == 99, Version: uint64(id)}
		return u.Take(f)
	}
	require.Equal(t, Applied, give(1, Like, 10, 1))
	require.Equal(t, Stale, give(2, Like, 5, -1))
	require.Equal(t, Applied, give(3, Like, 20, 99), "taken back")
	require.Equal(t, Duplicate, give(1, Like, 30, 1), "a retry, whatever its time")
	require.False(t, u.Like.There())
	require.Equal(t, Applied, give(4, Rating, 10, 0))
	require.Equal(t, Applied, give(5, Rating, 20, 9))
	require.EqualValues(t, 9, u.Rating.Value)
	require.EqualValues(t, 4, u.Rating.Since)
	require.Equal(t, Applied, give(6, Bookmark, 10, 99), "taken back before it was given")
	require.Equal(t, Stale, give(7, Bookmark, 9, 1))
	require.False(t, u.Bookmark.There())
}

func TestSummaryOfAMovie(t *testing.T) {
	var s Summary
	for n, c := range []struct {
		user  int
		about About
		value int64
	}{{0, Rating, 8}, {1, Rating, 3}, {2, Rating, 10}, {1, Rating, 5}, {2, Rating, 99}, {0, Like, 1}, {1, Like, -1}, {2, Like, 1}, {2, Like, -1}, {0, Bookmark, 1}, {1, Bookmark, 1}, {1, Bookmark, 99}} {
		u := users[c.user]
		before := u.Opinions
		f := &Feedback{Fact: Fact{ID: ID{byte(n + 1)}, OccurredAt: int64(1000 + n), ReceivedAt: int64(2000 + n)}, About: c.about, Value: c.value, Cleared: c.value == 99}
		s.Count(&before, &u.Opinions, f, u.Take(f))
	}
	require.Equal(t, "{2 1 2 1 [0 0 0 0 0 1 0 0 1 0 0] 2011}", fmt.Sprint(s))
	require.InDelta(t, 6.5, s.Mean(), 0)
}

var users = [3]*User{{}, {}, {}}

// Two viewers of m of 1,000 s: one saw the first 60 s, the other all up to 475 s. They begin in the same hour and the first goes on in the next.
func TestDerivedViews(t *testing.T) {
	x := NewDerived()
	seats := Seats{}
	hour := t0 / 3_600_000 * 3600
	report := func(user string, minute, newly int64) {
		x.Report(&Report{Fact: Fact{User: user, Movie: "m", ReceivedAt: hour*1000 + minute*60_000}}, newly, seats)
	}
	report("a", 0, 50_000)
	report("a", 1, 0)
	report("b", 2, 475_000)
	report("a", 60, 10_000)
	first := &Viewing{Duration: 1_000_000, Watched: []Range{{0, 50_000}}, WatchedTime: 50_000, Plays: 1}
	x.Viewed("m", nil, first)
	x.Viewed("m", first, &Viewing{Duration: 1_000_000, Watched: []Range{{0, 60_000}}, WatchedTime: 60_000, Plays: 2})
	x.Viewed("m", nil, &Viewing{Duration: 1_000_000, Watched: []Range{{0, 475_000}}, WatchedTime: 475_000, Completed: true})
	x.Viewed("m", nil, &Viewing{WatchedTime: 1, Watched: []Range{{0, 1}}})
	rated := &Opinions{Rating: Opinion{Register: Register{Value: 7, Written: true}}}
	x.Given("m", nil, rated)
	x.Given("m", rated, &Opinions{Rating: Opinion{Register: Register{Value: 9, Written: true}}})
	m := x.Movies["m"]
	require.EqualValues(t, 3, m.Viewers)
	require.EqualValues(t, 535_001, m.WatchTime.Int())
	require.EqualValues(t, 2, m.Plays.Int())
	require.EqualValues(t, 1, m.Completions)
	require.Equal(t, []int64{1, 9}, []int64{m.Ratings, m.Scores})
	require.EqualValues(t, 2, m.Measured, "of the third viewer no length is known")
	require.Equal(t, "[2 2 1 1 1 1 1 1 1 1 0 0 0 0 0 0 0 0 0 0]", strings.TrimSpace(fmt.Sprint(m.Saw)))
	require.EqualValues(t, 2, x.Hours[Hour{hour, "m"}].Viewers)
	require.EqualValues(t, 525_000, x.Hours[Hour{hour, "m"}].Newly.Int())
	require.EqualValues(t, 1, x.Hours[Hour{hour + 3600, "m"}].Viewers)
}
