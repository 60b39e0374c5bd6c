// Package projections turns decided events into views: one engine that consumes, batches, applies, records watermarks and
// commits; one handler for each view; one contract for every store that holds one.
package projections

import (
	"context"
	"strconv"
	"time"

	"ugc/domain"
	"ugc/schemas/topics"
)

// View is a projection as a value: what it reads, and how it is batched. What it does with a record is its Sink's.
type View struct {
	Name   string // the stable name that readers use, such as "ratings"
	Source topics.Topic
	Batch  Batching
}

// Batching says when a batch is written: at the latest at MaxRecords or MaxBytes.
type Batching struct {
	MaxRecords int           // 1,000 when 0
	MaxBytes   int           // of records as they are in Kafka; 16 MiB when 0. One greater record is a batch of its own
	MaxWait    time.Duration // at the latest this long after its first record came; 0: as soon as the store is free, with all that is there
}

func (b Batching) orDefault() Batching {
	if b.MaxRecords == 0 {
		b.MaxRecords = 1000
	}
	if b.MaxBytes == 0 {
		b.MaxBytes = 16 << 20
	}
	return b
}

// fetchWait is the part of MaxWait that the broker may hold records back for: a view that waits anyway need not fetch them one by one, which
// costs both sides more than writing them. 0: a fetch ends with the first record.
func (b Batching) fetchWait() time.Duration {
	if wait := b.MaxWait / 2; wait >= 20*time.Millisecond {
		return min(wait, 500*time.Millisecond)
	}
	return 0
}

// fetched is what is left to do when the broker has waited.
func (b Batching) fetched() Batching {
	b.MaxWait -= b.fetchWait()
	return b
}

// Generation is one physical build of a view. Readers follow the live one through the stable name.
type Generation struct {
	View   string
	Number int
}

// String is the physical name, such as ratings__g1.
func (g Generation) String() string { return g.View + "__g" + strconv.Itoa(g.Number) }

// Record is a decoded record of a view's source.
type Record struct {
	Partition int32
	Offset    int64 // in the source topic
	Key       string
	// Version is what makes writing idempotent: the command version of an event, the applied version of a table's value.
	Version domain.Version
	// Value is a domain.Event, or *schemas.Table[domain.MovieState] for the movies table. Never nil.
	Value any
	// ReceivedAt is the edge's time of arrival of the command behind it, for lag in seconds; 0 where unknown.
	ReceivedAt domain.Instant
}

// Watermark is how far a generation has come in one partition.
type Watermark struct {
	Next    int64          // offset in the source topic from which to go on
	Version domain.Version // the view shows everything up to here
}

// Sink is a store's side of one generation of one view. An engine makes one call at a time, in this order:
// Watermarks and Blocked after each assignment, then for every batch Write, Advance; only then it commits to Kafka. Every call has a
// deadline. For a moment after a rebalance two engines may write the same partition; what Write and Advance promise makes that harmless.
type Sink interface {
	// Watermarks are the stored ones; a partition that is not there starts at the beginning. The store's own watermark decides where
	// to go on, not the group's offset: a store that was lost or set back is filled again from there.
	Watermarks(ctx context.Context) (map[int32]Watermark, error)
	// Write applies the records, in order per key. It is idempotent and monotone: what was written before, in whole or in
	// part, at this version or a greater one, changes nothing. When it returns nil the effects survive the death of any process.
	// An error of kind Invalid that names records (see *RecordError) dead-letters those; any other error stalls the view, and the same batch comes again.
	Write(ctx context.Context, batch []Record) error
	// Advance stores watermarks. Next and Version each never go back: a lower one than stored is ignored.
	Advance(ctx context.Context, marks map[int32]Watermark) error
	// Block remembers keys whose records must wait in the dead letters behind a bad one; the first offset of a key stays. Blocked lists them.
	Block(ctx context.Context, keys []BlockedKey) error
	Blocked(ctx context.Context) ([]BlockedKey, error)
}

// BlockedKey is a key that waits for its dead letter to be redriven or waived.
type BlockedKey struct {
	Key       string
	Partition int32
	Offset    int64 // of the record that could not be applied
}

// RecordError says which records of a batch a sink cannot ever apply, and why. The rest comes again without them.
type RecordError struct {
	Reasons map[int]error // by index in the batch
}

// Error names one of the reasons.
func (e *RecordError) Error() string {
	for i, err := range e.Reasons {
		return "record " + strconv.Itoa(i) + " cannot be applied: " + err.Error()
	}
	return "records cannot be applied"
}
