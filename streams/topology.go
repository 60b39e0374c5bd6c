// Package streams runs the deciders over Kafka: each group reads commands, decides once, keeps its state in a compacted table, and
// emits one event for each command, exactly, through crashes and zombies (DESIGN 6, rules 2 to 6 and 9).
//
// One input goes through the package like this: goka hands it to process, which finds the value of its key (held by table, stored by
// store, restored by keeper) and asks the rule's pure step what becomes of it; the new value, when table flushes it, and then the outcome leave through
// producer, and lane, which hears of both, lets goka commit the inputs in order. A supervised group starts a new goka processor whenever one ends.
package streams

import (
	"fmt"
	"strings"

	"ugc/domain"
	"ugc/schemas"
	"ugc/schemas/topics"
)

// Group is one goka processor group as a value: what it reads, what it decides by, where state and outcomes go.
type Group struct {
	Name    string
	Input   topics.Topic
	Decider string // the rule's name in package domain
	Table   topics.Topic
	Key     string // what the table's key is
	Outputs []Output

	start func(run *incarnation) processFunc
}

// Output is a topic that a group emits every event to.
type Output struct {
	Topic topics.Topic
	rekey func(key string) string // nil: the input's key
}

// Topology lists the groups in the order of flow.
func Topology() []Group {
	return []Group{
		{
			Name: "ugc-playback", Input: topics.PlaybackCommands, Decider: "Playback",
			Table: topics.PlaybackTable, Key: topics.PlaybackTable.Key,
			Outputs: []Output{{Topic: topics.PlaybackEvents}},
			start: func(run *incarnation) processFunc {
				c := run.codec
				return processWith(run, decided(run.rules.Decider(), c, c.DecodePlaybackTable, c.EncodePlaybackTable))
			},
		},
		{
			Name: "ugc-feedback", Input: topics.FeedbackCommands, Decider: "Feedback",
			Table: topics.FeedbackTable, Key: topics.FeedbackTable.Key,
			// Every event goes to the movies too, also the stale ones: readers wait for their write to be folded in.
			Outputs: []Output{{Topic: topics.FeedbackEvents}, {Topic: topics.MoviesFeedback, rekey: movieOf}},
			start: func(run *incarnation) processFunc {
				c := run.codec
				return processWith(run, decided(domain.Feedback, c, c.DecodeFeedbackTable, c.EncodeFeedbackTable))
			},
		},
		{
			Name: "ugc-movies", Input: topics.MoviesFeedback, Decider: "FoldMovie",
			Table: topics.MoviesTable, Key: topics.MoviesTable.Key,
			start: func(run *incarnation) processFunc { return processWith(run, foldedMovies(run.codec)) },
		},
	}
}

// String is the group on one line.
func (g Group) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s: %s -> %s -> table %s by %s", g.Name, g.Input.Name, g.Decider, g.Table.Name, g.Key)
	for _, o := range g.Outputs {
		fmt.Fprintf(&b, ", %s by %s", o.Topic.Name, o.Topic.Key)
	}
	return b.String() + ", bad records to " + topics.DeadLetters.Name
}

// topics are all that the group touches.
func (g Group) topics() []topics.Topic {
	all := []topics.Topic{g.Input, g.Table, topics.DeadLetters}
	for _, o := range g.Outputs {
		all = append(all, o.Topic)
	}
	return all
}

// movieOf is the movie in a key user/movie.
func movieOf(key string) string {
	_, movie, _ := strings.Cut(key, "/")
	return movie
}

// newTable is the value of a key that was never written.
func newTable[S any]() *schemas.Table[S] { return &schemas.Table[S]{Applied: domain.NoVersion} }
