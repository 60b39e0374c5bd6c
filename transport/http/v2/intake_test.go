package v2

import (
	"bytes"
	"encoding/json"
	"io"
	"math"
	"strconv"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"ugc/domain"
	"ugc/transport/http/exchange"
	"ugc/transport/http/problem"
)

func accept(domain.Command) error { return nil }

// oracle reads a body with encoding/json, slowly and by reflection. ok is false where it holds anything that the real reader refuses.
type oracle struct {
	Type          string      `json:"type"`
	EventID       *string     `json:"event_id"`
	UserID        string      `json:"user_id"`
	MovieID       string      `json:"movie_id"`
	SessionID     string      `json:"session_id"`
	DeviceID      string      `json:"device_id"`
	Sequence      *float64    `json:"sequence"`
	OccurredAt    any         `json:"occurred_at"`
	SentAt        any         `json:"sent_at"`
	Position      *float64    `json:"position_ms"`
	From          *float64    `json:"from_position_ms"`
	Duration      *float64    `json:"duration_ms"`
	Rate          *float64    `json:"rate"`
	Watched       [][]float64 `json:"watched"`
	ViewedSeconds *float64    `json:"viewed_seconds"`
	Score         *float64    `json:"score"`
}

func whole(f *float64) (int64, bool) {
	if f == nil {
		return 0, true
	}
	return int64(*f), *f == math.Trunc(*f) && math.Abs(*f) < 1<<53
}

func moment(v any) (domain.Instant, bool) {
	switch v := v.(type) {
	case nil:
		return 0, true
	case float64:
		return domain.Instant(v), v == math.Trunc(v) && v > 0 && v < 1<<53
	case string:
		t, err := time.Parse(time.RFC3339, v)
		return domain.Instant(t.UnixMilli()), err == nil
	}
	return 0, false
}

// command is what the event says, as far as it is valid.
func (o oracle) command() (domain.Command, bool) {
	fact := domain.Fact{User: o.UserID, Movie: o.MovieID, Session: o.SessionID, Device: o.DeviceID}
	var ok [8]bool
	fact.Sequence, ok[0] = whole(o.Sequence)
	fact.OccurredAt, ok[1] = moment(o.OccurredAt)
	fact.SentAt, ok[2] = moment(o.SentAt)
	position, ok3 := whole(o.Position)
	from, ok4 := whole(o.From)
	duration, ok5 := whole(o.Duration)
	seconds, ok6 := whole(o.ViewedSeconds)
	score, ok7 := whole(o.Score)
	ok[3], ok[4], ok[5], ok[6], ok[7] = ok3, ok4, ok5, ok6, ok7
	for _, one := range ok {
		if !one {
			return nil, false
		}
	}
	if o.EventID != nil {
		id, err := domain.ParseID(*o.EventID)
		if err != nil {
			return nil, false
		}
		fact.ID = id
	}
	if typ, isReport := domain.ParseReportType(o.Type); isReport {
		c := &domain.RecordPlayback{Fact: fact, Type: typ, Position: domain.Millis(position), Duration: domain.Millis(duration)}
		if o.From != nil {
			c.From = domain.Some(domain.Millis(from))
		}
		if o.Rate != nil {
			c.Rate = *o.Rate
		}
		for _, w := range o.Watched {
			if len(w) != 2 {
				return nil, false
			}
			c.Watched = append(c.Watched, domain.Interval{Start: domain.Millis(w[0]), End: domain.Millis(w[1])})
		}
		return c, true
	}
	switch o.Type {
	case "viewing":
		return &domain.RecordViewing{Fact: fact, ViewedSeconds: seconds}, true
	case "rating":
		return &domain.SetRating{Fact: fact, Score: int32(score)}, true
	case "like", "dislike":
		return &domain.SetLike{Fact: fact, Dislike: o.Type == "dislike"}, true
	case "clear_like":
		return &domain.ClearLike{Fact: fact}, true
	case "bookmark":
		return &domain.SetBookmark{Fact: fact}, true
	case "clear_bookmark":
		return &domain.ClearBookmark{Fact: fact}, true
	case "clear_rating":
		return &domain.ClearRating{Fact: fact}, true
	}
	return nil, false
}

