package deploy

import (
	"context"
	"fmt"
	"time"

	"ugc/deploy/config"
	"ugc/projections/documents"
	"ugc/projections/mongo"
	"ugc/projections/sqlite"
)

// documentStore is what the house needs of the store of the document views, whichever it is.
type documentStore interface {
	documents.Store
	// Ping says whether it answers.
	Ping(ctx context.Context) error
	Close() error
}

// openDocuments opens the document store. Readers need it as much as projections do.
func (h *House) openDocuments(ctx context.Context) error {
	if !h.cfg.Has(config.Edge) && !h.cfg.Has(config.Projections) {
		return nil
	}
	store, err := documentsOf(ctx, h.cfg, false)
	if err != nil {
		return err
	}
	if file, ok := store.(*sqlite.Store); ok && file.Healed() {
		h.damage.documents(h.log, fmt.Errorf("the file was damaged and is kept as %s, these views are made anew from the events", sqlite.SetAside(h.cfg.DocumentsFile())))
	}
	h.documents = store
	h.closers = append(h.closers, store.Close)
	h.reader = documents.NewReader(store)
	return nil
}

// documentSystem is what traces call the store.
func (h *House) documentSystem() string {
	if h.cfg.SQLite() {
		return "sqlite"
	}
	return "mongodb"
}

// documentsOf opens the store that a configuration names, readOnly beside the service that writes it.
func documentsOf(ctx context.Context, c *config.Config, readOnly bool) (documentStore, error) {
	if c.SQLite() {
		return sqlite.Open(ctx, sqlite.Options{Path: c.DocumentsFile(), ReadOnly: readOnly, Heal: !readOnly && c.Has(config.Projections)})
	}
	return mongo.Open(ctx, mongo.Options{URI: c.Documents})
}

// initDocuments makes collections, indexes and shards where the documents are on a server, and says what; with dry it says so and makes nothing. SQLite
// needs nothing before it is used.
func (h *House) initDocuments(ctx context.Context, dry bool) (changes []string, err error) {
	if h.cfg.SQLite() {
		return nil, nil
	}
	store, err := mongo.Open(ctx, mongo.Options{URI: h.cfg.Documents})
	if err != nil {
		return nil, err
	}
	h.closers = append(h.closers, store.Close)
	plan, err := store.Plan(ctx)
	if err != nil {
		return nil, err
	}
	for _, step := range plan {
		changes = append(changes, "MongoDB: "+step.Purpose)
	}
	if !dry {
		err = store.Init(ctx)
	}
	return changes, err
}

// watchDocuments ends when the file of the documents is no longer what was written, and has to be renewed.
func (h *House) watchDocuments(ctx context.Context) error {
	var views []string
	for _, v := range documents.All() {
		views = append(views, v.Name)
	}
	h.damage.watch(views...)
	file, ok := h.documents.(*sqlite.Store)
	if !ok {
		return nil // a server sees to itself
	}
	tick := time.NewTicker(shownEvery)
	defer tick.Stop()
	for {
		if err := file.Damaged(); err != nil {
			return &spoiled{err}
		}
		select {
		case <-tick.C:
			h.damage.mended(h.log, views, h.views.showsAll)
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// spoiled ends engines whose file must be renewed.
type spoiled struct{ error }

// renewDocuments puts a new file in the place of one that is damaged.
func (h *House) renewDocuments(ctx context.Context, why error) error {
	h.damage.documents(h.log, fmt.Errorf("the file is damaged, these views are made anew from the events: %w", why))
	return h.documents.(*sqlite.Store).Renew(ctx, why)
}
