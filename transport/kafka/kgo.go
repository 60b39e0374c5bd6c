package kafka

import (
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/sasl"
	"github.com/twmb/franz-go/pkg/sasl/plain"
	"github.com/twmb/franz-go/pkg/sasl/scram"

	"ugc/domain"
)

// Kgo is the same settings for franz-go, followed by extra, which wins where both say something. A consumer starts at the
// first record, a producer is idempotent, compresses with Snappy (the client's default: its option may not be shared by
// clients that begin at the same time), waits for every replica in sync, and keeps at most 64 MiB. Deliveries are tried again until
// the context of the record ends, so give it one that does.
func (s Settings) Kgo(extra ...kgo.Opt) ([]kgo.Opt, error) {
	if err := s.Validate(); err != nil {
		return nil, err
	}
	t, err := s.TLS.config()
	if err != nil {
		return nil, err
	}
	opts := []kgo.Opt{
		kgo.SeedBrokers(s.Brokers...),
		kgo.ClientID(s.clientID()),
		kgo.DialTimeout(3 * time.Second),
		// A broker that hangs is given up after 5 s, and a new leader is found within half a second.
		kgo.ProduceRequestTimeout(3 * time.Second),
		kgo.RequestTimeoutOverhead(2 * time.Second),
		kgo.MetadataMinAge(500 * time.Millisecond),
		kgo.RequiredAcks(kgo.AllISRAcks()),
		kgo.RecordPartitioner(kgo.StickyKeyPartitioner(kgo.SaramaCompatHasher(keyHash))),
		kgo.ProducerBatchMaxBytes(MaxMessageBytes),
		kgo.MaxBufferedBytes(64 << 20),
		// Waiting for more to send would only add latency: whatever comes while a request is under way goes into the next one.
		kgo.ProducerLinger(0),
		kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()),
		kgo.FetchMaxWait(500 * time.Millisecond),
	}
	if t != nil {
		opts = append(opts, kgo.DialTLSConfig(t))
	}
	if m := s.SASL.kgo(); m != nil {
		opts = append(opts, kgo.SASL(m))
	}
	return append(opts, extra...), nil
}

func (s SASL) kgo() sasl.Mechanism {
	switch s.Mechanism {
	case Plain:
		return plain.Auth{User: s.User, Pass: s.Password}.AsMechanism()
	case ScramSHA256:
		return scram.Auth{User: s.User, Pass: s.Password}.AsSha256Mechanism()
	case ScramSHA512:
		return scram.Auth{User: s.User, Pass: s.Password}.AsSha512Mechanism()
	}
	return nil
}

type keyHasher interface {
	Write([]byte) (int, error)
	Sum32() uint32
	Reset()
}

// kgo hashes from several goroutines and for every record.
var hashers = sync.Pool{New: func() any { return keyHasher(domain.NewKeyHasher()) }}

func keyHash(key []byte) uint32 {
	h := hashers.Get().(keyHasher)
	defer hashers.Put(h)
	h.Reset()
	_, _ = h.Write(key)
	return h.Sum32()
}
