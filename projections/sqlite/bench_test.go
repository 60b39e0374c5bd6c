package sqlite

import (
	"database/sql"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"ugc/domain"
	"ugc/projections"
	"ugc/projections/documents"
)

const benchBulk = 1000

// BenchmarkUpsert writes bulks of new documents, then the same again as newer ones, with the watermark, as the engine does.
func BenchmarkUpsert(b *testing.B) {
	for name, version := range map[string]func(i int) (first int, v domain.Version){
		"new":    func(i int) (int, domain.Version) { return i * benchBulk, 1 },
		"newer":  func(i int) (int, domain.Version) { return i % 20 * benchBulk, domain.Version(i/20 + 1) },
		"repeat": func(i int) (int, domain.Version) { return i % 20 * benchBulk, 1 },
	} {
		b.Run(name, func(b *testing.B) {
			g := ratingsOf(b, openAt(b, filepath.Join(b.TempDir(), "documents.db")))
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				first, v := version(i)
				docs := make([]documents.Document, benchBulk)
				for j := range docs {
					docs[j] = rating(first+j, v)
				}
				require.NoError(b, g.Upsert(b.Context(), docs))
				require.NoError(b, g.Advance(b.Context(), map[int32]projections.Watermark{0: {Next: int64(i), Version: v}}))
			}
			b.ReportMetric(float64(b.N*benchBulk)/b.Elapsed().Seconds(), "docs/s")
		})
	}
}

// BenchmarkPreparedInsert is what to compare with: the same rows by one prepared insert each, in one transaction, into the same tables.
func BenchmarkPreparedInsert(b *testing.B) {
	s := openAt(b, filepath.Join(b.TempDir(), "documents.db"))
	ratingsOf(b, s)
	for i := 0; b.Loop(); i++ {
		require.NoError(b, s.change(b.Context(), s.writer.Load(), "insert", func(tx *sql.Tx) error {
			insert, err := tx.PrepareContext(b.Context(), `INSERT INTO ratings__g1 VALUES (?, ?, ?, ?, ?, ?, ?, ?)`)
			if err != nil {
				return err
			}
			defer insert.Close()
			for j := range benchBulk {
				d := rating(i*benchBulk+j, 1)
				if _, err := insert.ExecContext(b.Context(), d.ID, d.User, d.Movie, int64(d.Version), d.Deleted, int64(d.Added), int64(d.UpdatedAt), d.Values[0]); err != nil {
					return err
				}
			}
			return nil
		}))
	}
	b.ReportMetric(float64(b.N*benchBulk)/b.Elapsed().Seconds(), "docs/s")
}
