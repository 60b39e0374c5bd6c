package kafka

import (
	"errors"
	"fmt"
	"strconv"

	"github.com/IBM/sarama"
	wkafka "github.com/ThreeDotsLabs/watermill-kafka/v3/pkg/kafka"
	"github.com/ThreeDotsLabs/watermill/message"
	"go.opentelemetry.io/otel/propagation"
)

// Metadata of a watermill message that the publisher reads or sets. Metadata that is not one of MetadataKey, MetadataPartition and
// MetadataOffset travels as a record header of the same name.
const (
	// MetadataKey is the record's key, which chooses its partition (domain.Partition) and with it its order. It must be there;
	// it may be empty.
	MetadataKey = "ugc-key"
	// MetadataPartition and MetadataOffset say where the record was written. Set by a publish that succeeded; see Position.
	MetadataPartition = "ugc-partition"
	MetadataOffset    = "ugc-offset"
	// MetadataCommandID names the command that a record is or comes from; the message's UUID where it is not set.
	MetadataCommandID = "ugc-command-id"
	// MetadataContentType is the media type of the payload; PublisherOptions.ContentType where it is not set.
	MetadataContentType = "content-type"
)

var errNoKey = errors.New("the message has no key: set its metadata " + MetadataKey)

// Position is where the message was written, once it was published. ok is false before that, and in the rare case that the
// broker confirmed a repeated write without saying where the first one went.
func Position(msg *message.Message) (partition int32, offset int64, ok bool) {
	p, errP := strconv.ParseInt(msg.Metadata[MetadataPartition], 10, 32)
	o, errO := strconv.ParseInt(msg.Metadata[MetadataOffset], 10, 64)
	return int32(p), o, errP == nil && errO == nil
}

// marshaler turns watermill's message into sarama's: watermill-kafka's own form, with our key, trace and default headers.
type marshaler struct {
	wire        wkafka.Marshaler
	trace       propagation.TraceContext
	contentType []byte
}

func newMarshaler(contentType string) marshaler {
	return marshaler{
		contentType: []byte(contentType),
		wire: wkafka.NewWithPartitioningMarshaler(func(_ string, msg *message.Message) (string, error) {
			key, ok := msg.Metadata[MetadataKey]
			if !ok {
				return "", errNoKey
			}
			return key, nil
		}),
	}
}

func (m marshaler) Marshal(topic string, msg *message.Message) (*sarama.ProducerMessage, error) {
	rec, err := m.wire.Marshal(topic, msg)
	if err != nil {
		return nil, fmt.Errorf("marshal message %s: %w", msg.UUID, err)
	}
	rec.Offset = -1 // sarama leaves it alone where the broker does not say
	h := headers{rec: rec}
	h.drop()
	h.setDefault(MetadataCommandID, []byte(msg.UUID))
	h.setDefault(MetadataContentType, m.contentType)
	m.trace.Inject(msg.Context(), h)
	return rec, nil
}

// headers is a record's headers as OpenTelemetry wants to write them.
type headers struct{ rec *sarama.ProducerMessage }

// drop removes what is for the publisher alone: the key is the record's key already, and a position would be another record's.
func (h headers) drop() {
	kept := h.rec.Headers[:0]
	for _, x := range h.rec.Headers {
		switch string(x.Key) {
		case MetadataKey, MetadataPartition, MetadataOffset:
		default:
			kept = append(kept, x)
		}
	}
	h.rec.Headers = kept
}

func (h headers) index(key string) int {
	for i := range h.rec.Headers {
		if string(h.rec.Headers[i].Key) == key {
			return i
		}
	}
	return -1
}

func (h headers) setDefault(key string, value []byte) {
	if h.index(key) < 0 {
		h.rec.Headers = append(h.rec.Headers, sarama.RecordHeader{Key: []byte(key), Value: value})
	}
}

// Get gives a header's value, "" where there is none.
func (h headers) Get(key string) string {
	if i := h.index(key); i >= 0 {
		return string(h.rec.Headers[i].Value)
	}
	return ""
}

// Set writes a header, in place of one with the same name.
func (h headers) Set(key, value string) {
	if i := h.index(key); i >= 0 {
		h.rec.Headers[i].Value = []byte(value)
		return
	}
	h.rec.Headers = append(h.rec.Headers, sarama.RecordHeader{Key: []byte(key), Value: []byte(value)})
}

// Keys lists the names of the headers.
func (h headers) Keys() []string {
	keys := make([]string, len(h.rec.Headers))
	for i := range h.rec.Headers {
		keys[i] = string(h.rec.Headers[i].Key)
	}
	return keys
}
