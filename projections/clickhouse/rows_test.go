package clickhouse

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"ugc/domain"
	"ugc/projections"
)

var sampleFact = domain.Fact{
	ID: domain.ID{7}, User: "u1", Movie: "m1", Session: "s", Device: "tv", Sequence: 3, OccurredAt: 1_000, SentAt: 2_000, ReceivedAt: 5_000,
	Origin: domain.Origin{Partition: 2, Version: 9},
}

func of(e domain.Event) *projections.Record {
	return &projections.Record{Key: e.Head().Key(), Version: e.Head().Origin.Version, Value: e}
}

func TestPlaybackEventRows(t *testing.T) {
	for name, c := range map[string]struct {
		event domain.Event
		want  playbackEvent
	}{
		"a jump": {
			&domain.PlaybackRecorded{
				RecordPlayback: domain.RecordPlayback{
					Fact: sampleFact, Type: domain.Seek, Position: 50, From: domain.Some(domain.Millis(0)), Duration: 100, Rate: 1.5, Watched: []domain.Interval{{Start: 1, End: 2}, {Start: 4, End: 9}},
				},
				Verdict: domain.Applied, NewlyWatched: 6,
			},
			playbackEvent{kind: "seek", position: 50, from: 0, duration: 100, rate: 1.5, starts: []int64{1, 4}, ends: []int64{2, 9}, viewedSeconds: -1, verdict: "applied", newlyWatched: 6},
		},
		"a heartbeat that says little": {
			&domain.PlaybackRecorded{RecordPlayback: domain.RecordPlayback{Fact: sampleFact, Type: domain.Heartbeat}, Verdict: domain.Stale},
			playbackEvent{kind: "heartbeat", position: 0, from: -1, viewedSeconds: -1, starts: []int64{}, ends: []int64{}, verdict: "stale"},
		},
		"viewed seconds": {
			&domain.ViewingRecorded{RecordViewing: domain.RecordViewing{Fact: sampleFact, ViewedSeconds: 0}, Verdict: domain.Duplicate},
			playbackEvent{kind: "viewing", position: -1, from: -1, viewedSeconds: 0, verdict: "duplicate"},
		},
		"a touch": {
			&domain.PlaybackTouched{TouchPlayback: domain.TouchPlayback{Fact: sampleFact}},
			playbackEvent{kind: "touch", position: -1, from: -1, viewedSeconds: -1, verdict: "stale"},
		},
		"a type and a verdict that nobody knows": {
			&domain.PlaybackRecorded{RecordPlayback: domain.RecordPlayback{Fact: sampleFact, Type: 99}},
			playbackEvent{kind: "unknown", from: -1, viewedSeconds: -1, starts: []int64{}, ends: []int64{}, verdict: "unknown"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			ok, err := playbackEvents.accepts(of(c.event))
			require.NoError(t, err)
			require.True(t, ok)
			got := playbackEvents.row(of(c.event))
			require.Equal(t, sampleFact, *got.fact)
			got.fact = nil
			require.Equal(t, c.want, got)
		})
	}
}

func TestFeedbackEventRows(t *testing.T) {
	change := domain.Change{Verdict: domain.Applied}
	for name, c := range map[string]struct {
		event domain.Event
		want  feedbackEvent
	}{
		"a like":              {&domain.LikeSet{SetLike: domain.SetLike{Fact: sampleFact}, Change: change}, feedbackEvent{kind: "like", what: "set", value: 1, verdict: "applied"}},
		"a dislike":           {&domain.LikeSet{SetLike: domain.SetLike{Fact: sampleFact, Dislike: true}, Change: change}, feedbackEvent{kind: "like", what: "set", value: -1, verdict: "applied"}},
		"a like taken back":   {&domain.LikeCleared{ClearLike: domain.ClearLike{Fact: sampleFact}, Change: change}, feedbackEvent{kind: "like", what: "cleared", verdict: "applied"}},
		"a bookmark":          {&domain.BookmarkSet{SetBookmark: domain.SetBookmark{Fact: sampleFact}, Change: change}, feedbackEvent{kind: "bookmark", what: "set", value: 1, verdict: "applied"}},
		"a rating of 0":       {&domain.RatingSet{SetRating: domain.SetRating{Fact: sampleFact}, Change: change}, feedbackEvent{kind: "rating", what: "set", value: 0, verdict: "applied"}},
		"a rating taken back": {&domain.RatingCleared{ClearRating: domain.ClearRating{Fact: sampleFact}, Change: change}, feedbackEvent{kind: "rating", what: "cleared", verdict: "applied"}},
		"a touch":             {&domain.FeedbackTouched{TouchFeedback: domain.TouchFeedback{Fact: sampleFact}, Change: domain.Change{Verdict: domain.Stale}}, feedbackEvent{kind: "none", what: "touch", verdict: "stale"}},
	} {
		t.Run(name, func(t *testing.T) {
			got := feedbackEvents.row(of(c.event))
			require.Equal(t, sampleFact, *got.fact)
			got.fact = nil
			require.Equal(t, c.want, got)
		})
	}
}

