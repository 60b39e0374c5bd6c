// Package sqlite keeps document views in one SQLite file: the store for one machine, where a cluster has MongoDB.
//
// The file is written ahead (WAL) with synchronous=NORMAL. What was acknowledged survives the death of every process, kill -9 included. A
// power cut may take the newest commits back, always a suffix of them: never a watermark without the documents before it. The
// engine then goes on from the watermark that is left, so nothing is lost while the topics are there. Catalog changes are synced at once.
package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	_ "modernc.org/sqlite" // the driver

	"ugc/domain"
	"ugc/projections/documents"
)

// Options say where the file is. Only Path has no working zero value.
type Options struct {
	Path        string        // of the file; it is made, its folder is not
	Readers     int           // connections that read at the same time; 4 when 0
	BusyTimeout time.Duration // how long to wait for another process that writes; 5 s when 0
	ReadOnly    bool          // beside the process that writes: nothing is made or changed, and every write fails
	Heal        bool          // a file that is damaged is set aside and a new one begun, for who fills it again
}

// Validate says everything that is wrong with the options.
func (o Options) Validate() error {
	var errs []error
	if o.Path == "" {
		errs = append(errs, errors.New("path: must name a file"))
	}
	if o.Readers < 0 || o.Readers > 64 {
		errs = append(errs, fmt.Errorf("readers: %d, must be 1 to 64, or 0 for the default", o.Readers))
	}
	if o.BusyTimeout < 0 || o.BusyTimeout > time.Minute {
		errs = append(errs, fmt.Errorf("busy time-out: %s, must be at most 1m, or 0 for the default", o.BusyTimeout))
	}
	return errors.Join(errs...)
}

// Store is one open file. It is safe for concurrent use; one writer at a time, readers never wait for it.
type Store struct {
	o       Options
	path    string
	writer  atomic.Pointer[sql.DB] // one connection
	readers atomic.Pointer[sql.DB]
	epoch   atomic.Int64 // grows when the file is opened again: statements of before are void
	is      atomic.Pointer[os.FileInfo]
	damage  atomic.Pointer[error] // what SQLite could not read since the file was opened

	healed   bool // the file was damaged when it was opened
	renewing sync.Mutex
	mu       sync.Mutex
	open     map[string]*generation // by physical name: their prepared statements live as long as the store
}

var _ documents.Store = (*Store)(nil)

// Open opens the file, makes it where it is absent and brings an older one up to date. A file that is damaged is set aside where the options
// say so, see SetAside; else it is an error, as is one of another program or of a newer ugc, that says so and what to do; it is left as it is.
func Open(ctx context.Context, o Options) (*Store, error) {
	if err := o.Validate(); err != nil {
		return nil, fmt.Errorf("sqlite options: %w", err)
	}
	if o.Readers == 0 {
		o.Readers = 4
	}
	if o.BusyTimeout == 0 {
		o.BusyTimeout = 5 * time.Second
	}
	path, err := filepath.Abs(o.Path)
	if err != nil {
		return nil, fmt.Errorf("open %s: %w", o.Path, err)
	}
	s := &Store{o: o, path: path}
	err = s.connect(ctx)
	if err == nil && o.Heal {
		err = s.check(ctx)
	}
	if err != nil && o.Heal && damages(err) {
		s.healed = true
		err = s.Renew(ctx, err)
	}
	if err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

// connect opens the file that is there now.
func (s *Store) connect(ctx context.Context) error {
	s.is.Store(nil)
	busy := strconv.FormatInt(s.o.BusyTimeout.Milliseconds(), 10)
	reading := url.Values{"mode": {"ro"}, "_busy_timeout": {busy}, "_dqs": {"0"}, "_pragma": {"cache_size(-8192)"}}
	// Checkpoints are what waits for the disk: one every 32 MiB rather than 4 makes bulks a quarter faster and their tail shorter.
	writing := url.Values{
		"_busy_timeout": {busy}, "_journal_mode": {"WAL"}, "_synchronous": {"NORMAL"}, "_txlock": {"immediate"}, "_dqs": {"0"},
		"_pragma": {"journal_size_limit(67108864)", "wal_autocheckpoint(8192)", "temp_store(MEMORY)", "cache_size(-16384)"},
	}
	if s.o.ReadOnly {
		writing = reading
	}
	writer, err := sql.Open("sqlite", dsn(s.path, writing))
	if err != nil {
		return s.failed("open", err)
	}
	readers, err := sql.Open("sqlite", dsn(s.path, reading))
	if err != nil {
		return errors.Join(s.failed("open", err), writer.Close())
	}
	fix(writer, 1)
	fix(readers, s.o.Readers)
	s.mu.Lock()
	s.open = map[string]*generation{}
	s.mu.Unlock()
	s.writer.Store(writer)
	s.readers.Store(readers)
	s.epoch.Add(1)
	prepare := s.migrate
	if s.o.ReadOnly {
		prepare = s.recognise
	}
	if err := prepare(ctx); err != nil {
		return err
	}
	info, err := os.Stat(s.path)
	if err != nil {
		return s.failed("open", err)
	}
	s.is.Store(&info)
	return nil
}

// Close ends the store. Calls that are under way end with an error.
func (s *Store) Close() error {
	var errs []error
	for _, db := range []*sql.DB{s.readers.Load(), s.writer.Load()} {
		if db != nil {
			errs = append(errs, db.Close())
		}
	}
	return errors.Join(errs...)
}

// fix keeps connections open: each has its statements prepared.
func fix(db *sql.DB, n int) {
	db.SetMaxOpenConns(n)
	db.SetMaxIdleConns(n)
	db.SetConnMaxLifetime(0)
	db.SetConnMaxIdleTime(0)
}

func dsn(path string, q url.Values) string {
	return (&url.URL{Scheme: "file", OmitHost: true, Path: path, RawQuery: q.Encode()}).String()
}

type beginner interface {
	BeginTx(context.Context, *sql.TxOptions) (*sql.Tx, error)
}

// change runs one transaction. An error from do rolls it back.
func (s *Store) change(ctx context.Context, on beginner, what string, do func(*sql.Tx) error) error {
	if err := s.replaced(); err != nil {
		return err
	}
	tx, err := on.BeginTx(ctx, nil)
	if err != nil {
		return s.failed(what, err)
	}
	if err := do(tx); err != nil {
		_ = tx.Rollback() // SQLite may have rolled back by itself, as it does when the disk is full
		return s.failed(what, err)
	}
	if err := tx.Commit(); err != nil {
		_ = tx.Rollback()
		return s.failed(what, err)
	}
	return nil
}

// Ping says whether the store answers, with kind Unavailable where it does not.
func (s *Store) Ping(ctx context.Context) error {
	if err := s.follow(ctx); err != nil {
		return err
	}
	if err := s.readers.Load().PingContext(ctx); err != nil {
		return domain.Wrap(domain.Unavailable, "ping documents", err)
	}
	return nil
}
