package schemas

import (
	"fmt"
	"math"

	"ugc/domain"
)

// One value of every record type with every field set to something of its own, for golden files.

func sampleID(n byte) domain.ID {
	return domain.ID{0x01, 0x98, 0xc0, 0xde, 0, 0, 0x70, 0, 0x80, 0, 0, 0, 0, 0, 0, n}
}

func sampleFact(n byte) domain.Fact {
	return domain.Fact{
		ID: sampleID(n), User: "анна", Movie: "tt0133093", Session: fmt.Sprintf("session-%d", n), Device: "tv", Sequence: int64(n),
		OccurredAt: 1_750_000_000_000 + domain.Instant(n), SentAt: 1_750_000_001_000, ReceivedAt: 1_750_000_002_000,
	}
}

func sampleOrigin(n byte) domain.Origin {
	return domain.Origin{Partition: 3, Version: domain.NewVersion(1, int64(n))}
}

func sampleReport(n byte) domain.RecordPlayback {
	return domain.RecordPlayback{
		Fact: sampleFact(n), Type: domain.Seek, Position: 90_000, From: domain.Some[domain.Millis](30_000), Duration: 5_400_000, Rate: 1.5,
		Watched: []domain.Interval{{Start: 0, End: 30_000}, {Start: 60_000, End: 90_000}},
	}
}

func sampleViewing() domain.Viewing {
	return domain.Viewing{
		Position: 90_000, PositionAt: 1_750_000_000_900, Resume: 80_000, ResumeAt: 1_750_000_000_800, Duration: 5_400_000,
		Watched: domain.Intervals{{Start: 0, End: 30_000}, {Start: 60_000, End: 90_000}}, WatchedTime: 60_000,
		Plays: 2, Completed: true, ViewedSeconds: 77, FirstSeen: 1_750_000_000_001, LastSeen: 1_750_000_000_999,
	}
}

func sampleOpinions() domain.Opinions {
	return domain.Opinions{
		Like:   domain.Opinion{Set: true, Value: domain.DislikeValue, Stamp: domain.Stamp{At: 1_750_000_000_005, Sequence: 5, ID: sampleID(5)}, Since: 41},
		Rating: domain.Opinion{Stamp: domain.Stamp{At: 1_750_000_000_006, ID: sampleID(6)}},
	}
}

func sampleChange() domain.Change {
	after := sampleOpinions()
	after.Bookmark = domain.Opinion{Set: true, Value: 1, Stamp: domain.Stamp{At: 1_750_000_000_007, ID: sampleID(7)}, Since: 42}
	return domain.Change{Verdict: domain.Applied, Before: sampleOpinions(), After: after}
}

func sampleCommands() []domain.Command {
	report := sampleReport(1)
	return []domain.Command{
		&report,
		&domain.RecordViewing{Fact: sampleFact(2), ViewedSeconds: 45},
		&domain.TouchPlayback{Fact: sampleFact(3)},
		&domain.SetLike{Fact: sampleFact(4), Dislike: true},
		&domain.ClearLike{Fact: sampleFact(5)},
		&domain.SetBookmark{Fact: sampleFact(6)},
		&domain.ClearBookmark{Fact: sampleFact(7)},
		&domain.SetRating{Fact: sampleFact(8), Score: 9},
		&domain.ClearRating{Fact: sampleFact(9)},
		&domain.TouchFeedback{Fact: sampleFact(10)},
	}
}

func sampleEvents() []domain.Event {
	f := func(n byte) domain.Fact {
		f := sampleFact(n)
		f.Origin = sampleOrigin(n)
		return f
	}
	report := sampleReport(1)
	report.Origin = sampleOrigin(1)
	return []domain.Event{
		&domain.PlaybackRecorded{RecordPlayback: report, Verdict: domain.Stale, NewlyWatched: 12_345,
			After: sampleViewing(), Rules: sampleRules()},
		&domain.ViewingRecorded{RecordViewing: domain.RecordViewing{Fact: f(2), ViewedSeconds: 45},
			Verdict: domain.Duplicate, After: sampleViewing(), Rules: domain.PublishedRules},
		&domain.PlaybackTouched{TouchPlayback: domain.TouchPlayback{Fact: f(3)}, After: sampleViewing(),
			Rules: sampleRules()},
		&domain.LikeSet{SetLike: domain.SetLike{Fact: f(4), Dislike: true}, Change: sampleChange()},
		&domain.LikeCleared{ClearLike: domain.ClearLike{Fact: f(5)}, Change: sampleChange()},
		&domain.BookmarkSet{SetBookmark: domain.SetBookmark{Fact: f(6)}, Change: sampleChange()},
		&domain.BookmarkCleared{ClearBookmark: domain.ClearBookmark{Fact: f(7)}, Change: sampleChange()},
		&domain.RatingSet{SetRating: domain.SetRating{Fact: f(8), Score: 9}, Change: sampleChange()},
		&domain.RatingCleared{ClearRating: domain.ClearRating{Fact: f(9)}, Change: sampleChange()},
		&domain.FeedbackTouched{TouchFeedback: domain.TouchFeedback{Fact: f(10)}, Change: sampleChange()},
	}
}

