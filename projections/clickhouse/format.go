package clickhouse

import (
	"fmt"
	"io"

	"ugc/domain"
)

// Format is a form of a query's result.
type Format string

// The formats.
const (
	Table     Format = "table" // for people: aligned columns, long cells cut, rows and time below
	CSV       Format = "csv"   // RFC 4180 with a header; NULL is empty, an empty text is ""
	JSONLines Format = "jsonl" // one object a line, numbers with all their digits
)

// ParseFormat reads a format's name.
func ParseFormat(s string) (Format, error) {
	if f := Format(s); f.known() {
		return f, nil
	}
	return "", &domain.Error{Kind: domain.Invalid, Message: fmt.Sprintf("format: there is no %q, take one of table, csv, jsonl", s)}
}

func (f Format) known() bool { return f == Table || f == CSV || f == JSONLines }

// resultColumn is a column of a result.
type resultColumn struct {
	name string
	typ  columnType
}

// rowWriter writes a result: begin once, then rows of plain values, then end.
type rowWriter interface {
	begin([]resultColumn) error
	row([]any) error
	end(Summary) error
}

func (f Format) writer(out io.Writer, cellWidth int) rowWriter {
	switch f {
	case CSV:
		return newCSVWriter(out)
	case JSONLines:
		return newJSONWriter(out)
	}
	return &tableWriter{out: out, cellWidth: cellWidth}
}
