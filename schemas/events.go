package schemas

import "ugc/domain"

// An event is its command's fields, where that command stands, and what became of it.

func appendEvent(b []byte, event domain.Event) []byte {
	head := event.Head()
	b = appendFact(b, head)
	switch e := event.(type) {
	case *domain.PlaybackRecorded:
		b = appendReport(b, &e.RecordPlayback)
		b = appendOrigin(b, &head.Origin)
		b = appendLong(b, int32(e.Verdict))
		b = appendLong(b, e.NewlyWatched)
		return appendRules(appendViewing(b, &e.After), &e.Rules, e.Rules == domain.PublishedRules)
	case *domain.ViewingRecorded:
		b = appendLong(b, e.ViewedSeconds)
		b = appendOrigin(b, &head.Origin)
		b = appendLong(b, int32(e.Verdict))
		return appendRules(appendViewing(b, &e.After), &e.Rules, e.Rules == domain.PublishedRules)
	case *domain.PlaybackTouched:
		b = appendOrigin(b, &head.Origin)
		return appendRules(appendViewing(b, &e.After), &e.Rules, e.Rules == domain.PublishedRules)
	case *domain.LikeSet:
		b = appendBool(b, e.Dislike)
	case *domain.RatingSet:
		b = appendLong(b, e.Score)
	}
	b = appendOrigin(b, &head.Origin)
	if e, ok := event.(domain.FeedbackEvent); ok {
		b = appendChange(b, e.Changed())
	}
	return b
}

func (c *cursor) event(r record) domain.Event {
	f := c.fact()
	switch r {
	case playbackRecorded:
		return c.playbackRecorded(f)
	case viewingRecorded:
		e := &domain.ViewingRecorded{}
		e.ViewedSeconds = c.long()
		f.Origin = c.origin()
		e.Fact, e.Verdict, e.After = f, c.verdict(), c.viewing()
		e.Rules = c.rules(domain.PublishedRules)
		return e
	case playbackTouched:
		f.Origin = c.origin()
		return &domain.PlaybackTouched{TouchPlayback: domain.TouchPlayback{Fact: f}, After: c.viewing(),
			Rules: c.rules(domain.PublishedRules)}
	case likeSet:
		e := &domain.LikeSet{}
		e.Dislike = c.bool()
		e.Fact, e.Change = c.feedback(f)
		return e
	case ratingSet:
		e := &domain.RatingSet{}
		e.Score = c.int()
		e.Fact, e.Change = c.feedback(f)
		return e
	}
	f, change := c.feedback(f)
	switch r {
	case likeCleared:
		return &domain.LikeCleared{ClearLike: domain.ClearLike{Fact: f}, Change: change}
	case bookmarkSet:
		return &domain.BookmarkSet{SetBookmark: domain.SetBookmark{Fact: f}, Change: change}
	case bookmarkCleared:
		return &domain.BookmarkCleared{ClearBookmark: domain.ClearBookmark{Fact: f}, Change: change}
	case ratingCleared:
		return &domain.RatingCleared{ClearRating: domain.ClearRating{Fact: f}, Change: change}
	case feedbackTouched:
		return &domain.FeedbackTouched{TouchFeedback: domain.TouchFeedback{Fact: f}, Change: change}
	}
	c.fail("not an event")
	return nil
}

func (c *cursor) playbackRecorded(f domain.Fact) *domain.PlaybackRecorded {
	e := &domain.PlaybackRecorded{RecordPlayback: c.report(f)}
	e.Origin = c.origin()
	e.Verdict = c.verdict()
	e.NewlyWatched = c.millis()
	e.After = c.viewing()
	e.Rules = c.rules(domain.PublishedRules)
	return e
}

func (c *cursor) feedback(f domain.Fact) (domain.Fact, domain.Change) {
	f.Origin = c.origin()
	return f, c.change()
}
