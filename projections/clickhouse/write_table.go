package clickhouse

import (
	"bufio"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/mattn/go-runewidth"
)

// tableWriter draws a table for people. It holds the cells until their widths are known; the query's limits bound them.
type tableWriter struct {
	out       io.Writer
	cellWidth int
	columns   []resultColumn
	cells     [][]string
}

// screen measures as terminals do, whatever the locale of this process says of ambiguous characters.
var screen = &runewidth.Condition{}

func (w *tableWriter) begin(columns []resultColumn) error {
	w.columns = columns
	return nil
}

func (w *tableWriter) row(values []any) error {
	cells := make([]string, len(values))
	for i, v := range values {
		if digits, ok := v.(number); ok {
			cells[i] = string(digits) // a number that is cut is another number
			continue
		}
		cells[i] = w.cell(text(v))
	}
	w.cells = append(w.cells, cells)
	return nil
}

func (w *tableWriter) end(s Summary) error {
	out := bufio.NewWriterSize(w.out, 64<<10)
	w.draw(out)
	_, _ = fmt.Fprintf(out, "%s in %s\n", countRows(s), elapsed(s.Elapsed))
	return out.Flush()
}

// cell is a text on one line, cut where it is too long.
func (w *tableWriter) cell(s string) string {
	if len(s) > 4*w.cellWidth+utf8.UTFMax { // more bytes than any cell shows; measuring megabytes would take seconds
		s = strings.ToValidUTF8(s[:4*w.cellWidth+utf8.UTFMax], "") + "…"
	}
	return screen.Truncate(visible(s), w.cellWidth, "…")
}

// visible makes line breaks, other control characters and bytes that are no text visible: they would tear the table, or drive the terminal.
func visible(s string) string {
	clean := utf8.ValidString(s) && strings.IndexFunc(s, hidden) < 0
	if clean {
		return s
	}
	var b strings.Builder
	for i := 0; i < len(s); {
		r, n := utf8.DecodeRuneInString(s[i:])
		switch {
		case r == utf8.RuneError && n == 1:
			fmt.Fprintf(&b, `\x%02x`, s[i])
		case hidden(r):
			quoted := strconv.QuoteRune(r)
			b.WriteString(quoted[1 : len(quoted)-1])
		default:
			b.WriteRune(r)
		}
		i += n
	}
	return b.String()
}

// hidden are characters that show nothing themselves but change what is around them.
func hidden(r rune) bool {
	return unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r) || r == '\u2028' || r == '\u2029'
}

func (w *tableWriter) draw(out *bufio.Writer) {
	if len(w.columns) == 0 {
		return
	}
	widths, header := make([]int, len(w.columns)), make([]string, len(w.columns))
	for i, c := range w.columns {
		header[i] = w.cell(c.name)
		widths[i] = screen.StringWidth(header[i])
	}
	for _, row := range w.cells {
		for i, s := range row {
			widths[i] = max(widths[i], screen.StringWidth(s))
		}
	}
	w.line(out, header, widths)
	for i, n := range widths {
		if i > 0 {
			_, _ = out.WriteString("┼")
		}
		_, _ = out.WriteString(strings.Repeat("─", n+2))
	}
	_ = out.WriteByte('\n')
	for _, row := range w.cells {
		w.line(out, row, widths)
	}
}

func (w *tableWriter) line(out *bufio.Writer, cells []string, widths []int) {
	var line strings.Builder
	for i, s := range cells {
		if i > 0 {
			line.WriteString("│")
		}
		pad := strings.Repeat(" ", widths[i]-screen.StringWidth(s))
		if w.columns[i].typ.numeric() {
			s = pad + s
		} else {
			s += pad
		}
		line.WriteString(" " + s + " ")
	}
	_, _ = out.WriteString(strings.TrimRight(line.String(), " ") + "\n")
}

func countRows(s Summary) string {
	rows := strconv.Itoa(s.Rows) + " rows"
	if s.Rows == 1 {
		rows = "1 row"
	}
	if s.Truncated {
		return "the first " + rows + " of more (add LIMIT, or choose csv or jsonl)"
	}
	return rows
}

// elapsed shows three digits.
func elapsed(d time.Duration) string {
	switch {
	case d >= time.Minute:
		return d.Round(time.Second).String()
	case d >= time.Second:
		return d.Round(10 * time.Millisecond).String()
	}
	return d.Round(10 * time.Microsecond).String()
}
