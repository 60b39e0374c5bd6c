package clickhouse

import (
	"fmt"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
)

// column is one column of a table that holds rows of type R: its name, and how a block's values get into the driver's column.
type column[R any] struct {
	name string
	// open gives what appends the rows of one block, slab by slab. What it keeps from slab to slab is its own, so blocks may be made at the same time.
	open func() appender[R]
}

// appender copies the values of a slab of rows into the driver's column.
type appender[R any] func(to driver.BatchColumn, rows []R) error

// col hands the driver all values of a slab at once, as a typed slice: one type switch a slab, no boxing and no reflection a value.
func col[R, T any](name string, get func(*R) T) column[R] {
	return column[R]{name, func() appender[R] {
		var values []T
		return func(to driver.BatchColumn, rows []R) error {
			values = values[:0]
			for i := range rows {
				values = append(values, get(&rows[i]))
			}
			return to.Append(values)
		}
	}}
}

// rowCol hands over value by value: for the types whose columns know no faster way (LowCardinality), and for those that refuse values, because
// it can say which.
func rowCol[R, T any](name string, get func(*R) T) column[R] {
	return eachRow(name, func() func(*R) any {
		return func(r *R) any { return get(r) }
	})
}

// enumCol is rowCol for names of which one comes many times in a row.
func enumCol[R any](name string, get func(*R) string) column[R] {
	return eachRow(name, func() func(*R) any {
		var last string
		var boxed any = last
		return func(r *R) any {
			if v := get(r); v != last {
				last, boxed = v, v
			}
			return boxed
		}
	})
}

// listCol is rowCol for lists, most of which are empty.
func listCol[R any](name string, get func(*R) []int64) column[R] {
	return eachRow(name, func() func(*R) any {
		return func(r *R) any {
			if v := get(r); len(v) > 0 {
				return v
			}
			return noList
		}
	})
}

var noList any = []int64{}

func eachRow[R any](name string, open func() func(*R) any) column[R] {
	return column[R]{name, func() appender[R] {
		value := open()
		return func(to driver.BatchColumn, rows []R) error {
			for i := range rows {
				if err := to.AppendRow(value(&rows[i])); err != nil {
					return &rowError{row: i, err: fmt.Errorf("column %s: %w", name, err)}
				}
			}
			return nil
		}
	}}
}

// rowError is the fault of one row of a block.
type rowError struct {
	row int
	err error
}

// Error implements error.
func (e *rowError) Error() string { return fmt.Sprintf("row %d: %v", e.row, e.err) }

// Unwrap gives the cause.
func (e *rowError) Unwrap() error { return e.err }
