package domain

// Feedback decides what a user's explicit opinion of a movie becomes: a like or dislike, a bookmark, a rating. Each is a register that
// is set or cleared; the last writer wins, by time of the fact. A known id changes nothing.
var Feedback = Decider[FeedbackState, FeedbackCommand, FeedbackEvent]{
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

// Opinions are one user's explicit feedback on one movie. Events carry them before and after.
type Opinions struct{ Like, Bookmark, Rating Opinion }

// FeedbackState is all that is remembered of one user's explicit feedback on one movie.
type FeedbackState struct {
	Opinions
	Seen Seen // the ids of what was said
}

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

func decideFeedback(s FeedbackState, c FeedbackCommand) FeedbackEvent {
	change := Change{Verdict: Stale, Before: s.Opinions, After: s.Opinions}
	switch kind, _, _ := c.Opinion(); {
	case kind == 0: // a touch is about nothing
	case s.Seen.has(FingerprintOfID(c.Head().ID)):
		change.Verdict = Duplicate
	case change.After.write(c):
		change.Verdict = Applied
	}
	return newFeedbackEvent(c, change)
}

func evolveFeedback(s FeedbackState, e FeedbackEvent) FeedbackState {
	id := FingerprintOfID(e.Head().ID)
	if kind, _, _ := e.Opinion(); kind == 0 || s.Seen.has(id) {
		return s
	}
	s.write(e) // s is our own copy
	s.Seen = s.Seen.with(id)
	return s
}

// write writes what was said into its register, and says whether it won.
func (o *Opinions) write(said interface {
	FeedbackCommandLike
	Head() *Fact
}) bool {
	kind, value, set := said.Opinion()
	register := o.Of(kind)
	stamp, wins := said.Head().over(register.Stamp)
	if wins {
		*register = register.write(value, set, stamp, said.Head().Origin.Version)
	}
	return wins
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
