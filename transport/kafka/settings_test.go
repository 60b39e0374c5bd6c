package kafka_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"log/slog"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/IBM/sarama"
	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"

	"ugc/domain"
	"ugc/transport/kafka"
)

var local = kafka.Settings{Brokers: []string{"127.0.0.1:9092"}}

// Each of these loses, doubles or reorders records, or hangs, when it is left as the library has it.
func TestSaramaHazardsAreSetOnPurpose(t *testing.T) {
	c, err := local.Sarama()
	require.NoError(t, err)
	p, err := local.SaramaProducer()
	require.NoError(t, err)
	require.NoError(t, c.Validate())
	for _, c := range []*sarama.Config{c, p} {
		require.True(t, c.Producer.Idempotent)
		require.Equal(t, sarama.WaitForAll, c.Producer.RequiredAcks)
		require.Equal(t, 1, c.Net.MaxOpenRequests)
		require.True(t, c.Producer.Return.Successes)
		require.True(t, c.Producer.Return.Errors)
		require.Zero(t, c.Producer.Flush)
		require.Equal(t, sarama.OffsetOldest, c.Consumer.Offsets.Initial)
		require.True(t, c.Version.IsAtLeast(sarama.V2_8_0_0))
		require.False(t, c.Metadata.AllowAutoTopicCreation)
		require.Equal(t, "ugc", c.ClientID)
		require.Equal(t, kafka.MaxMessageBytes, c.Producer.MaxMessageBytes)
		for key := range 50 {
			k := fmt.Sprintf("user-%d/movie", key)
			got, err := c.Producer.Partitioner("t").Partition(&sarama.ProducerMessage{Key: sarama.StringEncoder(k)}, 12)
			require.NoError(t, err)
			require.Equal(t, domain.Partition(k, 12), got)
		}
		// An election of 18 s is outlived, and one that never ends is not waited for.
		retries := time.Duration(c.Producer.Retry.Max) * c.Producer.Retry.Backoff
		require.GreaterOrEqual(t, retries, 20*time.Second)
		require.LessOrEqual(t, retries, time.Minute)
		metadata := time.Duration(c.Metadata.Retry.Max) * c.Metadata.Retry.Backoff
		require.GreaterOrEqual(t, metadata, 20*time.Second)
		require.LessOrEqual(t, metadata, time.Minute)
		require.LessOrEqual(t, c.Net.DialTimeout, 5*time.Second)
		require.LessOrEqual(t, c.Producer.Timeout, 5*time.Second)
		require.GreaterOrEqual(t, c.Consumer.Group.Rebalance.Retry.Max, 30)
		require.GreaterOrEqual(t, c.Consumer.Offsets.Retry.Max, 30)
	}
	require.GreaterOrEqual(t, c.Net.ReadTimeout, 15*time.Second, "a consumer's fetch may be held back")
	require.LessOrEqual(t, p.Net.ReadTimeout, 5*time.Second, "a hung broker stalls a producer this long")
}

func TestKgoHazardsAreSetOnPurpose(t *testing.T) {
	opts, err := local.Kgo()
	require.NoError(t, err)
	cl, err := kgo.NewClient(opts...)
	require.NoError(t, err)
	defer cl.Close()
	require.Equal(t, kgo.AllISRAcks(), cl.OptValue(kgo.RequiredAcks))
	require.Equal(t, false, cl.OptValue(kgo.DisableIdempotentWrite))
	require.Equal(t, time.Duration(0), cl.OptValue(kgo.ProducerLinger))
	require.Equal(t, false, cl.OptValue(kgo.AllowAutoTopicCreation))
	require.Equal(t, []kgo.CompressionCodec{kgo.SnappyCompression(), kgo.NoCompression()}, cl.OptValue(kgo.ProducerBatchCompression))
	require.Equal(t, int64(64<<20), cl.OptValue(kgo.MaxBufferedBytes))
	require.Equal(t, kgo.NewOffset().AtStart(), cl.OptValue(kgo.ConsumeResetOffset))
	require.Equal(t, 3*time.Second, cl.OptValue(kgo.ProduceRequestTimeout))
	require.Equal(t, 2*time.Second, cl.OptValue(kgo.RequestTimeoutOverhead))
	require.Equal(t, 500*time.Millisecond, cl.OptValue(kgo.MetadataMinAge))
	require.Equal(t, "ugc", cl.OptValue(kgo.ClientID))
	partitioner := cl.OptValue(kgo.RecordPartitioner).(kgo.Partitioner).ForTopic("t")
	for key := range 50 {
		k := fmt.Sprintf("user-%d/movie", key)
		require.Equal(t, int(domain.Partition(k, 12)), partitioner.Partition(&kgo.Record{Key: []byte(k)}, 12))
	}

	opts, err = local.Kgo(kgo.ClientID("mine"))
	require.NoError(t, err)
	own, err := kgo.NewClient(opts...)
	require.NoError(t, err)
	defer own.Close()
	require.Equal(t, "mine", own.OptValue(kgo.ClientID), "what the caller says wins")
}

