package deploy

import (
	"context"
	"errors"
)

// Init makes what the parts need: topics, schemas, tables, views. It returns what it changed, or with dry what it would change, and is safe
// to repeat. With embedded parts it starts them for the moment, so it is refused while a service runs on the same data; `ugc run` does the same by itself.
func (h *House) Init(ctx context.Context, dry bool) (changes []string, err error) {
	owner, err := own(h.cfg.DataDir)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, owner.release()) }()
	defer func() { err = errors.Join(err, h.close()) }()
	defer func() { err = errors.Join(err, h.stack.stop(h.cfg.DrainWithin)) }()
	if err := h.connectLog(ctx); err != nil {
		return nil, err
	}
	topics, err := h.ensureTopics(ctx, dry)
	if err != nil {
		return nil, err
	}
	for _, t := range topics {
		changes = append(changes, t.String())
	}
	if !dry {
		if err := h.openSchemas(ctx); err != nil {
			return changes, err
		}
	}
	documents, err := h.initDocuments(ctx, dry)
	changes = append(changes, documents...)
	if err != nil {
		return changes, err
	}
	if err := h.openAnalytics(ctx); err != nil {
		return changes, err
	}
	tables, err := h.analytics.Plan(ctx)
	if err != nil {
		return changes, err
	}
	for _, t := range tables {
		changes = append(changes, "ClickHouse: "+t.Purpose)
	}
	if !dry {
		err = h.analytics.Init(ctx)
	}
	return changes, err
}
