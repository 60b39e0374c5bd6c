package streams

import (
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"sync/atomic"

	"github.com/lovoo/goka/storage"
	"github.com/syndtr/goleveldb/leveldb"
	ldberrors "github.com/syndtr/goleveldb/leveldb/errors"
	"github.com/syndtr/goleveldb/leveldb/filter"
	"github.com/syndtr/goleveldb/leveldb/opt"
	"github.com/syndtr/goleveldb/leveldb/util"

	"ugc/domain"
)

// store is the local copy of one table partition: goka's storage over LevelDB. It differs from goka's own in that
//
//   - restoring writes in batches, in which the values of one key replace each other;
//   - the offset is written every so often, not with every record: what lies between is read again, and the greater version wins;
//   - it keeps, with the offset, the watermark of what it shows;
//   - a copy that is damaged is thrown away, and made anew from the topic.
//
// The offset on disk never runs ahead of the values on disk. goka calls it from one writer, and from any number of readers once it is restored.
type store struct {
	path   string
	db     *leveldb.DB
	failed func(error) // told of every failed write

	offset    atomic.Int64 // of the newest record of the topic that is in here, noOffset before the first
	saved     atomic.Int64 // the offset on disk
	watermark atomic.Int64 // domain.Version, see positions.go
	restored  atomic.Bool

	pending map[string][]byte // of restoring; nil values are deletes
	size    int
}

const (
	noOffset       = -1
	saveEvery      = 1024    // records
	restoringEvery = 1 << 16 // records, while restoring
	batchBytes     = 4 << 20 // of pending
	blockCache     = 8 << 20
	writeBuffer    = 4 << 20
	openFiles      = 64
	bloomBits      = 10
	positionSize   = 16 // offset and watermark
)

// positionKey holds offset and watermark. No record without a key ever gets here, so it is free.
var positionKey = []byte{}

// openStore opens the copy below dir, or begins one.
func openStore(dir, topic string, partition int32, failed func(error)) (*store, error) {
	s := &store{
		path: filepath.Join(dir, topic+"."+strconv.Itoa(int(partition))), failed: failed,
		pending: make(map[string][]byte),
	}
	options := &opt.Options{
		Filter: filter.NewBloomFilter(bloomBits), BlockCacheCapacity: blockCache, WriteBuffer: writeBuffer, OpenFilesCacheCapacity: openFiles,
	}
	db, err := leveldb.OpenFile(s.path, options)
	if ldberrors.IsCorrupted(err) {
		if err := os.RemoveAll(s.path); err != nil {
			return nil, fmt.Errorf("throw the damaged copy %s away: %w", s.path, err)
		}
		db, err = leveldb.OpenFile(s.path, options)
	}
	if err != nil {
		return nil, fmt.Errorf("open %s: %w (is another process using the data folder?)", s.path, err)
	}
	s.db = db
	if err := s.load(); err != nil {
		return nil, errors.Join(err, db.Close())
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
	return nil
}

// Open implements storage.Storage: openStore has done it.
func (s *store) Open() error { return nil }

// Close implements storage.Storage. Calls that come later fail, but for SetOffset, which does nothing.
func (s *store) Close() error {
	err := s.flush()
	if err == nil {
		err = s.save()
	}
	return errors.Join(err, s.db.Close())
}

// Has implements storage.Storage.
func (s *store) Has(key string) (bool, error) {
	v, err := s.Get(key)
	return v != nil, err
}

// Get implements storage.Storage.
func (s *store) Get(key string) ([]byte, error) {
	if !s.restored.Load() {
		if v, ok := s.pending[key]; ok {
			return v, nil
		}
	}
	v, err := s.db.Get([]byte(key), nil)
	if errors.Is(err, leveldb.ErrNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read from %s: %w (if it is damaged, remove the folder: it is made anew from the topic)", s.path, err)
	}
	return v, nil
}

// Set implements storage.Storage.
func (s *store) Set(key string, value []byte) error {
	if value == nil {
		return errors.New("a value must not be nil")
	}
	return s.put(key, value)
}

// Delete implements storage.Storage.
func (s *store) Delete(key string) error { return s.put(key, nil) }

func (s *store) put(key string, value []byte) error {
	var err error
	switch {
	case !s.restored.Load():
		s.size += len(key) + len(value)
		s.pending[key] = value
		if s.size >= batchBytes {
			err = s.flush()
		}
	case value == nil:
		err = s.db.Delete([]byte(key), nil)
	default:
		err = s.db.Put([]byte(key), value, nil)
	}
	if err != nil {
		err = fmt.Errorf("write to %s: %w", s.path, err)
		s.failed(err)
	}
	return err
}

// flush writes what is pending.
func (s *store) flush() error {
	if len(s.pending) == 0 {
		return nil
	}
	batch := new(leveldb.Batch)
	for key, value := range s.pending {
		if value == nil {
			batch.Delete([]byte(key))
		} else {
			batch.Put([]byte(key), value)
		}
	}
	clear(s.pending)
	s.size = 0
	return s.db.Write(batch, nil)
}

// GetOffset implements storage.Storage.
func (s *store) GetOffset(none int64) (int64, error) {
	if o := s.offset.Load(); o != noOffset {
		return o, nil
	}
	return none, nil
}

// SetOffset implements storage.Storage. It is called with every record: after Set while restoring and in a view, after the write is acknowledged in
// a processor.
func (s *store) SetOffset(offset int64) error {
	s.offset.Store(offset)
	every := int64(saveEvery)
	if !s.restored.Load() {
		every = restoringEvery
	}
	if offset-s.saved.Load() < every {
		return nil
	}
	if !s.restored.Load() {
		if err := s.flush(); err != nil {
			return fmt.Errorf("write to %s: %w", s.path, err)
		}
	}
	if err := s.save(); err != nil && !errors.Is(err, leveldb.ErrClosed) {
		return err
	}
	return nil
}

func (s *store) save() error {
	offset := s.offset.Load()
	if offset == noOffset {
		return nil
	}
	b := binary.BigEndian.AppendUint64(make([]byte, 0, positionSize), uint64(offset))
	b = binary.BigEndian.AppendUint64(b, uint64(s.watermark.Load()))
	if err := s.db.Put(positionKey, b, nil); err != nil {
		return fmt.Errorf("write position of %s: %w", s.path, err)
	}
	s.saved.Store(offset)
	return nil
}

// MarkRecovered implements storage.Storage: from here on writes go straight to disk and reads may come from anywhere.
func (s *store) MarkRecovered() error {
	if s.restored.Load() {
		return nil
	}
	if err := errors.Join(s.flush(), s.save()); err != nil {
		return fmt.Errorf("finish restoring %s: %w", s.path, err)
	}
	s.restored.Store(true)
	return nil
}

// Iterator implements storage.Storage.
func (s *store) Iterator() (storage.Iterator, error) { return s.IteratorWithRange(nil, nil) }

// IteratorWithRange implements storage.Storage: from start up to and without limit, or all keys that begin with start where there is no limit.
func (s *store) IteratorWithRange(start, limit []byte) (storage.Iterator, error) {
	r := util.BytesPrefix(start)
	if len(limit) > 0 {
		r = &util.Range{Start: start, Limit: limit}
	}
	if len(r.Start) == 0 {
		r.Start = []byte{0} // past positionKey
	}
	it := s.db.NewIterator(r, nil)
	return &cursor{it}, it.Error()
}
