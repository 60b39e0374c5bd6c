package clickhouse_test

import (
	"encoding/binary"
	"flag"
	"math"
	"testing"

	"github.com/stretchr/testify/require"

	"pgregory.net/rapid"

	"ugc/domain"
	"ugc/projections"
)

// history is what two event topics hold: decided events in log order per partition, as the real deciders decide them.
type history struct {
	playback, feedback []projections.Record
}

const partitions = 3

// ids try what SQL, column blocks and keys could stumble over.
var (
	users  = []string{"u1", "u2", "0198c0de-0000-7000-8000-000000000001", "жанна ☂ 😀", "' OR 1=1 -- \\ ` \"", "NULL"}
	movies = []string{"m1", "фильм", "{table}?", "0198c0de-0000-7000-8000-00000000000a"}
)

// checks is how often rapid tries a property that asks the engine; -rapid.checks says otherwise.
func checks(t *testing.T, n string) {
	t.Helper()
	f := flag.Lookup("rapid.checks")
	if was := f.Value.String(); was == f.DefValue {
		require.NoError(t, f.Value.Set(n))
		t.Cleanup(func() { require.NoError(t, f.Value.Set(was)) })
	}
}

// march is a Friday evening close to the end of a month, so that facts fall into several hours, days and months.
const march = domain.Instant(1_711_834_200_000) // 2024-03-30T21:30:00Z

var histories = rapid.Custom(func(t *rapid.T) history {
	var (
		h       history
		playing = map[string]domain.PlaybackState{}
		opinion = map[string]domain.FeedbackState{}
		offsets [partitions]int64
		epoch   = rapid.Int16Range(0, 2).Draw(t, "epoch")
	)
	for n := range rapid.IntRange(1, 60).Draw(t, "commands") {
		f := drawFact(t, n)
		partition := domain.Partition(f.Key(), partitions)
		offsets[partition] += rapid.Int64Range(1, 3).Draw(t, "gap")
		f.Origin = domain.Origin{Partition: partition, Version: domain.NewVersion(epoch, offsets[partition])}
		switch c := drawCommand(t, f).(type) {
		case domain.PlaybackCommand:
			e := domain.Playback.Decide(playing[f.Key()], c)
			playing[f.Key()] = domain.Playback.Evolve(playing[f.Key()], e)
			h.playback = append(h.playback, record(e, offsets[partition]))
		case domain.FeedbackCommand:
			e := domain.Feedback.Decide(opinion[f.Key()], c)
			opinion[f.Key()] = domain.Feedback.Evolve(opinion[f.Key()], e)
			h.feedback = append(h.feedback, record(e, offsets[partition]))
		}
	}
	return h
})

func record(e domain.Event, offset int64) projections.Record {
	f := e.Head()
	return projections.Record{Partition: f.Origin.Partition, Offset: offset, Key: f.Key(), Version: f.Origin.Version, Value: e, ReceivedAt: f.ReceivedAt}
}

func drawFact(t *rapid.T, n int) domain.Fact {
	f := domain.Fact{
		User: rapid.SampledFrom(users).Draw(t, "user"), Movie: rapid.SampledFrom(movies).Draw(t, "movie"),
		ReceivedAt: march + domain.Instant(n)*domain.Instant(rapid.IntRange(1_000, 7_000_000).Draw(t, "pace")),
	}
	binary.BigEndian.PutUint64(f.ID[:], uint64(rapid.IntRange(1, 40).Draw(t, "id"))) // some come twice
	if rapid.Bool().Draw(t, "occurred") {
		f.OccurredAt = f.ReceivedAt - domain.Instant(rapid.Int64Range(-10_000, 40_000_000).Draw(t, "age"))
		if rapid.Bool().Draw(t, "sent") {
			f.SentAt = f.OccurredAt + domain.Instant(rapid.Int64Range(0, 5_000).Draw(t, "wait"))
		}
	}
	if rapid.Bool().Draw(t, "session") {
		f.Session, f.Sequence, f.Device = "s\t1", int64(n+1), "tv"
	}
	return f
}

func drawCommand(t *rapid.T, f domain.Fact) domain.Command {
	switch rapid.IntRange(0, 15).Draw(t, "command") {
	case 0:
		return &domain.RecordViewing{Fact: f, ViewedSeconds: rapid.SampledFrom([]int64{0, 1, 59, math.MaxInt64 - 1}).Draw(t, "seconds")}
	case 1:
		return &domain.TouchPlayback{Fact: f}
	case 2:
		return &domain.TouchFeedback{Fact: f}
	case 3:
		return &domain.SetLike{Fact: f, Dislike: rapid.Bool().Draw(t, "dislike")}
	case 4:
		return &domain.ClearLike{Fact: f}
	case 5:
		return &domain.SetBookmark{Fact: f}
	case 6:
		return &domain.ClearBookmark{Fact: f}
	case 7, 8:
		return &domain.SetRating{Fact: f, Score: rapid.Int32Range(0, domain.MaxScore).Draw(t, "score")}
	case 9:
		return &domain.ClearRating{Fact: f}
	}
	return drawReport(t, f)
}

func drawReport(t *rapid.T, f domain.Fact) *domain.RecordPlayback {
	length := rapid.SampledFrom([]domain.Millis{0, 7, 100_000, 7_199_999, math.MaxInt64}).Draw(t, "duration")
	within := max(length, 7_200_000)
	c := &domain.RecordPlayback{
		Fact: f, Type: domain.ReportType(rapid.IntRange(int(domain.Play), int(domain.End)).Draw(t, "type")), Duration: length,
		Position: domain.Millis(rapid.Int64Range(0, int64(within)).Draw(t, "position")), Rate: rapid.SampledFrom([]float64{0, 1, 1.25}).Draw(t, "rate"),
	}
	if rapid.Bool().Draw(t, "from") {
		c.From = domain.Some(domain.Millis(rapid.Int64Range(0, 3).Draw(t, "from position")))
	}
	for range rapid.IntRange(0, 3).Draw(t, "ranges") {
		start := rapid.Int64Range(0, int64(within)-1).Draw(t, "start")
		c.Watched = append(c.Watched, domain.Interval{Start: domain.Millis(start), End: domain.Millis(rapid.Int64Range(start+1, int64(within)).Draw(t, "end"))})
	}
	return c
}
