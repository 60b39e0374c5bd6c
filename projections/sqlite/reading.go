package sqlite

import (
	"context"
	"database/sql"
	"slices"
	"strings"
	"sync"

	lib "modernc.org/sqlite/lib"

	"ugc/domain"
	"ugc/projections"
	"ugc/projections/documents"
)

// reading answers from one table, or from the SQL view that is the stable name.
type reading struct {
	store  *Store
	view   documents.View
	from   string // quoted
	fields string
	shown  string // condition that leaves tombstones out; the SQL view has it already
	live   bool

	mu       sync.Mutex
	epoch    int64                // of the store, when these were prepared
	prepared map[string]*sql.Stmt // a handful of texts
}

func (s *Store) reading(v documents.View, g projections.Generation) *reading {
	r := &reading{store: s, view: v, from: `"` + g.String() + `"`, shown: ` AND deleted = 0`, prepared: map[string]*sql.Stmt{}}
	r.fields = fields
	if g.Number == 0 {
		r.from, r.shown, r.live = `"`+v.Name+`"`, "", true
		r.fields = strings.Replace(fields, "deleted", "0", 1)
	}
	for _, c := range v.Columns {
		r.fields += `, "` + c.Name + `"`
	}
	return r
}

// Live implements documents.Store.
func (s *Store) Live(v documents.View) documents.Documents {
	return s.reading(v, projections.Generation{View: v.Name})
}

// Get implements documents.Documents.
func (r *reading) Get(ctx context.Context, user, movie string) (documents.Document, bool, error) {
	id := movie
	if r.view.ByUser {
		id = domain.Key(user, movie)
	}
	docs, err := r.documents(ctx, `id = ?`+r.shown, id)
	if err != nil || len(docs) == 0 {
		return documents.Document{}, false, err
	}
	return docs[0], true, nil
}

// List implements documents.Documents.
func (r *reading) List(ctx context.Context, q documents.Query) ([]documents.Document, error) {
	if err := q.Validate(); err != nil {
		return nil, err
	}
	beyond, order := ` > ?`, ` ASC`
	if q.Newest {
		beyond, order = ` < ?`, ` DESC`
	}
	where, args := `user_id = ?`+r.shown, []any{q.User}
	if q.After.Present {
		where, args = where+` AND added`+beyond, append(args, int64(q.After.Value))
	}
	return r.documents(ctx, where+` ORDER BY added`+order+` LIMIT ? OFFSET ?`, append(args, q.Limit, q.Skip)...)
}

// Count implements documents.Documents.
func (r *reading) Count(ctx context.Context, user string) (int64, error) {
	n, err := read(ctx, r, `SELECT count(*) FROM `+r.from+` WHERE user_id = ?`+r.shown, []any{user},
		func(rows *sql.Rows) (n int64, err error) { return n, rows.Scan(&n) })
	if err != nil {
		return 0, err
	}
	return n[0], nil
}

func (r *reading) documents(ctx context.Context, where string, args ...any) ([]documents.Document, error) {
	return read(ctx, r, `SELECT `+r.fields+` FROM `+r.from+` WHERE `+where, args, func(rows *sql.Rows) (d documents.Document, err error) {
		into := make([]any, 0, 16)
		into = append(into, &d.ID, &d.User, &d.Movie, &d.Version, &d.Deleted, &d.Added, &d.UpdatedAt)
		if n := len(r.view.Columns); n > 0 {
			d.Values = make([]any, n)
			for i := range d.Values {
				into = append(into, &d.Values[i])
			}
		}
		return d, rows.Scan(into...)
	})
}

// read runs a prepared query to its end.
func read[T any](ctx context.Context, r *reading, text string, args []any, scan func(*sql.Rows) (T, error)) ([]T, error) {
	statement, err := r.prepare(ctx, text)
	if err != nil {
		return nil, r.explain(ctx, err)
	}
	list, err := each(ctx, prepared{statement}, text, args, scan)
	if err != nil {
		return nil, r.explain(ctx, err)
	}
	return list, nil
}

func (r *reading) prepare(ctx context.Context, text string) (*sql.Stmt, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if err := r.store.follow(ctx); err != nil {
		return nil, err
	}
	if epoch := r.store.epoch.Load(); epoch != r.epoch {
		r.epoch = epoch
		clear(r.prepared) // of a file that is no longer open
	}
	if s, ok := r.prepared[text]; ok {
		return s, nil
	}
	s, err := r.store.readers.Load().PrepareContext(ctx, text) //nolint:sqlclosecheck // kept for the next time, closed with the store
	if err == nil {
		r.prepared[text] = s
	}
	return s, err
}

// explain says that a stable name without a live generation is not there yet, where SQLite says that there is no such table.
func (r *reading) explain(ctx context.Context, err error) error {
	if r.live && code(err) == lib.SQLITE_ERROR {
		if missing := r.missing(ctx); missing != nil {
			return missing
		}
	}
	return r.store.failed("read "+r.view.Name, err)
}

func (r *reading) missing(ctx context.Context) error {
	builds, err := r.store.Builds(ctx, r.view.Name)
	if err != nil || slices.ContainsFunc(builds, func(b documents.Build) bool { return b.Live }) {
		return err
	}
	return fault(domain.NotFound, "%s has no live generation yet", r.view.Name)
}

// Watermarks implements documents.Documents, for the stable name.
func (r *reading) Watermarks(ctx context.Context) (map[int32]projections.Watermark, error) {
	marks, err := r.store.watermarks(ctx, `WHERE (view, number) IN (SELECT view, number FROM ugc_generations WHERE view = ? AND live)`, r.view.Name)
	if err == nil && len(marks) == 0 {
		err = r.missing(ctx)
	}
	return marks, err
}

// Watermarks implements documents.Documents.
func (g *generation) Watermarks(ctx context.Context) (map[int32]projections.Watermark, error) {
	return g.store.watermarks(ctx, `WHERE view = ? AND number = ?`, g.name.View, g.name.Number)
}

func (s *Store) watermarks(ctx context.Context, where string, args ...any) (map[int32]projections.Watermark, error) {
	marks := map[int32]projections.Watermark{}
	_, err := each(ctx, s.readers.Load(), `SELECT partition, next, version FROM ugc_watermarks `+where, args, func(rows *sql.Rows) (none struct{}, err error) {
		var p int32
		var w projections.Watermark
		err = rows.Scan(&p, &w.Next, &w.Version)
		marks[p] = w
		return none, err
	})
	if err != nil {
		return nil, s.failed("read watermarks", err)
	}
	return marks, nil
}

// querier is a pool or a prepared statement.
type querier interface {
	QueryContext(ctx context.Context, text string, args ...any) (*sql.Rows, error)
}

// prepared runs its own text.
type prepared struct{ *sql.Stmt }

func (p prepared) QueryContext(ctx context.Context, _ string, args ...any) (*sql.Rows, error) {
	return p.Stmt.QueryContext(ctx, args...)
}

// each runs a query and reads every row of it.
func each[T any](ctx context.Context, db querier, text string, args []any, scan func(*sql.Rows) (T, error)) ([]T, error) {
	rows, err := db.QueryContext(ctx, text, args...)
	if err != nil {
		return nil, err
	}
	defer func() { _ = rows.Close() }()
	list := []T{}
	for rows.Next() {
		t, err := scan(rows)
		if err != nil {
			return nil, err
		}
		list = append(list, t)
	}
	return list, rows.Err()
}
