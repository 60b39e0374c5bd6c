package clickhouse

import (
	"context"
	"fmt"
	"io"
	"reflect"
	"time"

	ch "github.com/ClickHouse/clickhouse-go/v2"
	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"

	"ugc/domain"
)

// QueryLimits bound what one query of a person may cost.
type QueryLimits struct {
	MaxRows   int           // shown; default 10,000 of a table, 1,000,000 of csv and json lines
	MaxBytes  int           // of the result in the server's form; default 64 MiB of a table, 1 GiB of csv and json lines
	Timeout   time.Duration // default 60 s
	CellWidth int           // columns on the screen that a cell of a table may take, default 48
}

func (l QueryLimits) withDefaults() QueryLimits {
	l.Timeout = orElse(l.Timeout, time.Minute)
	l.CellWidth = orElse(l.CellWidth, 48)
	return l
}

// of are the limits for a format: a table is held in memory until its widths are known, the others go out as they come.
func (l QueryLimits) of(f Format) QueryLimits {
	if f == Table {
		l.MaxRows, l.MaxBytes = orElse(l.MaxRows, 10_000), orElse(l.MaxBytes, 64<<20)
	}
	l.MaxRows, l.MaxBytes = orElse(l.MaxRows, 1_000_000), orElse(l.MaxBytes, 1<<30)
	return l
}

// Summary says what a query gave.
type Summary struct {
	Rows      int
	Truncated bool // there were more rows than the limit
	Elapsed   time.Duration
}

// Query runs one statement that only reads, with unqualified names in the store's database, and writes its result to out. Statements that do
// not begin like a question are refused, and so are INTO OUTFILE and FORMAT; the engine itself refuses what would change anything (readonly=2).
//
// It answers with kind Invalid what is wrong with the statement, with TooLarge what exceeds the limits in bytes, with Unavailable a
// server that is away or takes too long. Rows past the limit are left out, and the summary says so. What was written to out before an
// error stays there. It is meant for the people who run the service: table functions read what the server's user can read.
func (s *Store) Query(ctx context.Context, sql string, out io.Writer, format Format) (Summary, error) {
	statement, err := readStatement(sql)
	if err != nil {
		return Summary{}, err
	}
	if !format.known() {
		return Summary{}, &domain.Error{Kind: domain.Invalid, Message: fmt.Sprintf("query: there is no format %q, take one of table, csv, jsonl", string(format))}
	}
	limits := s.o.Query.of(format)
	began := s.o.Now()
	ctx, cancel := context.WithTimeout(ctx, limits.Timeout)
	defer cancel() // ends the query on the server too, where rows are left
	rows, err := s.conn.Query(ch.Context(ctx, ch.WithSettings(ch.Settings{
		"readonly": 2, "limit": limits.MaxRows + 1, "max_result_bytes": limits.MaxBytes, "result_overflow_mode": "throw",
	})), statement)
	if err != nil {
		return Summary{}, queryError(err)
	}
	defer func() {
		cancel()
		_ = rows.Close()
	}()
	w := format.writer(out, limits.CellWidth)
	summary, err := copyRows(ctx, rows, w, limits)
	summary.Elapsed = s.o.Now().Sub(began)
	if err != nil {
		return summary, err
	}
	return summary, outError(w.end(summary))
}

func copyRows(ctx context.Context, rows driver.Rows, w rowWriter, limits QueryLimits) (Summary, error) {
	types := rows.ColumnTypes()
	columns := make([]resultColumn, len(types))
	into := make([]any, len(types))
	for i, t := range types {
		columns[i] = resultColumn{name: t.Name(), typ: parseType(t.DatabaseTypeName())}
		into[i] = reflect.New(t.ScanType()).Interface()
	}
	if err := outError(w.begin(columns)); err != nil {
		return Summary{}, err
	}
	var summary Summary
	values, bytes := make([]any, len(columns)), 0
	for rows.Next() {
		if summary.Rows == limits.MaxRows {
			summary.Truncated = true
			return summary, nil
		}
		for i := range into {
			reflect.ValueOf(into[i]).Elem().SetZero() // what a column shares between rows must not shine through
		}
		if err := rows.Scan(into...); err != nil {
			return summary, domain.Wrap(domain.Internal, "query: read a row", err)
		}
		for i := range into {
			values[i] = plain(columns[i].typ, reflect.ValueOf(into[i]).Elem())
			bytes += weight(values[i])
		}
		if bytes > limits.MaxBytes { // the embedded engine does not hold its own limit for what it streams
			return summary, tooLarge(fmt.Sprintf("it exceeds %d bytes", limits.MaxBytes))
		}
		if err := outError(w.row(values)); err != nil {
			return summary, err
		}
		summary.Rows++
	}
	if err := rows.Err(); err != nil {
		return summary, queryError(err)
	}
	return summary, queryError(ctx.Err()) // a result that was cut short by the time-out must not look whole
}

// outError is the fault of whoever takes the result, such as a closed pipe.
func outError(err error) error {
	if err == nil {
		return nil
	}
	return domain.Wrap(domain.Internal, "query: write the result", err)
}

// Codes that a person's statement meets, beside those of every statement.
const (
	codeTooManyBytes     = 307
	codeTooManyRowsBytes = 396
)

// queryError maps what the server says about a person's statement: most of it is about the statement.
func queryError(err error) error {
	e, ok := exceptionOf(err)
	switch {
	case err == nil:
		return nil
	case !ok:
		if isUnsupportedType(err) {
			return domain.Wrap(domain.Invalid, "query: a column has a type that cannot be shown; finish aggregate states with -Merge, or use toString", err)
		}
		return mapError("query", err)
	}
	switch e.Code {
	case codeReadOnly:
		return &domain.Error{Kind: domain.Invalid, Message: "query: only reading is allowed here: " + firstLine(e.Message)}
	case codeTooManyBytes, codeTooManyRowsBytes:
		return tooLarge(firstLine(e.Message))
	case codeTimeoutExceeded, codeMemoryLimit, codeTooManyQueries, codeWrongPassword, codeUnknownDatabase:
		return mapError("query", err)
	}
	return &domain.Error{Kind: domain.Invalid, Message: "query: " + firstLine(e.Message)}
}

func tooLarge(why string) error {
	return &domain.Error{Kind: domain.TooLarge, Message: "query: the result is too large, ask for fewer rows or columns: " + why}
}
