package schemas

import (
	"fmt"

	"ugc/domain"
)

// EncodePlaybackTable writes a value of the playback table.
func (c *Codec) EncodePlaybackTable(t *Table[domain.PlaybackState]) ([]byte, error) {
	s := &t.State
	size := 256 + outboxSize(t.Outbox) + intervalSize*len(s.Watched) + sessionsSize(s.Sessions) + fingerprintSize*len(s.Seen)
	b := appendTable(c.appendHeader(make([]byte, 0, size), playbackTable), t)
	return appendPlaybackState(b, s), nil
}

// DecodePlaybackTable reads a value of the playback table.
func (c *Codec) DecodePlaybackTable(b []byte) (*Table[domain.PlaybackState], error) {
	return decodeTable(c, b, playbackTable, (*cursor).playbackState)
}

// EncodeFeedbackTable writes a value of the feedback table.
func (c *Codec) EncodeFeedbackTable(t *Table[domain.FeedbackState]) ([]byte, error) {
	size := 128 + outboxSize(t.Outbox) + fingerprintSize*len(t.State.Seen)
	b := appendTable(c.appendHeader(make([]byte, 0, size), feedbackTable), t)
	return appendSeen(appendOpinions(b, &t.State.Opinions), t.State.Seen), nil
}

// DecodeFeedbackTable reads a value of the feedback table.
func (c *Codec) DecodeFeedbackTable(b []byte) (*Table[domain.FeedbackState], error) {
	return decodeTable(c, b, feedbackTable, (*cursor).feedbackState)
}

// EncodeMoviesTable writes a value of the movies table.
func (c *Codec) EncodeMoviesTable(t *Table[domain.MovieState]) ([]byte, error) {
	size := 128 + outboxSize(t.Outbox) + 12*len(t.State.Folded)
	b := appendTable(c.appendHeader(make([]byte, 0, size), moviesTable), t)
	return appendMovieState(b, &t.State), nil
}

// DecodeMoviesTable reads a value of the movies table.
func (c *Codec) DecodeMoviesTable(b []byte) (*Table[domain.MovieState], error) {
	return decodeTable(c, b, moviesTable, (*cursor).movieState)
}

func decodeTable[S any](c *Codec, b []byte, want record, state func(*cursor) S) (*Table[S], error) {
	r, cur, err := c.open(b, TableValue)
	if err != nil {
		return nil, err
	}
	if r != want {
		return nil, undecodable(list[want].Name, fmt.Errorf("this is a %s", list[r].Name))
	}
	t := readTable(&cur, state)
	if err := cur.end(); err != nil {
		return nil, undecodable(list[want].Name, err)
	}
	return t, nil
}

// AppliedOf reads the newest applied version from any table's value and nothing more: Applied is the first field of every
// table schema, in every version of it, so that this needs neither schema nor registry. Values are trusted to be a table's.
func AppliedOf(value []byte) (domain.Version, error) {
	if _, err := schemaID(value); err != nil {
		return domain.NoVersion, undecodable(TableValue.String(), err)
	}
	cur := cursor{b: value[headerSize:], of: len(value) - headerSize}
	applied := domain.Version(cur.long())
	if cur.err != nil {
		return domain.NoVersion, undecodable(TableValue.String(), cur.err)
	}
	return applied, nil
}
