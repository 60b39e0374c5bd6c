package clickhouse

import (
	"cmp"
	"context"
	"slices"

	ch "github.com/ClickHouse/clickhouse-go/v2"
	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"

	"ugc/domain"
	"ugc/projections"
)

// marks is what every sink remembers beside its rows: watermarks and blocked keys of its generation.
type marks struct {
	store      *Store
	generation projections.Generation
}

// Watermarks implements projections.Sink.
func (m *marks) Watermarks(ctx context.Context) (map[int32]projections.Watermark, error) {
	out := map[int32]projections.Watermark{}
	err := m.read(ctx, "read watermarks of ", "ugc_watermarks", `
SELECT partition, next_offset, version FROM {table} FINAL WHERE view = ? AND generation = ?`,
		func(rows driver.Rows) error {
			var (
				partition     int32
				next, version int64
			)
			if err := rows.Scan(&partition, &next, &version); err != nil {
				return err
			}
			out[partition] = projections.Watermark{Next: next, Version: domain.Version(version)}
			return nil
		})
	return out, err
}

// Advance implements projections.Sink. A lower watermark is written too, and counts for nothing: the table keeps the greatest of each number.
func (m *marks) Advance(ctx context.Context, marks map[int32]projections.Watermark) error {
	if len(marks) == 0 {
		return nil
	}
	partitions := make([]int32, 0, len(marks))
	for p := range marks {
		partitions = append(partitions, p)
	}
	slices.Sort(partitions)
	now := m.store.o.Now().UTC()
	return m.write(ctx, "advance watermarks of ", "ugc_watermarks", "view, generation, partition, next_offset, version, advanced_at", func(b driver.Batch) error {
		for _, p := range partitions {
			w := marks[p]
			if err := b.Append(m.generation.View, uint32(m.generation.Number), p, w.Next, int64(w.Version), now); err != nil {
				return err
			}
		}
		return nil
	})
}

// Block implements projections.Sink.
func (m *marks) Block(ctx context.Context, keys []projections.BlockedKey) error {
	if len(keys) == 0 {
		return nil
	}
	now := m.store.o.Now().UTC()
	return m.write(ctx, "block keys of ", "ugc_blocked", "view, generation, key, partition, blocked_offset, blocked_at", func(b driver.Batch) error {
		for _, k := range keys {
			if err := b.Append(m.generation.View, uint32(m.generation.Number), k.Key, k.Partition, k.Offset, now); err != nil {
				return err
			}
		}
		return nil
	})
}

// Blocked implements projections.Sink. Of a key that was blocked more than once the first record counts.
func (m *marks) Blocked(ctx context.Context) ([]projections.BlockedKey, error) {
	var out []projections.BlockedKey
	err := m.read(ctx, "read blocked keys of ", "ugc_blocked", `
SELECT key, argMin(partition, blocked_offset), min(blocked_offset) FROM {table} FINAL
WHERE view = ? AND generation = ? GROUP BY key`,
		func(rows driver.Rows) error {
			var k projections.BlockedKey
			if err := rows.Scan(&k.Key, &k.Partition, &k.Offset); err != nil {
				return err
			}
			out = append(out, k)
			return nil
		})
	slices.SortFunc(out, func(a, b projections.BlockedKey) int { return cmp.Compare(a.Key, b.Key) })
	return out, err
}

// read scans what this generation has in a catalog table.
func (m *marks) read(ctx context.Context, action, table, query string, scan func(driver.Rows) error) error {
	err := m.store.readCatalog(ctx, table, query, []any{m.generation.View, m.generation.Number}, scan)
	return mapError(action+m.generation.String(), err)
}

// write appends rows to a catalog table, durably.
func (m *marks) write(ctx context.Context, action, table, columns string, fill func(driver.Batch) error) error {
	ctx, cancel := context.WithTimeout(ctx, m.store.o.InsertTimeout)
	defer cancel()
	err := m.store.writeCatalog(ctx, table, columns, fill)
	return mapError(action+m.generation.String(), err)
}

func (s *Store) writeCatalog(ctx context.Context, table, columns string, fill func(driver.Batch) error) (err error) {
	ctx = ch.Context(ctx, ch.WithSettings(s.o.insertSettings()))
	batch, err := s.admin.PrepareBatch(ctx, "INSERT INTO "+s.rendering(nil).table(table)+" ("+columns+")")
	if err != nil {
		return err
	}
	if err := fill(batch); err != nil {
		return err // the driver has let go of the connection
	}
	return batch.Send()
}
