package streams

import (
	"fmt"

	"github.com/lovoo/goka"
	"github.com/lovoo/goka/storage"

	"ugc/domain"
	"ugc/schemas"
)

// keepGreater restores a table so that of two values of a key the one with the greater applied version stays; of equals the later
// one. goka's own rule, the last record wins, would let a zombie undo newer state with a write that was long on its way (DESIGN 6, rule 5).
//
// A record that takes a key back is reported to the healer, because compaction would in the end keep just that one. stored, where
// given, is called after each record is in the store.
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
		return fmt.Errorf("the record has no key: no program of ours wrote it. Find out who did; the table cannot be read past it")
	}
	if value == nil {
		h.settled(key)
		return s.Delete(key)
	}
	version, err := schemas.AppliedOf(value)
	if err != nil {
		return fmt.Errorf("%w. It is no table value: find out who wrote it; the table cannot be read past it", err)
	}
	old, err := s.Get(key)
	if err != nil {
		return err
	}
	if old != nil {
		kept, err := schemas.AppliedOf(old)
		if err != nil {
			return err
		}
		if kept > version {
			h.regressed(key, kept)
			return nil
		}
	}
	h.settled(key)
	return s.Set(key, value)
}

// headerVersion is the version of the input behind a table record.
func headerVersion(ctx goka.UpdateContext, header string) (domain.Version, bool) {
	return parseVersion(ctx.Headers()[header])
}
