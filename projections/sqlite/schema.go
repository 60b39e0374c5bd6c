package sqlite

import (
	"context"
	"database/sql"

	"ugc/domain"
)

// applicationID marks our files in SQLite's header: "ugcd".
const applicationID = 0x75676364

// migrations bring a file from version i to i+1. Released ones never change; new ones are added at the end.
var migrations = []string{
	`CREATE TABLE ugc_generations (
		view TEXT NOT NULL, number INTEGER NOT NULL,
		columns TEXT NOT NULL,                 -- its shape, as in documents.View
		live INTEGER NOT NULL DEFAULT 0,
		PRIMARY KEY (view, number)
	) STRICT, WITHOUT ROWID;
	CREATE UNIQUE INDEX ugc_generations_live ON ugc_generations (view) WHERE live;
	CREATE TABLE ugc_watermarks (
		view TEXT NOT NULL, number INTEGER NOT NULL, partition INTEGER NOT NULL,
		next INTEGER NOT NULL,                 -- offset in the source topic from which to go on
		version INTEGER NOT NULL,              -- the view shows everything up to here
		PRIMARY KEY (view, number, partition)
	) STRICT, WITHOUT ROWID;
	CREATE TABLE ugc_blocked (
		view TEXT NOT NULL, number INTEGER NOT NULL, partition INTEGER NOT NULL, key TEXT NOT NULL,
		"offset" INTEGER NOT NULL,             -- of the record that could not be applied
		PRIMARY KEY (view, number, partition, key)
	) STRICT, WITHOUT ROWID;`,
}

// migrate makes or updates the catalog; any number of processes may do it at once.
func (s *Store) migrate(ctx context.Context) error {
	return s.change(ctx, s.writer.Load(), "prepare the catalog", func(tx *sql.Tx) error {
		var id, tables, version int
		if err := tx.QueryRowContext(ctx, `SELECT (SELECT application_id FROM pragma_application_id), (SELECT count(*) FROM sqlite_schema)`).Scan(&id, &tables); err != nil {
			return err
		}
		switch {
		case id == applicationID:
			if err := tx.QueryRowContext(ctx, `SELECT version FROM ugc_schema`).Scan(&version); err != nil {
				return err
			}
		case id == 0 && tables == 0:
			if _, err := tx.ExecContext(ctx, `PRAGMA application_id = 0x75676364; CREATE TABLE ugc_schema (version INTEGER NOT NULL) STRICT; INSERT INTO ugc_schema VALUES (0)`); err != nil {
				return err
			}
		default:
			return fault(domain.Conflict, "%s is a database of another program: choose another path", s.path)
		}
		if version > len(migrations) {
			return fault(domain.Conflict, "%s was written by a newer ugc (schema %d, this one knows %d): start that one, or move the file away with its -wal and -shm to build the views anew", s.path, version, len(migrations))
		}
		for _, statements := range migrations[version:] {
			if _, err := tx.ExecContext(ctx, statements); err != nil {
				return err
			}
		}
		_, err := tx.ExecContext(ctx, `UPDATE ugc_schema SET version = ? WHERE version < ?`, len(migrations), len(migrations))
		return err
	})
}

// recognise is migrate for those who may not write: it accepts only a file that is up to date.
func (s *Store) recognise(ctx context.Context) error {
	var id, version int
	if err := s.readers.Load().QueryRowContext(ctx, `SELECT application_id FROM pragma_application_id`).Scan(&id); err != nil {
		return s.failed("open", err)
	}
	if id != applicationID {
		return fault(domain.Conflict, "%s holds no documents of ugc", s.path)
	}
	if err := s.readers.Load().QueryRowContext(ctx, `SELECT version FROM ugc_schema`).Scan(&version); err != nil {
		return s.failed("open", err)
	}
	if version != len(migrations) {
		return fault(domain.Conflict, "%s has schema %d, this ugc reads %d: use the version that runs on it", s.path, version, len(migrations))
	}
	return nil
}
