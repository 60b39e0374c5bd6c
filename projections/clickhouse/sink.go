package clickhouse

import (
	"context"
	"errors"

	ch "github.com/ClickHouse/clickhouse-go/v2"

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

// Write implements projections.Sink. The batch becomes blocks of bounded size, each an INSERT; when one fails those before it stay, and
// are replaced by themselves when the batch comes again.
func (s *sink[R]) Write(ctx context.Context, batch []projections.Record) error {
	chosen, reasons := s.table.choose(batch)
	if len(reasons) > 0 {
		return recordError(reasons)
	}
	for len(chosen) > 0 {
		rows, n := s.block(batch, chosen)
		if err := s.writeBlock(ctx, rows, chosen[:n]); err != nil {
			return err
		}
		chosen = chosen[n:]
	}
	return nil
}

// block makes the rows of the next block, at least one and no more than the options' bounds.
func (s *sink[R]) block(batch []projections.Record, chosen []int) (rows []R, n int) {
	limit := min(len(chosen), s.store.o.BlockRows)
	rows = make([]R, 0, limit)
	for bytes := 0; n < limit && (n == 0 || bytes < s.store.o.BlockBytes); n++ {
		rows = append(rows, s.table.row(&batch[chosen[n]]))
		bytes += s.table.bytes(&rows[n])
	}
	return rows, n
}

// writeBlock writes rows that stand for these records. When the server refuses the data itself it finds out which rows it means.
func (s *sink[R]) writeBlock(ctx context.Context, rows []R, records []int) error {
	err := s.insertRows(ctx, rows)
	var bad *rowError
	switch {
	case err == nil:
		return nil
	case errors.As(err, &bad):
		return recordError(map[int]error{records[bad.row]: bad.err})
	case !refusesData(err):
		return mapError("write "+s.generation.String(), err)
	}
	reasons := map[int]error{}
	if err := s.isolate(ctx, rows, records, err, reasons); err != nil {
		return err
	}
	return recordError(reasons)
}

// maxIsolated bounds how many bad rows of a block are looked for at once; the rest is found when the batch comes again without them.
const maxIsolated = 16

// isolate halves a refused block until it knows the refused rows. What is written on the way is written: that is idempotent.
func (s *sink[R]) isolate(ctx context.Context, rows []R, records []int, refusal error, reasons map[int]error) error {
	if len(rows) == 1 {
		reasons[records[0]] = refusal
		return nil
	}
	half := len(rows) / 2
	for _, part := range []struct{ from, to int }{{0, half}, {half, len(rows)}} {
		if len(reasons) >= maxIsolated {
			return nil
		}
		err := s.insertRows(ctx, rows[part.from:part.to])
		switch {
		case err == nil:
		case refusesData(err):
			if err := s.isolate(ctx, rows[part.from:part.to], records[part.from:part.to], err, reasons); err != nil {
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

// insertRows sends one block and waits until it is stored. Each call either stores all rows or, for all its caller knows, some: after an
// error it must be called again.
func (s *sink[R]) insertRows(ctx context.Context, rows []R) (err error) {
	ctx, cancel := context.WithTimeout(ctx, s.store.o.InsertTimeout)
	defer cancel()
	ctx = ch.Context(ctx, ch.WithSettings(s.store.o.insertSettings()))
	batch, err := s.store.conn.PrepareBatch(ctx, s.insert)
	if err != nil {
		return err
	}
	defer func() {
		if err != nil && !batch.IsSent() {
			_ = batch.Abort() // the connection goes with it, and with the connection the INSERT
		}
	}()
	for i, c := range s.table.columns {
		if err := c.append(batch.Column(i), rows); err != nil {
			return err
		}
	}
	return batch.Send()
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
