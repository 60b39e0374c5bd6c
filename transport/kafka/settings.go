// Package kafka is the one place that knows how this program speaks to a Kafka broker: client settings, the publisher that
// the edge writes commands with, the subscriber of low-rate consumers, topics and liveness.
package kafka

import (
	"errors"
	"fmt"
	"log/slog"
	"net"
	"slices"
	"strconv"
	"strings"
)

// Mechanism is how a client proves who it is to the broker.
type Mechanism string

// The mechanisms that every client of the house can speak.
const (
	Plain       Mechanism = "PLAIN"
	ScramSHA256 Mechanism = "SCRAM-SHA-256"
	ScramSHA512 Mechanism = "SCRAM-SHA-512"
)

// Settings say which brokers to use and how. Every Kafka client is built from them (Sarama, SaramaProducer, Kgo), so that a broker with
// TLS or SASL is configured once. Only Brokers has no working zero value.
type Settings struct {
	Brokers  []string // host:port of one or more brokers to start from; the others are learned from them
	ClientID string   // what the broker's logs and quotas call us; "ugc" when empty
	TLS      TLS
	SASL     SASL
}

// TLS says how to check the broker's certificate and which one to show. The files are PEM and are read when a client is built.
type TLS struct {
	Enabled    bool
	CA         string // file with the certificates to trust instead of the system's
	Cert, Key  string // files of the client's own certificate, both or none
	ServerName string // name to expect in the broker's certificate, where it is not the host dialled
}

// SASL is the account to use. An empty Mechanism means none.
type SASL struct {
	Mechanism Mechanism
	User      string
	Password  string
}

// LogValue keeps the password out of logs.
func (s SASL) LogValue() slog.Value {
	if s.Mechanism == "" {
		return slog.StringValue("none")
	}
	return slog.GroupValue(slog.String("mechanism", string(s.Mechanism)), slog.String("user", s.User), slog.String("password", "***"))
}

// String keeps the password out of printed settings.
func (s SASL) String() string { return fmt.Sprintf("{%s %s ***}", s.Mechanism, s.User) }

// GoString keeps the password out of settings printed with %#v.
func (s SASL) GoString() string { return s.String() }

// Validate reports everything that is wrong with the settings, not just the first. It opens no file and no connection.
func (s Settings) Validate() error {
	return errors.Join(s.validateBrokers(), s.TLS.validate(), s.SASL.validate())
}

func (s Settings) validateBrokers() error {
	if len(s.Brokers) == 0 {
		return errors.New("kafka: no brokers: give at least one host:port")
	}
	var errs []error
	for _, b := range s.Brokers {
		host, port, err := net.SplitHostPort(b)
		if err != nil || host == "" {
			errs = append(errs, fmt.Errorf("kafka: broker %q is not host:port", b))
			continue
		}
		if n, err := strconv.Atoi(port); err != nil || n < 1 || n > 65535 {
			errs = append(errs, fmt.Errorf("kafka: broker %q: port must be 1 to 65535", b))
		}
	}
	return errors.Join(errs...)
}

func (t TLS) validate() error {
	var errs []error
	if !t.Enabled && (t.CA != "" || t.Cert != "" || t.Key != "" || t.ServerName != "") {
		errs = append(errs, errors.New("kafka: TLS files or a server name are set but TLS is off: turn it on or remove them"))
	}
	if (t.Cert == "") != (t.Key == "") {
		errs = append(errs, errors.New("kafka: a client certificate needs both its certificate and its key file"))
	}
	return errors.Join(errs...)
}

func (s SASL) validate() error {
	if s.Mechanism == "" {
		if s.User != "" || s.Password != "" {
			return fmt.Errorf("kafka: a SASL user or password is set but no mechanism: choose one of %s", mechanisms())
		}
		return nil
	}
	var errs []error
	if !slices.Contains([]Mechanism{Plain, ScramSHA256, ScramSHA512}, s.Mechanism) {
		errs = append(errs, fmt.Errorf("kafka: SASL mechanism %q is unknown: choose one of %s", s.Mechanism, mechanisms()))
	}
	if s.User == "" || s.Password == "" {
		errs = append(errs, fmt.Errorf("kafka: SASL %s needs a user and a password", s.Mechanism))
	}
	return errors.Join(errs...)
}

func mechanisms() string {
	return strings.Join([]string{string(Plain), string(ScramSHA256), string(ScramSHA512)}, ", ")
}

func (s Settings) clientID() string {
	if s.ClientID == "" {
		return "ugc"
	}
	return s.ClientID
}
