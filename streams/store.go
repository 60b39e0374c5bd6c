package streams

import (
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"sync/atomic"

	"github.com/lovoo/goka/storage"
	"github.com/syndtr/goleveldb/leveldb"
	ldberrors "github.com/syndtr/goleveldb/leveldb/errors"
	"github.com/syndtr/goleveldb/leveldb/filter"
	"github.com/syndtr/goleveldb/leveldb/opt"
	ldbstorage "github.com/syndtr/goleveldb/leveldb/storage"
	"github.com/syndtr/goleveldb/leveldb/util"
	"github.com/twmb/franz-go/pkg/kgo"

	"ugc/domain"
)

// store is the local copy of one table partition: goka's storage over LevelDB. It differs from goka's own in that
//
//   - writes gather, and go to the disk in batches in which the values of one key replace each other; readers see them at once;
//   - a batch holds the offset up to which it is the topic: what was not yet on disk when the process died is read again, and the greater version wins;
//   - it keeps, with the offset, the watermark of what it shows, and which keys are to be written again (see marks.go);
//   - a copy that is damaged is thrown away, and made anew from the topic.
//
// There is one writer at a time, and any number of readers once it is restored.
type store struct {
	path string
	db   *leveldb.DB

	offset    atomic.Int64 // of the newest record of the topic that is in here, noOffset before the first
	watermark atomic.Int64 // domain.Version, see positions.go
	restored  atomic.Bool
	useless   atomic.Bool     // it knows more than its topic: it is removed when it is closed
	damaged   atomic.Bool     // something could not be read: likewise
	spoilt    func(why error) // is told of it, once; nil: nobody
	marks     atomic.Int64    // keys to be written again
	seen      *seen           // of the writer, while a copy that began empty is restored: what may be in here; nil: anything

	mu      sync.RWMutex
	pending map[string][]byte // not yet on disk, by place; nil values are deletes
	leaving map[string][]byte // being written to disk
	size    int               // bytes of pending
	closed  bool

	flushing sync.Mutex     // held by whoever writes to disk
	batch    *leveldb.Batch // for use again, while restoring
	saved    atomic.Int64   // the offset on disk
}

const (
	noOffset       = -1
	saveEvery      = 4096    // records
	restoringEvery = 1 << 16 // records, while restoring
	batchBytes     = 4 << 20 // of pending
	blockCache     = 4 << 20
	writeBuffer    = 4 << 20
	openFiles      = 64
	bloomBits      = 10
	positionSize   = 16 // offset and watermark

	// So many tables may wait to be merged: twice LevelDB's own numbers. Batches make large ones, and while a copy is restored most of the work would be to merge
	// what the next batch makes anew.
	compactFrom = 8
	slowFrom    = 16
	waitFrom    = 24
)

// positionKey holds offset and watermark. No record without a key ever gets here, so it is free.
var positionKey = []byte{}

// place is where a key's value lies: under the key, unless that begins as the store's own places do.
func place(key string) string {
	if key != "" && key[0] == 0 {
		return "\x00" + key
	}
	return key
}

// openStore opens the copy below dir, or begins one.
func openStore(dir, topic string, partition int32) (*store, error) {
	path := filepath.Join(dir, topic+"."+strconv.Itoa(int(partition)))
	options := &opt.Options{
		Filter: filter.NewBloomFilter(bloomBits), BlockCacheCapacity: blockCache, WriteBuffer: writeBuffer, OpenFilesCacheCapacity: openFiles,
		CompactionL0Trigger: compactFrom, WriteL0SlowdownTrigger: slowFrom, WriteL0PauseTrigger: waitFrom,
		Strict: opt.StrictAll, // as it comes, LevelDB passes over what is damaged in its journal and shows the rest as if it were all
	}
	s, err := openCopy(path, options)
	if corrupted(err) {
		if err := os.RemoveAll(path); err != nil {
			return nil, fmt.Errorf("throw the damaged copy %s away: %w", path, err)
		}
		s, err = openCopy(path, options)
	}
	if err != nil {
		return nil, fmt.Errorf("open %s: %w (is another process using the data folder?)", path, err)
	}
	return s, nil
}

func openCopy(path string, options *opt.Options) (*store, error) {
	db, err := leveldb.OpenFile(path, options)
	if err != nil {
		return nil, err
	}
	return newStore(path, db)
}

