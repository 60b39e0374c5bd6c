package projections

import (
	"cmp"
	"errors"
	"fmt"

	"github.com/twmb/franz-go/pkg/kgo"

	"ugc/domain"
	"ugc/schemas"
	"ugc/schemas/topics"
)

// entry is one record on its way through the engine.
type entry struct {
	Record
	raw *kgo.Record
	// refused is why the record can never be applied, nil where it can; reason is its stable code.
	refused error
	reason  string // one of schemas.Reasons
	alone   bool   // no later record waits behind it in the dead letters
	sent    bool   // its dead letter is written
}

// tombstone says that the record takes a key out of a table. It has no effect on a view.
func (en *entry) tombstone() bool { return en.Value == nil && en.refused == nil }

func (en *entry) refuse(reason string, err error) {
	en.refused, en.reason = err, reason
}

// arrived is when the command behind the record arrived, or when the record was written, where that is not known.
func (en *entry) arrived() domain.Instant {
	if en.ReceivedAt != 0 {
		return en.ReceivedAt
	}
	return domain.Instant(en.raw.Timestamp.UnixMilli())
}

// decoders turn a record of a topic into what sinks take. The record's place and key are there already.
var decoders = map[string]func(Codec, *kgo.Record, *Record) error{
	topics.PlaybackEvents.Name: decodeEvent,
	topics.FeedbackEvents.Name: decodeEvent,
	topics.MoviesTable.Name:    decodeMoviesTable,
}

func decodeEvent(c Codec, raw *kgo.Record, r *Record) error {
	e, err := c.DecodeEvent(raw.Value)
	if err != nil {
		return err
	}
	fact := e.Head()
	r.Value, r.Version, r.ReceivedAt = e, fact.Origin.Version, fact.ReceivedAt
	switch {
	case r.Version < 0:
		return fmt.Errorf("%w: the event names no command behind it", errMisplaced)
	case fact.Origin.Partition != r.Partition: // versions of two partitions cannot be compared
		return fmt.Errorf("%w: the event comes from partition %d, but stands in %d", errMisplaced, fact.Origin.Partition, r.Partition)
	case !isKey(r.Key, fact.User, fact.Movie): // blocking by key would miss it
		return fmt.Errorf("%w: the event is about %s, but its key is %s", errMisplaced, schemas.Quote(fact.Key()), schemas.Quote(r.Key))
	}
	return nil
}

func decodeMoviesTable(c Codec, raw *kgo.Record, r *Record) error {
	t, err := c.DecodeMoviesTable(raw.Value)
	if err != nil {
		return err
	}
	r.Value, r.Version = t, t.Applied
	return nil
}

// errMisplaced marks records that can be read, but do not belong where they stand.
var errMisplaced = errors.New("record out of place")

func isKey(key, user, movie string) bool {
	return len(key) == len(user)+1+len(movie) && key[:len(user)] == user && key[len(user)] == '/' && key[len(user)+1:] == movie
}

// decode never panics and never drops: a record that cannot be read becomes an entry that is refused. An error is of kind Unavailable: the
// same record may be readable later.
//
// Two kinds of records are refused alone. A key that can be nobody's has no later records that are better, and may be of any length, so that no store
// should remember it. Values of a table are whole each by itself: the next one of the key makes good what this one lacks.
func (e *Engine) decode(raw *kgo.Record) (entry, error) {
	table := e.o.View.Source.Keep == topics.Compacted
	en := entry{raw: raw, alone: table}
	en.Record = Record{Partition: raw.Partition, Offset: raw.Offset, Version: domain.NoVersion}
	key := string(raw.Key)
	stray := e.o.View.Source.CheckKey(key)
	if stray == nil {
		en.Key = key
	}
	if raw.Value == nil && table {
		return en, nil
	}
	if stray != nil {
		en.alone = true
		en.refuse(schemas.ReasonNotApplicable, fmt.Errorf("%w: %w", errMisplaced, stray))
		return en, nil
	}
	err := e.decoder(e.o.Codec, raw, &en.Record)
	switch {
	case err == nil:
		return en, nil
	case domain.KindOf(err) == domain.Unavailable:
		return en, err
	case errors.Is(err, errMisplaced):
		en.refuse(schemas.ReasonNotApplicable, err)
	default:
		en.refuse(cmp.Or(schemas.ReasonOf(err), schemas.ReasonUndecodable), err)
	}
	return en, nil
}
