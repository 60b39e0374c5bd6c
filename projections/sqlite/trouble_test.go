package sqlite

import (
	"bufio"
	"context"
	"database/sql"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"ugc/deploy/faults/faultstest"
	"ugc/domain"
	"ugc/projections"
	"ugc/projections/documents"
)

func rating(i int, version domain.Version) documents.Document {
	u, m := fmt.Sprintf("user-%04d", i/10), fmt.Sprintf("movie-%04d", i)
	return documents.Document{ID: domain.Key(u, m), User: u, Movie: m, Version: version, Added: domain.Version(i), UpdatedAt: 1, Values: []any{int64(i % 11)}}
}

func bulk(n int, version domain.Version) (docs []documents.Document) {
	for i := range n {
		docs = append(docs, rating(i, version))
	}
	return docs
}

func ratingsOf(t testing.TB, s *Store) documents.Generation {
	t.Helper()
	g, _, err := documents.Open(t.Context(), s, documents.Ratings)
	require.NoError(t, err)
	return g
}

const killed = "UGC_TEST_SQLITE_KILLED" // the path a child writes to until it is killed

// TestMain lets this binary be the process that TestWhatWasAcknowledgedSurvivesKill kills.
func TestMain(m *testing.M) {
	if path := os.Getenv(killed); path != "" {
		writeUntilKilled(path)
	}
	os.Exit(m.Run())
}

// writeUntilKilled says each version once its documents and its watermark are acknowledged.
func writeUntilKilled(path string) {
	ctx := context.Background()
	s, err := Open(ctx, Options{Path: path})
	if err != nil {
		panic(err)
	}
	g, _, err := documents.Open(ctx, s, documents.Ratings)
	if err != nil {
		panic(err)
	}
	for v := domain.Version(1); v < 10_000; v++ {
		if err := g.Upsert(ctx, bulk(200, v)); err != nil {
			panic(err)
		}
		fmt.Fprintln(os.Stdout, "written", v)
		if err := g.Advance(ctx, map[int32]projections.Watermark{0: {Next: int64(v), Version: v}}); err != nil {
			panic(err)
		}
		fmt.Fprintln(os.Stdout, "advanced", v)
	}
}

func TestWhatWasAcknowledgedSurvivesKill(t *testing.T) {
	path := filepath.Join(t.TempDir(), "documents.db")
	last := map[string]domain.Version{}
	for round := range 5 {
		child := exec.Command(os.Args[0])
		child.Env = append(os.Environ(), killed+"="+path)
		out, err := child.StdoutPipe()
		require.NoError(t, err)
		child.Stderr = os.Stderr
		require.NoError(t, faultstest.Start(child))
		lines := bufio.NewScanner(out)
		for n := 0; lines.Scan(); n++ {
			what, version, ok := strings.Cut(lines.Text(), " ")
			require.True(t, ok)
			v, err := strconv.Atoi(version)
			require.NoError(t, err)
			last[what] = max(last[what], domain.Version(v))
			if n == 40*(round+1) {
				require.NoError(t, child.Process.Kill())
			}
		}
		require.Error(t, child.Wait(), "it was killed")

		g := ratingsOf(t, openAt(t, path))
		docs, err := g.Scan(t.Context(), "", 1000)
		require.NoError(t, err)
		require.Len(t, docs, 200)
		marks, err := g.Watermarks(t.Context())
		require.NoError(t, err)
		require.GreaterOrEqual(t, marks[0].Version, last["advanced"])
		for _, d := range docs {
			require.Equal(t, docs[0].Version, d.Version, "a bulk is all there or not at all")
			require.GreaterOrEqual(t, d.Version, last["written"])
			require.GreaterOrEqual(t, d.Version, marks[0].Version, "no watermark without its documents")
		}
	}
}

func TestAFullDiskIsUnavailableAndGoesOnWhenThereIsSpace(t *testing.T) {
	s := openAt(t, filepath.Join(t.TempDir(), "documents.db"))
	g := ratingsOf(t, s)
	require.NoError(t, g.Upsert(t.Context(), bulk(10, 1)))
	limit := func(pages string) {
		_, err := s.writer.Load().ExecContext(t.Context(), "PRAGMA max_page_count = "+pages)
		require.NoError(t, err)
	}
	limit("20")
	err := g.Upsert(t.Context(), bulk(1000, 2))
	require.Equal(t, domain.Unavailable, domain.KindOf(err), "%v", err)
	require.ErrorContains(t, err, "no space left")
	require.ErrorContains(t, err, s.path)

	docs, err := g.Scan(t.Context(), "", 1000)
	require.NoError(t, err, "reading goes on")
	require.Equal(t, bulk(10, 1), docs, "nothing of the failed bulk is there")
	require.NoError(t, g.Advance(t.Context(), map[int32]projections.Watermark{0: {Next: 1}}), "what fits is written")

	limit("100000")
	require.NoError(t, g.Upsert(t.Context(), bulk(1000, 2)))
	docs, err = g.Scan(t.Context(), "", 1000)
	require.NoError(t, err)
	require.Equal(t, bulk(1000, 2), docs)
}

