// Package topics names every Kafka topic of the house, once, as values.
package topics

import "ugc/domain"

// Keep says how long a topic's records stay.
type Keep uint8

// The retentions.
const (
	Forever   Keep = iota // delete policy, retention.ms=-1
	Compacted             // the newest record of each key, for ever; nothing younger than a day is compacted away
)

// Topic is one topic; its partitions and replication are settings.
type Topic struct {
	Name string
	Keep Keep
	// Holds says in a few words what a record is, and Key what its key is; `ugc topology` prints them.
	Holds, Key string
	// Remade topics hold nothing that other topics do not hold: what is gone from one is written again from those.
	Remade bool
	// Single topics have one partition count of their own; the others are co-partitioned.
	Single bool
}

// What a record's key is.
const (
	userMovie = "user/movie"
	movie     = "movie"
)

// The topics. (DESIGN 5.)
var (
	PlaybackCommands = Topic{Name: "ugc.playback.commands.v1", Holds: "what players report", Key: userMovie}
	PlaybackEvents   = Topic{Name: "ugc.playback.events.v1", Holds: "what a report became", Key: userMovie}
	PlaybackTable    = Topic{Name: "ugc-playback-table", Keep: Compacted, Holds: "playback state", Key: userMovie}
	FeedbackCommands = Topic{Name: "ugc.feedback.commands.v1", Holds: "likes, bookmarks, ratings set or cleared", Key: userMovie}
	FeedbackEvents   = Topic{Name: "ugc.feedback.events.v1", Holds: "what they became", Key: userMovie}
	FeedbackTable    = Topic{Name: "ugc-feedback-table", Keep: Compacted, Holds: "opinions", Key: userMovie}
	MoviesFeedback   = Topic{Name: "ugc.movies.feedback.v1", Remade: true, Holds: "feedback events by movie", Key: movie}
	MoviesTable      = Topic{Name: "ugc-movies-table", Keep: Compacted, Holds: "movie summary", Key: movie}
	DeadLetters      = Topic{Name: "ugc.dead-letters.v1", Holds: "records that could not be processed", Key: "the record's own, of a long one its hash"}
)

// MaxMessageBytes is max.message.bytes of every topic, and what our producers take: the size of a batch as it is sent, so of one record with key,
// value and headers. It is below the 1,048,588 bytes that brokers take unless told otherwise.
const MaxMessageBytes = 1 << 20

// All lists them in the order of flow.
func All() []Topic {
	return []Topic{PlaybackCommands, PlaybackEvents, PlaybackTable, FeedbackCommands, FeedbackEvents, FeedbackTable, MoviesFeedback, MoviesTable, DeadLetters}
}

// Of is the command topic that a command belongs on.
func Of(c domain.Command) Topic {
	if _, ok := c.(domain.FeedbackCommand); ok {
		return FeedbackCommands
	}
	return PlaybackCommands
}

// CommandsOf is the command topic behind a topic of events.
func CommandsOf(events Topic) Topic {
	if events == FeedbackEvents {
		return FeedbackCommands
	}
	return PlaybackCommands
}

// Header names on records.
const (
	HeaderCommandID   = "ugc-command-id"
	HeaderContentType = "content-type"
	HeaderVersion     = "ugc-version" // decimal domain.Version of the command behind an event
	HeaderTrace       = "traceparent" // by which a trace goes on, as the W3C has it
	HeaderPlace       = "ugc-place"   // decimal offset at which a table's owner meant its record to stand; elsewhere the record does not count
	ContentTypeAvro   = "application/vnd.confluent.avro"
)

// String says it in words.
func (k Keep) String() string {
	switch k {
	case Compacted:
		return "compacted, for ever"
	}
	return "for ever"
}
