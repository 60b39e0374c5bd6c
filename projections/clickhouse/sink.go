package clickhouse

import (
	"context"
	"errors"
	"maps"
	"sync"

	ch "github.com/ClickHouse/clickhouse-go/v2"
	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"

	"ugc/domain"
	"ugc/projections"
)

// sink implements projections.Sink for one generation of one stored view.
type sink[R any] struct {
	marks
	table  *table[R]
	insert string // the INSERT with its columns
}

func sinkOf[R any](t table[R]) func(*Store, projections.Generation) projections.Sink {
	return func(s *Store, g projections.Generation) projections.Sink {
		return &sink[R]{marks: marks{store: s, generation: g}, table: &t, insert: insertInto(s.rendering(nil).table(g.String()), t.columns)}
	}
}

// Write implements projections.Sink. The batch becomes blocks of bounded size, each an INSERT, some of them at the same time; when one fails those
// that did not stay, and are replaced by themselves when the batch comes again.
func (s *sink[R]) Write(ctx context.Context, batch []projections.Record) error {
	chosen, reasons := s.table.choose(batch)
	if len(reasons) > 0 {
		return recordError(reasons)
	}
	lanes := s.lanes(chosen)
	failed := make([]error, len(lanes))
	var all sync.WaitGroup
	for i, lane := range lanes {
		all.Go(func() { failed[i] = s.writeLane(ctx, batch, lane) })
	}
	all.Wait()
	return worst(failed)
}

// minLane is how many rows are worth an INSERT of their own: it costs as much as some thousand rows, and leaves a part to merge.
const minLane = 10_000

// lanes cuts the rows of a batch into what is inserted at the same time. The order of rows says nothing: each stands for itself by its version.
func (s *sink[R]) lanes(chosen []int) [][]int {
	n := max(1, min(s.store.o.Inserts, len(chosen)/minLane))
	lanes := make([][]int, 0, n)
	for ; n > 0; n-- {
		cut := len(chosen) / n
		lanes = append(lanes, chosen[:cut])
		chosen = chosen[cut:]
	}
	return lanes
}

// worst is the error that the batch ends with: one that stalls, before what can be set aside, of which every lane's counts.
func worst(failed []error) error {
	reasons := map[int]error{}
	for _, err := range failed {
		var bad *projections.RecordError
		switch {
		case err == nil:
		case errors.As(err, &bad):
			maps.Copy(reasons, bad.Reasons)
		default:
			return err
		}
	}
	if len(reasons) > 0 {
		return recordError(reasons)
	}
	return nil
}

func (s *sink[R]) writeLane(ctx context.Context, batch []projections.Record, chosen []int) error {
	for len(chosen) > 0 {
		n, err := s.writeBlock(ctx, batch, chosen)
		if err != nil {
			return err
		}
		chosen = chosen[n:]
	}
	return nil
}

// writeBlock writes as many of the records as one block takes, and says how many those are. When the server refuses the data itself it finds
// out which records it means.
func (s *sink[R]) writeBlock(ctx context.Context, batch []projections.Record, chosen []int) (n int, err error) {
	n, err = s.insertRows(ctx, batch, chosen)
	var bad *rowError
	switch {
	case err == nil:
		return n, nil
	case errors.As(err, &bad):
		return n, recordError(map[int]error{chosen[bad.row]: bad.err})
	case !refusesData(err):
		return n, mapError("write "+s.generation.String(), err)
	}
	reasons := map[int]error{}
	if err := s.isolate(ctx, batch, chosen[:n], err, reasons); err != nil {
		return n, err
	}
	return n, recordError(reasons)
}

// maxIsolated bounds how many bad rows of a block are looked for at once; the rest is found when the batch comes again without them.
const maxIsolated = 16

// isolate halves a refused block until it knows the refused rows. What is written on the way is written: that is idempotent.
func (s *sink[R]) isolate(ctx context.Context, batch []projections.Record, chosen []int, refusal error, reasons map[int]error) error {
	if len(chosen) == 1 {
		reasons[chosen[0]] = refusal
		return nil
	}
	half := len(chosen) / 2
	for _, part := range [][]int{chosen[:half], chosen[half:]} {
		if len(reasons) >= maxIsolated {
			return nil
		}
		_, err := s.insertRows(ctx, batch, part)
		switch {
		case err == nil:
		case refusesData(err):
			if err := s.isolate(ctx, batch, part, err, reasons); err != nil {
				return err
			}
		default:
			return mapError("write "+s.generation.String(), err)
		}
	}
	if len(reasons) == 0 { // each half for itself was taken
		return &domain.Error{Kind: domain.Internal, Message: "clickhouse: write " + s.generation.String() + ": a block is refused, its halves are not", Err: refusal}
	}
	return nil
}

// insertRows sends one block, of the first n records, and waits until it is stored. n is always the same for the same records. Each call either stores
// all rows or, for all its caller knows, some: after an error it must be called again.
func (s *sink[R]) insertRows(ctx context.Context, batch []projections.Record, chosen []int) (n int, err error) {
	ctx, cancel := context.WithTimeout(ctx, s.store.o.InsertTimeout)
	defer cancel()
	ctx = ch.Context(ctx, ch.WithSettings(s.store.o.insertSettings()))
	block, err := s.store.conn.PrepareBatch(ctx, s.insert)
	if err != nil {
		return s.blockOf(batch, chosen), err
	}
	defer func() {
		if err != nil && !block.IsSent() {
			_ = block.Abort() // the connection goes with it, and with the connection the INSERT
		}
	}()
	if n, err = s.fill(block, batch, chosen); err != nil {
		return n, err
	}
	return n, block.Send()
}

// slabRows are made into columns at a time: few enough to stay in the processor's cache.
const slabRows = 1024

// fill appends the rows of the next block, at least one and no more than the options' bounds.
func (s *sink[R]) fill(block driver.Batch, batch []projections.Record, chosen []int) (n int, err error) {
	n = s.blockOf(batch, chosen)
	appenders := make([]appender[R], len(s.table.columns))
	for i, c := range s.table.columns {
		appenders[i] = c.open()
	}
	slab := make([]R, 0, min(n, slabRows))
	for from := 0; from < n; from += len(slab) {
		slab = slab[:0]
		for _, i := range chosen[from:min(n, from+slabRows)] {
			slab = append(slab, s.table.row(&batch[i]))
		}
		for i, add := range appenders {
			if err := add(block.Column(i), slab); err != nil {
				var bad *rowError
				if errors.As(err, &bad) {
					bad.row += from
				}
				return n, err
			}
		}
	}
	return n, nil
}

// blockOf is how many of the records are the next block.
func (s *sink[R]) blockOf(batch []projections.Record, chosen []int) (n int) {
	limit := min(len(chosen), s.store.o.BlockRows)
	for bytes := 0; n < limit && (n == 0 || bytes < s.store.o.BlockBytes); n++ {
		bytes += s.table.bytes(&batch[chosen[n]])
	}
	return n
}

// insertInto is the INSERT that a block is sent with. The columns are named, so that a table may have more.
func insertInto[R any](table string, columns []column[R]) string {
	s := "INSERT INTO " + table + " ("
	for i, c := range columns {
		if i > 0 {
			s += ", "
		}
		s += quoteName(c.name)
	}
	return s + ")"
}

func recordError(reasons map[int]error) error {
	return domain.Wrap(domain.Invalid, "clickhouse", &projections.RecordError{Reasons: reasons})
}
