package clickhouse

import (
	"bufio"
	"bytes"
	"encoding/json"
	"io"
)

// jsonWriter writes one object a line, with its members in the order of the columns.
type jsonWriter struct {
	out   *bufio.Writer
	names [][]byte // quoted, with colon
	line  []byte
}

func newJSONWriter(out io.Writer) *jsonWriter {
	return &jsonWriter{out: bufio.NewWriterSize(out, 64<<10)}
}

func (w *jsonWriter) begin(columns []resultColumn) error {
	for _, c := range columns {
		w.names = append(w.names, append(appendJSON(nil, c.name), ':'))
	}
	return nil
}

func (w *jsonWriter) row(values []any) error {
	line := append(w.line[:0], '{')
	for i, v := range values {
		if i > 0 {
			line = append(line, ',')
		}
		line = appendJSON(append(line, w.names[i]...), v)
	}
	w.line = append(line, '}', '\n')
	_, err := w.out.Write(w.line)
	return err
}

func (w *jsonWriter) end(Summary) error { return w.out.Flush() }

// appendJSON writes a plain value. Numbers keep all their digits, whatever a reader makes of them.
func appendJSON(b []byte, v any) []byte {
	switch v := v.(type) {
	case nil:
		return append(b, "null"...)
	case string:
		return appendJSONText(b, v)
	case number:
		return append(b, v...)
	case moment:
		return appendJSONText(b, v.iso)
	case bool:
		if v {
			return append(b, "true"...)
		}
		return append(b, "false"...)
	case json.RawMessage:
		var compact bytes.Buffer
		if json.Compact(&compact, v) == nil {
			return append(b, compact.Bytes()...)
		}
		return appendJSONText(b, string(v))
	case list:
		return appendJSONList(b, v)
	case tuple:
		return appendJSONList(b, v)
	case object:
		b = append(b, '{')
		for i, f := range v {
			if i > 0 {
				b = append(b, ',')
			}
			b = appendJSON(append(appendJSONText(b, f.name), ':'), f.value)
		}
		return append(b, '}')
	}
	return appendJSONText(b, text(v))
}

func appendJSONList(b []byte, values []any) []byte {
	b = append(b, '[')
	for i, v := range values {
		if i > 0 {
			b = append(b, ',')
		}
		b = appendJSON(b, v)
	}
	return append(b, ']')
}

// appendJSONText writes a text without the escapes for HTML; bytes that are no UTF-8 become U+FFFD.
func appendJSONText(b []byte, s string) []byte {
	var out bytes.Buffer
	e := json.NewEncoder(&out)
	e.SetEscapeHTML(false)
	_ = e.Encode(s) // a text always encodes
	return append(b, bytes.TrimSuffix(out.Bytes(), []byte("\n"))...)
}
