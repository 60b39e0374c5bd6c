package clickhouse

import (
	"fmt"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
)

// column is one column of a table that holds rows of type R: its name, and how a block's values get into the driver's column.
type column[R any] struct {
	name   string
	append func(to driver.BatchColumn, rows []R) error
}

// col hands the driver all values of a block at once, as a typed slice: one type switch a block, no boxing and no reflection a value.
func col[R, T any](name string, get func(*R) T) column[R] {
	return column[R]{name, func(to driver.BatchColumn, rows []R) error {
		values := make([]T, len(rows))
		for i := range rows {
			values[i] = get(&rows[i])
		}
		return to.Append(values)
	}}
}

// rowCol hands over value by value: for the types whose columns know no faster way (LowCardinality, arrays), and for those that refuse
// values, because it can say which.
func rowCol[R, T any](name string, get func(*R) T) column[R] {
	return column[R]{name, func(to driver.BatchColumn, rows []R) error {
		for i := range rows {
			if err := to.AppendRow(get(&rows[i])); err != nil {
				return &rowError{row: i, err: fmt.Errorf("column %s: %w", name, err)}
			}
		}
		return nil
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
