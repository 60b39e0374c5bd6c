package audit

import (
	"context"

	"ugc/domain"
	"ugc/projections"
)

// Log reads topics. Every call is bounded in time by whoever implements it, and safe to repeat.
type Log interface {
	// Ends are the first and the next offset of each partition of a topic, in their order.
	Ends(ctx context.Context, topic string) (first, next []int64, err error)
	// Committed is how far a group has come in each partition of a topic; 0 where it has not begun.
	Committed(ctx context.Context, group, topic string) (map[int32]int64, error)
	// Read gives the records of one partition below the offset to, in order, to each. Its error ends the reading. A record is each's to keep.
	Read(ctx context.Context, topic string, partition int32, to int64, each func(Record) error) error
}

// Record is a record of a topic.
type Record struct {
	Offset     int64
	Key, Value []byte  // a nil value is a tombstone
	Release    bool    // it asks to go on with a key that waits behind a dead letter
	Late       bool    // of a table: another owner wrote first, so that it does not count
	Again      []int64 // offsets where it, or what was decided of it, stood before the log lost its end
}

// Rows reads one stored view, as readers see it, tombstones included.
type Rows interface {
	// Watermarks are how far the view has come in its source.
	Watermarks(ctx context.Context) (map[int32]projections.Watermark, error)
	// Scan gives the rows of one partition in any order. Its error ends the scan.
	Scan(ctx context.Context, partition int32, each func(Row) error) error
}

// Row is a row of a stored view: its identity, and everything else as text.
type Row struct {
	Key     string // user/movie, or movie
	Version domain.Version
	Text    string // name=value, separated by fieldEnd; the audit makes the same text of what should be there
	// Folded is what a movie's summary holds, as it says itself; nil in other views.
	Folded []domain.Origin
}

// fieldEnd separates the fields of a text; no id of ours holds it.
const fieldEnd = "\x1f"

// rows are those of a stored view; none where the options name no such view, which Validate has refused.
func (a *audit) rows(view string) Rows {
	if r := a.o.Views[view]; r != nil {
		return r
	}
	return noRows{}
}

type noRows struct{}

func (noRows) Watermarks(context.Context) (map[int32]projections.Watermark, error) { return nil, nil }
func (noRows) Scan(context.Context, int32, func(Row) error) error                  { return nil }
