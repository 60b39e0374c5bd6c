package schemas

import (
	"fmt"
	"strconv"

	"ugc/domain"
	"ugc/schemas/topics"
)

// AppliedIn is AppliedOf for a record that anybody may have written: only bytes with a schema of this topic's table are
// a value, in any of its registered versions. The id of today's schema is known; others are resolved once. The error is
// of kind Invalid for what is no value of the table, Unavailable where the registry had to be asked and did not answer.
func (c *Codec) AppliedIn(table topics.Topic, value []byte) (domain.Version, error) {
	id, err := schemaID(value)
	if err != nil {
		return domain.NoVersion, undecodable(TableValue.String(), err)
	}
	r, today := c.own[id]
	if !today {
		w, err := c.writers.get(id)
		if err != nil {
			return domain.NoVersion, err
		}
		r = w.record
	}
	if list[r].Kind != TableValue || list[r].Topic.Name != table.Name {
		return domain.NoVersion, undecodable(TableValue.String(), fmt.Errorf("this is a %s, which is no value of %s", list[r].Name, table.Name))
	}
	return AppliedOf(value)
}

// Stands says whether a record of a table that stands at the offset is where its owner meant it to be, by what
// topics.HeaderPlace says of that. Elsewhere it does not count: another owner was faster. Records of earlier versions
// say nothing; of those the greater applied version counts.
func Stands[T ~string | ~[]byte](placed T, offset int64) bool {
	return len(placed) == 0 || string(placed) == strconv.FormatInt(offset, 10)
}

// CheckTable reads a value of the topic's table whole, and says what is wrong with it.
func (c *Codec) CheckTable(table topics.Topic, value []byte) (err error) {
	switch table.Name {
	case topics.PlaybackTable.Name:
		_, err = c.DecodePlaybackTable(value)
	case topics.FeedbackTable.Name:
		_, err = c.DecodeFeedbackTable(value)
	case topics.MoviesTable.Name:
		_, err = c.DecodeMoviesTable(value)
	default:
		err = undecodable(TableValue.String(), fmt.Errorf("%s holds no table", table.Name))
	}
	return err
}
