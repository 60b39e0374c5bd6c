// Package translate puts the service's commands, events and states into the terms of package reference. It decides nothing: every function copies
// fields of one name into fields of another.
package translate

import (
	"ugc/deploy/reference"
	"ugc/domain"
)

// Report is a command of playback.
func Report(c domain.PlaybackCommand) *reference.Report {
	r := &reference.Report{Fact: fact(c.Head()), Kind: reference.Touch}
	switch c := c.(type) {
	case *domain.RecordViewing:
		r.Kind, r.ViewedSeconds = reference.Viewed, c.ViewedSeconds
	case *domain.RecordPlayback:
		r.Kind, r.Position, r.Duration, r.Rate = reference.Kind(c.Type.String()), int64(c.Position), int64(c.Duration), c.Rate
		if c.From.Present {
			from := int64(c.From.Value)
			r.From = &from
		}
		r.Watched = ranges(c.Watched)
	}
	return r
}

// Feedback is a command of feedback.
func Feedback(c domain.FeedbackCommand) *reference.Feedback {
	kind, value, set := c.Opinion()
	f := &reference.Feedback{Fact: fact(c.Head()), Cleared: !set, Value: int64(value), Version: uint64(c.Head().Origin.Version)}
	if kind != 0 {
		f.About = reference.About(kind.String())
	}
	return f
}

func fact(f *domain.Fact) reference.Fact {
	return reference.Fact{
		ID: reference.ID(f.ID), User: f.User, Movie: f.Movie, Session: f.Session, Sequence: f.Sequence,
		OccurredAt: int64(f.OccurredAt), SentAt: int64(f.SentAt), ReceivedAt: int64(f.ReceivedAt),
	}
}

func ranges(s []domain.Interval) []reference.Range {
	out := make([]reference.Range, len(s))
	for i, v := range s {
		out[i] = reference.Range{Start: int64(v.Start), End: int64(v.End)}
	}
	return out
}

// Rules are the settings of playback.
func Rules(r domain.PlaybackRules) reference.Rules {
	return reference.Rules{
		CompletedReached: float64(r.CompletedReached), CompletedWatched: float64(r.CompletedWatched),
		ResumeAfter: int64(r.ResumeAfter), ResumeAfterShare: float64(r.ResumeAfterShare),
	}
}

// Viewing is what positions and views show.
func Viewing(v *domain.Viewing) *reference.Viewing {
	return &reference.Viewing{
		Position: int64(v.Position), PositionAt: int64(v.PositionAt), Resume: int64(v.Resume), ResumeAt: int64(v.ResumeAt), Duration: int64(v.Duration),
		Watched: ranges(v.Watched), WatchedTime: int64(v.WatchedTime), Plays: v.Plays, Completed: v.Completed, ViewedSeconds: v.ViewedSeconds,
		FirstSeen: int64(v.FirstSeen), LastSeen: int64(v.LastSeen),
	}
}

// Opinions are those of one user on one movie.
func Opinions(o *domain.Opinions) *reference.Opinions {
	return &reference.Opinions{Like: opinion(&o.Like), Bookmark: opinion(&o.Bookmark), Rating: opinion(&o.Rating)}
}

func opinion(o *domain.Opinion) (r reference.Opinion) {
	if r.Written = !o.Stamp.IsZero(); r.Written {
		r.Cleared, r.Stamp = !o.Set, Stamp(o.Stamp)
	}
	if o.Set {
		r.Value, r.Since = int64(o.Value), uint64(o.Since)
	}
	return r
}

// Stamp is by what a register compares who writes it.
func Stamp(s domain.Stamp) reference.Stamp {
	return reference.Stamp{At: int64(s.At), Sequence: s.Sequence, ID: reference.ID(s.ID)}
}

// Summary is what feedback says of a movie.
func Summary(s *domain.MovieSummary) *reference.Summary {
	return &reference.Summary{Ratings: s.Ratings, Likes: s.Likes, Dislikes: s.Dislikes, Bookmarks: s.Bookmarks, Histogram: s.Histogram, UpdatedAt: int64(s.UpdatedAt)}
}

// DecidedBy are the rules that an event names.
func DecidedBy(e domain.PlaybackEvent) reference.Rules { return Rules(e.DecidedBy()) }
