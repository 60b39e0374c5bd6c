// Package config is the configuration: every setting with its meaning and default, read from the environment and .env,
// checked together, printable with secrets masked.
package config

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"ugc/domain"
	"ugc/transport/http/auth"
	"ugc/transport/http/exchange"
)

// Config is the whole configuration. Every field is one environment variable; the doc tag is what `ugc config` and the README say of it.
type Config struct {
	HTTPAddr string `env:"UGC_HTTP_ADDR" envDefault:"127.0.0.1:8000" doc:"where the edge listens, and processes without that role with health and metrics alone; port 0 picks a free one, which is printed and written to <data>/http.addr"`
	DataDir  string `env:"UGC_DATA_DIR" envDefault:"./data" doc:"everything that is kept on this machine"`
	Roles    []Role `env:"UGC_ROLES" envDefault:"edge,streams,projections" doc:"what this process does, as --roles says; with an embedded broker all of them"`

	Kafka       string `env:"UGC_KAFKA" envDefault:"embedded://127.0.0.1:9092" doc:"the log: embedded://host:port (port 0 picks one) or kafka://host:port,host:port"`
	Partitions  int32  `env:"UGC_KAFKA_PARTITIONS" envDefault:"0" doc:"partitions of each topic; 0: 4 embedded, 12 on servers. Fixed once the topics are there"`
	Replication int16  `env:"UGC_KAFKA_REPLICATION" envDefault:"0" doc:"replicas of each topic; 0: 1 embedded, 3 on servers"`
	Epoch       int16  `env:"UGC_KAFKA_EPOCH" envDefault:"0" doc:"grows by one when topics are made anew with another number of partitions"`
	KafkaSync   bool   `env:"UGC_KAFKA_SYNC" envDefault:"false" doc:"embedded broker: fsync every write, so that it also survives a power loss, for speed"`
	KafkaTLS    bool   `env:"UGC_KAFKA_TLS" envDefault:"false" doc:"speak TLS to the brokers"`
	KafkaCA     string `env:"UGC_KAFKA_TLS_CA" doc:"file with the authorities to trust in PEM; empty: the system's"`
	KafkaCert   string `env:"UGC_KAFKA_TLS_CERT" doc:"file with our certificate in PEM"`
	KafkaKey    string `env:"UGC_KAFKA_TLS_KEY" doc:"file with its key in PEM"`
	KafkaSASL   string `env:"UGC_KAFKA_SASL" doc:"PLAIN, SCRAM-SHA-256 or SCRAM-SHA-512; empty: none"`
	KafkaUser   string `env:"UGC_KAFKA_USER" doc:"user for SASL"`
	KafkaPass   string `env:"UGC_KAFKA_PASSWORD" doc:"password for SASL" secret:"true"`

	Registry   string `env:"UGC_REGISTRY" envDefault:"embedded:" doc:"the schema registry: embedded: or http://user:password@host:port"`
	ClickHouse string `env:"UGC_CLICKHOUSE" envDefault:"embedded:" doc:"analytics: embedded:, embedded:/data/folder for the engine of another process on this machine, or clickhouse://user:password@host:9000/ugc"`
	Cluster    string `env:"UGC_CLICKHOUSE_CLUSTER" doc:"as remote_servers of ClickHouse names it: tables are replicated and sharded by user; empty: one server"`
	Documents  string `env:"UGC_DOCUMENTS" envDefault:"sqlite:" doc:"likes, bookmarks, ratings and summaries: sqlite:, sqlite:/path/of/file, which processes on one machine may share, or mongodb://user:password@host:port/ugc"`

	EngineLib    string        `env:"UGC_CHDB_LIB" doc:"libchdb.so for the embedded ClickHouse; empty: where make setup puts it"`
	EngineMemory int64         `env:"UGC_CLICKHOUSE_MEMORY" envDefault:"1073741824" doc:"bytes of memory that the embedded ClickHouse may use"`
	FlushEvery   time.Duration `env:"UGC_CLICKHOUSE_FLUSH_INTERVAL" envDefault:"1s" doc:"at the latest so long after its event a row is written to ClickHouse"`
	FlushRecords int           `env:"UGC_CLICKHOUSE_FLUSH_RECORDS" envDefault:"50000" doc:"or as soon as so many are waiting"`

	AuthJWKS       string        `env:"UGC_AUTH_JWKS" doc:"https: URL or file of the JSON Web Key Set that signs the tokens of users; empty: no tokens. With neither tokens nor API keys everybody may do everything, and only loopback is listened on"`
	AuthPlain      bool          `env:"UGC_AUTH_JWKS_ALLOW_HTTP" envDefault:"false" doc:"take the key set by http: from another machine, though anybody on the way can change it"`
	AuthMaxAge     time.Duration `env:"UGC_AUTH_JWKS_MAX_AGE" envDefault:"1h" doc:"no token is taken when the key set could not be read for so long; it is read every 5 minutes"`
	AuthAlgorithms []string      `env:"UGC_AUTH_ALGORITHMS" envDefault:"RS256,ES256,EdDSA" doc:"the only algorithms of tokens that count"`
	AuthIssuer     string        `env:"UGC_AUTH_ISSUER" doc:"what iss of a token must be; empty: anything, on loopback alone"`
	AuthAudience   string        `env:"UGC_AUTH_AUDIENCE" doc:"what aud of a token must hold; empty: anything, on loopback alone"`
	AuthServices   []string      `env:"UGC_AUTH_SERVICES" doc:"client_id of the clients whose own tokens (sub is the client_id, or none) are those of services: their ugc: scopes hold for every user; all other tokens speak for their subject alone"`
	AuthLeeway     time.Duration `env:"UGC_AUTH_LEEWAY" envDefault:"30s" doc:"how far the clock of who makes tokens may differ"`
	APIKeys        string        `env:"UGC_API_KEYS" doc:"API keys of services as name:scopes:hash with commas between them; ugc key makes one" secret:"true"`
	APIKeysFile    string        `env:"UGC_API_KEYS_FILE" doc:"a file with more of them, one a line"`
	APIKey         string        `env:"UGC_API_KEY" doc:"the key with which ugc load and ugc import come to a service that asks for one" secret:"true"`
	RateLimit      float64       `env:"UGC_RATE_LIMIT" envDefault:"0" doc:"requests a second that are taken of one caller, then 429; 0: any number. A batch of events counts as one"`
	RateBurst      int           `env:"UGC_RATE_BURST" envDefault:"100" doc:"how many of them at once"`
	FailureLimit   float64       `env:"UGC_AUTH_FAILURE_LIMIT" envDefault:"10" doc:"requests a second of one address that are refused with 401, then 429; 0: any number. Bursts are those of UGC_RATE_BURST"`
	TrustedProxies []string      `env:"UGC_TRUSTED_PROXIES" doc:"addresses and networks of the proxies before the edge, such as 10.0.0.7,10.1.0.0/16: what they say about the address of a client counts; empty: nobody's word does"`
	ProxyHeader    string        `env:"UGC_PROXY_HEADER" envDefault:"X-Forwarded-For" doc:"the header by which they say it, X-Forwarded-For or Forwarded; the other one is passed over"`
	CORSOrigins    []string      `env:"UGC_CORS_ORIGINS" doc:"origins whose pages may call the API from a browser, such as https://cinema.example; empty: none"`

	BodyLimit     int           `env:"UGC_HTTP_BODY_LIMIT" envDefault:"1048576" doc:"bytes of a request body"`
	HTTPRead      time.Duration `env:"UGC_HTTP_READ_TIMEOUT" envDefault:"15s" doc:"for reading a whole request"`
	HTTPWrite     time.Duration `env:"UGC_HTTP_WRITE_TIMEOUT" envDefault:"30s" doc:"for writing a response"`
	HTTPIdle      time.Duration `env:"UGC_HTTP_IDLE_TIMEOUT" envDefault:"2m" doc:"for a connection between two requests"`
	PublishWithin time.Duration `env:"UGC_PUBLISH_TIMEOUT" envDefault:"10s" doc:"for a command to be written to the log; then 503"`
	VisibleWithin time.Duration `env:"UGC_VISIBLE_TIMEOUT" envDefault:"2s" doc:"how long a write of /api/v1 waits until reads show it, and a read for a Consistency-Token"`
	DrainDelay    time.Duration `env:"UGC_DRAIN_DELAY" envDefault:"0s" doc:"on a stop, readiness is false for so long before the edge takes no more connections: as long as load balancers need to notice"`
	DrainWithin   time.Duration `env:"UGC_SHUTDOWN_TIMEOUT" envDefault:"20s" doc:"for a clean stop; then what still runs is cut off, and nothing accepted is lost"`

	CompletedReached domain.Share  `env:"UGC_COMPLETED_REACHED" envDefault:"0.9" doc:"a film is completed when so much of it has been reached"`
	CompletedWatched domain.Share  `env:"UGC_COMPLETED_WATCHED" envDefault:"0.8" doc:"or so much of it watched"`
	ResumeAfter      time.Duration `env:"UGC_RESUME_AFTER" envDefault:"60s" doc:"a report moves the resume point when it lies past so much film"`
	ResumeAfterShare domain.Share  `env:"UGC_RESUME_AFTER_SHARE" envDefault:"0.05" doc:"or past such a share of it"`

	Collector string `env:"UGC_OTLP_ENDPOINT" doc:"where traces are sent, by OTLP over HTTP, such as http://127.0.0.1:4318; empty: what OTEL_EXPORTER_OTLP_ENDPOINT says, or nowhere. OpenTelemetry's other variables count too, OTEL_TRACES_SAMPLER for one"`
	LogLevel  string `env:"UGC_LOG_LEVEL" envDefault:"info" doc:"debug, info, warn or error"`
	LogFormat string `env:"UGC_LOG_FORMAT" envDefault:"auto" doc:"text, json, or auto: text on a terminal, json elsewhere"`
}

