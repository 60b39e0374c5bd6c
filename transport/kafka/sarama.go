package kafka

import (
	"fmt"
	"time"

	"github.com/IBM/sarama"

	"ugc/domain"
	"ugc/schemas/topics"
)

// MaxMessageBytes bounds a record with its key and headers, before compression. It is below the 1,048,588 bytes that a
// broker takes unless told otherwise, so that what is too large is refused here, by name, and not by the broker as part of a batch.
const MaxMessageBytes = topics.MaxMessageBytes

// Sarama is the configuration for anything that consumes through sarama, alone or besides producing (goka's processors and
// views, watermill's subscriber). Its waits for an answer are long enough for a broker that holds a fetch back.
func (s Settings) Sarama() (*sarama.Config, error) {
	if err := s.Validate(); err != nil {
		return nil, err
	}
	c := sarama.NewConfig()
	c.ClientID = s.clientID()
	c.Version = sarama.V2_8_0_0
	if err := s.secure(c); err != nil {
		return nil, err
	}

	// A batch that a dying broker has written but not acknowledged is sent again and must not be there twice, nor out of
	// order: idempotent, acknowledged by every replica in sync, one request at a time.
	c.Producer.Idempotent = true
	c.Producer.RequiredAcks = sarama.WaitForAll
	c.Net.MaxOpenRequests = 1
	c.Producer.Partitioner = sarama.NewCustomHashPartitioner(domain.NewKeyHasher)
	c.Producer.MaxMessageBytes = MaxMessageBytes
	c.Producer.Compression = sarama.CompressionSnappy
	c.Producer.Return.Successes, c.Producer.Return.Errors = true, true
	// Waiting for more to send would only add latency: whatever comes while a request is under way goes into the next one.
	c.Producer.Flush.Frequency, c.Producer.Flush.Bytes, c.Producer.Flush.Messages = 0, 0, 0
	// A leader election takes 3 to 18 s; the default of 3 tries gives up after 0.3 s.
	c.Producer.Retry.Max, c.Producer.Retry.Backoff = 300, 100*time.Millisecond
	c.Producer.Timeout = 3 * time.Second
	c.Metadata.Retry.Max, c.Metadata.Retry.Backoff = 120, 250*time.Millisecond
	c.Metadata.RefreshFrequency = time.Minute
	// Topics have owners who choose their partitions and retention; a typo must not make one.
	c.Metadata.AllowAutoTopicCreation = false

	c.Net.DialTimeout = 3 * time.Second
	c.Net.ReadTimeout, c.Net.WriteTimeout = 15*time.Second, 15*time.Second

	// A group that has never committed starts at the first record: the newest would skip what was written before it came.
	c.Consumer.Offsets.Initial = sarama.OffsetOldest
	c.Consumer.Offsets.Retry.Max = 30
	c.Consumer.Group.Rebalance.Retry.Max, c.Consumer.Group.Rebalance.Retry.Backoff = 60, time.Second
	c.Consumer.Retry.Backoff = 250 * time.Millisecond
	c.Consumer.Return.Errors = true
	if err := c.Validate(); err != nil {
		return nil, fmt.Errorf("kafka: sarama settings: %w", err)
	}
	return c, nil
}

// SaramaProducer is the configuration for a client that only produces. A broker that hangs is given up after 5 s instead of
// 15, which is too short for a consumer.
func (s Settings) SaramaProducer() (*sarama.Config, error) {
	c, err := s.Sarama()
	if err != nil {
		return nil, err
	}
	c.Net.ReadTimeout, c.Net.WriteTimeout = 5*time.Second, 5*time.Second
	return c, nil
}

func (s Settings) secure(c *sarama.Config) error {
	t, err := s.TLS.config()
	if err != nil {
		return err
	}
	c.Net.TLS.Enable, c.Net.TLS.Config = t != nil, t
	if s.SASL.Mechanism == "" {
		return nil
	}
	c.Net.SASL.Enable = true
	c.Net.SASL.Version = sarama.SASLHandshakeV1
	c.Net.SASL.User, c.Net.SASL.Password = s.SASL.User, s.SASL.Password
	c.Net.SASL.Mechanism = sarama.SASLMechanism(s.SASL.Mechanism)
	if gen := scramFor(s.SASL.Mechanism); gen != nil {
		c.Net.SASL.SCRAMClientGeneratorFunc = func() sarama.SCRAMClient { return &scramClient{hash: gen} }
	}
	return nil
}
