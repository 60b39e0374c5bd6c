package projections

import (
	"iter"
	"sync"

	"ugc/domain"
)

// Watermarks tell readers in this process of every advance at once. The engines of the live generations feed it. The zero value is ready.
type Watermarks struct {
	mu    sync.Mutex
	views map[string]*viewMarks
}

type viewMarks struct {
	owned   map[int32]domain.Version // of partitions that an engine in this process projects
	changed chan struct{}            // closed at the next change, then a new one; nil while nobody waits
	keys    map[string]*keyWait
}

type keyWait struct {
	changed chan struct{}
	waiters int
}

func (w *Watermarks) of(view string) *viewMarks {
	v, ok := w.views[view]
	if !ok {
		if w.views == nil {
			w.views = map[string]*viewMarks{}
		}
		v = &viewMarks{owned: map[int32]domain.Version{}, keys: map[string]*keyWait{}}
		w.views[view] = v
	}
	return v
}

// own says that this process projects the partition from now on, and how far it is.
func (w *Watermarks) own(view string, p int32, version domain.Version) {
	w.mu.Lock()
	defer w.mu.Unlock()
	v := w.of(view)
	v.owned[p] = version
	v.wake()
}

func (w *Watermarks) disown(view string, p int32) {
	w.mu.Lock()
	defer w.mu.Unlock()
	v := w.of(view)
	delete(v.owned, p)
	v.wake() // those who wait must ask the store from now on
}

// advanced tells of watermarks that the store has, and of the keys that were written.
func (w *Watermarks) advanced(view string, marks map[int32]Watermark, keys iter.Seq[string]) {
	w.mu.Lock()
	defer w.mu.Unlock()
	v := w.of(view)
	for p, m := range marks {
		if version, ok := v.owned[p]; ok {
			v.owned[p] = max(version, m.Version)
		}
	}
	v.wake()
	if len(v.keys) == 0 {
		return
	}
	for key := range keys {
		if k, ok := v.keys[key]; ok {
			close(k.changed)
			delete(v.keys, key)
		}
	}
}

func (v *viewMarks) wake() {
	if v.changed != nil {
		close(v.changed)
		v.changed = nil
	}
}

// watch is the version of a partition, where this process projects it, and what is closed at the next change of either.
func (w *Watermarks) watch(view string, p int32) (version domain.Version, owned bool, changed <-chan struct{}) {
	w.mu.Lock()
	defer w.mu.Unlock()
	v := w.of(view)
	if v.changed == nil {
		v.changed = make(chan struct{})
	}
	version, owned = v.owned[p]
	return version, owned, v.changed
}

// watchKey gives what is closed when the key is next written by this process; done must be called.
func (w *Watermarks) watchKey(view, key string) (changed <-chan struct{}, done func()) {
	w.mu.Lock()
	defer w.mu.Unlock()
	v := w.of(view)
	k, ok := v.keys[key]
	if !ok {
		k = &keyWait{changed: make(chan struct{})}
		v.keys[key] = k
	}
	k.waiters++
	return k.changed, func() {
		w.mu.Lock()
		defer w.mu.Unlock()
		if k.waiters--; k.waiters == 0 && v.keys[key] == k {
			delete(v.keys, key)
		}
	}
}
