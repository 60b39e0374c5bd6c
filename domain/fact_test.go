package domain

import (
	"errors"
	"fmt"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

func TestTheTimeOfAFact(t *testing.T) {
	const received = start + 60_000
	for name, c := range map[string]struct{ occurred, sent, want Instant }{
		"nothing given":                      {0, 0, received},
		"only sent given":                    {0, received - 5, received},
		"the client's clock is believed":     {start, 0, start},
		"but not about the future":           {received + 1, 0, received},
		"sent at once":                       {received, received, received},
		"an hour in the offline queue":       {start - 3_600_000, received, start - 3_600_000},
		"its clock is a day ahead":           {start + 86_400_000, received + 86_400_000, start},
		"its clock is a day behind":          {start - 86_400_000, received - 86_400_000, start},
		"sent before it occurred":            {received, received - 10, received},
		"a clock that starts in 1970":        {1_000, 11_000, received - 10_000},
		"before 1970 is not known but early": {1_000, MaxInstant, 1},
	} {
		f := Fact{OccurredAt: c.occurred, SentAt: c.sent, ReceivedAt: received}
		require.Equal(t, c.want, f.At(), name)
		require.Equal(t, c.want, f.Stamp().At, name)
	}
}

func TestTheTimeOfAFactIsNeverAfterItsArrival(t *testing.T) {
	instants := rapid.Int64Range(0, MaxInstant)
	rapid.Check(t, func(t *rapid.T) {
		f := Fact{OccurredAt: Instant(instants.Draw(t, "occurred")), SentAt: Instant(instants.Draw(t, "sent")), ReceivedAt: Instant(rapid.Int64Range(1, MaxInstant).Draw(t, "received"))}
		require.LessOrEqual(t, f.At(), f.ReceivedAt)
		require.Positive(t, f.At(), "0 would say that nobody knows")
		if wrong := Instant(rapid.Int64Range(-1e12, 1e12).Draw(t, "wrong by")); f.OccurredAt > 0 && f.SentAt > 0 && f.OccurredAt+wrong > 0 && f.SentAt+wrong > 0 {
			g := f
			g.OccurredAt, g.SentAt = f.OccurredAt+wrong, f.SentAt+wrong
			require.Equal(t, f.At(), g.At(), "how wrong a clock is does not matter")
		}
	})
}

func TestStampsAreATotalOrder(t *testing.T) {
	stamps := rapid.Custom(func(t *rapid.T) Stamp {
		return Stamp{Instant(rapid.IntRange(-1, 1).Draw(t, "at")), int64(rapid.IntRange(0, 1).Draw(t, "sequence")), testID(rapid.IntRange(0, 300).Draw(t, "id"))}
	})
	rapid.Check(t, func(t *rapid.T) {
		a, b, c := stamps.Draw(t, "a"), stamps.Draw(t, "b"), stamps.Draw(t, "c")
		require.False(t, a.Before(a))
		require.Equal(t, a != b, a.Before(b) != b.Before(a), "of two different ones exactly one is first")
		if a.Before(b) && b.Before(c) {
			require.True(t, a.Before(c))
		}
	})
	order := []Stamp{{}, {At: 1}, {At: 1, ID: testID(1)}, {At: 1, ID: testID(256)}, {At: 1, Sequence: 1}, {At: 2}, {At: 2, Sequence: 1, ID: testID(1)}}
	require.True(t, slices.IsSortedFunc(order, func(a, b Stamp) int {
		if a.Before(b) {
			return -1
		}
		return 1
	}))
	require.True(t, Stamp{}.IsZero())
	require.False(t, Stamp{ID: testID(1)}.IsZero())
}

func TestVersions(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		epoch, offset := rapid.Int16Range(0, 1<<14).Draw(t, "epoch"), rapid.Int64Range(0, 1<<48-1).Draw(t, "offset")
		v := NewVersion(epoch, offset)
		require.Equal(t, epoch, v.Epoch())
		require.Equal(t, offset, v.Offset())
		require.Greater(t, v, NoVersion)
		require.Greater(t, NewVersion(epoch+1, 0), v, "a new epoch comes after all of the old")
	})
	require.Equal(t, Version(3<<48+7), NewVersion(3, 7))
}