// depth is how deep a valid document is nested.
func depth(src string) (most int) {
	d := json.NewDecoder(strings.NewReader(src))
	for at := 0; ; {
		t, err := d.Token()
		if err == io.EOF || err != nil {
			return most
		}
		switch t {
		case json.Delim('{'), json.Delim('['):
			at++
			most = max(most, at)
		case json.Delim('}'), json.Delim(']'):
			at--
		}
	}
}

// hold checks what was read of a body against encoding/json: the same documents are JSON to both, and a command without faults says what
// encoding/json reads there.
func hold(t require.TestingT, src string) {
	in := &intake{caller: exchange.Everybody}
	err := in.read(src, accept)
	if err != nil && problem.Of(err).Status == 413 {
		return
	}
	malformed := err != nil && problem.Of(err).Status == 400
	valid := json.Valid([]byte(src)) && utf8.ValidString(src) && depth(src) < maxNesting
	if valid || !json.Valid([]byte(src)) || !utf8.ValidString(src) {
		require.Equal(t, !valid, malformed, "%q: %v", src, err)
	}
	if malformed || err != nil {
		return
	}
	var raws []json.RawMessage
	if in.single {
		raws = []json.RawMessage{json.RawMessage(src)}
	} else {
		require.NoError(t, json.Unmarshal([]byte(src), &raws))
	}
	require.Len(t, in.items, len(raws))
	for i, it := range in.items {
		if it.command < 0 {
			require.NotEmpty(t, it.faults)
			continue
		}
		var o oracle
		d := json.NewDecoder(bytes.NewReader(raws[i]))
		d.DisallowUnknownFields()
		require.NoError(t, d.Decode(&o), "%s", raws[i])
		want, ok := o.command()
		if !ok {
			continue // a number that a float cannot hold: wire's own tests have those
		}
		require.Equal(t, want, in.commands[it.command], "%s", raws[i])
	}
}

func FuzzEvents(f *testing.F) {
	for _, s := range []string{
		`{"type":"play","user_id":"u","movie_id":"m","position_ms":1000}`,
		`[{"type":"rating","user_id":"u","movie_id":"m","score":7},{"type":"viewing","user_id":"\u00e9\ud83d\ude00","movie_id":"m","viewed_seconds":1e3}]`,
		`{"type":"heartbeat","event_id":"0198c0de-0000-7000-8000-000000000001","user_id":"u","movie_id":"m","session_id":"s","device_id":"d","sequence":2,"occurred_at":"2026-03-01T20:15:00Z","sent_at":1772396200000,"position_ms":5,"from_position_ms":1,"duration_ms":9,"rate":1.5,"watched":[[0,1],[2,3]]}`,
		`{"type":"like","user_id":"u","movie_id":"m","x":{"y":[1,true,null,"z"]}}`,
		`[{"type":null},{},5,"x",[],null]`, `[]`, `{`, `[1,`, "\ufeff{}", `{"type":"a\ud800"}`, `{"type":"play","type":"pause"}`, "nul", "\"\\", `{"type":"like",}`, `[{},]`, `[1 2]`, `{"user_id":"a" "b":1}`, `{"a":-0.0e+1}`,
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, src string) { hold(t, src) })
}

