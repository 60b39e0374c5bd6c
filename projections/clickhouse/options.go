package clickhouse

import (
	"errors"
	"fmt"
	"time"

	ch "github.com/ClickHouse/clickhouse-go/v2"

	"ugc/projections"
)

// Options say where the server is and how to use it. Server is required, everything else has a default.
type Options struct {
	// Server is how to reach it: ch.ParseDSN of a URL, or the embedded engine's own options. Its database is not looked at.
	Server *ch.Options

	Database       string // default "ugc"
	Cluster        string // as remote_servers names it; empty: one server, or the embedded engine
	Compat         bool   // Init also makes the tables that readers of movies_ugc know
	CompatDatabase string // default "movies"
	NoFsync        bool   // leave syncing to the server; a power cut may then take rows that were acknowledged
	InsertQuorum   string // replicas that must have a block, default "auto" (a majority) in a cluster

	Batch      projections.Batching // default 50,000 records or 1 s
	Inserts    int                  // of one batch at the same time, where it is great enough, default 2
	BlockRows  int                  // rows of one INSERT, default 100,000
	BlockBytes int                  // and about that many bytes, default 64 MiB

	InsertTimeout time.Duration // of one INSERT, default 60 s
	ReadTimeout   time.Duration // of reading watermarks and the catalog, default 15 s
	DDLTimeout    time.Duration // of one statement of Init, default 60 s

	Query QueryLimits

	Now func() time.Time // default time.Now
}

// Validate says everything that is wrong with the options.
func (o Options) Validate() error {
	var errs []error
	if o.Server == nil {
		errs = append(errs, errors.New("no server is given: set UGC_CLICKHOUSE"))
	} else if o.Server.DialContext == nil && len(o.Server.Addr) == 0 {
		errs = append(errs, errors.New("the server has no address: give UGC_CLICKHOUSE as clickhouse://host:9000"))
	}
	for _, n := range []struct {
		name  string
		value int64
	}{
		{"batch size", int64(o.Batch.MaxRecords)}, {"batch wait", int64(o.Batch.MaxWait)}, {"concurrent inserts", int64(o.Inserts)}, {"rows of a block", int64(o.BlockRows)},
		{"bytes of a block", int64(o.BlockBytes)}, {"insert time-out", int64(o.InsertTimeout)}, {"read time-out", int64(o.ReadTimeout)},
		{"time-out of DDL", int64(o.DDLTimeout)}, {"rows of a query", int64(o.Query.MaxRows)}, {"time-out of a query", int64(o.Query.Timeout)},
		{"cell width", int64(o.Query.CellWidth)},
	} {
		if n.value < 0 {
			errs = append(errs, fmt.Errorf("%s must not be negative", n.name))
		}
	}
	if o.Compat && o.Database != "" && o.Database == o.CompatDatabase {
		errs = append(errs, fmt.Errorf("the compatibility schema must not be in the database %s itself", o.Database))
	}
	if err := errors.Join(errs...); err != nil {
		return fmt.Errorf("clickhouse: %w", err)
	}
	return nil
}

func (o Options) withDefaults() Options {
	o.Database = orElse(o.Database, "ugc")
	o.CompatDatabase = orElse(o.CompatDatabase, "movies")
	if o.Cluster != "" {
		o.InsertQuorum = orElse(o.InsertQuorum, "auto")
	}
	o.Batch.MaxRecords = orElse(o.Batch.MaxRecords, 50_000)
	o.Batch.MaxWait = orElse(o.Batch.MaxWait, time.Second)
	o.Inserts = orElse(o.Inserts, 2)
	o.BlockRows = orElse(o.BlockRows, 100_000)
	o.BlockBytes = orElse(o.BlockBytes, 64<<20)
	o.InsertTimeout = orElse(o.InsertTimeout, time.Minute)
	o.ReadTimeout = orElse(o.ReadTimeout, 15*time.Second)
	o.DDLTimeout = orElse(o.DDLTimeout, time.Minute)
	o.Query = o.Query.withDefaults()
	if o.Now == nil {
		o.Now = time.Now
	}
	return o
}

func orElse[T comparable](value, fallback T) T {
	var zero T
	if value == zero {
		return fallback
	}
	return value
}

// connection is the driver's options for one database, "" for none.
func (o Options) connection(database string) *ch.Options {
	c := *o.Server
	c.Auth.Database = database
	if c.Protocol == ch.Native && c.Compression == nil {
		c.Compression = &ch.Compression{Method: ch.CompressionLZ4}
	}
	return &c
}

// insertSettings are sent with every INSERT; see the package comment for why.
func (o Options) insertSettings() ch.Settings {
	s := ch.Settings{
		"async_insert":                    0,
		"insert_deduplicate":              0,
		"max_partitions_per_insert_block": 0, // a replay of years touches as many months; its size is bounded all the same
	}
	if o.Cluster != "" {
		s["distributed_foreground_insert"] = 1
		s["insert_quorum"] = o.InsertQuorum
		s["insert_quorum_timeout"] = o.InsertTimeout.Milliseconds()
	}
	return s
}