// corrupted says whether LevelDB could not read what it wrote. Its own test sees no error that is wrapped.
func corrupted(err error) bool {
	var (
		database *ldberrors.ErrCorrupted
		file     *ldbstorage.ErrCorrupted
	)
	return errors.As(err, &database) || errors.As(err, &file)
}

// failed notes that the copy is damaged: it is thrown away when it is closed, and the next one is made anew from the topic.
func (s *store) failed(err error) error {
	if corrupted(err) && !s.damaged.Swap(true) {
		if spoilt := s.spoilt; spoilt != nil {
			spoilt(err)
		}
	}
	return err
}

// newStore goes on with what is in the database, which is its own from then on.
func newStore(path string, db *leveldb.DB) (*store, error) {
	s := &store{path: path, db: db, pending: make(map[string][]byte)}
	if err := s.load(); err != nil {
		return nil, errors.Join(err, db.Close())
	}
	it := db.NewIterator(nil, nil)
	defer it.Release()
	empty := !it.First()
	if err := it.Error(); err != nil {
		it.Release()
		return nil, errors.Join(fmt.Errorf("read from %s: %w", s.path, err), db.Close())
	}
	if empty {
		s.seen = newSeen()
	}
	return s, nil
}

func (s *store) load() error {
	s.offset.Store(noOffset)
	s.watermark.Store(int64(domain.NoVersion))
	b, err := s.db.Get(positionKey, nil)
	switch {
	case errors.Is(err, leveldb.ErrNotFound):
	case err != nil:
		return fmt.Errorf("read position of %s: %w", s.path, err)
	case len(b) != positionSize:
		return fmt.Errorf("read position of %s: %d bytes: remove the folder, it is made anew from the topic", s.path, len(b))
	default:
		s.offset.Store(int64(binary.BigEndian.Uint64(b)))
		s.watermark.Store(int64(binary.BigEndian.Uint64(b[8:])))
	}
	s.saved.Store(s.offset.Load())
	return s.countMarks()
}

// Open implements storage.Storage: openStore has done it.
func (s *store) Open() error { return nil }

// Close implements storage.Storage. Writes that come later fail.
func (s *store) Close() error {
	s.mu.Lock()
	closed := s.closed
	s.closed = true
	s.mu.Unlock()
	if closed {
		return nil
	}
	if s.useless.Load() || s.damaged.Load() {
		_ = s.db.Close() // whatever it says
		return os.RemoveAll(s.path)
	}
	return errors.Join(s.flushWith(true), s.db.Close())
}

// Has implements storage.Storage.
func (s *store) Has(key string) (bool, error) {
	v, err := s.Get(key)
	return v != nil, err
}

// Get implements storage.Storage. The bytes must not be changed.
func (s *store) Get(key string) ([]byte, error) {
	if !s.restored.Load() && !s.seen.maybe(key) {
		return nil, nil
	}
	return s.at(place(key))
}

// at is what lies in a place, nil for nothing.
func (s *store) at(place string) ([]byte, error) {
	if v, ok := s.gathered(place); ok {
		return v, nil
	}
	v, err := s.db.Get([]byte(place), nil)
	if errors.Is(err, leveldb.ErrNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read from %s: %w", s.path, s.failed(err))
	}
	return v, nil
}

func (s *store) gathered(place string) ([]byte, bool) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	v, ok := s.pending[place]
	if !ok {
		v, ok = s.leaving[place]
	}
	return v, ok
}

// Set implements storage.Storage. The value is the store's from then on.
func (s *store) Set(key string, value []byte) error {
	if value == nil {
		return errors.New("a value must not be nil")
	}
	return s.put(key, value)
}

// Delete implements storage.Storage.
func (s *store) Delete(key string) error { return s.put(key, nil) }

func (s *store) put(key string, value []byte) error {
	if !s.restored.Load() {
		s.seen.add(key)
	}
	return s.putAt(place(key), value)
}

func (s *store) putAt(place string, value []byte) error {
	s.mu.Lock()
	if s.closed {
		s.mu.Unlock()
		return fmt.Errorf("write to %s: %w", s.path, leveldb.ErrClosed)
	}
	s.pending[place] = value
	s.size += len(place) + len(value)
	full := s.size >= batchBytes
	s.mu.Unlock()
	if full {
		return s.flush()
	}
	return nil
}

