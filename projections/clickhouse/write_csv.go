package clickhouse

import (
	"bufio"
	"encoding/json"
	"io"
	"strings"
)

// csvWriter writes RFC 4180. encoding/csv would not tell NULL from an empty text.
type csvWriter struct{ out *bufio.Writer }

func newCSVWriter(out io.Writer) *csvWriter { return &csvWriter{bufio.NewWriterSize(out, 64<<10)} }

func (w *csvWriter) begin(columns []resultColumn) error {
	names := make([]any, len(columns))
	for i, c := range columns {
		names[i] = c.name
	}
	return w.row(names)
}

func (w *csvWriter) row(values []any) error {
	for i, v := range values {
		if i > 0 {
			_ = w.out.WriteByte(',') // bufio keeps the first error, the last write reports it
		}
		_, _ = w.out.WriteString(csvField(v))
	}
	_, err := w.out.WriteString("\n")
	return err
}

func (w *csvWriter) end(Summary) error { return w.out.Flush() }

// csvField is empty for NULL; lists, tuples and maps are JSON.
func csvField(v any) string {
	var s string
	switch v := v.(type) {
	case nil:
		return ""
	case string:
		if v == "" {
			return `""`
		}
		s = v
	case number:
		return string(v)
	case moment:
		return v.iso
	case list, tuple, object, json.RawMessage:
		s = string(appendJSON(nil, v))
	default:
		s = text(v)
	}
	if strings.ContainsAny(s, ",\"\r\n") || strings.TrimSpace(s) != s {
		return `"` + strings.ReplaceAll(s, `"`, `""`) + `"`
	}
	return s
}
