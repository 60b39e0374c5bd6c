package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"strings"

	"ugc/projections"
	"ugc/projections/documents"
)

// rowsPerStatement makes one call into SQLite write many documents; a call costs as much as some ten rows.
const rowsPerStatement = 50

// generation is one physical build, for writing and reading.
type generation struct {
	*reading
	name        projections.Generation
	many, one   *sql.Stmt // guarded upserts of rowsPerStatement documents and of one
	columnCount int       // fields and columns of a document
}

// Generation implements documents.Store.
func (s *Store) Generation(ctx context.Context, v documents.View, number int) (documents.Generation, error) {
	name := projections.Generation{View: v.Name, Number: number}
	s.mu.Lock()
	defer s.mu.Unlock()
	if g, ok := s.open[name.String()]; ok && shape(g.view) == shape(v) {
		return g, nil
	}
	what := "open " + name.String()
	if err := checkShape(ctx, s.readers.Load(), v, name); err != nil {
		return nil, s.failed(what, err)
	}
	g := &generation{
		reading:     s.reading(v, name),
		name:        name,
		columnCount: strings.Count(fields, ",") + 1 + len(v.Columns),
	}
	var err1, err2 error
	g.many, err1 = s.writer.Load().PrepareContext(ctx, g.upsert(rowsPerStatement))
	g.one, err2 = s.writer.Load().PrepareContext(ctx, g.upsert(1))
	if err := errors.Join(err1, err2); err != nil {
		return nil, s.failed(what, err)
	}
	s.open[name.String()] = g
	return g, nil
}

// upsert is the guarded upsert of n documents: only a greater version replaces what is there.
func (g *generation) upsert(n int) string {
	names := strings.Split(fields, ", ")
	for _, c := range g.view.Columns {
		names = append(names, `"`+c.Name+`"`)
	}
	sets := make([]string, 0, len(names)-1)
	for _, name := range names[1:] { // id is the conflict; user and movie are part of it
		if name != "user_id" && name != "movie_id" {
			sets = append(sets, name+" = excluded."+name)
		}
	}
	row := "(?" + strings.Repeat(", ?", len(names)-1) + ")"
	return `INSERT INTO "` + g.name.String() + `" AS t (` + strings.Join(names, ", ") + `) VALUES ` + row + strings.Repeat(", "+row, n-1) +
		` ON CONFLICT (id) DO UPDATE SET ` + strings.Join(sets, ", ") + ` WHERE excluded.version > t.version`
}

// Upsert implements documents.Generation, in one transaction.
func (g *generation) Upsert(ctx context.Context, docs []documents.Document) error {
	if len(docs) == 0 {
		return nil
	}
	return g.store.change(ctx, g.store.writer.Load(), "write "+g.name.String(), func(tx *sql.Tx) error {
		args := make([]any, 0, rowsPerStatement*g.columnCount)
		for len(docs) > 0 {
			statement, n := g.many, rowsPerStatement
			if len(docs) < n {
				statement, n = g.one, 1
			}
			args = args[:0]
			for i := range docs[:n] {
				args = g.row(args, &docs[i])
			}
			bound := tx.StmtContext(ctx, statement) //nolint:sqlclosecheck // closed with the transaction
			if _, err := bound.ExecContext(ctx, args...); err != nil {
				return err
			}
			docs = docs[n:]
		}
		return nil
	})
}

func (g *generation) row(args []any, d *documents.Document) []any {
	args = append(args, d.ID, d.User, d.Movie, int64(d.Version), d.Deleted, int64(d.Added), int64(d.UpdatedAt))
	return append(args, d.Values...)
}

// Advance implements documents.Generation.
func (g *generation) Advance(ctx context.Context, marks map[int32]projections.Watermark) error {
	return g.store.change(ctx, g.store.writer.Load(), "advance "+g.name.String(), func(tx *sql.Tx) error {
		for p, m := range marks {
			_, err := tx.ExecContext(ctx, `INSERT INTO ugc_watermarks (view, number, partition, next, version) VALUES (?, ?, ?, ?, ?)
				ON CONFLICT DO UPDATE SET next = max(next, excluded.next), version = max(version, excluded.version)`,
				g.name.View, g.name.Number, p, m.Next, int64(m.Version))
			if err != nil {
				return err
			}
		}
		return nil
	})
}

// Block implements documents.Generation.
func (g *generation) Block(ctx context.Context, keys []projections.BlockedKey) error {
	return g.store.change(ctx, g.store.writer.Load(), "block keys of "+g.name.String(), func(tx *sql.Tx) error {
		for _, k := range keys {
			_, err := tx.ExecContext(ctx, `INSERT INTO ugc_blocked (view, number, partition, key, "offset") VALUES (?, ?, ?, ?, ?)
				ON CONFLICT DO UPDATE SET "offset" = min("offset", excluded."offset")`,
				g.name.View, g.name.Number, k.Partition, k.Key, k.Offset)
			if err != nil {
				return err
			}
		}
		return nil
	})
}

// Blocked implements documents.Generation.
func (g *generation) Blocked(ctx context.Context) ([]projections.BlockedKey, error) {
	keys, err := each(ctx, g.store.readers.Load(), `SELECT key, partition, "offset" FROM ugc_blocked WHERE view = ? AND number = ? ORDER BY partition, "offset", key`, []any{g.name.View, g.name.Number},
		func(r *sql.Rows) (k projections.BlockedKey, err error) {
			return k, r.Scan(&k.Key, &k.Partition, &k.Offset)
		})
	if err != nil {
		return nil, g.store.failed("read blocked keys of "+g.name.String(), err)
	}
	return keys, nil
}

// Scan implements documents.Generation.
func (g *generation) Scan(ctx context.Context, after string, limit int) ([]documents.Document, error) {
	return g.documents(ctx, `id > ? ORDER BY id LIMIT ?`, after, limit)
}
