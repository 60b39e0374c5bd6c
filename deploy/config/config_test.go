package config

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func load(t *testing.T, dotenv string, environ ...string) (*Config, Sources, error) {
	t.Helper()
	file := filepath.Join(t.TempDir(), ".env")
	if dotenv != "" {
		require.NoError(t, os.WriteFile(file, []byte(dotenv), 0o600))
	}
	return Load(environ, file)
}

func TestDefaultsStand(t *testing.T) {
	c, _, err := load(t, "", "HOME=/elsewhere", "PATH=/bin")
	require.NoError(t, err)
	require.Equal(t, "127.0.0.1:8000", c.HTTPAddr)
	addr, ok := c.EmbeddedKafka()
	require.True(t, ok)
	require.Equal(t, "127.0.0.1:9092", addr)
	require.EqualValues(t, 4, c.PartitionCount())
	require.EqualValues(t, 1, c.ReplicationFactor())
	require.True(t, c.Has(Edge) && c.Has(Streams) && c.Has(Projections))
}

func TestServersHaveTheirOwnDefaults(t *testing.T) {
	c, _, err := load(t, "", "UGC_KAFKA=kafka://a:9092, b:9092")
	require.NoError(t, err)
	servers, ok := c.KafkaServers()
	require.True(t, ok)
	require.Equal(t, []string{"a:9092", "b:9092"}, servers)
	require.EqualValues(t, 12, c.PartitionCount())
	require.EqualValues(t, 3, c.ReplicationFactor())
}

func TestEnvironmentOverridesTheFile(t *testing.T) {
	c, from, err := load(t, "UGC_LOG_LEVEL=debug\nUGC_DATA_DIR=/from/file\nOTHER=1\n", "UGC_LOG_LEVEL=error")
	require.NoError(t, err)
	require.Equal(t, "error", c.LogLevel)
	require.Equal(t, "/from/file", c.DataDir)
	require.Equal(t, "environment", from["UGC_LOG_LEVEL"])
	require.Equal(t, ".env", from["UGC_DATA_DIR"])
}

func TestBadSettingsAreAllNamed(t *testing.T) {
	for name, c := range map[string]struct {
		environ []string
		says    []string
	}{
		"misspelt":            {[]string{"UGC_HTTP_ADR=127.0.0.1:1"}, []string{"UGC_HTTP_ADR is not a setting; did you mean UGC_HTTP_ADDR?"}},
		"misspelt and wrong":  {[]string{"UGC_KAFKA_PARTITION=3", "UGC_LOG_LEVEL=loud"}, []string{"did you mean UGC_KAFKA_PARTITIONS?", `UGC_LOG_LEVEL="loud"`}},
		"not a number":        {[]string{"UGC_KAFKA_PARTITIONS=many"}, []string{`UGC_KAFKA_PARTITIONS="many"`}},
		"not a duration":      {[]string{"UGC_VISIBLE_TIMEOUT=2"}, []string{`UGC_VISIBLE_TIMEOUT="2"`}},
		"out of range":        {[]string{"UGC_COMPLETED_REACHED=90", "UGC_HTTP_BODY_LIMIT=3"}, []string{"UGC_COMPLETED_REACHED=90", "UGC_HTTP_BODY_LIMIT is too small"}},
		"not a share":         {[]string{"UGC_COMPLETED_REACHED=NaN"}, []string{"UGC_COMPLETED_REACHED=NaN"}},
		"open to the world":   {[]string{"UGC_HTTP_ADDR=0.0.0.0:8000"}, []string{"UGC_AUTH_JWKS or UGC_API_KEYS"}},
		"no port":             {[]string{"UGC_HTTP_ADDR=localhost"}, []string{"must be host:port"}},
		"port too large":      {[]string{"UGC_HTTP_ADDR=localhost:70000"}, []string{"up to 65535"}},
		"broker to the world": {[]string{"UGC_KAFKA=embedded://0.0.0.0:9092"}, []string{"serves this machine alone"}},
		"unknown broker":      {[]string{"UGC_KAFKA=localhost:9092"}, []string{"must be embedded://host:port or kafka://"}},
		"no such role":        {[]string{"UGC_ROLES=edge,stream"}, []string{`"stream" is no role`}},
		"split embedded":      {[]string{"UGC_ROLES=edge"}, []string{"one process plays all roles"}},
		"half of SASL":        {[]string{"UGC_KAFKA_SASL=PLAIN"}, []string{"go together"}},
		"unknown SASL":        {[]string{"UGC_KAFKA_SASL=GSSAPI", "UGC_KAFKA_USER=u"}, []string{"SCRAM-SHA-512"}},
		"no host":             {[]string{"UGC_DOCUMENTS=mongodb://u:hidden@/db"}, []string{"must be sqlite: or mongodb://"}},
		"no such store":       {[]string{"UGC_DOCUMENTS=postgres://host/db"}, []string{"must be sqlite: or mongodb://"}},
		"registry":            {[]string{"UGC_REGISTRY=ftp://u:hidden@host"}, []string{"must be embedded: or http://"}},
		"no collector":        {[]string{"UGC_OTLP_ENDPOINT=127.0.0.1:4317"}, []string{"must be http://host:port of a collector"}},
		"a key, not its hash": {[]string{"UGC_API_KEYS=web:read:ugc_hidden"}, []string{"SHA-256", "ugc key"}},
		"no such scope":       {[]string{"UGC_API_KEYS=web:own:" + strings.Repeat("ab", 32)}, []string{"is no scope"}},
		"symmetric":           {[]string{"UGC_AUTH_JWKS=keys.json", "UGC_AUTH_ALGORITHMS=HS256"}, []string{`"HS256"`, "RS256"}},
		"issuer alone":        {[]string{"UGC_AUTH_ISSUER=https://id.example"}, []string{"key set"}},
		"every origin":        {[]string{"UGC_CORS_ORIGINS=*"}, []string{"is no origin"}},
		"no rate":             {[]string{"UGC_RATE_LIMIT=-1"}, []string{"UGC_RATE_LIMIT"}},
		"embedded cluster":    {[]string{"UGC_CLICKHOUSE_CLUSTER=main"}, []string{"the embedded engine is no cluster"}},
		"too patient":         {[]string{"UGC_SHUTDOWN_TIMEOUT=2h"}, []string{"between 1ms and 1h"}},
	} {
		t.Run(name, func(t *testing.T) {
			got, _, err := load(t, "", c.environ...)
			require.Error(t, err)
			require.Nil(t, got)
			for _, s := range c.says {
				require.ErrorContains(t, err, s)
			}
			require.NotContains(t, err.Error(), "hidden", "a secret is never shown")
		})
	}
}