func sampleOutbox() []Outcome {
	return []Outcome{{Version: 40, Event: []byte("\x00\x00\x00\x00\x0bevent")}, {Version: 41}}
}

func samplePlaybackTable() *Table[domain.PlaybackState] {
	register := func(v domain.Millis, n byte) domain.Register[domain.Millis] {
		return domain.Register[domain.Millis]{Value: v, Stamp: domain.Stamp{At: 1_750_000_000_000 + domain.Instant(n), Sequence: int64(n), ID: sampleID(n)}}
	}
	edge := func(n int64) domain.Edge {
		return domain.Edge{Sequence: n, Clock: 1_750_000_000_000 + domain.Instant(n), Entry: -1, Exit: 90_000, Running: true, Rate: 1.25}
	}
	plain := domain.Edge{Sequence: 7, Clock: 1_750_000_000_007, Entry: 80_000, Exit: 80_000, Rate: 1}
	return &Table[domain.PlaybackState]{
		Applied: domain.NewVersion(1, 42), Blocked: true, Outbox: sampleOutbox(),
		State: domain.PlaybackState{
			Position: register(90_000, 1), Resume: register(80_000, 2), Furthest: 95_000, Ended: true,
			Watched: domain.Intervals{{Start: 0, End: 30_000}},
			Sessions: domain.Sessions{
				{ID: domain.FingerprintOfSession("t"), Pieces: []domain.Piece{
					{First: domain.Edge{Sequence: 1}, Last: edge(4), Touched: 8}, {First: plain, Last: plain, Touched: 7},
				}},
				{ID: domain.FingerprintOfSession("s"), Pieces: []domain.Piece{{First: edge(2), Last: edge(9), Touched: 300}}},
			},
			Seen:  domain.Seen{domain.FingerprintOfID(sampleID(1)), domain.FingerprintOfID(sampleID(2))},
			Plays: 3, ViewedSeconds: math.MaxInt64, FirstSeen: 1_749_999_999_999, LastSeen: 1_750_000_000_123, Reports: 301,
			Rules: sampleRules(),
		},
	}
}

func sampleRules() domain.PlaybackRules {
	return domain.PlaybackRules{Version: 1, CompletedReached: 0.75, CompletedWatched: 0.5, ResumeAfter: 30_000,
		ResumeAfterShare: 0.125}
}

func sampleFeedbackTable() *Table[domain.FeedbackState] {
	seen := domain.Seen{domain.FingerprintOfID(sampleID(5)), domain.FingerprintOfID(sampleID(6))}
	return &Table[domain.FeedbackState]{Applied: 43, Outbox: sampleOutbox(),
		State: domain.FeedbackState{Opinions: sampleOpinions(), Seen: seen}}
}

func sampleMoviesTable() *Table[domain.MovieState] {
	return &Table[domain.MovieState]{Applied: 44, Outbox: sampleOutbox(), State: domain.MovieState{
		Summary: domain.MovieSummary{Ratings: 6, Histogram: [domain.MaxScore + 1]int64{0: 1, 7: 2, 10: 3}, Likes: 4, Dislikes: 5, Bookmarks: 6, UpdatedAt: 1_750_000_000_000},
		Folded:  []domain.Origin{{Partition: 0, Version: 17}, {Partition: 3, Version: 18}},
	}}
}

func sampleDeadLetter() *DeadLetter {
	return &DeadLetter{
		ID: sampleID(1), Topic: "ugc.playback.commands.v1", Partition: 3, Offset: 99, Timestamp: 1_750_000_000_000, Key: []byte("анна/tt0133093"), Value: []byte{0, 1, 2, 0xff},
		Headers: []Header{{Key: "traceparent", Value: []byte("00-…")}, {Key: "empty", Value: []byte{}}, {Key: "null"}},
		Step:    "streams/playback", Reason: "undecodable", Message: "decode command: …", At: 1_750_000_000_001,
	}
}
