package kafkatest

import (
	"encoding/binary"
	"hash/crc32"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"
	"github.com/twmb/franz-go/pkg/kversion"
)

// batch is a batch of one record as an idempotent producer numbers it.
func batch(producer int64, epoch int16, seq int32) []byte {
	record := kmsg.NewRecord()
	record.Value = []byte("v")
	record.Length = int32(len(record.AppendTo(nil)) - 1) // without itself, which is one byte
	b := kmsg.NewRecordBatch()
	b.Magic, b.NumRecords = 2, 1
	b.ProducerID, b.ProducerEpoch, b.FirstSequence = producer, epoch, seq
	b.FirstTimestamp = time.Now().UnixMilli()
	b.MaxTimestamp = b.FirstTimestamp
	b.Records = record.AppendTo(nil)
	raw := b.AppendTo(nil)
	binary.BigEndian.PutUint32(raw[8:], uint32(len(raw)-12))
	binary.BigEndian.PutUint32(raw[17:], crc32.Checksum(raw[21:], crc32.MakeTable(crc32.Castagnoli)))
	return raw
}

// upTo keeps produce requests at or below a version.
func upTo(version int16) *kversion.Versions {
	v := kversion.Stable()
	v.SetMaxKeyVersion(int16(kmsg.Produce), version)
	return v
}
