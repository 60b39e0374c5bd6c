package archive

import (
	"fmt"
	"io"
	"time"

	"github.com/hamba/avro/v2"
	"github.com/hamba/avro/v2/ocf"
	"github.com/twmb/franz-go/pkg/kgo"
)

// recordSchema is what a file holds. Others read these files: fields may be added with a default, and nothing else may change.
const recordSchema = `{"type":"record","name":"Record","namespace":"ugc.log","doc":"A record of a Kafka partition.","fields":[
{"name":"offset","type":"long","doc":"where it stood"},
{"name":"timestamp","type":{"type":"long","logicalType":"timestamp-millis"}},
{"name":"key","type":["null","bytes"]},
{"name":"value","type":["null","bytes"],"doc":"in the Confluent wire format: a zero, the id of a schema in four bytes, Avro; manifest.json has the schemas"},
{"name":"headers","type":{"type":"array","items":{"type":"record","name":"Header","fields":[
{"name":"key","type":"string"},
{"name":"value","type":["null","bytes"]}]}}}]}`

type record struct {
	Offset    int64     `avro:"offset"`
	Timestamp time.Time `avro:"timestamp"`
	Key       []byte    `avro:"key"`
	Value     []byte    `avro:"value"`
	Headers   []header  `avro:"headers"`
}

type header struct {
	Key   string `avro:"key"`
	Value []byte `avro:"value"`
}

func (r *record) from(k *kgo.Record) {
	r.Offset, r.Timestamp, r.Key, r.Value, r.Headers = k.Offset, k.Timestamp, k.Key, k.Value, r.Headers[:0]
	for _, h := range k.Headers {
		r.Headers = append(r.Headers, header{h.Key, h.Value})
	}
}

// kafka is the record as it is to be written.
func (r *record) kafka(topic string) *kgo.Record {
	k := &kgo.Record{Topic: topic, Key: r.Key, Value: r.Value, Timestamp: r.Timestamp, Headers: make([]kgo.RecordHeader, len(r.Headers))}
	for i, h := range r.Headers {
		k.Headers[i] = kgo.RecordHeader{Key: h.Key, Value: h.Value}
	}
	return k
}

// size is about what the record takes.
func (r *record) size() int {
	n := len(r.Key) + len(r.Value) + 64
	for _, h := range r.Headers {
		n += len(h.Key) + len(h.Value)
	}
	return n
}

// blockBytes is what is gathered of a file before it is compressed and written.
const blockBytes = 1 << 20

// newEncoder writes records in the codec that every reader of these files must know.
func newEncoder(w io.Writer, topic string, partition int32) (*ocf.Encoder, error) {
	return ocf.NewEncoder(recordSchema, w, ocf.WithCodec(ocf.Deflate), ocf.WithCompressionLevel(1), ocf.WithBlockSize(blockBytes), ocf.WithBlockLength(0),
		ocf.WithEncoderSchemaCache(&avro.SchemaCache{}),
		ocf.WithMetadata(map[string][]byte{"ugc.topic": []byte(topic), "ugc.partition": fmt.Append(nil, partition)}))
}

// newDecoder reads what newEncoder wrote; the bytes must be known to be those that were written, for the library trusts every length that it reads.
func newDecoder(r io.Reader) (*ocf.Decoder, error) {
	large := avro.Config{MaxByteSliceSize: 1 << 30, MaxSliceAllocSize: 1 << 20}.Freeze() // what a broker took may be longer than the library's own limit
	return ocf.NewDecoder(r, ocf.WithDecoderConfig(large), ocf.WithDecoderSchemaCache(&avro.SchemaCache{}))
}
