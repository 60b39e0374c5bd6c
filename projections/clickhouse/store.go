package clickhouse

import (
	"context"
	"errors"
	"fmt"
	"slices"

	ch "github.com/ClickHouse/clickhouse-go/v2"
	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"

	"ugc/domain"
	"ugc/projections"
)

// Store is a ClickHouse server, cluster or embedded engine that holds the views. It is safe for concurrent use.
type Store struct {
	o     Options
	admin driver.Conn // without a database: for what comes before there is one
	conn  driver.Conn
}

// Open checks the options. It talks to nobody: the first statement connects.
func Open(o Options) (*Store, error) {
	if err := o.Validate(); err != nil {
		return nil, err
	}
	o = o.withDefaults()
	admin, err := ch.Open(o.connection(""))
	if err != nil {
		return nil, fmt.Errorf("clickhouse: %w", err)
	}
	conn, err := ch.Open(o.connection(o.Database))
	if err != nil {
		return nil, errors.Join(fmt.Errorf("clickhouse: %w", err), admin.Close())
	}
	return &Store{o: o, admin: admin, conn: conn}, nil
}

// Close closes the connections. Statements under way fail.
func (s *Store) Close() error { return errors.Join(s.conn.Close(), s.admin.Close()) }

// Ping says whether the server answers, within the read time-out.
func (s *Store) Ping(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, s.o.ReadTimeout)
	defer cancel()
	return mapError("ping", s.admin.Ping(ctx))
}

// Views are the stored views, each written by a Sink of its own, with the batching of the options.
func (s *Store) Views() []projections.View {
	out := make([]projections.View, 0, len(stored))
	for _, v := range stored {
		out = append(out, projections.View{Name: v.name, Source: v.source, Batch: s.o.Batch})
	}
	return out
}

// Sink writes one generation of a stored view. Its tables must be there: see Init and CreateGeneration.
func (s *Store) Sink(g projections.Generation) (projections.Sink, error) {
	i := slices.IndexFunc(stored, func(v storedView) bool { return v.name == g.View })
	if i < 0 || g.Number < 1 {
		return nil, &domain.Error{Kind: domain.Invalid, Message: fmt.Sprintf("clickhouse: %s is no generation of a stored view", g)}
	}
	return stored[i].sink(s, g), nil
}

// Sinks are those of the live generations, by view.
func (s *Store) Sinks(ctx context.Context) (map[string]projections.Sink, error) {
	live, err := s.Live(ctx)
	if err != nil {
		return nil, err
	}
	out := make(map[string]projections.Sink, len(stored))
	for _, v := range stored {
		out[v.name] = v.sink(s, live[v.name])
	}
	return out, nil
}

// rendering is how DDL is rendered for this store, with these generations live.
func (s *Store) rendering(live map[string]int) Rendering {
	return Rendering{Database: s.o.Database, Cluster: s.o.Cluster, CompatDatabase: s.o.CompatDatabase, Live: live, NoFsync: s.o.NoFsync}
}
