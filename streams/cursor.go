package streams

import ldbiter "github.com/syndtr/goleveldb/leveldb/iterator"

// cursor is LevelDB's iterator as goka wants it.
type cursor struct {
	ldbiter.Iterator
	store *store
}

// Err implements storage.Iterator.
func (c *cursor) Err() error { return c.store.failed(c.Error()) }

// Value implements storage.Iterator. The bytes are valid until the next call.
func (c *cursor) Value() ([]byte, error) { return c.Iterator.Value(), nil }
