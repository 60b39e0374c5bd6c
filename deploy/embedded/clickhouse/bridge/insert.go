package bridge

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"ugc/deploy/embedded/clickhouse/engine"
)

// insert runs an INSERT whose rows are given in a format. All rows are in a file before the engine hears of the
// statement, so a client that dies on the way leaves nothing; what an engine that dies leaves, see the package above.
func (h *Handler) insert(s engine.Session, q *request) error {
	st := q.statement
	return h.insertRows(s, q.data, func(from string) error {
		text := st.text[:st.tailAt] + from + st.text[st.tailAt:st.formatAt] + "FORMAT " + quoteName(st.format)
		if err := q.allowed(s, text); err != nil {
			return err
		}
		_, err := s.Query(text, "Null", q.params)
		return err
	})
}

// insertRows spools rows into a file and calls insert with the clause that names it.
func (h *Handler) insertRows(s engine.Session, rows io.Reader, insert func(from string) error) error {
	path := filepath.Join(h.o.TempDir, "rows-"+newMark())
	defer os.Remove(path)
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return fmt.Errorf("spool the rows: %w", err)
	}
	source := &errorKeeper{r: io.LimitReader(rows, h.o.InsertBytes+1)}
	n, err := io.Copy(f, source)
	switch err = errors.Join(err, f.Close()); {
	case source.err != nil:
		return unreadable(source.err, h.o.InsertBytes)
	case err != nil:
		return fmt.Errorf("spool the rows: %w", err)
	case n > h.o.InsertBytes:
		return tooLarge(h.o.InsertBytes)
	}
	return insert(" FROM INFILE " + quote(path) + " COMPRESSION 'none' ")
}

// errorKeeper tells errors of the client's rows from errors of the spool.
type errorKeeper struct {
	r   io.Reader
	err error
}

func (k *errorKeeper) Read(p []byte) (int, error) {
	n, err := k.r.Read(p)
	if err != nil && !errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		k.err = err
	}
	return n, err
}
