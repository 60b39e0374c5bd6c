package main

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"path/filepath"
	"strings"
	"time"

	"ugc/projections"
	"ugc/projections/documents"
	"ugc/projections/sqlite"
	"ugc/schemas/topics"
)

// documentBatch is how many documents the peer writes in one transaction.
const documentBatch = 1000

func documentViews() Contest {
	return Contest{
		Name: "documents", What: "ratings, from the log to the last document in SQLite", Unit: "documents", Goal: 0.7, Aim: 0.9, Timeout: 3 * time.Minute,
		Against: "a prepared INSERT of the same rows into the same tables, 1,000 of them in one transaction, 50 by one statement, ready in memory",
		Ours:    Contender{"ugc's projection", projectDocuments},
		Peer:    Contender{"prepared insert", insertDocuments},
	}
}

func (w *Workplace) documents(ctx context.Context) (*sqlite.Store, documents.Generation, error) {
	store, err := sqlite.Open(ctx, sqlite.Options{Path: filepath.Join(w.Dir, "documents.sqlite")})
	if err != nil {
		return nil, nil, err
	}
	g, _, err := documents.Open(ctx, store, documents.Ratings)
	return store, g, err
}

func projectDocuments(ctx context.Context, w *Workplace) (s Sample, err error) {
	b, err := w.Backbone(ctx)
	if err != nil {
		return s, err
	}
	rows, err := b.Write(ctx, topics.FeedbackEvents, rated(int(w.Setting("rows", 200_000))))
	if err != nil {
		return s, err
	}
	store, g, err := w.documents(ctx)
	if err != nil {
		return s, err
	}
	defer func() { err = errors.Join(err, store.Close()) }()
	s, err = w.Measure(func() (int64, error) {
		return rows, b.project(ctx, documents.Ratings.View, documents.Sink(documents.Ratings, g), rows)
	})
	if err != nil {
		return s, err
	}
	return s, w.holdsDocuments(ctx, rows)
}

// file is the store's file, opened with the pragmas that the store has.
func (w *Workplace) file() (*sql.DB, error) {
	q := url.Values{"_pragma": {"journal_mode(WAL)", "synchronous(NORMAL)", "journal_size_limit(67108864)", "wal_autocheckpoint(8192)", "temp_store(MEMORY)", "cache_size(-16384)"}}
	db, err := sql.Open("sqlite", "file:"+filepath.Join(w.Dir, "documents.sqlite")+"?"+q.Encode())
	if err == nil {
		db.SetMaxOpenConns(1)
	}
	return db, err
}

func (w *Workplace) holdsDocuments(ctx context.Context, rows int64) error {
	db, err := w.file()
	if err != nil {
		return err
	}
	defer func() { _ = db.Close() }()
	var is int64
	if err := db.QueryRowContext(ctx, `SELECT count(*) FROM ratings`).Scan(&is); err != nil {
		return err
	}
	if is != rows {
		return fmt.Errorf("there are %d ratings instead of %d", is, rows)
	}
	return nil
}

func insertDocuments(ctx context.Context, w *Workplace) (s Sample, err error) {
	store, _, err := w.documents(ctx)
	if err != nil {
		return s, err
	}
	if err := store.Close(); err != nil {
		return s, err
	}
	var docs []documents.Document
	for e := range rated(int(w.Setting("rows", 200_000))) {
		head := e.Head()
		d, _, err := documents.Ratings.Apply(projections.Record{Key: head.Key(), Version: head.Origin.Version, Value: e})
		if err != nil {
			return s, err
		}
		docs = append(docs, d)
	}
	db, err := w.file()
	if err != nil {
		return s, err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	s, err = w.Measure(func() (int64, error) {
		return int64(len(docs)), insertAll(ctx, db, docs, int(w.Setting("batch", documentBatch)))
	})
	if err != nil {
		return s, err
	}
	return s, w.holdsDocuments(ctx, int64(len(docs)))
}

// insertAll writes rows of ratings; their number is a multiple of that of a statement.
func insertAll(ctx context.Context, db *sql.DB, docs []documents.Document, perTransaction int) error {
	const perStatement = 50
	insert, err := db.PrepareContext(ctx, `INSERT INTO ratings__g1 VALUES (?, ?, ?, ?, ?, ?, ?, ?)`+strings.Repeat(`, (?, ?, ?, ?, ?, ?, ?, ?)`, perStatement-1))
	if err != nil {
		return err
	}
	defer func() { _ = insert.Close() }()
	for len(docs) > 0 {
		tx, err := db.BeginTx(ctx, nil)
		if err != nil {
			return err
		}
		bound := tx.StmtContext(ctx, insert) //nolint:sqlclosecheck // closed with the transaction
		batch := docs[:min(perTransaction, len(docs))]
		docs = docs[len(batch):]
		args := make([]any, 0, 8*perStatement)
		for i, d := range batch {
			args = append(args, d.ID, d.User, d.Movie, int64(d.Version), d.Deleted, int64(d.Added), int64(d.UpdatedAt), d.Values[0])
			if i%perStatement != perStatement-1 {
				continue
			}
			if _, err := bound.ExecContext(ctx, args...); err != nil {
				return errors.Join(err, tx.Rollback())
			}
			args = args[:0]
		}
		if err := tx.Commit(); err != nil {
			return err
		}
	}
	return nil
}
