package domain

// CommandOf is the command that an event is the outcome of, whole: an event repeats its command.
func CommandOf(e Event) Command {
	switch e := e.(type) {
	case *PlaybackRecorded:
		return &e.RecordPlayback
	case *ViewingRecorded:
		return &e.RecordViewing
	case *PlaybackTouched:
		return &e.TouchPlayback
	case *LikeSet:
		return &e.SetLike
	case *LikeCleared:
		return &e.ClearLike
	case *BookmarkSet:
		return &e.SetBookmark
	case *BookmarkCleared:
		return &e.ClearBookmark
	case *RatingSet:
		return &e.SetRating
	case *RatingCleared:
		return &e.ClearRating
	case *FeedbackTouched:
		return &e.TouchFeedback
	}
	panic("domain: unknown event") // the interface is closed by its unexported method
}
