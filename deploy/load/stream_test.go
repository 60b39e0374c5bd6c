package load

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"testing"

	"github.com/stretchr/testify/require"

	"ugc/deploy/reference"
	"ugc/domain"
)

// take is the first n deliveries of a stream.
func take(s *Stream, n int) (out []Delivery) {
	for len(out) < n {
		next := s.Next(n - len(out))
		if len(next) == 0 {
			return out
		}
		out = append(out, next...)
	}
	return out
}

func hashOf(deliveries []Delivery) string {
	h := sha256.New()
	for _, d := range deliveries {
		_, _ = fmt.Fprintf(h, "%d %d %d ", d.Visit, d.N, d.Manner)
		_, _ = h.Write(append(appendEvent(nil, d.Command, 0), '\n'))
	}
	return hex.EncodeToString(h.Sum(nil))
}

// The stream of a seed is the same on every machine and for ever: a run can be repeated. Where this fails, the stream was changed; then
// change the generation too.
func TestStreamIsAFunctionOfItsSeed(t *testing.T) {
	const golden = "c7abbded5f7731c6a9858f5a64577a90216b9e5a5e7e0168441407486f4dbc43"
	require.Equal(t, golden, hashOf(take(NewStream(1, 1000, 500), 20_000)))
	require.Equal(t, golden, hashOf(take(NewStream(1, 1000, 500), 20_000)))
	for name, other := range map[string]*Stream{"seed": NewStream(2, 1000, 500), "users": NewStream(1, 1001, 500), "movies": NewStream(1, 1000, 501)} {
		a, b := take(other, 100), take(NewStream(1, 1000, 500), 100)
		require.NotEqual(t, hashOf(b), hashOf(a), name)
		require.NotEqual(t, b[0].Command.Head().User, a[0].Command.Head().User, "worlds do not share users: %s", name)
	}
}

func TestALongerStreamBeginsWithTheShorterOne(t *testing.T) {
	long := take(NewStream(7, 50, 20), 5000)
	require.Equal(t, hashOf(take(NewStream(7, 50, 20), 1234)), hashOf(long[:1234]))
}

// What the viewers do has the shares that were asked for.
func TestStreamHasEverythingInIt(t *testing.T) {
	const n = 100_000
	deliveries := take(NewStream(3, 2000, 500), n)
	require.Len(t, deliveries, n)
	types, seen, users, movies := map[string]int{}, map[domain.ID]int{}, map[string]int{}, map[string]int{}
	twice, late, offline, sentAt, froms, ranges, rates, anonymous := 0, 0, 0, 0, 0, 0, 0, 0
	newest := map[string]int64{}
	devices := map[string]map[string]bool{}
	for _, d := range deliveries {
		f := d.Command.Head()
		if seen[f.ID]++; seen[f.ID] > 1 {
			twice++
			continue
		}
		types[wireType(d.Command)]++
		users[f.User]++
		movies[f.Movie]++
		if devices[f.User] == nil {
			devices[f.User] = map[string]bool{}
		}
		devices[f.User][f.Device] = true
		switch d.Manner {
		case Offline:
			offline++
			fallthrough
		case Clocked:
			sentAt++
		}
		c, is := d.Command.(*domain.RecordPlayback)
		if !is {
			continue
		}
		if c.Session == "" {
			anonymous++
		} else if c.Sequence < newest[c.Session] {
			late++
		}
		newest[c.Session] = max(newest[c.Session], c.Sequence)
		froms += int(count(c.From.Present))
		ranges += int(count(len(c.Watched) > 0))
		rates += int(count(c.Rate != 0))
	}
	share := func(what string, n int, lo, hi float64) {
		require.GreaterOrEqual(t, float64(n)/float64(len(seen)), lo, what)
		require.LessOrEqual(t, float64(n)/float64(len(seen)), hi, what)
	}
	share("twice", twice, 0.04, 0.06)
	share("late", late, 0.03, 0.06)
	share("offline", offline, 0.02, 0.06)
	share("with sent_at", sentAt, 0.06, 0.18)
	share("heartbeats", types["heartbeat"], 0.3, 0.8)
	share("without a session", anonymous, 0.01, 0.1)
	for _, typ := range append(domain.ReportTypes(), "viewing", "like", "dislike", "clear_like", "bookmark", "clear_bookmark", "rating", "clear_rating") {
		share(typ, types[typ], 0.001, 0.8)
	}
	require.Positive(t, froms)
	require.Positive(t, ranges)
	require.Positive(t, rates)
	several := 0
	for _, d := range devices {
		several += int(count(len(d) > 1))
	}
	require.Greater(t, several, len(devices)/2, "most users have several devices")
	world := NewStream(3, 2000, 500).plan
	require.Greater(t, movies[world.movie(0)], 20*movies[world.movie(400)], "films have a skew")
	require.Greater(t, users[world.user(0)], 20*max(1, users[world.user(1999)]), "so have users")
	require.Less(t, users[world.user(0)], n/20)
}

