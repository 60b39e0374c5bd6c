package clickhouse

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	ch "github.com/ClickHouse/clickhouse-go/v2"
	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"

	"ugc/domain"
	"ugc/projections"
)

// Damage is a part of a table that the server set aside, or cannot read. Its rows are missing from the view, or every read of them fails.
type Damage struct {
	Table  string // of our database
	Part   string
	Reason string
}

func (d Damage) String() string { return fmt.Sprintf("part %s of %s: %s", d.Part, d.Table, d.Reason) }

// View is the stored view that the table belongs to, "" for a table of the catalog.
func (d Damage) View() string {
	for _, v := range stored {
		if g, ok := parseGeneration(d.Table); ok && g.View == v.name {
			return v.name
		}
	}
	return ""
}

// readFaults are the codes of exceptions that say that a file is not what was written.
var readFaults = []int32{
	32, 33, 40, 74, 107, 117, 128, 226, 228, 246, 271, 354, 432, 740,
	// ATTEMPT_TO_READ_AFTER_EOF, CANNOT_READ_ALL_DATA, CHECKSUM_DOESNT_MATCH, CANNOT_READ_FROM_FILE_DESCRIPTOR, FILE_DOESNT_EXIST, INCORRECT_DATA,
	// TOO_LARGE_ARRAY_SIZE, NO_FILE_IN_DATA_PART, BAD_SIZE_OF_FILE_IN_DATA_PART, CORRUPTED_DATA, CANNOT_DECOMPRESS, ZLIB_INFLATE_FAILED, UNKNOWN_CODEC,
	// POTENTIALLY_BROKEN_DATA_PART
}

// SetAside lists the parts that the server found broken and took out of our tables. It reads the names of files alone.
func (s *Store) SetAside(ctx context.Context) ([]Damage, error) {
	return s.damages(ctx, s.o.ReadTimeout, `SELECT table, name, ifNull(reason, '') FROM system.detached_parts WHERE database = ? AND startsWith(ifNull(reason, ''), 'broken')
ORDER BY table, name`, s.o.Database)
}

// ReadFaults counts what the server could not read since it started, for whatever reason: a rise says that Check is worth its cost.
func (s *Store) ReadFaults(ctx context.Context) (n uint64, err error) {
	codes := make([]string, len(readFaults))
	for i, c := range readFaults {
		codes[i] = fmt.Sprint(c)
	}
	ctx, cancel := context.WithTimeout(ctx, s.o.ReadTimeout)
	defer cancel()
	err = s.admin.QueryRow(ctx, "SELECT sum(value) FROM system.errors WHERE code IN ("+strings.Join(codes, ", ")+")").Scan(&n)
	return n, mapError("count read errors", err)
}

// checkWithin bounds the check of one table.
const checkWithin = time.Hour

// Check reads every part of our tables and compares it with its checksums, one table at a time on one thread.
func (s *Store) Check(ctx context.Context) ([]Damage, error) {
	tables, err := s.tables(ctx)
	if err != nil {
		return nil, err
	}
	ctx = ch.Context(ctx, ch.WithSettings(ch.Settings{"max_threads": 1, "check_query_single_value_result": 0}))
	var found []Damage
	for _, table := range tables {
		broken, err := s.checkTable(ctx, table)
		if err != nil {
			return found, mapError("check "+table, err)
		}
		found = append(found, broken...)
	}
	return found, nil
}

func (s *Store) checkTable(ctx context.Context, table string) (found []Damage, err error) {
	ctx, cancel := context.WithTimeout(ctx, checkWithin)
	defer cancel()
	rows, err := s.admin.Query(ctx, "CHECK TABLE "+s.rendering(nil).table(table))
	if isCode(err, codeUnknownTable) { // it was dropped meanwhile
		return nil, nil
	}
	if isCode(err, readFaults...) { // the table itself cannot be read
		return []Damage{{Table: table, Part: "of unknown name", Reason: firstLine(err.Error())}}, nil
	}
	if err != nil {
		return nil, err
	}
	err = scanAll(ctx, rows, func(rows driver.Rows) error {
		var part, message string
		var passed bool
		if err := rows.Scan(&part, &passed, &message); err != nil {
			return err
		}
		if !passed {
			found = append(found, Damage{Table: table, Part: part, Reason: firstLine(message)})
		}
		return nil
	})
	return found, err
}

// tables are those of our database that hold rows.
func (s *Store) tables(ctx context.Context) (names []string, err error) {
	ctx, cancel := context.WithTimeout(ctx, s.o.ReadTimeout)
	defer cancel()
	rows, err := s.admin.Query(ctx, "SELECT name FROM system.tables WHERE database = ? AND engine LIKE '%MergeTree' ORDER BY name", s.o.Database)
	if err != nil {
		return nil, mapError("list tables", err)
	}
	err = scanAll(ctx, rows, func(rows driver.Rows) error {
		var name string
		err := rows.Scan(&name)
		names = append(names, name)
		return err
	})
	return names, mapError("list tables", err)
}

func (s *Store) damages(ctx context.Context, within time.Duration, query string, args ...any) (found []Damage, err error) {
	ctx, cancel := context.WithTimeout(ctx, within)
	defer cancel()
	rows, err := s.admin.Query(ctx, query, args...)
	if err != nil {
		return nil, mapError("look for damage", err)
	}
	err = scanAll(ctx, rows, func(rows driver.Rows) error {
		var d Damage
		err := rows.Scan(&d.Table, &d.Part, &d.Reason)
		found = append(found, d)
		return err
	})
	return found, mapError("look for damage", err)
}

// Renew puts a new, empty generation in the place of every view that is damaged, to be filled from the events. Where the catalog is damaged, which
// says what is live and how far it is, all of the database is made anew. No sink may be at work meanwhile, and nobody else may keep these views.
func (s *Store) Renew(ctx context.Context, damages []Damage) error {
	var views []string
	for _, d := range damages {
		view := d.View()
		if view == "" {
			return s.reset(ctx)
		}
		if !slices.Contains(views, view) {
			views = append(views, view)
		}
	}
	for _, view := range views {
		if err := s.renewView(ctx, view); err != nil {
			return err
		}
	}
	return nil
}

func (s *Store) renewView(ctx context.Context, view string) error {
	there, err := s.Generations(ctx, view)
	if err != nil {
		return err
	}
	next := projections.Generation{View: view, Number: 1}
	for _, g := range there {
		next.Number = max(next.Number, g.Number+1)
	}
	if err := s.CreateGeneration(ctx, next); err != nil {
		return err
	}
	if err := s.Swap(ctx, next); err != nil {
		return err
	}
	for _, g := range there {
		if err := s.DropGeneration(ctx, g); err != nil {
			return err
		}
	}
	return nil
}

func (s *Store) reset(ctx context.Context) error {
	if s.o.Cluster != "" {
		return &domain.Error{Kind: domain.Conflict, Message: "clickhouse: the database of a cluster is not made anew by one node"}
	}
	if err := s.exec(ctx, Statement{"drop the damaged database", "DROP DATABASE IF EXISTS " + quoteName(s.o.Database) + " SYNC"}); err != nil {
		return err
	}
	return s.Init(ctx)
}
