package domain

// Feedback decides what a user's explicit opinion of a movie becomes: a like or dislike, a bookmark, a rating. Each is a register that
// is set or cleared; the last writer wins, by time of the fact.
var Feedback = Decider[Opinions, FeedbackCommand, FeedbackEvent]{
	Decide: decideFeedback,
	Evolve: evolveFeedback,
}

// Opinion is one register: a value that is set or cleared.
type Opinion struct {
	Set   bool
	Value int32   // rating: 0..MaxScore; like: LikeValue or DislikeValue; bookmark: 1. 0 when not set
	Stamp Stamp   // of the fact that set or cleared it; zero: never
	Since Version // the version at which it went from not set to set, in log order; a new value keeps it. Lists are in this order
}

// The values of the like register.
const (
	LikeValue    int32 = 1
	DislikeValue int32 = -1
)

// Opinions is all that is remembered of one user's explicit feedback on one movie. It is state, and what events carry before and after.
type Opinions struct{ Like, Bookmark, Rating Opinion }

// OpinionKind names a register.
type OpinionKind uint8

// The kinds. Their names are on the wire and in views: never rename one.
const (
	LikeKind OpinionKind = iota + 1
	BookmarkKind
	RatingKind
)

var opinionNames = [...]string{LikeKind: "like", BookmarkKind: "bookmark", RatingKind: "rating"}

// String is the name on the wire.
func (k OpinionKind) String() string {
	if int(k) < len(opinionNames) && opinionNames[k] != "" {
		return opinionNames[k]
	}
	return "none"
}

// Of is the register of that kind.
func (o *Opinions) Of(k OpinionKind) *Opinion {
	switch k {
	case LikeKind:
		return &o.Like
	case BookmarkKind:
		return &o.Bookmark
	case RatingKind:
		return &o.Rating
	}
	return nil
}

// FeedbackCommand is a command of the feedback context.
type FeedbackCommand interface {
	Command
	// Opinion is the register that the command is about and what it shall hold; kind 0 is about none (a touch).
	Opinion() (kind OpinionKind, value int32, set bool)
}

// FeedbackEvent is an event of the feedback context. It repeats the command's opinion.
type FeedbackEvent interface {
	Event
	FeedbackCommandLike
	// Changed is what was known before and after.
	Changed() *Change
}

// FeedbackCommandLike is the part that a feedback command and its event share.
type FeedbackCommandLike interface {
	Opinion() (kind OpinionKind, value int32, set bool)
}

// Change is what a feedback event did.
type Change struct {
	Verdict       Verdict
	Before, After Opinions
}

func decideFeedback(s Opinions, c FeedbackCommand) FeedbackEvent {
	kind, value, set := c.Opinion()
	change := Change{Verdict: Stale, Before: s, After: s}
	if register := s.Of(kind); register != nil {
		switch stamp := c.Head().Stamp(); {
		case register.Stamp == stamp:
			change.Verdict = Duplicate
		case register.Stamp.Before(stamp):
			change.Verdict = Applied
			*change.After.Of(kind) = register.write(value, set, stamp, c.Head().Origin.Version)
		}
	}
	return newFeedbackEvent(c, change)
}

func evolveFeedback(s Opinions, e FeedbackEvent) Opinions {
	kind, value, set := e.Opinion()
	register := s.Of(kind)
	if register == nil || !register.Stamp.Before(e.Head().Stamp()) {
		return s
	}
	*register = register.write(value, set, e.Head().Stamp(), e.Head().Origin.Version) // s is our own copy
	return s
}

func (o Opinion) write(value int32, set bool, stamp Stamp, at Version) Opinion {
	next := Opinion{Set: set, Stamp: stamp}
	if set {
		next.Value, next.Since = value, at
		if o.Set {
			next.Since = o.Since
		}
	}
	return next
}