// The bounds within which the fold needs no order, in the worst one.
func TestStreamStaysWithinWhatAStateRemembers(t *testing.T) {
	type pair struct{ user, movie string }
	visits, remembered, stretches := map[pair]map[int]int{}, map[pair]map[domain.ID]bool{}, map[pair]int{}
	longest, last := 0, map[int]domain.ID{}
	deliveries := take(NewStream(5, 20, 20), 30_000) // crowded: every pair is used up
	for i, d := range deliveries {
		f := d.Command.Head()
		p := pair{f.User, f.Movie}
		if visits[p] == nil {
			visits[p], remembered[p] = map[int]int{}, map[domain.ID]bool{}
		}
		visits[p][d.Visit]++
		longest = max(longest, visits[p][d.Visit])
		last[d.Visit] = f.ID
		require.NoError(t, validated(d.Command), "delivery %d", i)
		if f.Sequence == 0 {
			remembered[p][f.ID] = true
		}
		if c, ok := d.Command.(*domain.RecordPlayback); ok && (c.Type == domain.Seek || c.Type == domain.Rewind || c.Type == domain.FastForward) {
			stretches[p]++
		}
	}
	most := 0
	for p := range visits {
		require.LessOrEqual(t, len(visits[p]), reference.NewestSessions)
		require.LessOrEqual(t, len(visits[p])*(1+latesPerVisit), reference.MostGaps)
		require.LessOrEqual(t, len(remembered[p]), reference.RememberedIDs)
		require.LessOrEqual(t, 2*(stretches[p]+len(visits[p])*(1+latesPerVisit)), reference.MostStretches)
		most = max(most, len(visits[p]))
	}
	require.Equal(t, visitsPerPair, most, "the test reaches the bound")
	require.Less(t, longest, 1000, "an offline upload fits into one request")
	require.LessOrEqual(t, visitsPerPair*(1+latesPerVisit), reference.MostGaps)
	require.LessOrEqual(t, visitsPerPair*(playsPerVisit+1+viewsPerVisit), reference.RememberedIDs)
	require.LessOrEqual(t, visitsPerPair*2*(1+jumpsPerVisit+latesPerVisit), reference.MostStretches)
}

func validated(c domain.Command) error {
	c = clone(c)
	c.Head().ReceivedAt = arrival
	return c.Validate()
}

// Every late report opens one gap at most, so that a session is never in more pieces than the budget says.
func TestOnlySoManyReportsOfAVisitAreLate(t *testing.T) {
	newest, late, seen := map[string]int64{}, map[string]int{}, map[domain.ID]bool{}
	most := 0
	for _, d := range take(NewStream(11, 300, 100), 50_000) {
		c, is := d.Command.(*domain.RecordPlayback)
		if !is || c.Session == "" || seen[c.ID] {
			continue
		}
		seen[c.ID] = true
		if c.Sequence < newest[c.Session] {
			late[c.Session]++
		}
		newest[c.Session] = max(newest[c.Session], c.Sequence)
		most = max(most, late[c.Session])
	}
	require.Equal(t, latesPerVisit, most, "the test reaches the bound")
}