// wrote takes over what the partition's owner has written to the topic, each record right behind the one before it, and
// the first right behind what is in here.
func (s *store) wrote(records []*kgo.Record) error {
	for _, r := range records {
		if err := s.Set(string(r.Key), r.Value); err != nil {
			return err
		}
		if err := s.unmark(string(r.Key)); err != nil {
			return err
		}
	}
	return s.SetOffset(records[len(records)-1].Offset)
}

// flush writes what is pending, with the offset and the watermark. They may be a little behind what is pending, never ahead.
func (s *store) flush() error {
	return s.flushWith(s.offset.Load()-s.saved.Load() >= restoringEvery || s.restored.Load())
}

// flushWith writes the position only where it is asked to: it stands before all keys, so that whatever LevelDB table it is in reaches from there to the last key of its
// batch, and has to be merged with all the others, which records that come in the order of their keys need not be.
func (s *store) flushWith(position bool) error {
	s.flushing.Lock()
	defer s.flushing.Unlock()
	s.mu.Lock()
	offset := s.offset.Load()
	if len(s.pending) == 0 && s.saved.Load() == offset {
		s.mu.Unlock()
		return nil
	}
	s.leaving, s.pending = s.pending, make(map[string][]byte, len(s.pending))
	s.size = 0
	watermark := s.watermark.Load()
	s.mu.Unlock()

	batch := s.batch
	if batch == nil {
		batch = new(leveldb.Batch)
	}
	if !s.restored.Load() {
		s.batch = batch // whose memory the next one takes
	}
	batch.Reset()
	for key, value := range s.leaving {
		if value == nil {
			batch.Delete([]byte(key))
		} else {
			batch.Put([]byte(key), value)
		}
	}
	if position = position && offset != noOffset; position {
		place := binary.BigEndian.AppendUint64(make([]byte, 0, positionSize), uint64(offset))
		batch.Put(positionKey, binary.BigEndian.AppendUint64(place, uint64(watermark)))
	}
	err := s.db.Write(batch, nil)

	s.mu.Lock()
	defer s.mu.Unlock()
	if err != nil {
		for key, value := range s.leaving { // readers go on, and the next flush tries again
			if _, newer := s.pending[key]; !newer {
				s.pending[key] = value
			}
		}
		s.leaving = nil
		return fmt.Errorf("write to %s: %w", s.path, s.failed(err))
	}
	s.leaving = nil
	if position {
		s.saved.Store(offset)
	}
	return nil
}

// GetOffset implements storage.Storage.
func (s *store) GetOffset(none int64) (int64, error) {
	if o := s.offset.Load(); o != noOffset {
		return o, nil
	}
	return none, nil
}

// SetOffset implements storage.Storage. It is called when everything up to that offset is in here.
func (s *store) SetOffset(offset int64) error {
	s.offset.Store(offset)
	every := int64(saveEvery)
	if !s.restored.Load() {
		every = restoringEvery
	}
	if offset-s.saved.Load() < every {
		return nil
	}
	return s.flush()
}

// MarkRecovered implements storage.Storage: from here on reads may come from anywhere.
func (s *store) MarkRecovered() error {
	if s.restored.Load() {
		return nil
	}
	if err := s.flushWith(true); err != nil {
		return fmt.Errorf("finish restoring: %w", err)
	}
	s.restored.Store(true)
	s.seen = nil
	s.flushing.Lock()
	s.batch = nil
	s.flushing.Unlock()
	return nil
}

// Iterator implements storage.Storage.
func (s *store) Iterator() (storage.Iterator, error) { return s.IteratorWithRange(nil, nil) }

// IteratorWithRange implements storage.Storage: from start up to and without limit, or all keys that begin with start
// where there is no limit. Keys that begin with a zero, which none of ours does, are left out.
func (s *store) IteratorWithRange(start, limit []byte) (storage.Iterator, error) {
	if err := s.flush(); err != nil { // so that the disk shows all
		return nil, err
	}
	r := util.BytesPrefix(start)
	if len(limit) > 0 {
		r = &util.Range{Start: start, Limit: limit}
	}
	if len(r.Start) == 0 {
		r.Start = []byte{1} // past the store's own places
	}
	it := s.db.NewIterator(r, nil)
	return &cursor{it, s}, s.failed(it.Error())
}
