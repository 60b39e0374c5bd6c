package schemas

import (
	"context"
	"math"
	"sync"
	"sync/atomic"
	"time"

	"ugc/domain"
)

// A registry that does not know an id may know it a moment later: a replica follows the one that a new version of ugc has registered its schema
// with. So nothing that it does not know is final, and the wait for it is bounded:
//
//   - The first record with such an id waits, and so does what stands behind it in its partition (streams) or view (projections): waitForID in all,
//     however many wait for the same id at once. A registry that is away meanwhile ends the wait as ever, with an error of kind Unavailable, and does not count.
//   - Then it is an unknown schema. Later records with the id ask again, at most once in askAgain, and wait no more.
//   - Bytes of no record at all may look like ids that nobody ever gives. After maxFruitless ids that never came within fruitlessFor, further ones are
//     asked for once and not waited for.
const (
	waitForID    = 10 * time.Second
	askAgain     = time.Second
	maxFruitless = 3
	fruitlessFor = 10 * time.Minute
)

// maxWriters bounds the schemas of other versions that are kept, and the ids that are looked for; beyond it the memory starts anew.
const maxWriters = 1024

// writers are the schemas of other versions, by id. Each is fetched and resolved once.
type writers struct {
	o     Options
	cache *cache
	known atomic.Pointer[map[uint32]verdictOnWriter] // read by every decode, replaced by the one that fetches

	mu        sync.Mutex // of the rest, and of replacing known
	searches  map[uint32]*search
	fruitless []time.Time // when waits ended with nothing, the newest maxFruitless
}

// verdictOnWriter is a schema, or why it cannot be read.
type verdictOnWriter struct {
	writer *writer
	err    error
}

// search is what is known of an id that is not known. Its fields are those of whoever holds the turn.
type search struct {
	turn   chan struct{} // one asks, the others wait for the answer
	waited time.Duration
	over   bool      // nobody waits any more
	asked  time.Time // when it was not known last
}

func newWriters(o Options, c *cache) *writers {
	return &writers{o: o, cache: c, searches: map[uint32]*search{}}
}

// get gives the schema of an id, and waits for one that the registry does not know yet.
func (w *writers) get(id uint32) (*writer, error) {
	if w.o.Registry == nil {
		return nil, unknownSchema("its id %d is none of this version's, and no registry is connected", id)
	}
	if id == 0 || id > math.MaxInt32 {
		return nil, unknownSchema("its id %d is none that a registry gives", id)
	}
	if v, ok := w.look(id); ok {
		return v.writer, v.err
	}
	s := w.search(id)
	select {
	case s.turn <- struct{}{}:
	case <-w.o.Stop:
		return nil, errStopped()
	}
	defer func() { <-s.turn }()
	if v, ok := w.look(id); ok {
		return v.writer, v.err
	}
	if s.over && time.Since(s.asked) < askAgain {
		return nil, errNotKnown(id)
	}
	for wait := firstWait; ; wait = min(2*wait, askAgain) {
		v, err := w.fetch(id)
		if err == nil {
			w.found(id, s, v)
			return v.writer, v.err
		}
		if domain.KindOf(err) != domain.NotFound {
			return nil, domain.Wrap(domain.Unavailable, "decode record: fetch the schema it was written with", err)
		}
		s.asked = time.Now()
		if !w.goesOn(id, s) {
			return nil, errNotKnown(id)
		}
		wait = min(wait, waitForID-s.waited)
		if err := w.pause(wait); err != nil {
			return nil, err
		}
		s.waited += wait
	}
}

func errNotKnown(id uint32) error {
	return unknownSchema("the registry does not know its id %d", id)
}

func errStopped() error {
	return domain.Wrap(domain.Unavailable, "decode record: wait for the schema it was written with", context.Canceled)
}

// fetch asks for the schema once, in as many attempts as are set. An error is why there is no answer, of kind NotFound where the answer is no.
func (w *writers) fetch(id uint32) (v verdictOnWriter, err error) {
	text, cached := w.cache.schema(id)
	if !cached {
		ctx, cancel := context.WithCancel(context.Background())
		defer cancel()
		if w.o.Stop != nil {
			go func() {
				select {
				case <-w.o.Stop:
					cancel()
				case <-ctx.Done():
				}
			}()
		}
		err := w.o.try(ctx, func(ctx context.Context) (err error) {
			text, err = w.o.Registry.SchemaByID(ctx, int(id))
			return err
		})
		if err != nil {
			return v, err
		}
	}
	if v.writer, err = resolve(text); err != nil {
		v.err = unknownSchema("its id %d is of a schema that this version does not read: %v", id, err)
	} else if !cached {
		w.cache.setSchema(id, text)
	}
	return v, nil
}

// search is the one search for an id.
func (w *writers) search(id uint32) *search {
	w.mu.Lock()
	defer w.mu.Unlock()
	s := w.searches[id]
	if s == nil {
		if len(w.searches) >= maxWriters {
			clear(w.searches)
		}
		s = &search{turn: make(chan struct{}, 1)}
		w.searches[id] = s
	}
	return s
}

// found ends a search.
func (w *writers) found(id uint32, s *search, v verdictOnWriter) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.keep(id, v)
	if w.searches[id] == s {
		delete(w.searches, id)
	}
	if !s.asked.IsZero() {
		w.o.Log.Info("the schema registry knows a schema id now", "id", id, "waited", s.waited)
	}
}

// goesOn says whether an id that is not known is worth another wait, and notes the end of one that is not.
func (w *writers) goesOn(id uint32, s *search) bool {
	if s.over {
		return false
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	switch {
	case s.waited >= waitForID:
		s.over = true
		w.fruitless = append(w.fruitless[max(0, len(w.fruitless)-maxFruitless+1):], time.Now())
		w.o.Log.Warn("the schema registry does not know a schema id; records with it are set aside", "id", id, "waited", s.waited)
	case s.waited == 0 && len(w.fruitless) == maxFruitless && time.Since(w.fruitless[0]) < fruitlessFor:
		s.over = true
	case s.waited == 0:
		w.o.Log.Warn("the schema registry does not know a schema id yet; a record waits for it", "id", id, "at_most", waitForID)
	}
	return !s.over
}

func (w *writers) pause(d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-w.o.Stop:
		return errStopped()
	}
}

func (w *writers) look(id uint32) (verdictOnWriter, bool) {
	known := w.known.Load()
	if known == nil {
		return verdictOnWriter{}, false
	}
	v, ok := (*known)[id]
	return v, ok
}

// keep is called with the lock held.
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
