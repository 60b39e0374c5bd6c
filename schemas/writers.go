package schemas

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"ugc/domain"
)

const (
	maxWriters = 1024        // schemas of other versions that are kept; beyond it the memory starts anew
	askAgain   = time.Minute // after which a registry that did not know an id is asked once more
)

// writers are the schemas of other versions, by id. Each is fetched and resolved once.
type writers struct {
	o     Options
	cache *cache
	known atomic.Pointer[map[uint32]verdictOnWriter] // read by every decode, replaced by the one that fetches
	fetch sync.Mutex
}

// verdictOnWriter is a schema, or why it cannot be read.
type verdictOnWriter struct {
	writer *writer
	err    error
	until  time.Time // when to ask again; zero: never
}

func newWriters(o Options, c *cache) *writers { return &writers{o: o, cache: c} }

// get gives the schema of an id. It asks the registry at most once at a time, and not again for what it has answered.
func (w *writers) get(id uint32) (*writer, error) {
	if w.o.Registry == nil {
		return nil, unknownSchema("its id %d is none of this version's, and no registry is connected", id)
	}
	if v, ok := w.look(id); ok {
		return v.writer, v.err
	}
	w.fetch.Lock()
	defer w.fetch.Unlock()
	if v, ok := w.look(id); ok {
		return v.writer, v.err
	}
	text, cached := w.cache.schema(id)
	if !cached {
		err := w.o.try(context.Background(), func(ctx context.Context) (err error) {
			text, err = w.o.Registry.SchemaByID(ctx, int(id))
			return err
		})
		switch {
		case domain.KindOf(err) == domain.NotFound && err != nil:
			v := verdictOnWriter{err: unknownSchema("the registry does not know its id %d", id), until: w.o.Now().Add(askAgain)}
			w.keep(id, v)
			return nil, v.err
		case err != nil:
			return nil, domain.Wrap(domain.Unavailable, "decode record: fetch the schema it was written with", err)
		}
	}
	made, err := resolve(text)
	v := verdictOnWriter{writer: made}
	if err != nil {
		v.err = unknownSchema("its id %d is of a schema that this version does not read: %v", id, err)
	} else if !cached {
		w.cache.setSchema(id, text)
	}
	w.keep(id, v)
	return v.writer, v.err
}

func (w *writers) look(id uint32) (verdictOnWriter, bool) {
	known := w.known.Load()
	if known == nil {
		return verdictOnWriter{}, false
	}
	v, ok := (*known)[id]
	if ok && !v.until.IsZero() && !w.o.Now().Before(v.until) {
		return verdictOnWriter{}, false
	}
	return v, ok
}

// keep is called by one goroutine at a time.
func (w *writers) keep(id uint32, v verdictOnWriter) {
	next := map[uint32]verdictOnWriter{id: v}
	if known := w.known.Load(); known != nil && len(*known) < maxWriters {
		for k, old := range *known {
			if k != id {
				next[k] = old
			}
		}
	}
	w.known.Store(&next)
}