func TestWhichRecordsLeaveARow(t *testing.T) {
	seen := &domain.PlaybackTouched{TouchPlayback: domain.TouchPlayback{Fact: sampleFact}, After: domain.Viewing{FirstSeen: 1}}
	unseen := &domain.PlaybackTouched{TouchPlayback: domain.TouchPlayback{Fact: sampleFact}}
	noOpinion := &domain.FeedbackTouched{TouchFeedback: domain.TouchFeedback{Fact: sampleFact}}
	cleared := &domain.FeedbackTouched{TouchFeedback: domain.TouchFeedback{Fact: sampleFact}, Change: domain.Change{After: domain.Opinions{Like: domain.Opinion{Stamp: domain.Stamp{At: 1}}}}}
	nowhere := sampleFact
	nowhere.Origin.Version = domain.NoVersion
	lost := &domain.PlaybackTouched{TouchPlayback: domain.TouchPlayback{Fact: nowhere}, After: domain.Viewing{FirstSeen: 1}}
	for name, c := range map[string]struct {
		accepts func(*projections.Record) (bool, error)
		value   domain.Event
		want    bool
		err     string
	}{
		"history of a touch":             {playbackEvents.accepts, unseen, true, ""},
		"viewing after a touch":          {viewing.accepts, seen, true, ""},
		"viewing of what was never seen": {viewing.accepts, unseen, false, ""},
		"opinions that were taken back":  {feedback.accepts, cleared, true, ""},
		"opinions that never were":       {feedback.accepts, noOpinion, false, ""},
		"feedback in a playback view":    {viewing.accepts, noOpinion, false, "no event of this view"},
		"playback in a feedback view":    {feedbackEvents.accepts, seen, false, "no event of this view"},
		"an event without a place":       {playbackEvents.accepts, lost, false, "no place in a log"},
		"the same in viewing":            {viewing.accepts, lost, false, "no place in a log"},
	} {
		t.Run(name, func(t *testing.T) {
			ok, err := c.accepts(of(c.value))
			require.Equal(t, c.want, ok)
			if c.err == "" {
				require.NoError(t, err)
			} else {
				require.ErrorContains(t, err, c.err)
			}
		})
	}
}

// The order of a batch plays no part in which record of a key is the newest.
func TestNewestOfAKeyByVersion(t *testing.T) {
	at := func(user string, v domain.Version) projections.Record {
		f := sampleFact
		f.User, f.Origin.Version = user, v
		return *of(&domain.PlaybackTouched{TouchPlayback: domain.TouchPlayback{Fact: f}, After: domain.Viewing{FirstSeen: 1}})
	}
	batch := []projections.Record{at("a", 5), at("b", 1), at("a", 9), at("a", 7), at("b", 2)}
	chosen, reasons := viewing.choose(batch)
	require.Empty(t, reasons)
	require.Equal(t, []int{2, 4}, chosen)
	chosen, _ = playbackEvents.choose(batch)
	require.Equal(t, []int{0, 1, 2, 3, 4}, chosen)
}

func TestInstantsStayWithinTheColumn(t *testing.T) {
	for in, want := range map[domain.Instant]time.Time{
		0: time.UnixMilli(0), -5: time.UnixMilli(0), 1_700_000_000_123: time.UnixMilli(1_700_000_000_123), domain.MaxInstant: time.UnixMilli(9_223_372_036_854),
	} {
		require.Equal(t, want, when(in))
	}
}
