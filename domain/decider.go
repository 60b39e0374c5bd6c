// Package domain holds the rules of ugc and nothing else: commands, events, states, and the pure functions between
// them. It imports the standard library alone, reads no clock and draws no random number.
package domain

// Decider is the rule of one context as a value.
//
// Both functions are pure and total: they change none of their arguments, and the same arguments always give the same
// result, so a command that is processed again gives the same event, byte for byte.
type Decider[State, Command, Event any] struct {
	// Decide says which event a command becomes, given what is known. Exactly one, also where nothing changes.
	Decide func(State, Command) Event
	// Evolve says what is known after an event.
	Evolve func(State, Event) State
}

// Command is what a client asks for or reports. It is implemented by pointers to the command structs of this package.
type Command interface {
	Head() *Fact
	// Validate says everything that is wrong with the command, as an *Error of kind Invalid, or nil.
	Validate() error
	command()
}

// Event is what was decided. It is implemented by pointers to the event structs of this package.
type Event interface {
	Head() *Fact
	// Judged is why the event changed what it changed.
	Judged() Verdict
	event()
}

// Verdict says why an event changed what it changed.
type Verdict uint8

// The verdicts. Their names are on the wire and in views: never rename one.
const (
	Applied   Verdict = iota + 1 // it moved at least one register, count or interval
	Duplicate                    // the same report was seen before; it moves nothing
	Stale                        // an older fact: kept in history, moves nothing
)

var verdictNames = [...]string{Applied: "applied", Duplicate: "duplicate", Stale: "stale"}

// String is the name on the wire.
func (v Verdict) String() string {
	if int(v) < len(verdictNames) && verdictNames[v] != "" {
		return verdictNames[v]
	}
	return "unknown"
}

// ParseVerdict is the inverse of String.
func ParseVerdict(s string) (Verdict, bool) { return parseName(verdictNames[:], s, Applied) }

// parseName finds s among names that start at first.
func parseName[T ~uint8](names []string, s string, first T) (T, bool) {
	for i := int(first); i < len(names); i++ {
		if names[i] == s {
			return T(i), true
		}
	}
	return 0, false
}