// Role is a part of the work that a process can do.
type Role string

// The roles.
const (
	Edge        Role = "edge"
	Streams     Role = "streams"
	Projections Role = "projections"
)

// Has says whether this process plays the role.
func (c *Config) Has(r Role) bool {
	for _, x := range c.Roles {
		if x == r {
			return true
		}
	}
	return false
}

// StopWithin bounds a whole stop: load balancers notice first, then everything drains.
func (c *Config) StopWithin() time.Duration { return c.DrainDelay + c.DrainWithin }

// Rules are the configured rules of playback.
func (c *Config) Rules() domain.PlaybackRules {
	return domain.PlaybackRules{
		Version: domain.RulesVersion, CompletedReached: c.CompletedReached, CompletedWatched: c.CompletedWatched,
		ResumeAfter: domain.Millis(c.ResumeAfter.Milliseconds()), ResumeAfterShare: c.ResumeAfterShare,
	}
}

// Auth is who may do what; the error says which key is none.
func (c *Config) Auth() (auth.Options, error) {
	keys, err := auth.ParseKeys(c.APIKeys)
	if err != nil {
		return auth.Options{}, fmt.Errorf("UGC_API_KEYS: %w", err)
	}
	if c.APIKeys != "" && len(keys) == 0 {
		return auth.Options{}, errors.New("UGC_API_KEYS holds no key: give name:scopes:hash, which `ugc key NAME` makes, or leave it empty")
	}
	if c.APIKeysFile != "" {
		text, err := readBounded(c.APIKeysFile)
		if err != nil {
			return auth.Options{}, fmt.Errorf("UGC_API_KEYS_FILE: %w", err)
		}
		more, err := auth.ParseKeys(string(text))
		if err != nil {
			return auth.Options{}, fmt.Errorf("UGC_API_KEYS_FILE: %w", err)
		}
		if len(more) == 0 {
			return auth.Options{}, fmt.Errorf("UGC_API_KEYS_FILE: %s holds no key: write name:scopes:hash on a line, which `ugc key NAME` makes, or do not set it", c.APIKeysFile)
		}
		keys = append(keys, more...)
	}
	o := auth.Options{JWKS: c.AuthJWKS, PlainJWKS: c.AuthPlain, MaxAge: c.AuthMaxAge, Algorithms: c.AuthAlgorithms, Issuer: c.AuthIssuer,
		Audience: c.AuthAudience, Services: c.AuthServices, Leeway: c.AuthLeeway, Keys: keys}
	if err := o.Validate(); err != nil {
		return auth.Options{}, err
	}
	if err := auth.CheckFile(o); err != nil {
		return auth.Options{}, fmt.Errorf("UGC_AUTH_JWKS: %w", err)
	}
	return o, nil
}