// Whatever encoding/json writes of a valid event is read without a fault, as it was meant.
func TestEventsReadAsWritten(t *testing.T) {
	text := rapid.StringMatching(`[a-zé日"\\😀 <]{1,12}`)
	rapid.Check(t, func(t *rapid.T) {
		e := map[string]any{"user_id": text.Draw(t, "user"), "movie_id": text.Draw(t, "movie")}
		typ := rapid.SampledFrom(eventTypes).Draw(t, "type")
		e["type"] = typ
		if _, isReport := domain.ParseReportType(typ); isReport {
			e["position_ms"] = rapid.Int64Range(0, math.MaxInt64).Draw(t, "position")
			if rapid.Bool().Draw(t, "more") {
				e["watched"], e["rate"] = [][]int{{0, 5}, {7, 9}}, rapid.Float64Range(0, 16).Draw(t, "rate")
			}
		}
		switch typ {
		case "viewing":
			e["viewed_seconds"] = rapid.Int64Range(0, 1<<40).Draw(t, "seconds")
		case "rating":
			e["score"] = rapid.IntRange(0, 10).Draw(t, "score")
		}
		if rapid.Bool().Draw(t, "session") {
			e["session_id"], e["sequence"], e["occurred_at"], e["sent_at"] = "s", 4, "2026-03-01T20:15:00.25Z", nil
		}
		var raw []byte
		var err error
		if rapid.Bool().Draw(t, "indent") {
			raw, err = json.MarshalIndent(e, " ", "\t")
		} else {
			raw, err = json.Marshal(e)
		}
		require.NoError(t, err)
		in := &intake{caller: exchange.Everybody}
		require.NoError(t, in.read(string(raw), accept))
		require.Empty(t, in.items[0].faults, "%s", raw)
		hold(t, string(raw))
		if p, ok := in.commands[0].(*domain.RecordPlayback); ok {
			require.Equal(t, e["position_ms"], int64(p.Position))
		}
	})
}

func TestNearest(t *testing.T) {
	known := eventFields.names()
	for name, want := range map[string]string{"scoer": "score", "scores": "score", "user": "user_id", "userid": "user_id", "movieid": "movie_id", "position": "position_ms", "x": "", "at": "", "rat": "rate", strings.Repeat("score", 9): ""} {
		require.Equal(t, want, nearest(name, known), name)
	}
}

func TestFieldNamesMatchTheirBits(t *testing.T) {
	for i, name := range fieldNames {
		require.Equal(t, fieldSet(1)<<i, fieldOf(name), name)
	}
	require.Equal(t, fLike, fieldSet(1)<<(len(fieldNames)-1))
}

func TestCursor(t *testing.T) {
	for _, v := range []domain.Version{0, 1, math.MaxInt64} {
		p := params{}
		got := p.cursor(map[string]string{"after": encodeCursor(v)})
		require.Empty(t, p.faults)
		require.Equal(t, domain.Some(v), got)
	}
}

// One event of the usual size must not cost more than its command, its text and a few words around them.
func TestReadingAnEventAllocatesLittle(t *testing.T) {
	in := &intake{caller: exchange.Everybody}
	n := testing.AllocsPerRun(100, func() {
		in.items, in.commands = in.items[:0], in.commands[:0]
		if err := in.read(benchmarkEvent, accept); err != nil {
			t.Fatal(err)
		}
	})
	require.LessOrEqual(t, n, 2.0, "the command, and the event while it is read")
}

const benchmarkEvent = `{"type":"heartbeat","event_id":"0198c0de-0000-7000-8000-000000000001","user_id":"3b241101-e2bb-4255-8caf-4136c566a962","movie_id":"tt0111161","session_id":"5b241101-e2bb-4255-8caf-4136c566a962","sequence":42,"occurred_at":1772396100250,"sent_at":1772396100300,"position_ms":3600000,"duration_ms":8520000,"rate":1}`

func BenchmarkRead(b *testing.B) {
	in := &intake{caller: exchange.Everybody}
	b.ReportAllocs()
	b.SetBytes(int64(len(benchmarkEvent)))
	for b.Loop() {
		in.items, in.commands = in.items[:0], in.commands[:0]
		_ = in.read(benchmarkEvent, accept)
	}
}

func BenchmarkReadBatch(b *testing.B) {
	src := "[" + strings.TrimSuffix(strings.Repeat(benchmarkEvent+",", 100), ",") + "]"
	in := &intake{caller: exchange.Everybody}
	b.ReportAllocs()
	b.SetBytes(int64(len(src)))
	for b.Loop() {
		in.items, in.commands = in.items[:0], in.commands[:0]
		_ = in.read(src, accept)
	}
}

func TestSyntaxErrorsCountAsPeopleDo(t *testing.T) {
	for src, want := range map[string]string{"{\n\"é\" 1}": "line 2, column 5", "": "empty", "[1,2": "line 1, column 5"} {
		err := new(intake).read(src, accept)
		require.ErrorContains(t, err, want, strconv.Quote(src))
	}
}
