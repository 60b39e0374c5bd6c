package broker

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// record is one record of a batch, with what only the batch knows of it.
type record struct {
	kmsg.Record
	raw    []byte // as it lies in the batch
	offset int64
	time   time.Time
}

// eachRecord decodes a batch.
func eachRecord(b batch, visit func(record) error) error {
	rest, err := kgo.DefaultDecompressor().Decompress(b[batchHeader:], kgo.CompressionCodecType(b.attributes()&7))
	if err != nil {
		return fmt.Errorf("decompress the batch at offset %d: %w", b.firstOffset(), err)
	}
	for range b.records() {
		var r record
		if err := r.ReadFrom(rest); err != nil {
			return fmt.Errorf("decode the batch at offset %d: %w", b.firstOffset(), err)
		}
		length, n := binary.Varint(rest)
		r.raw, rest = rest[:int(length)+n], rest[int(length)+n:]
		r.offset = b.firstOffset() + int64(r.OffsetDelta)
		r.time = time.UnixMilli(b.firstTimestamp() + r.TimestampDelta64)
		if err := visit(r); err != nil {
			return err
		}
	}
	return nil
}

// filter is the batch with only the records that are kept: itself where all are, nil where none is. Its first and last offset and its
// numbering by the producer stay, as Kafka's cleaner leaves them.
func filter(b batch, keep func(record) bool) (batch, error) {
	var kept []byte
	var n int32
	err := eachRecord(b, func(r record) error {
		if keep(r) {
			kept = append(kept, r.raw...)
			n++
		}
		return nil
	})
	if err != nil || n == 0 {
		return nil, err
	}
	if n == b.records() {
		return b, nil
	}
	codec := kgo.CodecNone
	if b.attributes()&7 != 0 {
		compressor, err := kgo.DefaultCompressor(kgo.SnappyCompression())
		if err != nil {
			return nil, err
		}
		kept, codec = compressor.Compress(new(bytes.Buffer), kept)
	}
	out := append(append(make(batch, 0, batchHeader+len(kept)), b[:batchHeader]...), kept...)
	binary.BigEndian.PutUint32(out[8:], uint32(len(out)-batchPrefix))
	binary.BigEndian.PutUint16(out[21:], b.attributes()&^7|uint16(codec))
	binary.BigEndian.PutUint32(out[57:], uint32(n))
	binary.BigEndian.PutUint32(out[17:], crc32.Checksum(out[21:], castagnoli))
	return out, nil
}