// A configuration that asks for protection and yields none does not start, and what other machines reach is protected.
func TestProtectionThatYieldsNoneIsRefused(t *testing.T) {
	key := "web:read:" + strings.Repeat("ab", 32)
	set := `{"keys":[{"kty":"OKP","crv":"Ed25519","kid":"a","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}]}`
	file := func(content string) string {
		path := filepath.Join(t.TempDir(), "file")
		require.NoError(t, os.WriteFile(path, []byte(content), 0o600))
		return path
	}
	const open, status = "UGC_HTTP_ADDR=0.0.0.0:8000", "UGC_ROLES=streams"
	tokens := []string{open, "UGC_AUTH_JWKS=https://id.example/keys", "UGC_AUTH_ISSUER=https://id.example", "UGC_AUTH_AUDIENCE=ugc"}
	for name, c := range map[string]struct {
		environ []string
		says    string // "": it starts
	}{
		"empty key file":                {[]string{"UGC_API_KEYS_FILE=" + file("")}, "holds no key"},
		"comments alone":                {[]string{"UGC_API_KEYS_FILE=" + file("# "+key+"\n\n")}, "ugc key NAME"},
		"empty file beside a key":       {[]string{"UGC_API_KEYS=" + key, "UGC_API_KEYS_FILE=" + file("\n")}, "holds no key"},
		"a comma":                       {[]string{"UGC_API_KEYS=,"}, "UGC_API_KEYS holds no key"},
		"a space":                       {[]string{"UGC_API_KEYS= "}, "UGC_API_KEYS holds no key"},
		"a comment":                     {[]string{"UGC_API_KEYS=#" + key}, "UGC_API_KEYS holds no key"},
		"no such key file":              {[]string{"UGC_API_KEYS_FILE=" + file("") + ".none"}, "UGC_API_KEYS_FILE"},
		"empty key set":                 {[]string{"UGC_AUTH_JWKS=" + file("")}, "no JSON Web Key Set"},
		"key set of no keys":            {[]string{"UGC_AUTH_JWKS=" + file(`{"keys":[]}`)}, "no public key"},
		"no such key set":               {[]string{"UGC_AUTH_JWKS=" + file("") + ".none"}, "UGC_AUTH_JWKS"},
		"services without tokens":       {[]string{"UGC_AUTH_SERVICES=importer", "UGC_API_KEYS=" + key}, "key set"},
		"a service without a name":      {append(tokens, "UGC_AUTH_SERVICES=a,,b"), "client_id"},
		"key set by http":               {[]string{"UGC_AUTH_JWKS=http://id.example/keys"}, "use https"},
		"by http, consented":            {[]string{"UGC_AUTH_JWKS=http://id.example/keys", "UGC_AUTH_JWKS_ALLOW_HTTP=true"}, ""},
		"proxies without a name":        {[]string{"UGC_TRUSTED_PROXIES=,"}, "UGC_TRUSTED_PROXIES"},
		"every proxy":                   {[]string{"UGC_TRUSTED_PROXIES=0.0.0.0/0"}, "trusts everybody"},
		"a header that names nobody":    {[]string{"UGC_PROXY_HEADER=X-Real-IP"}, "X-Forwarded-For"},
		"fewer than no failures":        {[]string{"UGC_AUTH_FAILURE_LIMIT=-1"}, "UGC_AUTH_FAILURE_LIMIT"},
		"nothing asked for":             {[]string{"UGC_AUTH_SERVICES=", "UGC_TRUSTED_PROXIES=", "UGC_API_KEYS=", "UGC_AUTH_ISSUER="}, ""},
		"keys of no age":                {append(tokens, "UGC_AUTH_JWKS_MAX_AGE=9m"), "must be 10m0s or more"},
		"open, a key":                   {[]string{open, "UGC_API_KEYS=" + key}, ""},
		"open, a key in a file":         {[]string{open, "UGC_API_KEYS_FILE=" + file("# web\n"+key)}, ""},
		"open, health and metrics":      {[]string{open, status, "UGC_KAFKA=kafka://k:9092"}, "nobody would be asked"},
		"open, tokens":                  {tokens, ""},
		"open, tokens of any issuer":    {slices.Concat(tokens[:2], tokens[3:]), "UGC_AUTH_ISSUER"},
		"open, tokens for anybody":      {tokens[:3], "UGC_AUTH_AUDIENCE"},
		"loopback, tokens of anybody":   {[]string{"UGC_AUTH_JWKS=https://id.example/keys"}, ""},
		"loopback, a file of keys":      {[]string{"UGC_AUTH_JWKS=" + file(set)}, ""},
		"open, an empty key file":       {[]string{open, "UGC_API_KEYS_FILE=" + file("#")}, "holds no key"},
		"open, every interface by ::":   {[]string{"UGC_HTTP_ADDR=[::]:8000"}, "nobody would be asked"},
		"open, every interface by none": {[]string{"UGC_HTTP_ADDR=:8000"}, "nobody would be asked"},
	} {
		t.Run(name, func(t *testing.T) {
			_, _, err := load(t, "", c.environ...)
			if c.says == "" {
				require.NoError(t, err)
				return
			}
			require.ErrorContains(t, err, c.says)
		})
	}
}

