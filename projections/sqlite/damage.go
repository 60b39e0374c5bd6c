package sqlite

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"time"

	"modernc.org/sqlite"
	lib "modernc.org/sqlite/lib"

	"ugc/domain"
)

// checkWithin bounds the check at the start, which reads the whole file: about a second for a gigabyte that is in memory. A larger file is
// checked as far as the time goes, and else when it is read.
const checkWithin = 20 * time.Second

// check compares the structure of the file with what it should be. What it cannot see is a changed byte within a value: SQLite keeps no checksums.
func (s *Store) check(ctx context.Context) error {
	bounded, cancel := context.WithTimeout(ctx, checkWithin)
	defer cancel()
	var said string
	err := s.readers.Load().QueryRowContext(bounded, `PRAGMA quick_check(1)`).Scan(&said)
	switch {
	case err != nil && bounded.Err() != nil && ctx.Err() == nil:
		return nil // too large
	case err != nil:
		return s.failed("check", err)
	case said != "ok":
		return fmt.Errorf("check %s: %w: %s", s.path, errDamaged, said)
	}
	return nil
}

var errDamaged = errors.New("the file is damaged")

// damages says whether an error means that the file is not what was written.
func damages(err error) bool {
	if errors.Is(err, errDamaged) {
		return true
	}
	var e *sqlite.Error
	if !errors.As(err, &e) {
		return false
	}
	switch e.Code() {
	case lib.SQLITE_IOERR_SHORT_READ, lib.SQLITE_IOERR_DATA, lib.SQLITE_IOERR_CORRUPTFS:
		return true
	}
	return e.Code()&0xff == lib.SQLITE_CORRUPT || e.Code()&0xff == lib.SQLITE_NOTADB
}

// Damaged says why the file has to be renewed: it could not be read, or another process has put a new one in its place. nil where all is well.
func (s *Store) Damaged() error {
	if err := s.damage.Load(); err != nil {
		return *err
	}
	return s.replaced()
}

// replaced says whether the file that is open is no longer the one of that name. What is written into it would be lost.
func (s *Store) replaced() error {
	was := s.is.Load()
	if was == nil {
		return nil // being opened
	}
	info, err := os.Stat(s.path)
	if err == nil && os.SameFile(*was, info) {
		return nil
	}
	return fault(domain.Unavailable, "the file %s was replaced or removed while it was open: it is opened again", s.path)
}

// follow opens the file that another process has put in the place of the one that is open. Who fills views does so by Renew, and begins anew.
func (s *Store) follow(ctx context.Context) error {
	if s.o.Heal || s.replaced() == nil {
		return nil
	}
	return s.Renew(ctx, nil)
}

// Healed says whether the file was damaged when it was opened, and set aside.
func (s *Store) Healed() bool { return s.healed }

// Renew sets the file aside where it is damaged, begins a new one, and opens it. Where the file of that name is another one by now, it
// opens that. Generations of before are void. SetAside says under which name the damaged one is.
func (s *Store) Renew(ctx context.Context, why error) error {
	s.renewing.Lock()
	defer s.renewing.Unlock()
	replaced := s.replaced() != nil
	if why == nil && !replaced && s.damage.Load() == nil {
		return nil // another caller was first
	}
	_ = s.Close() // it may be damaged in any way
	if !replaced && s.o.Heal {
		if err := setAside(s.path); err != nil {
			return s.failed("set the damaged file aside", err)
		}
	}
	s.damage.Store(nil)
	return s.connect(ctx)
}

// SetAside is the name under which a damaged file is kept, the newest only.
func SetAside(path string) string { return path + ".damaged" }

func setAside(path string) error {
	for _, suffix := range []string{"", "-wal", "-shm"} {
		if err := os.Rename(path+suffix, SetAside(path)+suffix); err != nil {
			if !errors.Is(err, fs.ErrNotExist) {
				return err
			}
			_ = os.Remove(SetAside(path) + suffix) // of an older one
		}
	}
	return nil
}
