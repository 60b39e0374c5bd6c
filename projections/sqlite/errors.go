package sqlite

import (
	"context"
	"errors"
	"fmt"

	"modernc.org/sqlite"
	lib "modernc.org/sqlite/lib"

	"ugc/domain"
)

// failed gives an error of SQLite its kind and says what to do about it.
func (s *Store) failed(what string, err error) error {
	var own *domain.Error
	if errors.As(err, &own) {
		return err
	}
	if damages(err) {
		s.damage.CompareAndSwap(nil, &err)
	}
	kind, advice := judge(err)
	action := what + " in " + s.path
	if advice != "" {
		action += ": " + advice
	}
	return domain.Wrap(kind, action, err)
}

func judge(err error) (domain.Kind, string) {
	if errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return domain.Unavailable, "not done in time"
	}
	switch code(err) {
	case lib.SQLITE_FULL:
		return domain.Unavailable, "no space left: free some on this disk, and it goes on by itself"
	case lib.SQLITE_BUSY, lib.SQLITE_LOCKED:
		return domain.Unavailable, "another process holds the file"
	case lib.SQLITE_IOERR:
		return domain.Unavailable, "the disk refuses: it may be full or failing"
	case lib.SQLITE_READONLY, lib.SQLITE_CANTOPEN, lib.SQLITE_PERM, lib.SQLITE_AUTH:
		return domain.Unavailable, "the file cannot be opened for writing: check its folder and permissions"
	case lib.SQLITE_CORRUPT, lib.SQLITE_NOTADB:
		return domain.Internal, "the file is damaged or no SQLite database: the process that keeps the views sets it aside and builds them anew from Kafka; where none does, stop ugc, move it away with its -wal and -shm, and start again"
	}
	return domain.Internal, ""
}

// code is SQLite's primary result code, 0 for errors of others.
func code(err error) int {
	var e *sqlite.Error
	if errors.As(err, &e) {
		return e.Code() & 0xff
	}
	return 0
}

func fault(kind domain.Kind, format string, args ...any) error {
	return &domain.Error{Kind: kind, Message: fmt.Sprintf(format, args...)}
}
