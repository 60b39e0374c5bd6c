package deploy

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"

	"ugc/deploy/archive"
	"ugc/projections"
	"ugc/projections/documents"
	"ugc/schemas/topics"
	"ugc/streams"
)

// CommandTopics are the topics that everything else is made of.
func CommandTopics() []string {
	return []string{topics.PlaybackCommands.Name, topics.FeedbackCommands.Name}
}

// SaveLog copies the command topics into a folder; see archive.Save. Beside a service that runs on the data folder it reads that one's log, otherwise it starts the
// embedded parts for the moment.
func (h *House) SaveLog(ctx context.Context, dir string, progress func(string, int64, int64)) (m *archive.Manifest, err error) {
	if _, embedded := h.cfg.EmbeddedKafka(); embedded {
		if _, err := os.Stat(h.path(brokerFolder)); errors.Is(err, fs.ErrNotExist) {
			return nil, fmt.Errorf("there is no log in %s: name the data folder of the service by UGC_DATA_DIR", h.cfg.DataDir)
		}
	}
	end, err := h.alone(ctx)
	if errors.Is(err, errInUse) {
		end, err = func() error { return nil }, h.joinLog()
	}
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, end()) }()
	return archive.Save(ctx, archive.SaveOptions{Dir: dir, Topics: CommandTopics(), Kafka: h.client, Registry: h.registry, Epoch: h.cfg.Epoch, Progress: progress})
}

// joinLog knows log and registry of the service that runs on the data folder.
func (h *House) joinLog() (err error) {
	if h.kafka, err = logOf(h.cfg); err != nil {
		return err
	}
	if h.client, err = h.kafka.Kgo(); err != nil {
		return fmt.Errorf("configure Kafka clients: %w", err)
	}
	h.registry, err = registryBeside(h.cfg)
	return err
}

// RestoreLog writes a folder of SaveLog into topics that `ugc init` has just made; see archive.Restore. It refuses where anything knows of another log: records
// in any topic, groups at work, views with rows. No service may run on the data folder; it starts the embedded parts for the moment.
func (h *House) RestoreLog(ctx context.Context, dir string, progress func(string, int64, int64)) (r *archive.Restored, err error) {
	end, err := h.alone(ctx)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, end()) }()
	missing, err := h.planLog(ctx)
	if err != nil {
		return nil, err
	}
	if len(missing) > 0 {
		return nil, fmt.Errorf("topics and schemas are not as they must be, run `ugc init` first; it would:\n%s", strings.Join(missing, "\n"))
	}
	if err := h.viewsAreEmpty(ctx); err != nil {
		return nil, err
	}
	return archive.Restore(ctx, archive.RestoreOptions{
		Dir: dir, Topics: CommandTopics(), New: allTopics(), Groups: groups(), Kafka: h.client, Registry: h.registry, Epoch: h.cfg.Epoch, Progress: progress,
	})
}

func allTopics() (names []string) {
	for _, t := range topics.All() {
		names = append(names, t.Name)
	}
	return names
}

func groups() (names []string) {
	for _, g := range streams.Topology() {
		names = append(names, g.Name)
	}
	return names
}

// viewsAreEmpty says which views show a log: they would go on from their watermarks in it, and miss what is restored before those.
func (h *House) viewsAreEmpty(ctx context.Context) error {
	if err := h.openAnalytics(ctx); err != nil {
		return err
	}
	sinks, err := h.analytics.Sinks(ctx)
	if err != nil {
		return err
	}
	store, err := documentsOf(ctx, h.cfg, false)
	if err != nil {
		return err
	}
	h.closers = append(h.closers, store.Close)
	var errs []error
	look := func(view string, watermarks func(context.Context) (map[int32]projections.Watermark, error)) {
		switch marks, err := watermarks(ctx); {
		case err != nil:
			errs = append(errs, fmt.Errorf("watermarks of %s: %w", view, err))
		case len(marks) > 0:
			errs = append(errs, fmt.Errorf("the view %s shows another log: drop its database, or delete its file, and run `ugc init`", view))
		}
	}
	for view, sink := range sinks {
		look(view, sink.Watermarks)
	}
	for _, v := range documents.All() {
		builds, err := store.Builds(ctx, v.Name)
		if err != nil {
			return err
		}
		for _, b := range builds {
			g, err := store.Generation(ctx, v, b.Number)
			if err != nil {
				return err
			}
			look(v.Name, g.Watermarks)
		}
	}
	return errors.Join(errs...)
}
