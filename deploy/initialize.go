package deploy

import (
	"context"
	"errors"
	"fmt"

	"ugc/domain"
	"ugc/schemas"
)

// InitOptions say how much of it is done.
type InitOptions struct {
	Dry             bool // only say what would be changed
	ClickHouseLater bool // go on where ClickHouse cannot be reached: projections make its tables when it is there
}

// Init makes what the parts need: topics, schemas, tables, views. It returns what it changed, or with Dry what it would change, and is safe
// to repeat. It refuses, before it changes anything, topics and schemas that are there as they must not be. With embedded parts it starts
// them for the moment, so it is refused while a service runs on the same data; `ugc run` does the same by itself.
func (h *House) Init(ctx context.Context, o InitOptions) (changes []string, err error) {
	end, err := h.alone(ctx)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, end()) }()
	if changes, err = h.planLog(ctx); err != nil {
		return nil, err
	}
	tables, err := h.planAnalytics(ctx)
	later := o.ClickHouseLater && domain.KindOf(err) == domain.Unavailable
	switch {
	case later:
		h.log.Warn("ClickHouse cannot be reached and is left for later: projections make its tables when it is there", "err", err)
	case err != nil:
		return nil, err
	}
	changes = append(changes, tables...)
	views, err := h.initDocuments(ctx, true)
	if err != nil {
		return nil, err
	}
	changes = append(changes, views...)
	if o.Dry {
		return changes, nil
	}
	return changes, h.prepare(ctx, !later)
}

// planAnalytics is what is missing in ClickHouse.
func (h *House) planAnalytics(ctx context.Context) (changes []string, err error) {
	if err := h.openAnalytics(ctx); err != nil {
		return nil, err
	}
	tables, err := h.analytics.Changes(ctx)
	for _, t := range tables {
		changes = append(changes, "ClickHouse: "+t.Purpose)
	}
	return changes, err
}

// alone brings up log and registry on a data folder that no other process works on, which is errInUse. end takes all down that was brought up until then.
func (h *House) alone(ctx context.Context) (end func() error, err error) {
	owner, err := own(h.cfg.DataDir)
	if err != nil {
		return nil, err
	}
	end = func() error { return errors.Join(h.stack.stop(patient(h.cfg.DrainWithin)), h.close(), owner.release()) }
	if err = h.connectLog(ctx); err == nil {
		err = h.connectRegistry(ctx)
	}
	if err != nil {
		return nil, errors.Join(err, end())
	}
	return end, nil
}

// planLog is what is missing in the log and the registry. Conflicts of both come back together.
func (h *House) planLog(ctx context.Context) (changes []string, err error) {
	topics, err := h.ensureTopics(ctx, true)
	for _, t := range topics {
		changes = append(changes, t.String())
	}
	versions, failed := schemas.Plan(ctx, h.schemaOptions())
	if failed != nil {
		err = errors.Join(err, fmt.Errorf("look at schemas: %w", failed))
	}
	return append(changes, versions...), err
}

// prepare does what was planned. Every step is safe to repeat, so that one that fails is mended by running all of them again.
func (h *House) prepare(ctx context.Context, analytics bool) error {
	if _, err := h.ensureTopics(ctx, false); err != nil {
		return err
	}
	if _, err := schemas.New(ctx, h.schemaOptions()); err != nil {
		return fmt.Errorf("register schemas: %w", err)
	}
	if analytics {
		if err := h.analytics.Init(ctx); err != nil {
			return err
		}
	}
	_, err := h.initDocuments(ctx, false)
	return err
}
