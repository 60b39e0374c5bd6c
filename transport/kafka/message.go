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

// marshaler turns watermill's message into a record: watermill-kafka's own form, with our key, trace and default headers.
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

// into fills a record that has nothing but its place. The trace is that of ctx.
func (m marshaler) into(ctx context.Context, rec *kgo.Record, topic string, msg *message.Message) error {
	wire, err := m.wire.Marshal(topic, msg)
	if err != nil {
		return fmt.Errorf("marshal message %s: %w", msg.UUID, err)
	}
	rec.Topic = topic
	if rec.Key, err = wire.Key.Encode(); err != nil {
		return fmt.Errorf("marshal key of message %s: %w", msg.UUID, err)
	}
	if rec.Value, err = wire.Value.Encode(); err != nil {
		return fmt.Errorf("marshal message %s: %w", msg.UUID, err)
	}
	rec.Headers = make([]kgo.RecordHeader, 0, len(wire.Headers)+2)
	for _, h := range wire.Headers {
		switch name := headerName(h.Key); name {
		case MetadataKey, MetadataPartition, MetadataOffset: // for the publisher alone
		default:
			rec.Headers = append(rec.Headers, kgo.RecordHeader{Key: name, Value: h.Value})
		}
	}
	h := headers{rec}
	if h.index(MetadataCommandID) < 0 {
		id := rec.Headers[h.index(wkafka.UUIDHeaderKey)].Value // the bytes of the UUID, which are there already
		rec.Headers = append(rec.Headers, kgo.RecordHeader{Key: MetadataCommandID, Value: id})
	}
	if h.index(MetadataContentType) < 0 {
		rec.Headers = append(rec.Headers, kgo.RecordHeader{Key: MetadataContentType, Value: m.contentType})
	}
	m.trace.Inject(ctx, h)
	return nil
}

// headerName saves an allocation for the names that every record has.
func headerName(b []byte) string {
	switch string(b) {
	case wkafka.UUIDHeaderKey:
		return wkafka.UUIDHeaderKey
	case MetadataKey:
		return MetadataKey
	case MetadataPartition:
		return MetadataPartition
	case MetadataOffset:
		return MetadataOffset
	case MetadataCommandID:
		return MetadataCommandID
	case MetadataContentType:
		return MetadataContentType
	}
	return string(b)
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