func TestTestVariablesAreNotOurs(t *testing.T) {
	_, _, err := load(t, "", "UGC_TEST_REAL=off", "UGC_REAL_DIR=x", "UGC_REQUIRE_ENGINE=1")
	require.NoError(t, err)
}

// Kubernetes sets these for a Service named ugc, for one of a role, and for one whose port has a name.
func TestServiceLinksAreTold(t *testing.T) {
	_, sources, err := load(t, "", "UGC_SERVICE_HOST=10.0.0.1", "UGC_SERVICE_PORT=80", "UGC_SERVICE_PORT_HTTP=80", "UGC_PORT=tcp://10.0.0.1:80",
		"UGC_PORT_80_TCP=tcp://10.0.0.1:80", "UGC_PORT_80_TCP_PROTO=tcp", "UGC_PORT_80_TCP_PORT=80", "UGC_PORT_80_TCP_ADDR=10.0.0.1",
		"UGC_STREAMS_SERVICE_HOST=10.0.0.2", "UGC_STREAMS_PORT_8000_TCP_ADDR=10.0.0.2")
	require.NoError(t, err)
	require.Empty(t, sources, "they are no settings")
	for _, misspelt := range []string{"UGC_PORTS=1", "UGC_SERVICE=1", "UGC_HTTP_PORT_=1"} {
		_, _, err = load(t, "", misspelt)
		require.ErrorContains(t, err, "is not a setting")
	}
	_, _, err = load(t, "UGC_PORT=8000")
	require.ErrorContains(t, err, "UGC_PORT is not a setting", "a file is written by hand")
}

