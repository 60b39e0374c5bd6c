package bridge

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"ugc/deploy/embedded/clickhouse/engine"
)

// streamable lists the formats whose output is the same in chunks as in one piece: those without head and foot.
var streamable = map[string]bool{
	"native": true, "rowbinary": true, "csv": true,
	"tabseparated": true, "tsv": true, "tabseparatedraw": true, "tsvraw": true, "raw": true,
	"jsoneachrow": true, "jsonlines": true, "ndjson": true, "jsoncompacteachrow": true, "jsonstringseachrow": true,
}

// run executes one statement in a session that has been given the request's settings, database and tables.
func (h *Handler) run(ctx context.Context, q *request, a *answer) error {
	s, release, err := h.sessions.acquire(q.values)
	if err != nil {
		return err
	}
	defer release()
	tag, err := h.prepare(s, q)
	if err != nil {
		return err
	}
	if err := h.externalTables(s, q); err != nil {
		return err
	}
	defer h.killWhenCancelled(ctx, tag)()
	st := q.statement
	if q.data != nil {
		return h.insert(s, q)
	}
	if err := q.allowed(s, st.text); err != nil {
		return err
	}
	switch {
	case !st.isSelect():
		out, err := s.Query(st.text, q.format, q.params)
		if err != nil {
			return err
		}
		_, err = a.Write(out)
		return err
	case a.atEnd || !streamable[strings.ToLower(first(st.format, q.format))]:
		return h.spool(s, q, a)
	}
	return stream(s, q, a)
}

// allowed refuses what the engine would take but the server's HTTP interface does not: several statements in one
// request, of which the second could be anything, and changes by GET.
func (q *request) allowed(s engine.Session, text string) error {
	class, n := s.Classify(text)
	if n > 1 {
		return exception(codeSyntaxError, "SYNTAX_ERROR", "Syntax error (Multi-statements are not allowed)")
	}
	if q.readOnly && class != engine.ReadOnly {
		return exception(codeReadonly, "READONLY", "Cannot execute query in readonly mode: use method POST to change anything")
	}
	return nil
}

func stream(s engine.Session, q *request, a *answer) error {
	err := s.Stream(q.statement.text, q.format, q.params, func(chunk []byte) error {
		_, err := a.Write(chunk)
		return err
	})
	if err == nil && !a.started {
		err = emptyResult(s, q, a)
	}
	return err
}

// spool lets the engine write its output to a file before any of it is sent: for formats that are one document, and
// for clients that want to know of every error before the first byte.
func (h *Handler) spool(s engine.Session, q *request, a *answer) error {
	path := filepath.Join(h.o.TempDir, "answer-"+newMark())
	defer os.Remove(path)
	st := q.statement
	tail := st.text[st.formatAt:]
	if st.format == "" {
		tail = "FORMAT " + quoteName(q.format)
	}
	text := fmt.Sprintf("%s\nINTO OUTFILE %s COMPRESSION 'none' %s", withoutEnd(st.text[:st.formatAt]), quote(path), tail)
	if _, err := s.Query(text, "Null", q.params); err != nil {
		return err
	}
	f, err := os.Open(path)
	if err != nil {
		return fmt.Errorf("spool the answer: %w", err)
	}
	defer f.Close()
	if _, err := io.Copy(a, f); err != nil {
		return err
	}
	if !a.started {
		return emptyResult(s, q, a)
	}
	return nil
}

// emptyResult sends the columns of a result without rows, which the engine leaves out of Native output.
func emptyResult(s engine.Session, q *request, a *answer) error {
	if !strings.EqualFold(first(q.statement.format, q.format), "Native") {
		return nil
	}
	text := withoutEnd(q.statement.text[:q.statement.formatAt])
	columns, err := s.Query("DESCRIBE TABLE ("+text+"\n)", "RowBinary", q.params)
	if err != nil {
		return nil //nolint:nilerr // no columns either, then: the statement itself has succeeded
	}
	header, err := emptyBlock(columns)
	if err != nil {
		return fmt.Errorf("describe an empty result: %w", err)
	}
	_, err = a.Write(header)
	return err
}

// withoutEnd makes room for more clauses.
func withoutEnd(text string) string { return strings.TrimRight(text, "; \t\r\n") }
