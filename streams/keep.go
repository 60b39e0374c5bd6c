package streams

import (
	"errors"
	"fmt"

	"github.com/lovoo/goka"
	"github.com/lovoo/goka/storage"

	"ugc/domain"
	"ugc/schemas"
)

// keepGreater restores a table so that of two values of a key the one with the greater applied version stays; of equals the later
// one. goka's own rule, the last record wins, would let a zombie undo newer state with a write that was long on its way (DESIGN 6, rule 5).
//
// A record that takes a key back is reported to the healer, because compaction would in the end keep just that one. So is one that is no table value: no
// program of ours wrote it, and one such record must not hold up all other keys. stored, where given, is called after each record is in the store.
func keepGreater(table string, h *healer, stored func(goka.UpdateContext)) goka.UpdateCallback {
	return func(ctx goka.UpdateContext, s storage.Storage, key string, value []byte) error {
		if err := keep(s, h, key, value); err != nil {
			return fmt.Errorf("table %s, partition %d, offset %d, key %q: %w", table, ctx.Partition(), ctx.Offset(), key, err)
		}
		if stored != nil {
			stored(ctx)
		}
		return nil
	}
}

func keep(s storage.Storage, h *healer, key string, value []byte) error {
	if key == "" {
		h.foreign(key, errNoKey) // and nothing is kept under no key
		return nil
	}
	if value == nil {
		h.settled(key)
		return s.Delete(key)
	}
	kept, known, err := keptVersion(s, key)
	if err != nil {
		return err
	}
	version, err := schemas.AppliedOf(value)
	if err != nil {
		h.foreign(key, err)
	}
	if known && (err != nil || kept > version) {
		h.regressed(key, kept)
		return nil //nolint:nilerr // a foreign record was told of above
	}
	if err == nil {
		h.settled(key)
	}
	// A foreign value of a key that has no other is kept as it is: it may stand where a right one stood, so it must not be taken for a key without a state.
	return s.Set(key, value)
}

var errNoKey = errors.New("the record has no key")

// keptVersion is the version of the value in the store; known is false where there is none that can be read.
func keptVersion(s storage.Storage, key string) (kept domain.Version, known bool, err error) {
	value, err := s.Get(key)
	if err != nil || value == nil {
		return domain.NoVersion, false, err
	}
	kept, err = schemas.AppliedOf(value)
	return kept, err == nil, nil // any value that can be read is better
}

// headerVersion is the version of the input behind a table record.
func headerVersion(ctx goka.UpdateContext, header string) (domain.Version, bool) {
	return parseVersion(ctx.Headers()[header])
}
