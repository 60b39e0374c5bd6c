package schemas

import (
	"slices"

	"ugc/domain"
	"ugc/schemas/topics"
)

// record numbers the record types of this version; it indexes list.
type record uint8

const (
	recordPlayback record = iota
	recordViewing
	touchPlayback
	setLike
	clearLike
	setBookmark
	clearBookmark
	setRating
	clearRating
	touchFeedback
	playbackRecorded
	viewingRecorded
	playbackTouched
	likeSet
	likeCleared
	bookmarkSet
	bookmarkCleared
	ratingSet
	ratingCleared
	feedbackTouched
	playbackTable
	feedbackTable
	moviesTable
	deadLetter
	records // how many there are
)

// list is every record type in the order of the numbers above.
var list = [records]Schema{
	recordPlayback:   schema("record_playback", "ugc.playback.RecordPlayback", Command, topics.PlaybackCommands),
	recordViewing:    schema("record_viewing", "ugc.playback.RecordViewing", Command, topics.PlaybackCommands),
	touchPlayback:    schema("touch_playback", "ugc.playback.TouchPlayback", Command, topics.PlaybackCommands),
	setLike:          schema("set_like", "ugc.feedback.SetLike", Command, topics.FeedbackCommands),
	clearLike:        schema("clear_like", "ugc.feedback.ClearLike", Command, topics.FeedbackCommands),
	setBookmark:      schema("set_bookmark", "ugc.feedback.SetBookmark", Command, topics.FeedbackCommands),
	clearBookmark:    schema("clear_bookmark", "ugc.feedback.ClearBookmark", Command, topics.FeedbackCommands),
	setRating:        schema("set_rating", "ugc.feedback.SetRating", Command, topics.FeedbackCommands),
	clearRating:      schema("clear_rating", "ugc.feedback.ClearRating", Command, topics.FeedbackCommands),
	touchFeedback:    schema("touch_feedback", "ugc.feedback.TouchFeedback", Command, topics.FeedbackCommands),
	playbackRecorded: schema("playback_recorded", "ugc.playback.PlaybackRecorded", Event, topics.PlaybackEvents),
	viewingRecorded:  schema("viewing_recorded", "ugc.playback.ViewingRecorded", Event, topics.PlaybackEvents),
	playbackTouched:  schema("playback_touched", "ugc.playback.PlaybackTouched", Event, topics.PlaybackEvents),
	likeSet:          schema("like_set", "ugc.feedback.LikeSet", Event, topics.FeedbackEvents),
	likeCleared:      schema("like_cleared", "ugc.feedback.LikeCleared", Event, topics.FeedbackEvents),
	bookmarkSet:      schema("bookmark_set", "ugc.feedback.BookmarkSet", Event, topics.FeedbackEvents),
	bookmarkCleared:  schema("bookmark_cleared", "ugc.feedback.BookmarkCleared", Event, topics.FeedbackEvents),
	ratingSet:        schema("rating_set", "ugc.feedback.RatingSet", Event, topics.FeedbackEvents),
	ratingCleared:    schema("rating_cleared", "ugc.feedback.RatingCleared", Event, topics.FeedbackEvents),
	feedbackTouched:  schema("feedback_touched", "ugc.feedback.FeedbackTouched", Event, topics.FeedbackEvents),
	playbackTable:    schema("playback_table", "ugc.playback.PlaybackTable", TableValue, topics.PlaybackTable),
	feedbackTable:    schema("feedback_table", "ugc.feedback.FeedbackTable", TableValue, topics.FeedbackTable),
	moviesTable:      schema("movies_table", "ugc.movies.MoviesTable", TableValue, topics.MoviesTable),
	deadLetter:       schema("dead_letter", "ugc.DeadLetter", DeadLetterValue, topics.DeadLetters),
}

// recordNamed finds a record type by its full name.
func recordNamed(name string) (record, bool) {
	i := slices.IndexFunc(list[:], func(s Schema) bool { return s.Name == name })
	return record(max(i, 0)), i >= 0
}

func recordOfCommand(cmd domain.Command) (record, bool) {
	switch cmd.(type) {
	case *domain.RecordPlayback:
		return recordPlayback, true
	case *domain.RecordViewing:
		return recordViewing, true
	case *domain.TouchPlayback:
		return touchPlayback, true
	case *domain.SetLike:
		return setLike, true
	case *domain.ClearLike:
		return clearLike, true
	case *domain.SetBookmark:
		return setBookmark, true
	case *domain.ClearBookmark:
		return clearBookmark, true
	case *domain.SetRating:
		return setRating, true
	case *domain.ClearRating:
		return clearRating, true
	case *domain.TouchFeedback:
		return touchFeedback, true
	}
	return 0, false
}

func recordOfEvent(e domain.Event) (record, bool) {
	switch e.(type) {
	case *domain.PlaybackRecorded:
		return playbackRecorded, true
	case *domain.ViewingRecorded:
		return viewingRecorded, true
	case *domain.PlaybackTouched:
		return playbackTouched, true
	case *domain.LikeSet:
		return likeSet, true
	case *domain.LikeCleared:
		return likeCleared, true
	case *domain.BookmarkSet:
		return bookmarkSet, true
	case *domain.BookmarkCleared:
		return bookmarkCleared, true
	case *domain.RatingSet:
		return ratingSet, true
	case *domain.RatingCleared:
		return ratingCleared, true
	case *domain.FeedbackTouched:
		return feedbackTouched, true
	}
	return 0, false
}
