package config

import (
	"fmt"
	"net"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"ugc/transport/http/auth"
)

// validate finds every fault of values that parsed.
func (c *Config) validate() (faults []error) {
	bad := func(format string, args ...any) { faults = append(faults, fmt.Errorf(format, args...)) }

	access, wrong := c.Auth()
	if wrong != nil {
		bad("authentication: %w", wrong)
	}
	if host, err := hostPort(c.HTTPAddr); err != nil {
		bad("UGC_HTTP_ADDR=%q: %w", c.HTTPAddr, err)
	} else if !loopback(host) && wrong == nil {
		c.validateExposed(access, bad)
	}
	if _, err := c.Proxies(); err != nil {
		bad("%w", err)
	}
	if !(c.FailureLimit >= 0 && c.FailureLimit <= 1e6) {
		bad("UGC_AUTH_FAILURE_LIMIT=%v must lie between 0 and 1000000", c.FailureLimit)
	}
	if !(c.RateLimit >= 0 && c.RateLimit <= 1e6) || c.RateBurst < 1 || c.RateBurst > 1e6 {
		bad("UGC_RATE_LIMIT=%v must lie between 0 and 1000000, UGC_RATE_BURST=%d between 1 and 1000000", c.RateLimit, c.RateBurst)
	}
	for _, origin := range c.CORSOrigins {
		if !hasScheme(origin, "http", "https") || strings.Count(origin, "/") != 2 {
			bad("UGC_CORS_ORIGINS: %q is no origin: write https://host, and name each", origin)
		}
	}
	if c.DataDir == "" {
		bad("UGC_DATA_DIR must name a folder")
	}
	if len(c.Roles) == 0 {
		bad("UGC_ROLES must name at least one of edge, streams, projections")
	}
	for _, r := range c.Roles {
		if !slices.Contains([]Role{Edge, Streams, Projections}, r) {
			bad("UGC_ROLES: %q is no role; there are edge, streams and projections", r)
		}
	}
	c.validateKafka(bad)
	c.validateStores(bad)
	for name, n := range map[string]int64{"UGC_CLICKHOUSE_MEMORY": c.EngineMemory >> 28, "UGC_CLICKHOUSE_FLUSH_RECORDS": int64(c.FlushRecords), "UGC_HTTP_BODY_LIMIT": int64(c.BodyLimit) >> 10} {
		if n < 1 {
			bad("%s is too small; at least %s", name, map[string]string{"UGC_CLICKHOUSE_MEMORY": "268435456", "UGC_CLICKHOUSE_FLUSH_RECORDS": "1", "UGC_HTTP_BODY_LIMIT": "1024"}[name])
		}
	}
	for name, d := range map[string]time.Duration{"UGC_CLICKHOUSE_FLUSH_INTERVAL": c.FlushEvery, "UGC_HTTP_READ_TIMEOUT": c.HTTPRead, "UGC_HTTP_WRITE_TIMEOUT": c.HTTPWrite,
		"UGC_HTTP_IDLE_TIMEOUT": c.HTTPIdle, "UGC_PUBLISH_TIMEOUT": c.PublishWithin, "UGC_VISIBLE_TIMEOUT": c.VisibleWithin, "UGC_SHUTDOWN_TIMEOUT": c.DrainWithin} {
		if d <= 0 || d > time.Hour {
			bad("%s=%s: must lie between 1ms and 1h", name, d)
		}
	}
	if c.DrainDelay < 0 || c.DrainDelay > time.Minute {
		bad("UGC_DRAIN_DELAY=%s: must lie between 0s and 1m", c.DrainDelay)
	}
	for name, s := range map[string]float64{"UGC_COMPLETED_REACHED": float64(c.CompletedReached), "UGC_COMPLETED_WATCHED": float64(c.CompletedWatched), "UGC_RESUME_AFTER_SHARE": float64(c.ResumeAfterShare)} {
		if !(s > 0 && s <= 1) {
			bad("%s=%v: must be a share between 0 and 1", name, s)
		}
	}
	if c.ResumeAfter < 0 {
		bad("UGC_RESUME_AFTER=%s: must not be negative", c.ResumeAfter)
	}
	if c.Collector != "" && !hasScheme(c.Collector, "http", "https") {
		bad("UGC_OTLP_ENDPOINT=%q: must be http://host:port of a collector that takes OTLP over HTTP", mask(c.Collector))
	}
	if !slices.Contains([]string{"debug", "info", "warn", "error"}, c.LogLevel) {
		bad("UGC_LOG_LEVEL=%q: must be debug, info, warn or error", c.LogLevel)
	}
	if !slices.Contains([]string{"auto", "text", "json"}, c.LogFormat) {
		bad("UGC_LOG_FORMAT=%q: must be auto, text or json", c.LogFormat)
	}
	slices.SortFunc(faults, func(a, b error) int { return strings.Compare(a.Error(), b.Error()) })
	return faults
}

