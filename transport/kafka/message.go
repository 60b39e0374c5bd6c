package kafka

import (
	"context"
	"errors"
	"fmt"
	"strconv"

	wkafka "github.com/ThreeDotsLabs/watermill-kafka/v3/pkg/kafka"
	"github.com/ThreeDotsLabs/watermill/message"
	"github.com/twmb/franz-go/pkg/kgo"
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

// marshaler turns watermill's message into a record: in the form of watermill-kafka's own marshaler, which the tests hold it against, with our
// key, trace and default headers. That one makes a sarama message first, at the cost of a dozen allocations for each.
type marshaler struct {
	trace       propagation.TraceContext
	contentType []byte
}

func newMarshaler(contentType string) marshaler { return marshaler{contentType: []byte(contentType)} }

// into fills a record that has nothing but its place. The trace is that of ctx.
func (m marshaler) into(ctx context.Context, rec *kgo.Record, topic string, msg *message.Message) error {
	key, ok := msg.Metadata[MetadataKey]
	if !ok {
		return fmt.Errorf("marshal message %s: %w", msg.UUID, errNoKey)
	}
	if msg.Metadata[wkafka.UUIDHeaderKey] != "" {
		return fmt.Errorf("marshal message %s: metadata %s is watermill's own", msg.UUID, wkafka.UUIDHeaderKey)
	}
	rec.Topic, rec.Key, rec.Value = topic, []byte(key), msg.Payload
	id := []byte(msg.UUID)
	rec.Headers = append(make([]kgo.RecordHeader, 0, len(msg.Metadata)+3), kgo.RecordHeader{Key: wkafka.UUIDHeaderKey, Value: id})
	commandID, contentType := id, m.contentType
	for name, value := range msg.Metadata {
		switch name {
		case MetadataKey, MetadataPartition, MetadataOffset: // for the publisher alone
		case MetadataCommandID:
			commandID = []byte(value)
		case MetadataContentType:
			contentType = []byte(value)
		default:
			rec.Headers = append(rec.Headers, kgo.RecordHeader{Key: name, Value: []byte(value)})
		}
	}
	rec.Headers = append(rec.Headers, kgo.RecordHeader{Key: MetadataCommandID, Value: commandID}, kgo.RecordHeader{Key: MetadataContentType, Value: contentType})
	m.trace.Inject(ctx, headers{rec})
	return nil
}

// headers is a record's headers as OpenTelemetry wants to write them.
type headers struct{ rec *kgo.Record }

func (h headers) index(name string) int {
	for i := range h.rec.Headers {
		if h.rec.Headers[i].Key == name {
			return i
		}
	}
	return -1
}

// Get gives a header's value, "" where there is none.
func (h headers) Get(name string) string {
	if i := h.index(name); i >= 0 {
		return string(h.rec.Headers[i].Value)
	}
	return ""
}

// Set writes a header, in place of one with the same name.
func (h headers) Set(name, value string) {
	if i := h.index(name); i >= 0 {
		h.rec.Headers[i].Value = []byte(value)
		return
	}
	h.rec.Headers = append(h.rec.Headers, kgo.RecordHeader{Key: name, Value: []byte(value)})
}

// Keys lists the names of the headers.
func (h headers) Keys() []string {
	names := make([]string, len(h.rec.Headers))
	for i := range h.rec.Headers {
		names[i] = h.rec.Headers[i].Key
	}
	return names
}