// v1.46.3 with an idempotent producer failed in some of the runs in which a broker was killed, and doubled records in one.
func TestSaramaIsTheOneThatLosesNothing(t *testing.T) {
	mod, err := os.ReadFile("../../go.mod")
	require.NoError(t, err)
	var minor int
	_, version, ok := strings.Cut(string(mod), "github.com/IBM/sarama v1.")
	require.True(t, ok, "sarama is not in go.mod, or is no v1 any more: run the failover suite again")
	_, err = fmt.Sscanf(version, "%d.", &minor)
	require.NoError(t, err)
	require.GreaterOrEqual(t, minor, 61)
}

func TestValidateNamesEveryFault(t *testing.T) {
	for name, c := range map[string]struct {
		s    kafka.Settings
		want []string
	}{
		"nothing":         {kafka.Settings{}, []string{"no brokers"}},
		"bad brokers":     {kafka.Settings{Brokers: []string{"host", ":1", "h:0", "h:x", "h:9092"}}, []string{`"host" is not`, `":1" is not`, `"h:0": port`, `"h:x": port`}},
		"half a TLS":      {kafka.Settings{Brokers: local.Brokers, TLS: kafka.TLS{Cert: "c"}}, []string{"TLS is off", "both its certificate and its key"}},
		"user alone":      {kafka.Settings{Brokers: local.Brokers, SASL: kafka.SASL{User: "u"}}, []string{"no mechanism", "PLAIN, SCRAM-SHA-256, SCRAM-SHA-512"}},
		"bad mechanism":   {kafka.Settings{Brokers: local.Brokers, SASL: kafka.SASL{Mechanism: "KERBEROS"}}, []string{`"KERBEROS" is unknown`, "needs a user and a password"}},
		"all of them":     {kafka.Settings{TLS: kafka.TLS{Key: "k"}, SASL: kafka.SASL{Password: "p"}}, []string{"no brokers", "TLS is off", "no mechanism"}},
		"files not there": {kafka.Settings{Brokers: local.Brokers, TLS: kafka.TLS{Enabled: true, CA: "/nowhere/ca.pem"}}, []string{"TLS CA file"}},
	} {
		for _, build := range []func() error{
			func() error { _, err := c.s.Sarama(); return err },
			func() error { _, err := c.s.Kgo(); return err },
			func() error { _, err := kafka.NewPublisher(kafka.PublisherOptions{Settings: c.s}); return err },
		} {
			err := build()
			for _, w := range c.want {
				require.ErrorContains(t, err, w, name)
			}
		}
	}
	require.NoError(t, local.Validate())
}

func TestPasswordsStayOutOfLogs(t *testing.T) {
	s := kafka.Settings{Brokers: local.Brokers, SASL: kafka.SASL{Mechanism: kafka.Plain, User: "u", Password: "secret"}}
	var b strings.Builder
	slog.New(slog.NewTextHandler(&b, nil)).Info("x", "sasl", s.SASL, "all", s)
	fmt.Fprintf(&b, "%v %+v %#v %v", s, s, s, s.SASL)
	require.NotContains(t, b.String(), "secret")
	require.Contains(t, b.String(), "PLAIN")
}

func TestAccountsAndCertificatesWorkWithBothClients(t *testing.T) {
	ca, server := certificates(t)
	c, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.EnableSASL(), kfake.TLS(server),
		kfake.Superuser("PLAIN", "plain", "p"), kfake.Superuser("SCRAM-SHA-256", "scram256", "p"), kfake.Superuser("SCRAM-SHA-512", "scram512", "p"))
	require.NoError(t, err)
	defer c.Close()
	for user, m := range map[string]kafka.Mechanism{"plain": kafka.Plain, "scram256": kafka.ScramSHA256, "scram512": kafka.ScramSHA512} {
		s := kafka.Settings{Brokers: c.ListenAddrs(), TLS: kafka.TLS{Enabled: true, CA: ca}, SASL: kafka.SASL{Mechanism: m, User: user, Password: "p"}}
		require.NoError(t, reach(t, s), m)
		s.SASL.Password = "wrong"
		require.Error(t, reach(t, s), m)
		s.SASL.Password, s.TLS.CA = "p", ""
		require.Error(t, reach(t, s), "a certificate that nobody vouches for")
		s.TLS.CA, s.TLS.ServerName = ca, "another.example"
		require.Error(t, reach(t, s), "a certificate for another name")
	}
}

// reach asks by both clients, which must agree.
func reach(t *testing.T, s kafka.Settings) error {
	c, err := s.Sarama()
	require.NoError(t, err)
	c.Metadata.Retry.Max = 0
	cl, saramaErr := sarama.NewClient(s.Brokers, c)
	if saramaErr == nil {
		_, saramaErr = cl.RefreshController()
		require.NoError(t, cl.Close())
	}
	h, err := kafka.NewHealth(s, 10*time.Second)
	require.NoError(t, err)
	defer h.Close()
	kgoErr := h.Ping(t.Context())
	require.Equal(t, saramaErr == nil, kgoErr == nil, "sarama: %v; kgo: %v", saramaErr, kgoErr)
	return kgoErr
}

func certificates(t *testing.T) (caFile string, server *tls.Config) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	tmpl := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "test"}, IsCA: true, BasicConstraintsValid: true,
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageDigitalSignature,
	}
	der, err := x509.CreateCertificate(rand.Reader, tmpl, tmpl, &key.PublicKey, key)
	require.NoError(t, err)
	caFile = filepath.Join(t.TempDir(), "ca.pem")
	require.NoError(t, os.WriteFile(caFile, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), 0o600))
	return caFile, &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}}
}
