package clickhouse

import (
	"context"
	"slices"
	"strings"
)

// Changes is what Init would change now: its plan without the databases, tables and views that are there. Init writes views anew whenever it runs,
// which changes nothing while the program is the same.
func (s *Store) Changes(ctx context.Context) ([]Statement, error) {
	plan, err := s.Plan(ctx)
	if err != nil {
		return nil, err
	}
	there, err := s.names(ctx)
	if err != nil {
		return nil, mapError("look at tables", err)
	}
	return slices.DeleteFunc(plan, func(st Statement) bool {
		kind, name, _ := strings.Cut(st.Purpose, " ")
		switch kind {
		case "table", "view":
			if !strings.Contains(name, ".") {
				name = s.o.Database + "." + name
			}
			return there[name]
		case "database":
			return there[name]
		}
		return false
	}), nil
}

// names are all databases, and all tables and views with the database before them.
func (s *Store) names(ctx context.Context) (map[string]bool, error) {
	rows, err := s.admin.Query(ctx, "SELECT name FROM system.databases UNION ALL SELECT concat(database, '.', name) FROM system.tables")
	if err != nil {
		return nil, err
	}
	defer func() { _ = rows.Close() }()
	there := map[string]bool{}
	for rows.Next() {
		var name string
		if err := rows.Scan(&name); err != nil {
			return nil, err
		}
		there[name] = true
	}
	return there, rows.Err()
}
