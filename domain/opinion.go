package domain

import "fmt"

// The commands of the feedback context: each kind of opinion is set or cleared.
type (
	// SetLike says that a user likes or dislikes a movie.
	SetLike struct {
		Fact
		Dislike bool
	}
	// ClearLike takes a like or dislike back; nothing happens where there is none.
	ClearLike struct{ Fact }
	// SetBookmark keeps a movie for later. Set twice it stands once.
	SetBookmark struct{ Fact }
	// ClearBookmark takes a bookmark away; nothing happens where there is none.
	ClearBookmark struct{ Fact }
	// SetRating gives a movie a score, 0 to MaxScore, in place of an earlier one.
	SetRating struct {
		Fact
		Score int32
	}
	// ClearRating takes a rating back; nothing happens where there is none.
	ClearRating struct{ Fact }
	// TouchFeedback changes nothing, but makes the owner write the key's state again; see TouchPlayback.
	TouchFeedback struct{ Fact }
)

// The events of the feedback context, one for each command.
type (
	// LikeSet is what SetLike became.
	LikeSet struct {
		SetLike
		Change
	}
	// LikeCleared is what ClearLike became.
	LikeCleared struct {
		ClearLike
		Change
	}
	// BookmarkSet is what SetBookmark became.
	BookmarkSet struct {
		SetBookmark
		Change
	}
	// BookmarkCleared is what ClearBookmark became.
	BookmarkCleared struct {
		ClearBookmark
		Change
	}
	// RatingSet is what SetRating became.
	RatingSet struct {
		SetRating
		Change
	}
	// RatingCleared is what ClearRating became.
	RatingCleared struct {
		ClearRating
		Change
	}
	// FeedbackTouched says that the state was written again.
	FeedbackTouched struct {
		TouchFeedback
		Change
	}
)

// newFeedbackEvent puts a command and its outcome together.
func newFeedbackEvent(c FeedbackCommand, ch Change) FeedbackEvent {
	switch c := c.(type) {
	case *SetLike:
		return &LikeSet{SetLike: *c, Change: ch}
	case *ClearLike:
		return &LikeCleared{ClearLike: *c, Change: ch}
	case *SetBookmark:
		return &BookmarkSet{SetBookmark: *c, Change: ch}
	case *ClearBookmark:
		return &BookmarkCleared{ClearBookmark: *c, Change: ch}
	case *SetRating:
		return &RatingSet{SetRating: *c, Change: ch}
	case *ClearRating:
		return &RatingCleared{ClearRating: *c, Change: ch}
	case *TouchFeedback:
		return &FeedbackTouched{TouchFeedback: *c, Change: ch}
	}
	panic("domain: unknown feedback command") // the interface is closed by its unexported method
}

// Opinion implements FeedbackCommand.
func (c *SetLike) Opinion() (OpinionKind, int32, bool) {
	if c.Dislike {
		return LikeKind, DislikeValue, true
	}
	return LikeKind, LikeValue, true
}

// Opinion implements FeedbackCommand.
func (c *ClearLike) Opinion() (OpinionKind, int32, bool) { return LikeKind, 0, false }

// Opinion implements FeedbackCommand.
func (c *SetBookmark) Opinion() (OpinionKind, int32, bool) { return BookmarkKind, 1, true }

// Opinion implements FeedbackCommand.
func (c *ClearBookmark) Opinion() (OpinionKind, int32, bool) { return BookmarkKind, 0, false }

// Opinion implements FeedbackCommand.
func (c *SetRating) Opinion() (OpinionKind, int32, bool) { return RatingKind, c.Score, true }

// Opinion implements FeedbackCommand.
func (c *ClearRating) Opinion() (OpinionKind, int32, bool) { return RatingKind, 0, false }

// Opinion implements FeedbackCommand: a touch is about no register.
func (c *TouchFeedback) Opinion() (OpinionKind, int32, bool) { return 0, 0, false }

// Validate implements Command.
func (c *SetLike) Validate() error { return validateFact(&c.Fact, "like") }

// Validate implements Command.
func (c *ClearLike) Validate() error { return validateFact(&c.Fact, "like") }

// Validate implements Command.
func (c *SetBookmark) Validate() error { return validateFact(&c.Fact, "bookmark") }

// Validate implements Command.
func (c *ClearBookmark) Validate() error { return validateFact(&c.Fact, "bookmark") }

// Validate implements Command.
func (c *SetRating) Validate() error {
	var f checks
	f.fact(&c.Fact)
	if c.Score < 0 || c.Score > MaxScore {
		f.add("/score", "out_of_range", "%s", fmt.Sprintf("must lie between 0 and %d", MaxScore))
	}
	return f.err("rating")
}

// Validate implements Command.
func (c *ClearRating) Validate() error { return validateFact(&c.Fact, "rating") }

// Validate implements Command.
func (c *TouchFeedback) Validate() error { return validateFact(&c.Fact, "touch") }

func validateFact(f *Fact, what string) error {
	var c checks
	c.fact(f)
	return c.err(what)
}

func (*SetLike) command()       {}
func (*ClearLike) command()     {}
func (*SetBookmark) command()   {}
func (*ClearBookmark) command() {}
func (*SetRating) command()     {}
func (*ClearRating) command()   {}
func (*TouchFeedback) command() {}

func (*LikeSet) event()         {}
func (*LikeCleared) event()     {}
func (*BookmarkSet) event()     {}
func (*BookmarkCleared) event() {}
func (*RatingSet) event()       {}
func (*RatingCleared) event()   {}
func (*FeedbackTouched) event() {}

// Judged implements Event for all of them.
func (c *Change) Judged() Verdict { return c.Verdict }

// Changed implements FeedbackEvent for all of them.
func (c *Change) Changed() *Change { return c }