func TestFilesThatAreNotOursAreRefusedAndLeftAlone(t *testing.T) {
	database := func(t *testing.T, statements string) string {
		path := filepath.Join(t.TempDir(), "documents.db")
		db, err := sql.Open("sqlite", path)
		require.NoError(t, err)
		_, err = db.ExecContext(t.Context(), statements)
		require.NoError(t, err)
		require.NoError(t, db.Close())
		return path
	}
	for _, c := range []struct {
		name string
		path func(*testing.T) string
		kind domain.Kind
		says string
	}{
		{"another program's", func(t *testing.T) string { return database(t, `CREATE TABLE notes (text TEXT)`) }, domain.Conflict, "another program"},
		{"another program's with its mark", func(t *testing.T) string { return database(t, `PRAGMA application_id = 7`) }, domain.Conflict, "another program"},
		{"a newer ugc's", func(t *testing.T) string {
			path := filepath.Join(t.TempDir(), "documents.db")
			s := openAt(t, path)
			_, err := s.writer.Load().ExecContext(t.Context(), `UPDATE ugc_schema SET version = 99`)
			require.NoError(t, err)
			require.NoError(t, s.Close())
			return path
		}, domain.Conflict, "newer ugc (schema 99"},
		{"no database", func(t *testing.T) string {
			path := filepath.Join(t.TempDir(), "documents.db")
			require.NoError(t, os.WriteFile(path, []byte(strings.Repeat("this is a letter to my aunt\n", 400)), 0o600))
			return path
		}, domain.Internal, "damaged or no SQLite database"},
		{"a folder", func(t *testing.T) string { return t.TempDir() }, domain.Unavailable, "cannot be opened"},
		{"in a folder that is not there", func(t *testing.T) string { return filepath.Join(t.TempDir(), "no", "documents.db") }, domain.Unavailable, "cannot be opened"},
	} {
		t.Run(c.name, func(t *testing.T) {
			path := c.path(t)
			before, _ := os.ReadFile(path)
			_, err := Open(t.Context(), Options{Path: path})
			require.Equal(t, c.kind, domain.KindOf(err), "%v", err)
			require.ErrorContains(t, err, c.says)
			require.ErrorContains(t, err, path)
			after, _ := os.ReadFile(path)
			if c.kind == domain.Internal {
				require.Equal(t, before, after)
			}
		})
	}
}

func TestADamagedFileIsSaidPlainly(t *testing.T) {
	path := filepath.Join(t.TempDir(), "documents.db")
	s := openAt(t, path)
	require.NoError(t, ratingsOf(t, s).Upsert(t.Context(), bulk(1000, 1)))
	require.NoError(t, s.Close())
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	require.NoError(t, err)
	size, err := f.Seek(0, 2)
	require.NoError(t, err)
	_, err = f.WriteAt([]byte(strings.Repeat("?", int(size)-3*4096)), 3*4096)
	require.NoError(t, err)
	require.NoError(t, f.Close())

	s, err = Open(t.Context(), Options{Path: path})
	if err == nil {
		defer s.Close()
		var g documents.Generation
		if g, _, err = documents.Open(t.Context(), s, documents.Ratings); err == nil {
			err = g.Upsert(t.Context(), bulk(1000, 2))
		}
	}
	require.ErrorContains(t, err, "move it away")
}

func TestOptionsNameEveryFault(t *testing.T) {
	_, err := Open(t.Context(), Options{Readers: -1, BusyTimeout: -1})
	for _, what := range []string{"path", "readers", "busy time-out"} {
		require.ErrorContains(t, err, what)
	}
}

func TestPlainSQLReadsTheStableNames(t *testing.T) {
	path := filepath.Join(t.TempDir(), "documents.db")
	g := ratingsOf(t, openAt(t, path))
	gone := rating(1, 1)
	gone.Deleted, gone.Added = true, 0
	require.NoError(t, g.Upsert(t.Context(), []documents.Document{rating(0, 1), gone, rating(2, 1)}))

	db, err := sql.Open("sqlite", path) // as any other program does
	require.NoError(t, err)
	defer db.Close()
	var n, score int
	require.NoError(t, db.QueryRowContext(t.Context(), `SELECT count(*), max(score) FROM ratings WHERE user_id = 'user-0000'`).Scan(&n, &score))
	require.Equal(t, 2, n)
	require.Equal(t, 2, score)
}

func TestListsAndCountsComeFromTheIndex(t *testing.T) {
	s := openAt(t, filepath.Join(t.TempDir(), "documents.db"))
	ratingsOf(t, s)
	for _, query := range []string{
		`SELECT id, score FROM ratings WHERE user_id = ? AND added > ? ORDER BY added LIMIT 50`,
		`SELECT id, score FROM ratings WHERE user_id = ? ORDER BY added DESC LIMIT 50 OFFSET 100`,
		`SELECT count(*) FROM ratings WHERE user_id = ?`,
		`SELECT id FROM ratings__g1 WHERE user_id = ? AND deleted = 0 AND added < ? ORDER BY added DESC LIMIT 50`,
	} {
		args := []any{"u", 1}[:strings.Count(query, "?")]
		steps, err := each(t.Context(), s.readers.Load(), "EXPLAIN QUERY PLAN "+query, args, func(r *sql.Rows) (detail string, err error) {
			var id, parent, unused int
			return detail, r.Scan(&id, &parent, &unused, &detail)
		})
		require.NoError(t, err)
		plan := strings.Join(steps, "; ")
		require.Contains(t, plan, "ratings__g1__by_user", query)
		require.NotContains(t, plan, "TEMP B-TREE", query)
		require.NotContains(t, plan, "SCAN", query)
	}
}