// Proxies are whose word about a client's address counts.
func (c *Config) Proxies() (exchange.Proxies, error) {
	p, err := exchange.NewProxies(c.TrustedProxies, c.ProxyHeader)
	if err != nil {
		return p, fmt.Errorf("UGC_TRUSTED_PROXIES, UGC_PROXY_HEADER: %w", err)
	}
	return p, nil
}

// readBounded reads a file of keys.
func readBounded(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }()
	const most = 1 << 20
	b, err := io.ReadAll(io.LimitReader(f, most+1))
	if err == nil && len(b) > most {
		return nil, fmt.Errorf("%s is larger than %d bytes", path, most)
	}
	return b, err
}

// EmbeddedKafka says that the broker runs in this process, and where it listens.
func (c *Config) EmbeddedKafka() (addr string, ok bool) { return cutScheme(c.Kafka, "embedded://") }

// KafkaServers are the bootstrap servers where the broker is not embedded.
func (c *Config) KafkaServers() (servers []string, ok bool) {
	rest, ok := cutScheme(c.Kafka, "kafka://")
	return splitList(rest), ok
}

// EmbeddedClickHouse says that ClickHouse is an embedded engine, and whose: of the process that runs on that data folder, "" for this one.
func (c *Config) EmbeddedClickHouse() (dataDir string, ok bool) {
	return cutScheme(c.ClickHouse, "embedded:")
}

// SQLite says that the documents lie in a file of this machine.
func (c *Config) SQLite() bool { return strings.HasPrefix(c.Documents, "sqlite:") }

// DocumentsFile is where the documents lie in an SQLite file.
func (c *Config) DocumentsFile() string {
	if path, _ := cutScheme(c.Documents, "sqlite:"); path != "" {
		return path
	}
	return filepath.Join(c.DataDir, "documents.sqlite")
}

// PartitionCount is the number of partitions of each topic.
func (c *Config) PartitionCount() int32 {
	if c.Partitions > 0 {
		return c.Partitions
	}
	if _, ok := c.EmbeddedKafka(); ok {
		return 4
	}
	return 12
}

// ReplicationFactor is the number of replicas of each topic.
func (c *Config) ReplicationFactor() int16 {
	if c.Replication > 0 {
		return c.Replication
	}
	if _, ok := c.EmbeddedKafka(); ok {
		return 1
	}
	return 3
}