func TestBrokenDotenvIsNamed(t *testing.T) {
	_, _, err := load(t, "UGC_LOG_LEVEL\n=x y\n'")
	require.ErrorContains(t, err, ".env")
}

func TestPrintMasksSecrets(t *testing.T) {
	c, from, err := load(t, "", "UGC_KAFKA_SASL=PLAIN", "UGC_KAFKA_USER=me", "UGC_KAFKA_PASSWORD=hidden1",
		"UGC_CLICKHOUSE=clickhouse://me:hidden2@host:9000/ugc", "UGC_REGISTRY=http://me:hidden3@host:8081",
		"UGC_DOCUMENTS=mongodb://me:hidden%404@a:27017,b:27017/ugc?tls=true&tlsCertificateKeyFilePassword=hidden5")
	require.NoError(t, err)
	var b strings.Builder
	require.NoError(t, c.Print(&b, from))
	require.NotContains(t, b.String(), "hidden")
	require.Contains(t, b.String(), "UGC_KAFKA_PASSWORD=********")
	require.Contains(t, b.String(), "clickhouse://me:********@host:9000/ugc")
	require.Contains(t, b.String(), "mongodb://me:********@a:27017,b:27017/ugc?tls=true&tlsCertificateKeyFilePassword=********")
	require.Contains(t, b.String(), "# environment: user for SASL")
	require.Equal(t, len(fields()), strings.Count(b.String(), "\n"), "every setting is shown once")
}

func TestEverySettingIsDocumented(t *testing.T) {
	for _, f := range fields() {
		require.Regexp(t, `^UGC_[A-Z_]+$`, f.name, f.field)
		require.NotEmpty(t, f.doc, f.name)
	}
}

func TestVariablesOfMoviesUGCCountWhereOursAreNotSet(t *testing.T) {
	known := []string{"APP_PORT=8123", "KAFKA_CONNECTION_HOST=broker", "KAFKA_CONNECTION_PORT=9093", "KAFKA_SCHEMA_REGISTRY_HOST=registry", "CH_NODE_HOST=shard1", "CH_CLUSTER_NAME=main_cluster"}
	c, from, err := load(t, "", known...)
	require.NoError(t, err)
	require.Equal(t, "127.0.0.1:8123", c.HTTPAddr)
	require.Equal(t, "kafka://broker:9093", c.Kafka)
	require.Equal(t, "http://registry:8081", c.Registry)
	require.Equal(t, "clickhouse://shard1:9000/ugc", c.ClickHouse)
	require.Equal(t, "main_cluster", c.Cluster)
	require.Equal(t, "movies_ugc's APP_PORT", from["UGC_HTTP_ADDR"], "ugc config says where a value came from")

	c, from, err = load(t, "UGC_HTTP_ADDR=127.0.0.1:8200\nCH_NODE_HOST=filed\n", append(known, "UGC_KAFKA=kafka://ours:9092", "UGC_CLICKHOUSE_CLUSTER=ours")...)
	require.NoError(t, err)
	require.Equal(t, "127.0.0.1:8200", c.HTTPAddr, "ours win, wherever they are set")
	require.Equal(t, "kafka://ours:9092", c.Kafka)
	require.Equal(t, "environment", from["UGC_KAFKA"])
	require.Equal(t, "clickhouse://shard1:9000/ugc", c.ClickHouse, "the environment wins over the file, for theirs too")

	_, _, err = load(t, "", "APP_HOST=0.0.0.0")
	require.ErrorContains(t, err, "UGC_HTTP_ADDR", "an alias is held to the rules of the setting")
}

func TestPartsOfOtherProcesses(t *testing.T) {
	c, _, err := load(t, "", "UGC_DATA_DIR=/var/ugc")
	require.NoError(t, err)
	require.Equal(t, "/var/ugc/documents.sqlite", c.DocumentsFile())
	dir, embedded := c.EmbeddedClickHouse()
	require.True(t, embedded)
	require.Empty(t, dir, "this process's own")
	c, _, err = load(t, "", "UGC_DATA_DIR=/var/ugc", "UGC_DOCUMENTS=sqlite:/srv/documents.sqlite", "UGC_CLICKHOUSE=embedded:/var/other", "UGC_KAFKA=kafka://k:9092", "UGC_ROLES=projections")
	require.NoError(t, err)
	require.Equal(t, "/srv/documents.sqlite", c.DocumentsFile())
	dir, embedded = c.EmbeddedClickHouse()
	require.True(t, embedded)
	require.Equal(t, "/var/other", dir)
}
