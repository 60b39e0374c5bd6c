package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"strings"

	"ugc/domain"
	"ugc/projections"
	"ugc/projections/documents"
)

// fields are what every document has; the columns of its view follow.
const fields = `id, user_id, movie_id, version, deleted, added, updated_at`

var sqlTypes = map[documents.Type]string{documents.Integer: "INTEGER", documents.Real: "REAL", documents.JSON: "TEXT"}

// Create implements documents.Store.
func (s *Store) Create(ctx context.Context, v documents.View, number int) error {
	g := projections.Generation{View: v.Name, Number: number}
	return s.synced(ctx, "create "+g.String(), func(tx *sql.Tx) error {
		switch err := checkShape(ctx, tx, v, g); {
		case err == nil:
			return nil
		case domain.KindOf(err) != domain.NotFound:
			return err
		}
		for _, statement := range define(v, g) {
			if _, err := tx.ExecContext(ctx, statement); err != nil {
				return err
			}
		}
		_, err := tx.ExecContext(ctx, `INSERT INTO ugc_generations (view, number, columns) VALUES (?, ?, ?)`, g.View, g.Number, shape(v))
		return err
	})
}

// define is a generation's DDL. Clustering by id makes a sorted batch one walk through the tree; the list index holds what lists show.
func define(v documents.View, g projections.Generation) []string {
	var b strings.Builder
	b.WriteString(`CREATE TABLE "` + g.String() + `" (id TEXT PRIMARY KEY, user_id TEXT NOT NULL, movie_id TEXT NOT NULL, version INTEGER NOT NULL,
		deleted INTEGER NOT NULL, added INTEGER NOT NULL, updated_at INTEGER NOT NULL`)
	for _, c := range v.Columns {
		b.WriteString(`, "` + c.Name + `" ` + sqlTypes[c.Type] + ` NOT NULL`)
	}
	b.WriteString(`) STRICT, WITHOUT ROWID`)
	statements := []string{b.String()}
	if v.ByUser {
		statements = append(statements, `CREATE INDEX "`+g.String()+`__by_user" ON "`+g.String()+`" (user_id, added) WHERE deleted = 0`)
	}
	return statements
}

func shape(v documents.View) string {
	names := make([]string, len(v.Columns))
	for i, c := range v.Columns {
		names[i] = c.Name + " " + c.Type.String()
	}
	return strings.Join(names, ", ")
}

type rower interface {
	QueryRowContext(context.Context, string, ...any) *sql.Row
}

// checkShape says NotFound where the generation was never created and Conflict where its columns are others.
func checkShape(ctx context.Context, db rower, v documents.View, g projections.Generation) error {
	var is string
	err := db.QueryRowContext(ctx, `SELECT columns FROM ugc_generations WHERE view = ? AND number = ?`, g.View, g.Number).Scan(&is)
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return fault(domain.NotFound, "there is no %s", g)
	case err != nil:
		return err
	case is != shape(v):
		return fault(domain.Conflict, "%s has the columns (%s), this ugc wants (%s): rebuild the view", g, is, shape(v))
	}
	return nil
}

// Builds implements documents.Store.
func (s *Store) Builds(ctx context.Context, view string) ([]documents.Build, error) {
	builds, err := each(ctx, s.readers.Load(), `SELECT view, number, live FROM ugc_generations WHERE view = ? ORDER BY number`, []any{view}, func(r *sql.Rows) (b documents.Build, err error) {
		return b, r.Scan(&b.View, &b.Number, &b.Live)
	})
	if err != nil {
		return nil, s.failed("list generations of "+view, err)
	}
	return builds, nil
}

// SetLive implements documents.Store: the stable name is an SQL view, so that plain SQL follows it too.
func (s *Store) SetLive(ctx context.Context, g projections.Generation) error {
	return s.synced(ctx, "make "+g.String()+" live", func(tx *sql.Tx) error {
		var columns string
		err := tx.QueryRowContext(ctx, `SELECT columns FROM ugc_generations WHERE view = ? AND number = ?`, g.View, g.Number).Scan(&columns)
		if errors.Is(err, sql.ErrNoRows) {
			return fault(domain.NotFound, "there is no %s", g)
		}
		if err != nil {
			return err
		}
		for _, step := range []struct {
			text string
			args []any
		}{
			{`UPDATE ugc_generations SET live = 0 WHERE view = ? AND live`, []any{g.View}}, // no two are ever live
			{`UPDATE ugc_generations SET live = 1 WHERE view = ? AND number = ?`, []any{g.View, g.Number}},
			{`DROP VIEW IF EXISTS "` + g.View + `"`, nil},
			{`CREATE VIEW "` + g.View + `" AS SELECT ` + stable(columns) + ` FROM "` + g.String() + `" WHERE deleted = 0`, nil},
		} {
			if _, err := tx.ExecContext(ctx, step.text, step.args...); err != nil {
				return err
			}
		}
		return nil
	})
}

// stable are the columns of the SQL view, those of its own first.
func stable(shape string) string {
	list := "user_id, movie_id"
	for c := range strings.SplitSeq(shape, ", ") {
		if name, _, ok := strings.Cut(c, " "); ok {
			list += `, "` + name + `"`
		}
	}
	return list + ", added, updated_at, version, id"
}

// synced is change with the disk waited for: what the catalog says must not be taken back by a power cut.
func (s *Store) synced(ctx context.Context, what string, do func(*sql.Tx) error) error {
	conn, err := s.writer.Load().Conn(ctx)
	if err != nil {
		return s.failed(what, err)
	}
	defer func() { _ = conn.Close() }() // back to the pool
	if _, err := conn.ExecContext(ctx, `PRAGMA synchronous = FULL`); err != nil {
		return s.failed(what, err)
	}
	defer func() { // also after ctx ended: the connection goes back to the pool
		_, _ = conn.ExecContext(context.WithoutCancel(ctx), `PRAGMA synchronous = NORMAL`)
	}()
	return s.change(ctx, conn, what, do)
}
