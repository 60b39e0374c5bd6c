package deploy

import (
	"context"
	"fmt"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"ugc/deploy/embedded/broker"
	"ugc/deploy/embedded/registry"
	"ugc/schemas"
	"ugc/schemas/topics"
	"ugc/transport/kafka"
)

// The bounds of starting: what takes longer has failed.
const (
	topicsWithin  = time.Minute
	partWithin    = 2 * time.Minute
	healthWithin  = 2 * time.Second
	brokerFolder  = "kafka"
	registryPlace = "registry"
)

// openLog brings up the log and the topics on it.
func (h *House) openLog(ctx context.Context) error {
	if err := h.connectLog(ctx); err != nil {
		return err
	}
	changes, err := h.ensureTopics(ctx, false)
	for _, c := range changes {
		h.log.Debug("topics", "change", c.String())
	}
	if len(changes) > 0 {
		h.log.Info("topics made", "changes", len(changes))
	}
	return err
}

// connectLog starts the embedded broker, or knows the servers that are named.
func (h *House) connectLog(ctx context.Context) error {
	brokers, _ := h.cfg.KafkaServers()
	if addr, ok := h.cfg.EmbeddedKafka(); ok {
		b, err := broker.Open(broker.Options{DataDir: h.path(brokerFolder), Addr: addr, Sync: h.cfg.KafkaSync, Logger: h.log.With("part", "broker")})
		if err != nil {
			return err
		}
		if err := h.stack.start(ctx, "broker", b.Run, nil); err != nil {
			return err
		}
		brokers, h.broker = []string{b.Addr()}, b
		if err := h.leave(NoteKafka, b.Addr()); err != nil {
			return err
		}
	}
	h.kafka = kafka.Settings{
		Brokers: brokers, ClientID: "ugc",
		TLS:  kafka.TLS{Enabled: h.cfg.KafkaTLS, CA: h.cfg.KafkaCA, Cert: h.cfg.KafkaCert, Key: h.cfg.KafkaKey},
		SASL: kafka.SASL{Mechanism: kafka.Mechanism(h.cfg.KafkaSASL), User: h.cfg.KafkaUser, Password: h.cfg.KafkaPass},
	}
	var err error
	if h.client, err = h.kafka.Kgo(); err != nil {
		return fmt.Errorf("configure Kafka clients: %w", err)
	}
	if h.health, err = kafka.NewHealth(h.kafka, healthWithin); err != nil {
		return fmt.Errorf("configure Kafka clients: %w", err)
	}
	h.closers = append(h.closers, func() error { h.health.Close(); return nil })
	return nil
}

// ensureTopics makes the topics that are missing, or with dry says what it would do.
func (h *House) ensureTopics(ctx context.Context, dry bool) ([]kafka.Change, error) {
	ctx, cancel := context.WithTimeout(ctx, topicsWithin)
	defer cancel()
	client, err := kgo.NewClient(h.client...)
	if err != nil {
		return nil, fmt.Errorf("configure Kafka clients: %w", err)
	}
	defer client.Close()
	var options []kafka.EnsureOption
	if dry {
		options = append(options, kafka.DryRun())
	}
	changes, err := kafka.EnsureTopics(ctx, client, topicSettings(h.cfg), options...)
	if err != nil {
		return nil, fmt.Errorf("make topics: %w", err)
	}
	return changes, nil
}

// connectRegistry starts the embedded registry, or knows the one that is named.
func (h *House) connectRegistry(ctx context.Context) (err error) {
	remote := schemas.Remote{URL: h.cfg.Registry}
	if h.cfg.Registry == "embedded:" {
		r, err := registry.Open(registry.Options{DataDir: h.path(registryPlace), Addr: "127.0.0.1:0", Logger: h.log.With("part", "registry")})
		if err != nil {
			return err
		}
		if err := h.stack.start(ctx, "registry", r.Run, nil); err != nil {
			return err
		}
		if err := h.leave(NoteRegistry, r.Addr()); err != nil {
			return err
		}
		remote = schemas.Remote{URL: "http://" + r.Addr(), Identity: "embedded"} // its port differs from start to start
	}
	h.registry, err = schemas.Connect(remote)
	return err
}

func (h *House) schemaOptions() schemas.Options {
	return schemas.Options{Registry: h.registry, CacheFile: h.path("schemas.json"), Log: h.log.With("part", "schemas")}
}

// openSchemas brings up the registry and learns the ids of all schemas.
func (h *House) openSchemas(ctx context.Context) (err error) {
	if err := h.connectRegistry(ctx); err != nil {
		return err
	}
	o := h.schemaOptions()
	o.Stop = ctx.Done() // a record that waits for its schema must not hold up the end
	if h.codec, err = schemas.New(ctx, o); err != nil {
		return fmt.Errorf("register schemas: %w", err)
	}
	if err := h.codec.Degraded(); err != nil {
		h.log.Warn("the schema registry is away; going on with the ids it gave before", "error", err)
	}
	return nil
}

// openCommands makes the way by which commands get onto the log.
func (h *House) openCommands(ctx context.Context) error {
	publisher, err := kafka.NewPublisher(kafka.PublisherOptions{Settings: h.kafka, Timeout: h.cfg.PublishWithin, ContentType: topics.ContentTypeAvro,
		Tracer: h.traces.Tracer("ugc/transport/kafka"), Refuses: h.refuses})
	if err != nil {
		return fmt.Errorf("configure the publisher: %w", err)
	}
	h.publisher = publisher
	h.commands = kafka.NewCommandLog(publisher, h.codec, h.cfg.Epoch)
	return h.stack.start(ctx, "publisher", func(ctx context.Context) error {
		<-ctx.Done() // whoever publishes stands above and has stopped
		return publisher.Close()
	}, nil)
}
