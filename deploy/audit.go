package deploy

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"

	ch "github.com/ClickHouse/clickhouse-go/v2"

	"ugc/deploy/audit"
	"ugc/deploy/config"
	analytics "ugc/projections/clickhouse"
	"ugc/projections/documents"
	"ugc/schemas"
	"ugc/transport/kafka"
)

// Audit compares what the service of a configuration has accepted with what it stores, beside it and without writing anything. Of o it fills in
// where everything is. ErrNotRunning where embedded parts do not run.
func Audit(ctx context.Context, c *config.Config, o audit.Options) (*audit.Result, error) {
	settings, err := logOf(c)
	if err != nil {
		return nil, err
	}
	client, err := settings.Kgo()
	if err != nil {
		return nil, fmt.Errorf("configure Kafka clients: %w", err)
	}
	log, err := audit.NewKafka(client)
	if err != nil {
		return nil, err
	}
	defer log.Close()
	_, ends, err := log.Ends(ctx, documents.Likes.Source.Name)
	if err != nil {
		return nil, err
	}
	o.Log, o.Rules, o.Epoch = log, c.Rules(), c.Epoch
	if o.Codec, err = codecBeside(ctx, c); err != nil {
		return nil, err
	}
	store, err := documentsOf(ctx, c, true)
	if err != nil {
		return nil, err
	}
	defer func() { _ = store.Close() }()
	if o.Views, err = audit.Documents(ctx, store, int32(len(ends))); err != nil {
		return nil, err
	}
	done, err := addAnalytics(ctx, c, &o)
	if err != nil {
		return nil, err
	}
	defer done()
	return audit.Run(ctx, o)
}

// logOf are the settings of a client beside the service.
func logOf(c *config.Config) (kafka.Settings, error) {
	brokers, servers := c.KafkaServers()
	if !servers {
		addr, err := Note(c.DataDir, NoteKafka)
		if err != nil {
			return kafka.Settings{}, err
		}
		brokers = []string{addr}
	}
	return kafka.Settings{
		Brokers: brokers, ClientID: "ugc-audit",
		TLS:  kafka.TLS{Enabled: c.KafkaTLS, CA: c.KafkaCA, Cert: c.KafkaCert, Key: c.KafkaKey},
		SASL: kafka.SASL{Mechanism: kafka.Mechanism(c.KafkaSASL), User: c.KafkaUser, Password: c.KafkaPass},
	}, nil
}

func addAnalytics(ctx context.Context, c *config.Config, o *audit.Options) (done func(), err error) {
	server, err := readers(c)
	if err != nil {
		return nil, err
	}
	store, err := analytics.Open(analytics.Options{Server: server})
	if err != nil {
		return nil, err
	}
	sinks, err := store.Sinks(ctx)
	if err != nil {
		return nil, errors.Join(err, store.Close())
	}
	named := *server
	named.Auth.Database = "ugc"
	conn, err := ch.Open(&named)
	if err != nil {
		return nil, errors.Join(err, store.Close())
	}
	for name, rows := range audit.Analytics(conn, sinks) {
		o.Views[name] = rows
	}
	o.Derived = audit.DerivedAnalytics(conn)
	return func() { _, _ = conn.Close(), store.Close() }, nil
}

// codecBeside learns the ids from the registry, and registers nothing, so that an audit by another version of ugc changes nothing. Where the registry does not
// answer it reads by the ids that a service on the same data folder has written down.
func codecBeside(ctx context.Context, c *config.Config) (*schemas.Codec, error) {
	registry, err := registryBeside(c)
	if err != nil {
		return nil, err
	}
	cache := pathIn(c, "schemas.json")
	if _, err := os.Stat(cache); err != nil {
		cache = "" // none is made: the folder may be nobody's
	}
	codec, err := schemas.New(ctx, schemas.Options{Registry: lookups{registry}, CacheFile: cache, Attempts: 1, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		return nil, fmt.Errorf("learn the ids of schemas: %w; run the audit with the version of ugc that runs", err)
	}
	return codec, nil
}

// registryBeside is the registry of a service that runs.
func registryBeside(c *config.Config) (schemas.Registry, error) {
	remote := schemas.Remote{URL: c.Registry}
	if c.Registry == "embedded:" {
		addr, err := Note(c.DataDir, NoteRegistry)
		if err != nil {
			return nil, err
		}
		remote = schemas.Remote{URL: "http://" + addr, Identity: "embedded"}
	}
	return schemas.Connect(remote)
}

// lookups is a registry that is only asked for what it has.
type lookups struct{ schemas.Registry }

// RequireCompatibility implements schemas.Registry: whoever registered the schemas has required it.
func (lookups) RequireCompatibility(context.Context, string) error { return nil }

// Register implements schemas.Registry.
func (l lookups) Register(ctx context.Context, subject, text string) (int, error) {
	return l.Find(ctx, subject, text)
}

func pathIn(c *config.Config, name string) string { return filepath.Join(c.DataDir, name) }
