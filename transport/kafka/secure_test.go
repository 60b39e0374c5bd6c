package kafka_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kadm"

	"ugc/deploy/real/realtest"
	"ugc/transport/kafka"
	"ugc/transport/kafka/kafkatest"
)

// TestTLSAndAccountsOfARealBroker reaches one broker in every way that it can be secured, with both clients, and not in any other.
func TestTLSAndAccountsOfARealBroker(t *testing.T) {
	realtest.Need(t, "kafka.sh")
	dir := t.TempDir()
	authority(t, dir)
	broker := realtest.StartKafka(t, 1, "UGC_REAL_KAFKA_TLS="+dir)
	file := func(name string) string { return filepath.Join(dir, name) }

	scram := map[kafka.Mechanism]kadm.ScramMechanism{kafka.ScramSHA256: kadm.ScramSha256, kafka.ScramSHA512: kadm.ScramSha512}
	ctx, cancel := context.WithTimeout(t.Context(), kafkatest.Patience)
	defer cancel()
	for m, kind := range scram {
		done, err := broker.Admin(t).AlterUserSCRAMs(ctx, nil, []kadm.UpsertSCRAM{{User: string(m), Mechanism: kind, Iterations: 4096, Password: "scram-secret"}})
		require.NoError(t, err)
		require.NoError(t, done.Error())
	}
	users := map[kafka.Mechanism]kafka.SASL{kafka.Plain: {Mechanism: kafka.Plain, User: "plain", Password: "plain-secret"}}
	for m := range scram {
		users[m] = kafka.SASL{Mechanism: m, User: string(m), Password: "scram-secret"}
	}
	trusting := kafka.TLS{Enabled: true, CA: file("ca.pem")}

	for m, user := range users {
		t.Run(string(m), func(t *testing.T) {
			for name, s := range map[string]kafka.Settings{
				"over TLS":    {Brokers: broker.Listener(realtest.Account), TLS: trusting, SASL: user},
				"without TLS": {Brokers: broker.Listener(realtest.Open), SASL: user},
			} {
				require.Eventually(t, func() bool { return reach(t, s) == nil }, kafkatest.Patience, 50*time.Millisecond, "%s; a new account is known within a moment", name)
				publishAndRead(t, s)
				wrong := s
				wrong.SASL.Password = "wrong"
				require.Error(t, reach(t, wrong), name)
				wrong = s
				wrong.SASL = kafka.SASL{}
				require.Error(t, reach(t, wrong), "%s, without an account", name)
			}
			stranger := kafka.Settings{Brokers: broker.Listener(realtest.Account), TLS: kafka.TLS{Enabled: true}, SASL: user}
			require.Error(t, reach(t, stranger), "a certificate that nobody vouches for")
			stranger.TLS = trusting
			stranger.TLS.ServerName = "another.example"
			require.Error(t, reach(t, stranger), "a certificate for another name")
		})
	}
	t.Run("client certificate", func(t *testing.T) {
		s := kafka.Settings{Brokers: broker.Listener(realtest.Mutual), TLS: trusting}
		require.Error(t, reach(t, s), "without one")
		s.TLS.Cert, s.TLS.Key = file("client.pem"), file("client.key")
		require.NoError(t, reach(t, s))
		publishAndRead(t, s)
	})
}

// publishAndRead uses the publisher's client and the consumers' over the same settings.
func publishAndRead(t *testing.T, s kafka.Settings) {
	t.Helper()
	topic := kafkatest.Topic(t, s, 1)
	require.NoError(t, kafkatest.NewPublisher(t, kafka.PublisherOptions{Settings: s, Timeout: kafkatest.Patience}).Publish(topic, kafkatest.Message("u/m", "secret")))
	require.Equal(t, "secret", string(kafkatest.Read(t, s, topic)[0][0].Value))
}

// authority writes into dir what a broker and its clients show each other: ca.pem, server.pem (key and certificate), client.pem, client.key.
func authority(t *testing.T, dir string) {
	t.Helper()
	ca := &x509.Certificate{Subject: pkix.Name{CommonName: "authority"}, IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageDigitalSignature}
	caKey, caPEM, _ := certify(t, ca, ca, nil)
	server := &x509.Certificate{Subject: pkix.Name{CommonName: "server"}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, KeyUsage: x509.KeyUsageDigitalSignature,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth}}
	_, serverPEM, serverKey := certify(t, server, ca, caKey)
	client := &x509.Certificate{Subject: pkix.Name{CommonName: "client"}, KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}}
	_, clientPEM, clientKey := certify(t, client, ca, caKey)
	for name, text := range map[string][]byte{"ca.pem": caPEM, "server.pem": append(serverKey, serverPEM...), "client.pem": clientPEM, "client.key": clientKey} {
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), text, 0o600))
	}
}

// certify signs a certificate, by itself where no key is given.
func certify(t *testing.T, cert, by *x509.Certificate, byKey *ecdsa.PrivateKey) (_ *ecdsa.PrivateKey, certPEM, keyPEM []byte) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	if byKey == nil {
		byKey = key
	}
	cert.SerialNumber, err = rand.Int(rand.Reader, big.NewInt(1<<62))
	require.NoError(t, err)
	cert.NotBefore, cert.NotAfter = time.Now().Add(-time.Hour), time.Now().Add(time.Hour)
	der, err := x509.CreateCertificate(rand.Reader, cert, by, &key.PublicKey, byKey)
	require.NoError(t, err)
	pkcs8, err := x509.MarshalPKCS8PrivateKey(key)
	require.NoError(t, err)
	return key, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: pkcs8})
}
