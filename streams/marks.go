package streams

import (
	"fmt"

	"github.com/syndtr/goleveldb/leveldb/util"
)

// Marks name the keys of which the topic's last record is not the one that counts: a late or a foreign one, or a
// tombstone, stands behind it, and compaction would in the end keep just that. They lie in the copy and go to its
// disk no later than the offset that passes over the record, so that a restart finds them, until the owner has
// written the key again.
const (
	markRepair byte = 'r' // the copy holds the right value
	markLost   byte = 'l' // no value that counts was found: it may have been compacted away
)

// lostValue stands in a copy for a value that may have been compacted away: it must not be taken for a key without a
// state. It begins as no value does.
var lostValue = []byte{0xff, 'l', 'o', 's', 't'}

func isLost(value []byte) bool { return string(value) == string(lostValue) }

const marksPlace = "\x00\x01" // place gives none that begins so

// mark notes a key.
func (s *store) mark(key string, kind byte) error {
	old, err := s.at(marksPlace + key)
	if err != nil {
		return err
	}
	if old == nil {
		s.marks.Add(1)
	}
	return s.putAt(marksPlace+key, []byte{kind})
}

// unmark says that the key's last record is the one that counts.
func (s *store) unmark(key string) error {
	if s.marks.Load() == 0 {
		return nil
	}
	if old, err := s.at(marksPlace + key); err != nil || old == nil {
		return err
	}
	s.marks.Add(-1)
	return s.putAt(marksPlace+key, nil)
}

// marked gives up to so many of the marked keys that are of that kind.
func (s *store) marked(kind byte, limit int) (keys []string, err error) {
	if s.marks.Load() == 0 {
		return nil, nil
	}
	if err := s.flush(); err != nil { // so that the disk shows all
		return nil, err
	}
	it := s.db.NewIterator(util.BytesPrefix([]byte(marksPlace)), nil)
	defer it.Release()
	for len(keys) < limit && it.Next() {
		if v := it.Value(); len(v) == 1 && v[0] == kind {
			keys = append(keys, string(it.Key()[len(marksPlace):]))
		}
	}
	return keys, s.failed(it.Error())
}

func (s *store) countMarks() error {
	it := s.db.NewIterator(util.BytesPrefix([]byte(marksPlace)), nil)
	defer it.Release()
	n := int64(0)
	for it.Next() {
		n++
	}
	s.marks.Store(n)
	if err := it.Error(); err != nil {
		return fmt.Errorf("read the marks of %s: %w", s.path, err)
	}
	return nil
}