func TestWorldThatIsWatchedUpEnds(t *testing.T) {
	s := NewStream(1, 2, 2)
	var visits int
	for next := s.Next(1 << 20); next != nil; next = s.Next(1 << 20) {
		visits = s.visits()
	}
	require.Equal(t, 2*2*visitsPerPair, visits)
	require.Nil(t, s.Next(1))
}

// A visit made again after the run is the one that was sent.
func TestVisitsAreMadeAgain(t *testing.T) {
	s := NewStream(9, 30, 30)
	sent := map[int][]Delivery{}
	for _, d := range take(s, 3000) {
		sent[d.Visit] = append(sent[d.Visit], d)
	}
	for n, deliveries := range sent {
		require.Equal(t, s.plan.visit(n).deliveries[:len(deliveries)], deliveries)
	}
}

func TestOfflineUploadsComeWhole(t *testing.T) {
	s, found := NewStream(2, 100, 100), 0
	for range 20_000 {
		next := s.Next(1 << 20)
		if next[0].Manner != Offline {
			require.Len(t, next, 1)
			continue
		}
		found++
		for i, d := range next[1:] {
			require.Equal(t, next[i].Visit, d.Visit)
			require.Less(t, next[i].Command.Head().OccurredAt, d.Command.Head().OccurredAt, "in order, minutes apart")
		}
	}
	require.Positive(t, found)
}

func TestEventsOnTheWire(t *testing.T) {
	f := domain.Fact{ID: domain.NamedID(domain.ID{}, "x"), User: "u", Movie: "m", Session: "s", Device: "d", Sequence: 3, OccurredAt: 1000}
	for _, tc := range []struct {
		command domain.Command
		sentAt  domain.Instant
		want    string
	}{
		{&domain.RecordPlayback{Fact: f, Type: domain.Seek, Position: 5, From: domain.Some(domain.Millis(0)), Duration: 9, Rate: 1.5, Watched: []domain.Interval{{Start: 1, End: 2}, {Start: 3, End: 4}}}, 2000,
			`{"type":"seek","session_id":"s","device_id":"d","sequence":3,"occurred_at":1000,"sent_at":2000,"position_ms":5,"from_position_ms":0,"duration_ms":9,"rate":1.5,"watched":[[1,2],[3,4]]`},
		{&domain.RecordViewing{Fact: domain.Fact{ID: f.ID, User: "u", Movie: "m", Device: "d", OccurredAt: 1}, ViewedSeconds: 7}, 0, `{"type":"viewing","device_id":"d","occurred_at":1,"viewed_seconds":7`},
		{&domain.SetRating{Fact: f, Score: 0}, 0, `{"type":"rating","session_id":"s","device_id":"d","sequence":3,"occurred_at":1000,"score":0`},
		{&domain.SetLike{Fact: f, Dislike: true}, 0, `{"type":"dislike","session_id":"s","device_id":"d","sequence":3,"occurred_at":1000`},
	} {
		want := tc.want + `,"event_id":"` + f.ID.String() + `","user_id":"u","movie_id":"m"}`
		require.JSONEq(t, want, string(appendEvent(nil, tc.command, tc.sentAt)))
	}
	for _, d := range take(NewStream(1, 10, 10), 500) {
		require.True(t, json.Valid(appendEvent(nil, d.Command, 1)))
	}
}

func BenchmarkStream(b *testing.B) {
	s := NewStream(1, 10_000, 5_000)
	var text []byte
	for b.Loop() {
		for _, d := range s.Next(1) {
			text = appendEvent(text[:0], d.Command, 0)
			_, _ = io.Discard.Write(text)
		}
	}
}