// validateExposed holds what other machines can reach: everybody is asked who they are, and a token says for whom and by whom it was made.
func (c *Config) validateExposed(o auth.Options, bad func(string, ...any)) {
	if !o.On() {
		bad("UGC_HTTP_ADDR=%q is reachable from other machines, and nobody would be asked who they are: use 127.0.0.1, or set UGC_AUTH_JWKS or UGC_API_KEYS", c.HTTPAddr)
	}
	if o.JWKS != "" && (o.Issuer == "" || o.Audience == "") {
		bad("UGC_HTTP_ADDR=%q is reachable from other machines: UGC_AUTH_ISSUER and UGC_AUTH_AUDIENCE must say whose tokens for whom count, or every token of that key set would", c.HTTPAddr)
	}
}

func (c *Config) validateKafka(bad func(string, ...any)) {
	if addr, ok := c.EmbeddedKafka(); ok {
		if host, err := hostPort(addr); err != nil {
			bad("UGC_KAFKA=%q: %w", c.Kafka, err)
		} else if !loopback(host) {
			bad("UGC_KAFKA=%q: the embedded broker serves this machine alone; use 127.0.0.1, or a server by kafka://", c.Kafka)
		}
		if len(c.Roles) > 0 && !(c.Has(Edge) && c.Has(Streams) && c.Has(Projections)) {
			bad("UGC_ROLES: with an embedded broker one process plays all roles; give UGC_KAFKA a server to split them")
		}
		if c.Replication > 1 {
			bad("UGC_KAFKA_REPLICATION=%d: the embedded broker is one broker", c.Replication)
		}
	} else if servers, ok := c.KafkaServers(); !ok || len(servers) == 0 {
		bad("UGC_KAFKA=%q: must be embedded://host:port or kafka://host:port,host:port", c.Kafka)
	} else {
		for _, s := range servers {
			if _, err := hostPort(s); err != nil {
				bad("UGC_KAFKA: %q: %w", s, err)
			}
		}
	}
	if c.Partitions < 0 || c.Partitions > 1024 {
		bad("UGC_KAFKA_PARTITIONS=%d: must lie between 0 and 1024", c.Partitions)
	}
	if c.Replication < 0 || c.Epoch < 0 {
		bad("UGC_KAFKA_REPLICATION and UGC_KAFKA_EPOCH must not be negative")
	}
	if !slices.Contains([]string{"", "PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"}, c.KafkaSASL) {
		bad("UGC_KAFKA_SASL=%q: must be PLAIN, SCRAM-SHA-256 or SCRAM-SHA-512", c.KafkaSASL)
	}
	if (c.KafkaSASL != "") != (c.KafkaUser != "") {
		bad("UGC_KAFKA_SASL and UGC_KAFKA_USER go together")
	}
}

func (c *Config) validateStores(bad func(string, ...any)) {
	if c.Registry != "embedded:" && !hasScheme(c.Registry, "http", "https") {
		bad("UGC_REGISTRY=%q: must be embedded: or http://host:port", mask(c.Registry))
	}
	if _, embedded := c.EmbeddedClickHouse(); !embedded && !hasScheme(c.ClickHouse, "clickhouse") {
		bad("UGC_CLICKHOUSE=%q: must be embedded: or clickhouse://user:password@host:9000/ugc", mask(c.ClickHouse))
	}
	if _, embedded := c.EmbeddedClickHouse(); embedded && c.Cluster != "" {
		bad("UGC_CLICKHOUSE_CLUSTER=%q: the embedded engine is no cluster; give UGC_CLICKHOUSE its servers", c.Cluster)
	}
	if !c.SQLite() && !isMongo(c.Documents) {
		bad("UGC_DOCUMENTS=%q: must be sqlite: or mongodb://user:password@host:port/ugc", mask(c.Documents))
	}
}

func hostPort(addr string) (host string, err error) {
	host, port, err := net.SplitHostPort(addr)
	if err != nil {
		return "", fmt.Errorf("must be host:port, such as 127.0.0.1:8000")
	}
	if n, err := strconv.Atoi(port); err != nil || n < 0 || n > 65535 {
		return "", fmt.Errorf("the port must be a number up to 65535")
	}
	return host, nil
}

func loopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

// isMongo accepts several hosts, which no URL has: mongodb://user:password@a:27017,b:27017/ugc.
func isMongo(s string) bool {
	for _, scheme := range []string{"mongodb://", "mongodb+srv://"} {
		if rest, ok := strings.CutPrefix(s, scheme); ok {
			hosts, _, _ := strings.Cut(rest, "/")
			return hosts[strings.LastIndex(hosts, "@")+1:] != ""
		}
	}
	return false
}

func hasScheme(s string, schemes ...string) bool {
	u, err := url.Parse(s)
	return err == nil && u.Host != "" && slices.Contains(schemes, u.Scheme)
}
