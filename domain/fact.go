package domain

import "bytes"

// Instant is a moment in Unix milliseconds; 0 means that nobody said when.
type Instant int64

// Millis is a length of film or of time, or a place in a film, in milliseconds.
type Millis int64

// Optional is a value that may be absent.
type Optional[T any] struct {
	Value   T
	Present bool
}

// Some is a value that is there.
func Some[T any](v T) Optional[T] { return Optional[T]{Value: v, Present: true} }

// Version orders everything that happened to one key: epoch·2⁴⁸ + the command's offset. The epoch grows when
// topics are made anew with another number of partitions, so that versions never run backwards.
type Version int64

// NoVersion is before every version.
const NoVersion Version = -1

const offsetBits = 48

// NewVersion is the version of a command at this offset in this epoch.
func NewVersion(epoch int16, offset int64) Version { return Version(int64(epoch)<<offsetBits + offset) }

// Offset is the command's offset within its epoch.
func (v Version) Offset() int64 { return int64(v) & (1<<offsetBits - 1) }

// Epoch is the generation of the topics that the offset belongs to.
func (v Version) Epoch() int16 { return int16(v >> offsetBits) }

// Origin is where a command stands in its log; with it every number can be traced to the record behind it.
type Origin struct {
	Partition int32
	Version   Version
}

// Fact is what every command and every event says first: who, what, when, and in which report.
type Fact struct {
	ID         ID      // of the client's report; a repeated id is the same report
	User       string  // see ValidateKeyPart
	Movie      string  // see ValidateKeyPart
	Session    string  // one playback session of one player, "" when not given
	Device     string  // what it plays on, "" when not given
	Sequence   int64   // of the report in its session, counted from 1 without gaps; 0 when not given
	OccurredAt Instant // by the client's clock, 0 when not given
	SentAt     Instant // by the same clock, 0 when not given
	ReceivedAt Instant // by the edge's clock, always given
	Origin     Origin  // where the command stands; set by whoever reads it from the log
}

// Head gives access to the fact inside any command or event.
func (f *Fact) Head() *Fact { return f }

// Key is the record key of this fact, user/movie.
func (f *Fact) Key() string { return Key(f.User, f.Movie) }

// At is the time of the fact by our clock: occurred_at + (received_at − sent_at), which takes the client's clock error and
// the wait in its offline queue out, and never later than received_at, nor before 1970 (0 would say that nobody
// knows). Without sent_at the client's clock is believed; without occurred_at the fact is as old as its arrival. (DESIGN 6, rule 2.)
func (f *Fact) At() Instant {
	if f.OccurredAt == 0 {
		return f.ReceivedAt
	}
	at := f.OccurredAt
	if f.SentAt != 0 {
		at += f.ReceivedAt - f.SentAt
	}
	return max(1, min(at, f.ReceivedAt))
}

// clock is the time to measure distances within one session with: the client's own clock where it gives one.
func (f *Fact) clock() Instant {
	if f.OccurredAt != 0 {
		return f.OccurredAt
	}
	return f.ReceivedAt
}

// Stamp is the fact's place in the order by which the last writer wins.
func (f *Fact) Stamp() Stamp { return Stamp{At: f.At(), Sequence: f.Sequence, ID: f.ID} }

// Stamp orders facts about one register: by time of the fact, then sequence, then id. It is a total order over
// different reports, so any order of arrival ends with the same winner where all say when they occurred. The zero Stamp
// is before all.
type Stamp struct {
	At       Instant
	Sequence int64
	ID       ID
}

// IsZero says that the register was never written.
func (s Stamp) IsZero() bool { return s == Stamp{} }

// Before says whether s loses against t.
func (s Stamp) Before(t Stamp) bool {
	if s.At != t.At {
		return s.At < t.At
	}
	if s.Sequence != t.Sequence {
		return s.Sequence < t.Sequence
	}
	return bytes.Compare(s.ID[:], t.ID[:]) < 0
}

// after is the next stamp: of the same time, with the next sequence.
func (s Stamp) after(id ID) Stamp {
	return Stamp{At: s.At, Sequence: addSaturating(s.Sequence, 1), ID: id}
}

// over is the stamp with which the fact is written over what a register holds; wins is false where it loses. A fact
// that does not say when it occurred wins over all that the log has before it: the clocks of two edges differ, the
// order of the log does not. Only of two that arrived in one millisecond and both have a sequence the greater wins.
// (README, "The rules".)
func (f *Fact) over(old Stamp) (s Stamp, wins bool) {
	s = f.Stamp()
	switch {
	case old.Before(s):
		return s, true
	case f.OccurredAt != 0, old.At == f.ReceivedAt && old.Sequence > 0 && f.Sequence > 0:
		return old, false
	}
	return old.after(f.ID), true
}

// Key is the record key of what a user does with a movie. Ids hold no '/', so different pairs have different keys.
func Key(user, movie string) string { return user + "/" + movie }