func TestKeys(t *testing.T) {
	f := Fact{User: "анна", Movie: "tt0133093"}
	require.Equal(t, "анна/tt0133093", f.Key())
	require.Same(t, &f, f.Head())
}

func TestIDs(t *testing.T) {
	dns, err := ParseID("6ba7b810-9dad-11d1-80b4-00c04fd430c8")
	require.NoError(t, err)
	require.Equal(t, "2ed6657d-e927-568b-95e1-2665a8aea6a2", NamedID(dns, "www.example.com").String(), "the example of RFC 9562")
	upper, err := ParseID("6BA7B810-9DAD-11D1-80B4-00C04FD430C8")
	require.NoError(t, err)
	require.Equal(t, dns, upper)
	require.True(t, ID{}.IsZero())
	require.False(t, dns.IsZero())
	rapid.Check(t, func(t *rapid.T) {
		id := ID(rapid.SliceOfN(rapid.Byte(), 16, 16).Draw(t, "id"))
		got, err := ParseID(id.String())
		require.NoError(t, err)
		require.Equal(t, id, got)
	})
	for _, s := range []string{"", "6ba7b810", "6ba7b8109dad11d180b400c04fd430c8", "{6ba7b810-9dad-11d1-80b4-00c04fd430c8}", "6ba7b810-9dad-11d1-80b4-00c04fd430cg",
		"6ba7b810+9dad-11d1-80b4-00c04fd430c8", "6ba7b810-9dad-11d1-80b4-00c04fd430c", "6ba7b810-9dad-11d1-80b4-00c04fd430c8\n", string(make([]byte, 1<<16))} {
		id, err := ParseID(s)
		require.ErrorContains(t, err, "is not a UUID", s)
		require.Less(t, len(err.Error()), 500, "rubbish is not repeated at length")
		require.True(t, id.IsZero())
	}
}

func FuzzParseID(f *testing.F) {
	f.Add("6ba7b810-9dad-11d1-80b4-00c04fd430c8")
	f.Add("6ba7b810-9dad-11d1-80b4-00c04fd430cé")
	f.Fuzz(func(t *testing.T, s string) {
		if id, err := ParseID(s); err == nil {
			again, err := ParseID(id.String())
			require.NoError(t, err)
			require.Equal(t, id, again)
		}
	})
}

func TestVerdictsAndReportTypesHaveNames(t *testing.T) {
	for v, name := range map[Verdict]string{Applied: "applied", Duplicate: "duplicate", Stale: "stale", 0: "unknown", 4: "unknown", 255: "unknown"} {
		require.Equal(t, name, v.String())
		got, ok := ParseVerdict(name)
		require.Equal(t, name != "unknown", ok)
		if ok {
			require.Equal(t, v, got)
		}
	}
	names := []string{"play", "pause", "stop", "fast_forward", "rewind", "seek", "heartbeat", "end"}
	require.Equal(t, names, ReportTypes())
	for i, name := range names {
		got, ok := ParseReportType(name)
		require.True(t, ok)
		require.Equal(t, ReportType(i+1), got)
		require.Equal(t, name, got.String())
	}
	for _, name := range []string{"", "unknown", "PLAY", "play "} {
		_, ok := ParseReportType(name)
		require.False(t, ok, name)
	}
	require.Equal(t, "unknown", ReportType(0).String())
	require.Equal(t, "unknown", ReportType(9).String())
}

func TestErrors(t *testing.T) {
	cause := errors.New("connection refused")
	err := fmt.Errorf("publish: %w", Wrap(Unavailable, "broker", cause))
	require.Equal(t, Unavailable, KindOf(err))
	require.ErrorIs(t, err, cause)
	require.EqualError(t, err, "publish: broker: connection refused")
	require.Equal(t, Internal, KindOf(cause))
	require.Equal(t, Internal, KindOf(nil))
	require.EqualError(t, &Error{Kind: Invalid, Message: "rating", Fields: []FieldError{{"/score", "out_of_range", "must lie between 0 and 10"}, {"/user_id", "required", "must not be empty"}}},
		"rating: score must lie between 0 and 10; user_id must not be empty")
}
