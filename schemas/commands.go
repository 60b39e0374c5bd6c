package schemas

import "ugc/domain"

func appendCommand(b []byte, cmd domain.Command) []byte {
	b = appendFact(b, cmd.Head())
	switch c := cmd.(type) {
	case *domain.RecordPlayback:
		b = appendReport(b, c)
	case *domain.RecordViewing:
		b = appendLong(b, c.ViewedSeconds)
	case *domain.SetLike:
		b = appendBool(b, c.Dislike)
	case *domain.SetRating:
		b = appendLong(b, c.Score)
	}
	return b
}

func (c *cursor) command(r record) domain.Command {
	f := c.fact()
	switch r {
	case recordPlayback:
		return new(c.report(f))
	case recordViewing:
		return &domain.RecordViewing{Fact: f, ViewedSeconds: c.long()}
	case touchPlayback:
		return &domain.TouchPlayback{Fact: f}
	case setLike:
		return &domain.SetLike{Fact: f, Dislike: c.bool()}
	case clearLike:
		return &domain.ClearLike{Fact: f}
	case setBookmark:
		return &domain.SetBookmark{Fact: f}
	case clearBookmark:
		return &domain.ClearBookmark{Fact: f}
	case setRating:
		return &domain.SetRating{Fact: f, Score: c.int()}
	case clearRating:
		return &domain.ClearRating{Fact: f}
	case touchFeedback:
		return &domain.TouchFeedback{Fact: f}
	}
	c.fail("not a command")
	return nil
}

// appendReport writes what follows the fact in a playback report and in its event.
func appendReport(b []byte, r *domain.RecordPlayback) []byte {
	b = appendLong(b, int32(r.Type))
	b = appendLong(b, r.Position)
	b = appendPresent(b, r.From.Present)
	if r.From.Present {
		b = appendLong(b, r.From.Value)
	}
	b = appendLong(b, r.Duration)
	b = appendDouble(b, r.Rate)
	return appendIntervals(b, r.Watched)
}

func (c *cursor) report(f domain.Fact) (r domain.RecordPlayback) {
	r.Fact = f
	r.Type = c.reportType()
	r.Position = c.millis()
	if c.present() {
		r.From = domain.Some(c.millis())
	}
	r.Duration = c.millis()
	r.Rate = c.double()
	r.Watched = c.intervals()
	return r
}
