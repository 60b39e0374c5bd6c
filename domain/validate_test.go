package domain

import (
	"math"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func goodFact() Fact {
	return Fact{ID: testID(1), User: "u", Movie: "m", Session: "s", Device: "d", Sequence: 1, OccurredAt: start, SentAt: start, ReceivedAt: start}
}

func TestEveryCommandChecksItsFact(t *testing.T) {
	long := strings.Repeat("я", MaxKeyPart)
	for name, c := range map[string]struct {
		break_ func(*Fact)
		want   string // "pointer code", empty: nothing is wrong
	}{
		"good":                       {func(*Fact) {}, ""},
		"128 characters":             {func(f *Fact) { f.User, f.Movie, f.Session, f.Device = long, long, long, long }, ""},
		"a slash in a session":       {func(f *Fact) { f.Session, f.Device = "a/b", "c/d" }, ""},
		"nothing optional":           {func(f *Fact) { f.Session, f.Device, f.Sequence, f.OccurredAt, f.SentAt = "", "", 0, 0, 0 }, ""},
		"a session without sequence": {func(f *Fact) { f.Sequence = 0 }, ""},
		"the last instant":           {func(f *Fact) { f.OccurredAt, f.SentAt, f.ReceivedAt = MaxInstant, MaxInstant, MaxInstant }, ""},
		"no id":                      {func(f *Fact) { f.ID = ID{} }, "/event_id required"},
		"no user":                    {func(f *Fact) { f.User = "" }, "/user_id required"},
		"no movie":                   {func(f *Fact) { f.Movie = "" }, "/movie_id required"},
		"a slash in the user":        {func(f *Fact) { f.User = "a/b" }, "/user_id bad_characters"},
		"a slash in the movie":       {func(f *Fact) { f.Movie = "a/b" }, "/movie_id bad_characters"},
		"129 characters":             {func(f *Fact) { f.User = long + "x" }, "/user_id too_long"},
		"129 in the movie":           {func(f *Fact) { f.Movie = long + "x" }, "/movie_id too_long"},
		"129 in the session":         {func(f *Fact) { f.Session = long + "x" }, "/session_id too_long"},
		"129 in the device":          {func(f *Fact) { f.Device = long + "x" }, "/device_id too_long"},
		"a control character":        {func(f *Fact) { f.User = "a\nb" }, "/user_id bad_characters"},
		"a zero":                     {func(f *Fact) { f.Session = "a\x00b" }, "/session_id bad_characters"},
		"no UTF-8":                   {func(f *Fact) { f.Movie = "a\xff" }, "/movie_id bad_characters"},
		"negative sequence":          {func(f *Fact) { f.Sequence = -1 }, "/sequence out_of_range"},
		"sequence without session":   {func(f *Fact) { f.Session = "" }, "/session_id required"},
		"occurred before 1970":       {func(f *Fact) { f.OccurredAt = -1 }, "/occurred_at out_of_range"},
		"occurred after 9999":        {func(f *Fact) { f.OccurredAt = MaxInstant + 1 }, "/occurred_at out_of_range"},
		"sent before 1970":           {func(f *Fact) { f.SentAt = -1 }, "/sent_at out_of_range"},
		"sent after 9999":            {func(f *Fact) { f.SentAt = MaxInstant + 1 }, "/sent_at out_of_range"},
		"not stamped":                {func(f *Fact) { f.ReceivedAt = 0 }, "/received_at out_of_range"},
		"stamped after 9999":         {func(f *Fact) { f.ReceivedAt = MaxInstant + 1 }, "/received_at out_of_range"},
	} {
		t.Run(name, func(t *testing.T) {
			f := goodFact()
			c.break_(&f)
			for _, cmd := range []Command{
				&RecordPlayback{Fact: f, Type: Play}, &RecordViewing{Fact: f}, &TouchPlayback{Fact: f}, &SetLike{Fact: f}, &ClearLike{Fact: f}, &SetBookmark{Fact: f},
				&ClearBookmark{Fact: f}, &SetRating{Fact: f}, &ClearRating{Fact: f}, &TouchFeedback{Fact: f},
			} {
				requireFaults(t, cmd.Validate(), c.want)
			}
		})
	}
}

// requireFaults compares what is wrong, as "pointer code" separated by commas.
func requireFaults(t *testing.T, err error, want string) {
	t.Helper()
	if want == "" {
		require.NoError(t, err)
		return
	}
	var e *Error
	require.ErrorAs(t, err, &e)
	require.Equal(t, Invalid, e.Kind)
	require.NotEmpty(t, e.Message)
	var got []string
	for _, f := range e.Fields {
		got = append(got, f.Pointer+" "+f.Code)
		require.NotEmpty(t, f.Message)
	}
	require.Equal(t, want, strings.Join(got, ", "))
}

func TestPlaybackReportsAreChecked(t *testing.T) {
	many := make([]Interval, MaxRanges+1)
	for i := range many {
		many[i] = Interval{Millis(i), Millis(i) + 1}
	}
	for name, c := range map[string]struct {
		break_ func(*RecordPlayback)
		want   string
	}{
		"good":                   {func(*RecordPlayback) {}, ""},
		"the longest film":       {func(c *RecordPlayback) { c.Position, c.Duration = math.MaxInt64, math.MaxInt64 }, ""},
		"256 ranges":             {func(c *RecordPlayback) { c.Watched = many[:MaxRanges] }, ""},
		"rate 16":                {func(c *RecordPlayback) { c.Rate = MaxRate }, ""},
		"from not given":         {func(c *RecordPlayback) { c.From.Value = -1 }, ""},
		"no type":                {func(c *RecordPlayback) { c.Type = 0 }, "/type unknown"},
		"unknown type":           {func(c *RecordPlayback) { c.Type = End + 1 }, "/type unknown"},
		"negative position":      {func(c *RecordPlayback) { c.Position = -1 }, "/position_ms out_of_range"},
		"negative from":          {func(c *RecordPlayback) { c.From = Some[Millis](-1) }, "/from_position_ms out_of_range"},
		"negative duration":      {func(c *RecordPlayback) { c.Duration = -1 }, "/duration_ms out_of_range"},
		"negative rate":          {func(c *RecordPlayback) { c.Rate = -0.1 }, "/rate out_of_range"},
		"rate over 16":           {func(c *RecordPlayback) { c.Rate = 16.1 }, "/rate out_of_range"},
		"rate not a number":      {func(c *RecordPlayback) { c.Rate = math.NaN() }, "/rate out_of_range"},
		"257 ranges":             {func(c *RecordPlayback) { c.Watched = many }, "/watched too_many"},
		"range backwards":        {func(c *RecordPlayback) { c.Watched = []Interval{{0, 1}, {5, 5}} }, "/watched not_ordered"},
		"range before the start": {func(c *RecordPlayback) { c.Watched = []Interval{{-1, 5}} }, "/watched not_ordered"},
		"all faults, not the first": {func(c *RecordPlayback) { c.ID, c.Type, c.Position, c.Rate = ID{}, 0, -1, -1 },
			"/event_id required, /type unknown, /position_ms out_of_range, /rate out_of_range"},
	} {
		t.Run(name, func(t *testing.T) {
			cmd := &RecordPlayback{Fact: goodFact(), Type: Play}
			c.break_(cmd)
			requireFaults(t, cmd.Validate(), c.want)
		})
	}
}

func TestCountsAndScoresAreChecked(t *testing.T) {
	requireFaults(t, (&RecordViewing{Fact: goodFact(), ViewedSeconds: math.MaxInt64}).Validate(), "")
	requireFaults(t, (&RecordViewing{Fact: goodFact(), ViewedSeconds: -1}).Validate(), "/viewed_seconds out_of_range")
	for score, want := range map[int32]string{0: "", MaxScore: "", -1: "/score out_of_range", MaxScore + 1: "/score out_of_range"} {
		requireFaults(t, (&SetRating{Fact: goodFact(), Score: score}).Validate(), want)
	}
	code, message := ValidateKeyPart("")
	require.Equal(t, "required", code)
	require.NotEmpty(t, message)
	code, _ = ValidateKeyPart("tt0133093")
	require.Empty(t, code)
}
