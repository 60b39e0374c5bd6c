package clickhouse

import (
	"context"
	"errors"
	"strings"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"

	"ugc/domain"
	"ugc/projections"
)

// readCatalog scans a query over a catalog table, which stands as {table} in it, within the read time-out. In a cluster the node catches up with its
// replicas first: a blocked key that another node remembers must not be missed.
func (s *Store) readCatalog(ctx context.Context, table, query string, args []any, scan func(driver.Rows) error) error {
	ctx, cancel := context.WithTimeout(ctx, s.o.ReadTimeout)
	defer cancel()
	name := s.rendering(nil).table(table)
	if s.o.Cluster != "" {
		if err := s.admin.Exec(ctx, "SYSTEM SYNC REPLICA "+name); err != nil {
			return err
		}
	}
	rows, err := s.admin.Query(ctx, strings.ReplaceAll(query, "{table}", name), args...)
	if err != nil {
		return err
	}
	return scanAll(ctx, rows, scan)
}

// scanAll scans every row or fails: what a time-out cut short is an error, not a shorter result.
func scanAll(ctx context.Context, rows driver.Rows, scan func(driver.Rows) error) (err error) {
	defer func() { err = errors.Join(err, rows.Close()) }()
	for rows.Next() {
		if err := scan(rows); err != nil {
			return err
		}
	}
	return errors.Join(rows.Err(), ctx.Err())
}

// Live is the live generation of each stored view. It fails with kind Unavailable before Init.
func (s *Store) Live(ctx context.Context) (map[string]projections.Generation, error) {
	numbers, err := s.liveNumbers(ctx)
	if err != nil {
		return nil, mapError("read generations", err)
	}
	out := make(map[string]projections.Generation, len(stored))
	for _, v := range stored {
		n := numbers[v.name]
		if n == 0 {
			return nil, &domain.Error{Kind: domain.Unavailable, Message: "clickhouse: the view " + v.name + " has no live generation: run `ugc init`"}
		}
		out[v.name] = projections.Generation{View: v.name, Number: n}
	}
	return out, nil
}

func (s *Store) liveNumbers(ctx context.Context) (map[string]int, error) {
	live := map[string]int{}
	err := s.readCatalog(ctx, "ugc_generations", "SELECT view, generation FROM {table} FINAL", nil, func(rows driver.Rows) error {
		var (
			view   string
			number uint32
		)
		if err := rows.Scan(&view, &number); err != nil {
			return err
		}
		live[view] = int(number)
		return nil
	})
	return live, err
}

func (s *Store) appliedMigrations(ctx context.Context) (map[int]bool, error) {
	applied := map[int]bool{}
	err := s.readCatalog(ctx, "ugc_migrations", "SELECT number FROM {table} FINAL", nil, func(rows driver.Rows) error {
		var number uint32
		if err := rows.Scan(&number); err != nil {
			return err
		}
		applied[int(number)] = true
		return nil
	})
	return applied, err
}

// Generations are those of a stored view whose tables are there, oldest first.
func (s *Store) Generations(ctx context.Context, view string) ([]projections.Generation, error) {
	ctx, cancel := context.WithTimeout(ctx, s.o.ReadTimeout)
	defer cancel()
	rows, err := s.admin.Query(ctx, "SELECT name FROM system.tables WHERE database = ? AND startsWith(name, ?) ORDER BY length(name), name", s.o.Database, view+"__g")
	if err != nil {
		return nil, mapError("list generations", err)
	}
	var out []projections.Generation
	err = scanAll(ctx, rows, func(rows driver.Rows) error {
		var name string
		err := rows.Scan(&name)
		if g, ok := parseGeneration(name); ok && g.View == view {
			out = append(out, g)
		}
		return err
	})
	return out, mapError("list generations", err)
}
