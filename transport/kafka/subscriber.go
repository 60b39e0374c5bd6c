package kafka

import (
	"errors"
	"fmt"
	"log/slog"
	"strconv"
	"time"

	"github.com/IBM/sarama"
	"github.com/ThreeDotsLabs/watermill"
	wkafka "github.com/ThreeDotsLabs/watermill-kafka/v3/pkg/kafka"
	"github.com/ThreeDotsLabs/watermill/message"
)

// SubscriberOptions of a subscriber. Settings and Group have no working zero value.
type SubscriberOptions struct {
	Settings   Settings
	Group      string        // consumer group, which remembers how far it is; a new one starts at the first record
	RetryAfter time.Duration // pause before a message that was nacked comes again; 1 s when zero
	Logger     *slog.Logger  // slog.Default() when nil
}

// Validate reports everything that is wrong with the options.
func (o SubscriberOptions) Validate() error {
	errs := []error{o.Settings.Validate()}
	if o.Group == "" {
		errs = append(errs, errors.New("kafka: a subscriber needs a group: without one nothing remembers how far it is"))
	}
	if o.RetryAfter < 0 {
		errs = append(errs, fmt.Errorf("kafka: pause of %v before a message comes again is negative", o.RetryAfter))
	}
	return errors.Join(errs...)
}

// NewSubscriber makes watermill's Kafka subscriber with the house's settings, for consumers of few messages: it hands over one message
// per partition at a time and commits after each Ack, about once a second. A message comes again after a Nack, after
// RetryAfter, and after a crash: at least once, in order per partition; later ones of its partition wait behind it. Each carries its record's key and place (MetadataKey, Position).
//
// Subscribe waits up to half a minute for a broker; once subscribed it reconnects by itself.
func NewSubscriber(o SubscriberOptions) (message.Subscriber, error) {
	if err := o.Validate(); err != nil {
		return nil, err
	}
	if o.RetryAfter == 0 {
		o.RetryAfter = time.Second
	}
	if o.Logger == nil {
		o.Logger = slog.Default()
	}
	config, err := o.Settings.Sarama()
	if err != nil {
		return nil, err
	}
	s, err := wkafka.NewSubscriber(wkafka.SubscriberConfig{
		Brokers:               o.Settings.Brokers,
		Unmarshaler:           unmarshaler{},
		OverwriteSaramaConfig: config,
		ConsumerGroup:         o.Group,
		NackResendSleep:       o.RetryAfter,
	}, watermill.NewSlogLogger(o.Logger))
	if err != nil {
		return nil, fmt.Errorf("kafka: make a subscriber: %w", err)
	}
	return s, nil
}

// unmarshaler is watermill-kafka's, and keeps what it drops.
type unmarshaler struct{ wire wkafka.DefaultMarshaler }

func (u unmarshaler) Unmarshal(rec *sarama.ConsumerMessage) (*message.Message, error) {
	msg, err := u.wire.Unmarshal(rec)
	if err != nil {
		return nil, err
	}
	msg.Metadata[MetadataKey] = string(rec.Key)
	msg.Metadata[MetadataPartition] = strconv.Itoa(int(rec.Partition))
	msg.Metadata[MetadataOffset] = strconv.FormatInt(rec.Offset, 10)
	return msg, nil
}
